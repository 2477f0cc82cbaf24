"""Model folders: whether every file that an engine will open is present and valid.

Read by `catalog` before every start: only settings and headers, never the weights, each up to its limit.
Format: https://github.com/huggingface/safetensors#format
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from viewfinder.catalog.headers import corrupt, truncated
from viewfinder.catalog.local_files import files_in
from viewfinder.catalog.other_shapes import refusal
from viewfinder.catalog.repository import SAFETENSORS, folder_files
from viewfinder.core.errors import ModelFilesError

CONFIG_BYTES = 4 * 1024 * 1024
INDEX_BYTES = 64 * 1024 * 1024
HEADER_BYTES = 100_000_000
"""The limit in the format's definition."""

_PART = re.compile(rf"-of-(\d{{5}}){re.escape(SAFETENSORS)}$")
_WEIGHTS, _INDEX = f"model{SAFETENSORS}", f"model{SAFETENSORS}.index.json"
_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "I16": 16, "U16": 16, "F16": 16,
    "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "F64": 64, "I64": 64, "U64": 64, "C64": 64,
}  # fmt: skip
_TYPES = {"bfloat16": "BF16", "float16": "F16", "float32": "F32"}


@dataclass(frozen=True, slots=True)
class FolderHeader:
    """The facts in a model folder's configuration; empty or None where it gives none."""

    model_type: str
    vision: bool
    is_mlx: bool
    quantization: str
    context_tokens: int | None
    image_input_px: int | None
    remote_code: bool
    """It needs Python code from its repository."""


def check_folder(folder: Path, *inside: Path) -> FolderHeader:
    """The header of a complete model folder; its links may only lead into it or into the `inside` folders.

    Raises ModelFilesError when a file is missing, truncated, corrupt, or a link that leads elsewhere.
    """
    if not folder.is_dir():
        raise ModelFilesError(f"{folder} is not a folder.", hint="Check the path.", code="model_missing")
    try:
        require_inside(folder.iterdir(), folder, *inside)
        if not (folder / "config.json").exists() and (refused := refusal(str(folder), files_in(folder))):
            raise refused
        header = read_config(folder)
        require_inside(folder.rglob("*"), folder, *inside)
        files = _weights(folder)
        _require_readable_names(folder, files)
        for file in files:
            check_safetensors(file)
    except OSError as error:
        raise ModelFilesError(f"{error.filename or folder} cannot be read: {error.strerror}.") from None
    return header


def require_usual_names(folder: Path) -> None:
    """Check that the weights have the names that transformers looks for; other engines take any."""
    if any((folder / name).exists() for name in (_WEIGHTS, _INDEX)):
        return
    if "transformers_weights" in _json_object(folder / "config.json", CONFIG_BYTES):
        return
    files = _weights(folder)
    raise ModelFilesError(
        f"{folder} has no {_WEIGHTS}, which transformers looks for; its weights are {files[0].name}"
        f"{f' and {len(files) - 1} more files' if len(files) > 1 else ''}.",
        hint=f"Get the whole folder, with {_INDEX}." if len(files) > 1 else f"Rename it to {_WEIGHTS}.",
    )


def read_config(folder: Path) -> FolderHeader:
    """The facts in `config.json`; ModelFilesError when it is missing or names no kind of model."""
    config = _json_object(folder / "config.json", CONFIG_BYTES)
    model_type = config.get("model_type")
    if not isinstance(model_type, str) or not model_type:
        raise ModelFilesError(
            f"{folder / 'config.json'} does not say what kind of model this is (model_type).",
            hint="Check that the folder holds a model as downloaded from the hub.",
        )
    text, vision, shrunk = (_part(config, key) for key in ("text_config", "vision_config", "quantization"))
    kinds = (part.get(key) for part in (config, text) for key in ("dtype", "torch_dtype"))
    return FolderHeader(
        model_type=model_type,
        vision=bool(vision),
        is_mlx=bool(shrunk),
        quantization=f"{shrunk['bits']}-bit"
        if _count(shrunk.get("bits"))
        else _TYPES.get(str(next(filter(None, kinds), "")), ""),
        context_tokens=_count(text.get("max_position_embeddings", config.get("max_position_embeddings"))),
        image_input_px=_count(vision.get("image_size")),
        remote_code="auto_map" in config,
    )


def require_inside(files: Iterable[Path], *folders: Path) -> None:
    """Check that no link among the files leads out of the folders; ModelFilesError names one that does."""
    allowed = [folder.resolve() for folder in folders]
    for file in files:
        target = file.resolve()
        if not any(target.is_relative_to(folder) for folder in allowed):
            raise ModelFilesError(
                f"{file} is a link that leads out of {folders[0]}.",
                hint="Replace the link by the file itself: engines may only open files of the model.",
                code="link_leads_out",
            )


def check_safetensors(file: Path) -> None:
    """Check that the header is valid and the file as long as it claims; ModelFilesError otherwise."""
    size_bytes = file.stat().st_size
    with file.open("rb") as content:
        length = int.from_bytes(content.read(8), "little")
        if length > HEADER_BYTES:
            raise corrupt(file, f"claims a header of {length:,} bytes")
        if size_bytes < 8 + length:
            raise truncated(file, f"its {size_bytes:,} bytes end inside the header")
        try:
            header = orjson.loads(content.read(length))
        except ValueError:
            header = None
    if not isinstance(header, dict):
        raise corrupt(file, "has no header that can be read")
    ends = [_end(file, name, tensor) for name, tensor in header.items() if name != "__metadata__"]
    required_bytes = 8 + length + max(ends, default=0)
    if required_bytes > size_bytes:
        raise truncated(file, f"{size_bytes:,} of {required_bytes:,} bytes")


def _end(file: Path, name: str, tensor: object) -> int:
    """Where a tensor ends within the data; its length must match its shape and type."""
    match tensor:
        case {"dtype": str(dtype), "shape": [*shape], "data_offsets": [int(begin), int(end)]} if (
            0 <= begin <= end
            and len(shape) <= 16
            and all(isinstance(edge, int) and edge >= 0 for edge in shape)
        ):
            # The length of a type newer than this table is unknown.
            if dtype not in _BITS or 8 * (end - begin) == _BITS[dtype] * math.prod(shape):
                return end
    raise corrupt(file, f"holds a tensor that cannot be ({name[:60]!r})")


def _weights(folder: Path) -> list[Path]:
    """The files that hold the weights: those that the index names, or all when there is no index."""
    index = folder / _INDEX
    if not index.exists():
        names = [file.name for file in folder.iterdir() if file.is_file()]
        return [
            folder / name for name in folder_files(str(folder), names) if name.lower().endswith(SAFETENSORS)
        ]
    named = list(_part(_json_object(index, INDEX_BYTES), "weight_map").values())
    if not named or not all(isinstance(name, str) and name and name == Path(name).name for name in named):
        raise corrupt(index, "does not name the files of the weights")
    shards = set(named)
    missing = sorted(name for name in shards if not (folder / name).is_file())
    if missing:
        raise ModelFilesError(
            f"{folder / missing[0]} is missing ({len(missing)} of {len(shards)} weight files are missing).",
            hint="Get the whole folder.",
            code="model_missing",
        )
    return [folder / name for name in sorted(shards)]


def _require_readable_names(folder: Path, files: list[Path]) -> None:
    """Check that engines find these files: they look for exact names, and for all parts."""
    for file in files:
        if not file.name.endswith(SAFETENSORS):
            raise ModelFilesError(
                f"{file} has an ending that engines do not look for.",
                hint=f"Rename it to {file.stem}{SAFETENSORS}.",
            )
    counts = {found[1] for file in files if (found := _PART.search(file.name))}
    for count in counts:
        parts = [file for file in files if file.name.endswith(f"-of-{count}{SAFETENSORS}")]
        if len(parts) < int(count):
            raise ModelFilesError(
                f"{folder} has {len(parts)} of {int(count)} weight files.",
                hint="Get the whole folder.",
                code="model_missing",
            )


def _json_object(file: Path, cap_bytes: int) -> dict[str, Any]:
    if not file.is_file():
        raise ModelFilesError(
            f"{file} is missing.",
            hint="A model folder has a config.json and .safetensors files, or a .gguf file.",
            code="model_missing",
        )
    with file.open("rb") as content:
        text = content.read(cap_bytes + 1)
    if len(text) > cap_bytes:
        raise corrupt(file, f"has more than {cap_bytes:,} bytes")
    try:
        value = orjson.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise corrupt(file, "is not a JSON object")
    return value


def _part(value: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    part = value.get(key)
    return part if isinstance(part, dict) else {}


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and value > 0 else None
