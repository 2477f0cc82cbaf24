"""Tiny GGUF files of every kind that publishers put beside models, written with the `gguf` package.

Only their headers are like those of real files: llama.cpp's converters write these keys and tensors.
"""

from collections.abc import Mapping
from pathlib import Path

import gguf
import numpy as np

Scalar = int | str | bool


def write(
    path: Path, architecture: str, values: Mapping[str, Scalar], tensors: Mapping[str, tuple[int, ...]]
) -> Path:
    """A GGUF file; a tensor's shape is as NumPy has it, the outermost edge first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = gguf.GGUFWriter(path, architecture)
    for key, value in values.items():
        match value:
            case bool():
                writer.add_bool(key, value)
            case int():
                writer.add_uint32(key, value)
            case str():
                writer.add_string(key, value)
    for name, shape in tensors.items():
        writer.add_tensor(name, np.ones(shape, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def model(path: Path, *, width: int = 64, name: str = "thing", arch: str = "llama", **values: Scalar) -> Path:
    """A language model that takes embeddings of this width."""
    own: dict[str, Scalar] = {
        "general.type": "model",
        "general.name": name,
        f"{arch}.embedding_length": width,
        f"{arch}.block_count": 2,
        "tokenizer.ggml.model": "gpt2",
    }
    return write(
        path, arch, own | values, {"token_embd.weight": (8, width), "blk.0.attn_q.weight": (4, width)}
    )


def projector(path: Path, *, width: int = 64, kind: str = "idefics3", **values: Scalar) -> Path:
    """An image projector that makes embeddings of this width."""
    own: dict[str, Scalar] = {
        "clip.projector_type": kind,
        "clip.has_vision_encoder": True,
        "clip.vision.image_size": 96,
    }
    return write(
        path, "clip", own | values, {"mm.model.fc.weight": (width, 16), "v.patch_embd.weight": (4, 4)}
    )


def imatrix(path: Path) -> Path:
    """An importance matrix: real ones name no architecture, or any."""
    values: dict[str, Scalar] = {"general.type": "imatrix", "imatrix.chunk_count": 1}
    return write(path, "x", values, {"blk.0.ffn_down.weight.in_sum2": (1, 16)})


def mtp(path: Path, *, width: int = 64) -> Path:
    """The layers of a model that predict several tokens, in a file of their own."""
    values: dict[str, Scalar] = {
        "llama.embedding_length": width,
        "llama.block_count": 3,
        "tokenizer.ggml.model": "gpt2",
    }
    return write(
        path, "llama", values, {"blk.2.nextn.eh_proj.weight": (4, 8), "blk.2.attn_q.weight": (4, width)}
    )


def draft(path: Path, arch: str = "eagle3") -> Path:
    """A draft that reads another model's states."""
    return write(path, arch, {f"{arch}.embedding_length": 64}, {"fc.weight": (4, 8)})


def lora(path: Path) -> Path:
    return write(
        path,
        "llama",
        {"general.type": "adapter", "adapter.type": "lora"},
        {"blk.0.attn_q.weight.lora_a": (4, 4)},
    )


def control_vector(path: Path) -> Path:
    return write(path, "controlvector", {"controlvector.model_hint": "llama"}, {"direction.1": (4,)})


def vocabulary(path: Path) -> Path:
    return write(path, "llama", {"tokenizer.ggml.model": "gpt2", "llama.embedding_length": 64}, {})


def painter(path: Path) -> Path:
    """A model that makes pictures: the same format, another purpose."""
    return write(path, "flux", {"general.type": "model"}, {"double_blocks.0.img_attn.proj.weight": (4, 4)})


def split(path: Path, count: int, **values: Scalar) -> list[Path]:
    """A model in parts, as `llama-gguf-split` makes them: the first has the vocabulary and no weights."""
    paths = [path.with_name(f"{path.stem}-{number:05}-of-{count:05}.gguf") for number in range(1, count + 1)]
    for number, part in enumerate(paths):
        place: dict[str, Scalar] = {"split.no": number, "split.count": count}
        if number == 0:
            model_values: dict[str, Scalar] = {"llama.embedding_length": 64, "llama.block_count": 2}
            write(part, "llama", place | model_values | {"tokenizer.ggml.model": "gpt2"} | values, {})
        else:
            write(part, "llama", place, {f"blk.{number - 1}.attn_q.weight": (4, 64)})
    return paths


def copy_in_parts(source: Path, folder: Path, tensors: int) -> list[Path]:
    """A real model in parts of this many tensors, as its publisher would upload it."""
    folder.mkdir(parents=True, exist_ok=True)
    reader = gguf.GGUFReader(source)
    architecture = str(reader.fields["general.architecture"].contents())
    writer = gguf.GGUFWriter(folder / source.name, architecture, split_max_tensors=tensors)
    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name == "general.architecture":
            continue
        kind = field.types[0]
        inner = field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(field.name, field.contents(), kind, sub_type=inner)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return sorted(folder.glob(f"{source.stem}-*.gguf"))


def with_template(source: Path, path: Path, template: str) -> Path:
    """A copy of a real model with another chat template."""
    reader = gguf.GGUFReader(source)
    writer = gguf.GGUFWriter(path, str(reader.fields["general.architecture"].contents()))
    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name == "general.architecture":
            continue
        kind = field.types[0]
        inner = field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None
        value = template if field.name == "tokenizer.chat_template" else field.contents()
        writer.add_key_value(field.name, value, kind, sub_type=inner)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
