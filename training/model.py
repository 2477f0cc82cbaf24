"""glimpse's architecture: that of SmolVLM (Idefics3) with three million parameters; called by each stage."""

import torch
from transformers import Idefics3Config, Idefics3ForConditionalGeneration

from training.tokens import END, IMAGE, PAD, START, VOCABULARY

TILE, PATCH, SCALE = 96, 8, 4
"""A tile is 96 px = 12 x 12 patches; four by four patches make one image token: 3 x 3 tokens a tile, so that
the overview's tokens are the nine cells of a scene."""
LONGEST_EDGE = 2 * TILE
WIDTH = 192
"""The width of the language model, and so of an image token."""


def make_model(token_ids: dict[str, int], seed: int) -> Idefics3ForConditionalGeneration:
    """An untrained model; `token_ids` maps the special tokens to their ids."""
    torch.manual_seed(seed)
    config = Idefics3Config(
        image_token_id=token_ids[IMAGE],
        pad_token_id=token_ids[PAD],
        scale_factor=SCALE,
        tie_word_embeddings=False,
        vision_config={
            "hidden_size": 128,
            "intermediate_size": 512,
            "num_hidden_layers": 4,
            "num_attention_heads": 4,
            "image_size": TILE,
            "patch_size": PATCH,
            "hidden_act": "gelu_pytorch_tanh",
        },
        text_config={
            "model_type": "llama",
            "architectures": ["VLlama3ForCausalLM"],
            "vocab_size": VOCABULARY,
            "hidden_size": WIDTH,
            "intermediate_size": 512,
            "num_hidden_layers": 4,
            "num_attention_heads": 6,
            "num_key_value_heads": 2,
            "max_position_embeddings": 2048,
            "rope_theta": 10000.0,
            "tie_word_embeddings": False,
            "bos_token_id": token_ids[START],
            "eos_token_id": token_ids[END],
            "pad_token_id": token_ids[PAD],
        },
    )
    # Measured on 2 cores: fused attention is half as fast as plain attention at the tower's size, and three
    # times as fast at the language model's.
    attention = {"vision_config": "eager", "text_config": "sdpa"}
    model = Idefics3ForConditionalGeneration._from_config(config, attn_implementation=attention)
    torch.nn.init.normal_(model.model.text_model.embed_tokens.weight, std=0.3)
    torch.nn.init.normal_(model.model.vision_model.embeddings.position_embedding.weight, std=0.1)
    return model


def look(model: Idefics3ForConditionalGeneration, tiles: torch.Tensor) -> torch.Tensor:
    """Tiles (n, 3, 96, 96) in -1 to 1 through tower and connector: (n, 9, 192).

    Idefics3's own forward loops over images to place padded patches; ours are always full.
    """
    tower = model.model.vision_model
    patches = tower.embeddings.patch_embedding(tiles).flatten(2).transpose(1, 2)
    hidden = patches + tower.embeddings.position_embedding.weight
    hidden = tower.encoder(inputs_embeds=hidden).last_hidden_state
    return model.model.connector(tower.post_layernorm(hidden))
