"""SmolVLM-500M for llama.cpp and SmolVLM2-500M for MLX, in small: both carry glimpse's weights.

Their answers can be graded, so they are verified like any real model.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import gguf
from gguf import GGMLQuantizationType as Type
from gguf.quants import quantize

from . import glimpse

TEXT_FILE = "SmolVLM-500M-Instruct-Q8_0.gguf"
PROJECTOR_FILE = f"mmproj-{TEXT_FILE}"
_BLOCK = 32
"""The numbers of a row that Q8_0 packs together; a row that is no multiple of it keeps its type."""


def write_gguf(folder: Path) -> None:
    """The GGUF pair under its published names, requantized so that the header is right."""
    _quantize(glimpse.TEXT_GGUF, folder / TEXT_FILE)
    _quantize(glimpse.PROJECTOR_GGUF, folder / PROJECTOR_FILE)


def _quantize(source: Path, target: Path) -> None:
    reader = gguf.GGUFReader(source)
    fields = {name: field for name, field in reader.fields.items() if not name.startswith("GGUF.")}
    writer = gguf.GGUFWriter(target, fields.pop("general.architecture").contents())
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    del fields["general.file_type"]
    for name, field in fields.items():
        kind, *inner = field.types
        writer.add_key_value(name, field.contents(), kind, inner[0] if inner else None)
    for tensor in reader.tensors:
        packed = tensor.tensor_type is Type.F16 and tensor.shape[0] % _BLOCK == 0
        data = quantize(tensor.data, Type.Q8_0) if packed else tensor.data
        writer.add_tensor(tensor.name, data, raw_dtype=Type.Q8_0 if packed else tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_mlx(folder: Path) -> None:
    """A folder as mlx-vlm's converter writes it: configuration in the style of transformers 4."""
    for name in ("model.safetensors", "tokenizer.json", "generation_config.json"):
        shutil.copyfile(glimpse.FOLDER / name, folder / name)
    processor = glimpse.read("processor_config.json")
    documents: dict[str, Any] = {
        "config.json": _config(),
        "preprocessor_config.json": processor["image_processor"]
        | {"image_processor_type": "SmolVLMImageProcessor", "processor_class": "SmolVLMProcessor"},
        "processor_config.json": {
            "image_seq_len": processor["image_seq_len"],
            "processor_class": "SmolVLMProcessor",
        },
        "tokenizer_config.json": glimpse.read("tokenizer_config.json")
        | {"processor_class": "SmolVLMProcessor", "chat_template": glimpse.chat_template()},
        "chat_template.json": {"chat_template": glimpse.chat_template()},
    }
    for name, document in documents.items():
        (folder / name).write_text(json.dumps(document, indent=2), encoding="utf-8")


def _config() -> dict[str, Any]:
    config = glimpse.read("config.json")
    text = dict(config["text_config"])
    # mlx-vlm reads the base of rotation from here, and takes a million where there is none.
    text["rope_theta"] = text.pop("rope_parameters")["rope_theta"]
    return config | {
        "architectures": ["SmolVLMForConditionalGeneration"],
        "model_type": "smolvlm",
        "vocab_size": text["vocab_size"],
        "text_config": text,
        "vision_config": config["vision_config"] | {"model_type": "smolvlm_vision"},
    }
