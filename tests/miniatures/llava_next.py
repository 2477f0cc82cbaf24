"""LLaVA-v1.6-Mistral-7B for MLX in small, with random weights of 4 bits."""

from pathlib import Path
from typing import Any

from . import glimpse
from .checkpoint import write_json, write_model

TILE, PATCH = 56, 14
CHAT_TEMPLATE = (
    "{% for message in messages %}{% if message['role'] == 'user' %}[INST] "
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for part in message['content'] if part['type'] == 'image' %}<image>\n{% endfor %}"
    "{% for part in message['content'] if part['type'] == 'text' %}{{ part['text'] }}{% endfor %}"
    "{% endif %} [/INST]{% else %}{{ message['content'] }}{% endif %}{% endfor %}"
)


def write(folder: Path) -> None:
    """The folder; a picture becomes four tiles at most and an overview, 16 tokens each."""
    write_model(folder, _config(), seed=16)
    write_json(
        folder,
        {
            "preprocessor_config.json": _image_processor(),
            "processor_config.json": {
                "processor_class": "LlavaNextProcessor",
                "patch_size": PATCH,
                "vision_feature_select_strategy": "default",
                "num_additional_image_tokens": 1,
                "image_token": glimpse.IMAGE,
            },
            "chat_template.json": {"chat_template": CHAT_TEMPLATE},
            **glimpse.tokenizer("LlavaNextProcessor"),
        },
    )


def _config() -> dict[str, Any]:
    return {
        "architectures": ["LlavaNextForConditionalGeneration"],
        "model_type": "llava_next",
        "image_token_index": glimpse.IDS[glimpse.IMAGE],
        "eos_token_id": glimpse.IDS[glimpse.END],
        "image_grid_pinpoints": [[TILE, 2 * TILE], [2 * TILE, TILE], [2 * TILE, 2 * TILE]],
        "vision_feature_layer": -2,
        "vision_feature_select_strategy": "default",
        "quantization": {"group_size": 64, "bits": 4},
        "text_config": {
            "model_type": "mistral",
            "hidden_size": 64,
            "intermediate_size": 128,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_key_value_heads": 1,
            "vocab_size": glimpse.VOCABULARY,
            "rope_theta": 1000000.0,
            "rms_norm_eps": 1e-05,
            "max_position_embeddings": 4096,
        },
        "vision_config": {
            "model_type": "clip_vision_model",
            "hidden_size": 64,
            "intermediate_size": 128,
            "num_hidden_layers": 3,
            "num_attention_heads": 2,
            "image_size": TILE,
            "patch_size": PATCH,
            "projection_dim": 64,
            "vocab_size": glimpse.VOCABULARY,
        },
    }


def _image_processor() -> dict[str, Any]:
    return {
        "image_processor_type": "LlavaNextImageProcessor",
        "processor_class": "LlavaNextProcessor",
        "crop_size": {"height": TILE, "width": TILE},
        "size": {"shortest_edge": TILE},
        "image_grid_pinpoints": _config()["image_grid_pinpoints"],
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.25, 0.25, 0.25],
        "do_center_crop": True,
        "do_convert_rgb": True,
        "do_normalize": True,
        "do_rescale": True,
        "do_resize": True,
        "resample": 3,
        "rescale_factor": 1 / 255,
    }
