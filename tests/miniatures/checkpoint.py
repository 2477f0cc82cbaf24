"""Random weights in mlx-vlm's own model classes, saved as its converter saves them.

Called by the builders of Moondream2, LLaVA-NeXT and Phi-3.5. What such a model says is nonsense, but
always the same nonsense, and other nonsense for another image.
"""

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import mlx.core as mx
from mlx import nn
from mlx.utils import tree_map_with_path
from mlx_vlm.utils import get_model_and_args, save_weights, skip_multimodal_module, update_module_configs

from .glimpse import FIRST_WORD, SHARPNESS


def write_model(folder: Path, config: dict[str, Any], *, seed: int) -> None:
    """Write `config` and weights that fit it; 4 bits wide where the configuration says so."""
    mx.random.seed(seed)
    model = _make(config)
    model.update(tree_map_with_path(_random, model.parameters()))
    if "quantization" in config:
        nn.quantize(model, **config["quantization"], class_predicate=_is_quantized)
    save_weights(folder, model)
    write_json(folder, {"config.json": config})


def rename_weights(folder: Path, rename: Callable[[str], str]) -> None:
    """Give the saved weights the names that their publisher uses."""
    file = folder / "model.safetensors"
    weights = {rename(name): array for name, array in mx.load(str(file)).items()}
    mx.eval(weights)
    mx.save_safetensors(str(file), weights, metadata={"format": "pt"})
    (folder / "model.safetensors.index.json").unlink()


def write_json(folder: Path, documents: Mapping[str, Any]) -> None:
    """Write each document under its name."""
    for name, document in documents.items():
        (folder / name).write_text(json.dumps(document, indent=2), encoding="utf-8")


def _make(config: dict[str, Any]) -> Any:
    """The model as mlx-vlm's loader makes it, before it has weights."""
    package, _ = get_model_and_args(config)
    filled = {"text_config": {}, "vision_config": {}} | config
    made = package.ModelConfig.from_dict(filled)
    return package.Model(update_module_configs(made, package, filled, ["text", "vision"]))


def _random(path: str, array: Any) -> Any:
    """Linear layers keep the scale of their input, attention sharpens it; norms keep their ones."""
    if array.ndim == 1 and path.endswith("weight"):
        return array.astype(mx.float16)
    inputs = math.prod(array.shape[1:]) if array.ndim > 1 else 100
    values = mx.random.normal(array.shape) / math.sqrt(inputs) * (SHARPNESS if "attn" in path else 1)
    if "lm_head" in path:
        values[:FIRST_WORD] = 0  # no special token and no half character is ever the likeliest
    return values.astype(mx.float16)


def _is_quantized(path: str, module: Any) -> bool:
    """mlx-vlm quantizes the language model; the image's side keeps its precision."""
    return hasattr(module, "to_quantized") and not skip_multimodal_module(path)
