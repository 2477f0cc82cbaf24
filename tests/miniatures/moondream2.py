"""Moondream2 in small, with random weights: a GGUF pair and mlx-vlm's port in one repository, and the
tokenizer repository that the port needs."""

from pathlib import Path
from typing import Any

from . import glimpse, moondream2_gguf
from .checkpoint import rename_weights, write_json, write_model
from .trap import write_trap

END = "<|endoftext|>"
"""The token that begins and ends a text; id 0, which is glimpse's padding."""
WIDE = 64


def write(folder: Path) -> None:
    """Everything that lies in the model's own repository."""
    _write_mlx(folder)
    moondream2_gguf.write_pair(folder, END)


def write_tokenizer(folder: Path) -> None:
    """The tokenizer's repository; like the real one, it names no special token."""
    document = glimpse.read("tokenizer.json")
    vocabulary = document["model"]["vocab"]
    vocabulary[END] = vocabulary.pop(glimpse.PAD)
    document["added_tokens"][0]["content"] = END
    write_json(
        folder,
        {
            "tokenizer.json": document,
            "tokenizer_config.json": {
                "tokenizer_class": "PreTrainedTokenizerFast",
                "clean_up_tokenization_spaces": False,
            },
        },
    )


def _write_mlx(folder: Path) -> None:
    """mlx-vlm's processor makes crops of 378 px and 729 tokens whatever a configuration says."""
    vision = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "proj_inner_dim": 64,
        "proj_out_dim": WIDE,
    }
    text = {
        "hidden_size": WIDE,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "vocab_size": glimpse.VOCABULARY,
    }
    config: dict[str, Any] = {
        "architectures": ["HfMoondream"],
        "auto_map": {
            "AutoConfig": "hf_moondream.HfConfig",
            "AutoModelForCausalLM": "hf_moondream.HfMoondream",
        },
        "model_type": "moondream1",
        "text_config": text,
        "vision_config": vision,
    }
    write_model(folder, config, seed=2)
    rename_weights(folder, _published_name)
    write_trap(folder, "hf_moondream.py", "moondream.py")
    # The repository still holds a tokenizer that the model no longer uses.
    write_json(folder, glimpse.tokenizer("none"))


def _published_name(name: str) -> str:
    for ours, theirs in (
        ("text.model.embed_tokens.weight", "model.text.wte"),
        ("text.model.layers.", "model.text.blocks."),
        ("text.model.", "model.text."),
        ("text.lm_head.", "model.text.lm_head."),
        ("vision.encoder.", "model.vision."),
        ("vision.", "model.vision."),
    ):
        if name.startswith(ours):
            return theirs + name.removeprefix(ours)
    raise ValueError(name)
