"""Models of today for MLX in small, with random weights: Qwen3.5, Qwen3-VL, Gemma 4 and LFM2.5-VL.

Their tokenizer is glimpse's, whose special tokens get the names that each model's processor looks for.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import glimpse
from .checkpoint import write_json, write_model

WIDE = 64
QUANTIZED = {"group_size": 64, "bits": 4}
QWEN = {2: "<|im_end|>", 3: "<|image_pad|>", 4: "<|vision_start|>", 5: "<|vision_end|>", 6: "<|video_pad|>"}
GEMMA = {2: "<turn|>", 3: "<|image|>", 4: "<|image>", 5: "<image|>", 6: "<|video|>", 7: "<|audio|>"}
LFM = {2: "<|im_end|>", 3: "<image>", 4: "<|image_start|>", 5: "<|image_end|>", 6: "<|img_thumbnail|>"}


def write_qwen35(folder: Path) -> None:
    """Three layers of gated delta net and one of attention; a picture of 320 px has at most 100 tokens."""
    text = {
        "model_type": "qwen3_5_text",
        "full_attention_interval": 4,
        "linear_num_value_heads": 2,
        "linear_num_key_heads": 2,
        "linear_key_head_dim": 32,
        "linear_value_head_dim": 32,
        "linear_conv_kernel_dim": 4,
        "tie_word_embeddings": False,
        "rope_parameters": {
            "rope_type": "default",
            "mrope_section": [1, 1, 2],
            "rope_theta": 10000000,
            "partial_rotary_factor": 0.25,
        },
    }
    _write_qwen(folder, "qwen3_5", text, [], seed=35)


def write_qwen3_vl(folder: Path) -> None:
    """The features of the first block of the tower are added again in the first layer (deepstack)."""
    text = {
        "model_type": "qwen3_vl_text",
        "rope_theta": 5000000,
        "rope_scaling": {"rope_type": "default", "mrope_section": [6, 5, 5], "mrope_interleaved": True},
        "tie_word_embeddings": False,
    }
    _write_qwen(folder, "qwen3_vl", text, [0], seed=38)


def write_gemma4(folder: Path) -> None:
    """A sliding layer and a full one, with the embeddings of each layer; a picture has at most 280 tokens."""
    config = {
        "architectures": ["Gemma4ForConditionalGeneration"],
        "model_type": "gemma4",
        "image_token_id": 3,
        "boi_token_id": 4,
        "eoi_token_id": 5,
        "video_token_id": 6,
        "audio_token_id": 7,
        "vocab_size": glimpse.VOCABULARY,
        "eos_token_id": [2],
        "quantization": QUANTIZED,
        "text_config": {
            "model_type": "gemma4_text",
            "hidden_size": WIDE,
            "intermediate_size": 2 * WIDE,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_key_value_heads": 1,
            "num_kv_shared_layers": 0,
            "head_dim": 32,
            "global_head_dim": 32,
            "hidden_size_per_layer_input": 64,
            "layer_types": ["sliding_attention", "full_attention"],
            "vocab_size": glimpse.VOCABULARY,
            "vocab_size_per_layer_input": glimpse.VOCABULARY,
        },
        "vision_config": {
            "model_type": "gemma4_vision",
            "hidden_size": WIDE,
            "intermediate_size": 2 * WIDE,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_key_value_heads": 2,
            "head_dim": 32,
            "global_head_dim": 32,
            "position_embedding_size": 256,
        },
    }
    write_model(folder, config, seed=4)
    processor = {"image_processor_type": "Gemma4ImageProcessor", "processor_class": "Gemma4Processor"}
    settings = processor | {"max_soft_tokens": 280, "patch_size": 16, "pooling_kernel_size": 3}
    special = {
        "image_token": GEMMA[3],
        "boi_token": GEMMA[4],
        "eoi_token": GEMMA[5],
        "audio_token": GEMMA[7],
    }
    _write_processor(folder, settings, "Gemma4Processor", GEMMA, GEMMA[3], special)


def write_lfm2_vl(folder: Path) -> None:
    """A layer of short convolution and one of attention; a picture of 320 px is one tile."""
    config = {
        "architectures": ["Lfm2VlForConditionalGeneration"],
        "model_type": "lfm2_vl",
        "image_token_id": 3,
        "eos_token_id": 2,
        "projector_hidden_size": WIDE,
        "projector_use_layernorm": False,
        "min_image_tokens": 16,
        "max_image_tokens": 64,
        "tile_size": 256,
        "quantization": QUANTIZED,
        "text_config": {
            "model_type": "lfm2",
            "hidden_size": WIDE,
            "intermediate_size": 2 * WIDE,
            "block_dim": WIDE,
            "block_ff_dim": 2 * WIDE,
            "block_multiple_of": 64,
            "conv_dim": WIDE,
            "conv_dim_out": WIDE,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_heads": 2,
            "num_key_value_heads": 1,
            "layer_types": ["conv", "full_attention"],
            "vocab_size": glimpse.VOCABULARY,
            "eos_token_id": 2,
        },
        "vision_config": {
            "model_type": "siglip2_vision_model",
            "hidden_size": WIDE,
            "intermediate_size": 2 * WIDE,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_patches": 256,
            "patch_size": 16,
        },
    }
    write_model(folder, config, seed=25)
    settings = {
        "image_processor_type": "Lfm2VlImageProcessorFast",
        "processor_class": "Lfm2VlProcessor",
        "min_image_tokens": 16,
        "max_image_tokens": 64,
        "max_num_patches": 256,
        "tile_size": 256,
    }
    special = {
        "image_token": LFM[3],
        "image_start_token": LFM[4],
        "image_end_token": LFM[5],
        "image_thumbnail": LFM[6],
    }
    _write_processor(folder, settings, "Lfm2VlProcessor", LFM, LFM[3], special)


def _write_qwen(folder: Path, model_type: str, text: dict[str, Any], deep: list[int], *, seed: int) -> None:
    architecture = {"qwen3_5": "Qwen3_5", "qwen3_vl": "Qwen3VL"}[model_type]
    config = {
        "architectures": [f"{architecture}ForConditionalGeneration"],
        "model_type": model_type,
        "image_token_id": 3,
        "video_token_id": 6,
        "vision_start_token_id": 4,
        "vision_end_token_id": 5,
        "eos_token_id": 2,
        "vocab_size": glimpse.VOCABULARY,
        "quantization": QUANTIZED,
        "text_config": {
            "hidden_size": WIDE,
            "intermediate_size": 2 * WIDE,
            "num_hidden_layers": 4,
            "num_attention_heads": 2,
            "num_key_value_heads": 1,
            "head_dim": 32,
            "rms_norm_eps": 1e-06,
            "vocab_size": glimpse.VOCABULARY,
            "max_position_embeddings": 4096,
        }
        | text,
        "vision_config": {
            "model_type": model_type,
            "depth": 2,
            "hidden_size": WIDE,
            "intermediate_size": 2 * WIDE,
            "out_hidden_size": WIDE,
            "num_heads": 2,
            "patch_size": 16,
            "num_position_embeddings": 256,
            "deepstack_visual_indexes": deep,
        },
    }
    write_model(folder, config, seed=seed)
    settings = {
        "image_processor_type": "Qwen2VLImageProcessorFast",
        "processor_class": "Qwen3VLProcessor",
        "size": {"shortest_edge": 4096, "longest_edge": 102400},
        "patch_size": 16,
        "temporal_patch_size": 2,
        "merge_size": 2,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
    }
    _write_processor(folder, settings, "Qwen3VLProcessor", QWEN, f"{QWEN[4]}{QWEN[3]}{QWEN[5]}", {})


def _write_processor(
    folder: Path,
    settings: dict[str, Any],
    processor: str,
    names: Mapping[int, str],
    image: str,
    special: Mapping[str, str],
) -> None:
    """The files of the image processor and of glimpse's tokenizer with other special tokens."""
    text = json.dumps(glimpse.read("tokenizer.json"))
    template = glimpse.chat_template().replace(glimpse.IMAGE, image)
    tokens = glimpse.read("tokenizer.json")["added_tokens"]
    for number, name in names.items():
        old = tokens[number]["content"]
        text = text.replace(json.dumps(old), json.dumps(name))
        template = template.replace(old, name) if old != glimpse.IMAGE else template
    tokenizer = glimpse.tokenizer(processor, template)["tokenizer_config.json"]
    write_json(
        folder,
        {
            "preprocessor_config.json": settings,
            "processor_config.json": {"processor_class": processor},
            "tokenizer.json": json.loads(text),
            "tokenizer_config.json": tokenizer | {"eos_token": names[2]} | special,
            "chat_template.json": {"chat_template": template},
        },
    )
