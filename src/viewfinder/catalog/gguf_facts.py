"""What a GGUF file is, by its header: a model, its projector, or one of the files that lie beside models.

Called by `gguf_files`, which chooses among the files of a folder, and by `catalog` before every start.
The keys and tensors are those of llama.cpp's converters; its `clip_n_mmproj_embd` has the widths.
"""

import re
from dataclasses import dataclass
from typing import Literal

from viewfinder.catalog.headers import GGUFHeader
from viewfinder.core.errors import ModelFilesError

FileKind = Literal[
    "model", "projector", "imatrix", "draft", "mtp", "adapter", "control", "vocabulary", "other"
]

WHAT: dict[FileKind, str] = {
    "model": "a language model",
    "projector": "an image projector, not a language model",
    "imatrix": "an importance matrix, which only makes quantizations",
    "draft": "a draft model, which only speeds up another model",
    "mtp": "a part that predicts several tokens (MTP) for another model",
    "adapter": "an adapter (LoRA) for another model",
    "control": "a control vector for another model",
    "vocabulary": "a vocabulary without weights",
    "other": "no language model that llama.cpp runs",
}
_BY_NAME: tuple[tuple[str, FileKind], ...] = (
    (r"mmproj", "projector"),
    (r"imatrix", "imatrix"),
    (r"(?<![a-z])mtp(?![a-z])", "mtp"),
    (r"(?<![a-z])(draft|eagle3?|dflash|dspark)(?![a-z])", "draft"),
    (r"(?<![a-z])lora(?![a-z])", "adapter"),
)
"""What publishers write into the names of files."""
_DRAFTS = re.compile(r"eagle|dflash|dspark|medusa|-assistant$")
"""Architectures that only run beside another model."""
_WIDTHS: dict[str, tuple[str, int]] = {
    "ldp": ("mm.model.mb_block.1.block.2.1.bias", 0),
    "ldpv2": ("mm.model.peg.0.bias", 0),
    "resampler": ("resampler.proj.weight", 0),
    "adapter": ("adapter.linear.dense_4h_to_h.weight", 1),
    "minimax_m3": ("mm.merger.fc2.bias", 0),
    "janus_pro": ("mm.1.bias", 0),
    **dict.fromkeys(
        ("qwen2vl_merger", "qwen2.5vl_merger", "qwen3vl_merger", "exaone4_5", "youtuvl", "ling3vl"),
        ("mm.2.bias", 0),
    ),
    **dict.fromkeys(("gemma3", "gemma3nv"), ("mm.input_projection.weight", 0)),
    **dict.fromkeys(("gemma4v", "gemma4uv"), ("mm.input_projection.weight", 1)),
    **dict.fromkeys(
        ("idefics3", "llama4", "deepseekocr", "deepseekocr2", "step3vl"), ("mm.model.fc.weight", 1)
    ),
    **dict.fromkeys(("minicpmv4_6", "glm4v", "glm5v", "cogvlm"), ("mm.down.weight", 1)),
    **dict.fromkeys(("internvl", "nemotron_v2_vl"), ("mm.3.weight", 1)),
    **dict.fromkeys(("phi4", "pixtral", "lightonocr", "dots_ocr", "lfm2", "kimivl"), ("mm.2.weight", 1)),
    **dict.fromkeys(("paddleocr", "kimik25", "yasa2", "deepseek4v", "cohere2v"), ("mm.2.weight", 1)),
    "mimovl": ("mm.2.weight", 1),
}
"""Projector type > the tensor with the width of its output, and the edge of it."""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What a header says; `width` is that of the embeddings that a model takes and a projector makes."""

    kind: FileKind
    name: str = ""
    """As the converter wrote it (`general.name`)."""
    shape: tuple[str, int | None, int | None] = ("", None, None)
    """Architecture, width and number of layers: equal for all quantizations of one model."""
    width: int | None = None
    sees: bool = True
    """False for a projector of sound only."""
    is_read: bool = True
    """False where only the name was known."""


def facts_of(header: GGUFHeader) -> FileFacts:
    """The facts in a header; it may be one of which only the first bytes were read."""
    kind = kind_of(header)
    values = header.values
    width = _projector_width(header) if kind == "projector" else _model_width(header)
    return FileFacts(
        kind,
        name=str(values.get("general.name", "")),
        shape=(
            header.architecture,
            _number(header, f"{header.architecture}.embedding_length"),
            _number(header, f"{header.architecture}.block_count"),
        ),
        width=width,
        sees=values.get("clip.has_vision_encoder", True) is True,
    )


def cache_bytes(header: GGUFHeader) -> int | None:
    """What llama.cpp keeps of each token of the context, with 16 bits a number; None where layers differ."""
    name = header.architecture
    layers, heads, keys, values = (
        _number(header, f"{name}.{key}")
        for key in (
            "block_count",
            "attention.head_count_kv",
            "attention.key_length",
            "attention.value_length",
        )
    )
    width, all_heads = (
        _number(header, f"{name}.embedding_length"),
        _number(header, f"{name}.attention.head_count"),
    )
    usual = width // all_heads if width and all_heads else None
    keys, values = keys or usual, values or usual
    if not (layers and heads and keys and values) or f"{name}.full_attention_interval" in header.values:
        return None
    return 2 * layers * heads * (keys + values)


def facts_by_name(path: str) -> FileFacts:
    """The facts of a file that cannot be read, or need not be."""
    name = path.lower().rpartition("/")[2]
    kind: FileKind = next((kind for pattern, kind in _BY_NAME if re.search(pattern, name)), "model")
    return FileFacts(kind, is_read=False)


def kind_of(header: GGUFHeader) -> FileKind:
    """What the file is. Its own statement counts before what its tensors look like."""
    by_architecture: dict[str, FileKind] = {"clip": "projector", "controlvector": "control"}
    by_type: dict[object, FileKind] = {"imatrix": "imatrix", "adapter": "adapter", "mmproj": "projector"}
    stated = by_architecture.get(header.architecture) or by_type.get(header.values.get("general.type"))
    if stated is not None:
        return stated
    if any(key.startswith("imatrix.") for key in header.values) or _has(header, r"\.in_sum2$"):
        return "imatrix"
    if _DRAFTS.search(header.architecture):
        return "draft"
    if _has(header, r"\.nextn\.") and not _has(header, r"^blk\.0\."):
        return "mtp"
    return _kind_by_weights(header)


def require_model(path: object, facts: FileFacts) -> None:
    """Check that a file is a language model; ModelFilesError says what it is instead."""
    if facts.kind == "model":
        return
    hint = "Name the language model's file; the image projector beside it is found."
    raise ModelFilesError(f"{path} is {WHAT[facts.kind]}.", hint=hint, code="not_a_model")


def fits(model: FileFacts, projector: FileFacts) -> bool | None:
    """Whether llama.cpp would take this projector with this model; None: that cannot be said."""
    if model.width is None or projector.width is None:
        return None
    return model.width == projector.width


def misfit(model: object, facts: FileFacts, projector: object, other: FileFacts) -> ModelFilesError:
    """The error for a projector of another model."""
    return ModelFilesError(
        f"The image projector {projector} does not fit {model}: it makes embeddings of {other.width} "
        f"numbers, and the model takes {facts.width}.",
        hint="Get the projector (mmproj) of exactly this model, or name the model's file alone to use it "
        "without images.",
        code="wrong_projector",
    )


def _kind_by_weights(header: GGUFHeader) -> FileKind:
    is_part = header.values.get("split.count", 1) != 1
    has_words = "tokenizer.ggml.model" in header.values
    if not header.architecture:
        return "other"
    # Only the first part of a model in parts has the vocabulary, often without a weight.
    if is_part:
        return "model"
    if has_words and header.required_bytes and not header.shapes:
        return "vocabulary"
    # llama.cpp loads no model without one; pictures are made by models without.
    return "model" if has_words or not header.required_bytes else "other"


def _model_width(header: GGUFHeader) -> int | None:
    """A model with deepstack layers takes the embeddings of all of them at once."""
    width = _number(header, f"{header.architecture}.embedding_length")
    deepstack = _number(header, f"{header.architecture}.n_deepstack_layers") or 0
    return None if width is None else width * (1 + deepstack)


def _projector_width(header: GGUFHeader) -> int | None:
    """None for a type that is not in the table: `projection_dim` is wrong in many files."""
    values = header.values
    kind = values.get("clip.projector_type", values.get("clip.vision.projector_type", "mlp"))
    tensor, edge = _WIDTHS.get(str(kind), ("", 0))
    if kind == "mlp":
        tensor, edge = ("mm.3.bias", 0) if "mm.3.weight" in header.shapes else ("mm.2.weight", 1)
    shape = header.shapes.get(tensor, ())
    if len(shape) <= edge:
        return None
    deepstack = {name.split(".")[2] for name in header.shapes if re.match(r"v\.deepstack\.\d+\.", name)}
    return shape[edge] * (1 + len(deepstack) if kind == "qwen3vl_merger" else 1)


def _has(header: GGUFHeader, pattern: str) -> bool:
    return any(re.search(pattern, name) for name in header.shapes)


def _number(header: GGUFHeader, key: str) -> int | None:
    value = header.values.get(key)
    return value if isinstance(value, int) and value > 0 else None
