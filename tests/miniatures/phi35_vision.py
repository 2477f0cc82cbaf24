"""Phi-3.5-Vision for MLX in small, with random weights of 4 bits.

mlx-vlm has the dimensions of the image tower (CLIP-L) in its code: two tiles are 0.7 trillion operations,
minutes on a CPU. `engine_path/sitecustomize` makes the tests' engines take them from `vision_config`;
without it they refuse these weights, which do not fit.
"""

from pathlib import Path
from typing import Any

from . import glimpse
from .checkpoint import write_json, write_model
from .trap import write_trap

HEADS, HEAD = 2, 32
CHAT_TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>\n{{ message['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)


def write(folder: Path) -> None:
    """The folder; a picture becomes one tile and an overview, as `num_crops` says: 313 tokens."""
    write_model(folder, _config(), seed=35)
    write_json(
        folder,
        {
            "preprocessor_config.json": {
                "image_processor_type": "Phi3VImageProcessor",
                "processor_class": "Phi3VProcessor",
                "auto_map": {"AutoProcessor": "processing_phi3_v.Phi3VProcessor"},
                "image_mean": [0.48145466, 0.4578275, 0.40821073],
                "image_std": [0.26862954, 0.26130258, 0.27577711],
                "num_crops": 1,
                "num_img_tokens": 144,
            },
            **glimpse.tokenizer("Phi3VProcessor", CHAT_TEMPLATE),
        },
    )
    write_trap(folder, "configuration_phi3_v.py", "processing_phi3_v.py", "modeling_phi3_v.py")


def _config() -> dict[str, Any]:
    return {
        "architectures": ["Phi3VForCausalLM"],
        "auto_map": {
            "AutoConfig": "configuration_phi3_v.Phi3VConfig",
            "AutoModelForCausalLM": "modeling_phi3_v.Phi3VForCausalLM",
        },
        "model_type": "phi3_v",
        "hidden_size": HEADS * HEAD,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": HEADS,
        "num_key_value_heads": HEADS,
        "vocab_size": glimpse.VOCABULARY,
        "eos_token_id": glimpse.IDS[glimpse.END],
        "pad_token_id": glimpse.IDS[glimpse.PAD],
        "rms_norm_eps": 1e-05,
        "rope_theta": 10000.0,
        "rope_scaling": {
            "type": "su",
            "short_factor": [1.0] * (HEAD // 2),
            "long_factor": [1.0] * (HEAD // 2),
        },
        "max_position_embeddings": 131072,
        "original_max_position_embeddings": 4096,
        "quantization": {"group_size": 64, "bits": 4},
        "vision_config": {
            "model_type": "phi3_v",
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
        },
    }
