"""GGUF headers: whether a file is complete, and what it holds; read by `catalog` before an engine opens it.

Reads only the header and the tensor table, never the weights. It detects truncated downloads, web pages that
were saved as models, and swapped files, and names the problem more clearly than an engine would.
Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import struct
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from viewfinder.core.errors import ModelFilesError

Value = int | float | bool | str

TENSOR_TYPES = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22), 7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 9: ("Q8_1", 32, 40),
    10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110), 12: ("Q4_K", 256, 144), 13: ("Q5_K", 256, 176),
    14: ("Q6_K", 256, 210), 15: ("Q8_K", 256, 292), 16: ("IQ2_XXS", 256, 66), 17: ("IQ2_XS", 256, 74),
    18: ("IQ3_XXS", 256, 98), 19: ("IQ1_S", 256, 50), 20: ("IQ4_NL", 32, 18), 21: ("IQ3_S", 256, 110),
    22: ("IQ2_S", 256, 82), 23: ("IQ4_XS", 256, 136), 24: ("I8", 1, 1), 25: ("I16", 1, 2),
    26: ("I32", 1, 4), 27: ("I64", 1, 8), 28: ("F64", 1, 8), 29: ("IQ1_M", 256, 56),
    30: ("BF16", 1, 2), 34: ("TQ1_0", 256, 54), 35: ("TQ2_0", 256, 66), 39: ("MXFP4", 32, 17),
    40: ("NVFP4", 64, 36), 41: ("Q1_0", 128, 18),
}  # fmt: skip
"""ggml type > name, elements per block, bytes per block."""

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_VERSIONS = (2, 3)
_MAX_VALUES, _MAX_TENSORS, _MAX_DIMENSIONS, _MAX_NESTING = 65_536, 1_000_000, 8, 4
_MAX_KEPT_TEXT = 65_536
_DEFAULT_ALIGNMENT = 32
_GET_AGAIN = "Get the file again, and compare its size with its publisher's."


@dataclass(frozen=True, slots=True)
class GGUFHeader:
    """The header of a complete GGUF file; `values` holds its scalars and short texts."""

    architecture: str
    quantization: str
    """The tensor type that most of the weights have."""
    required_bytes: int
    """Where the last tensor ends; never beyond the end of the file."""
    values: dict[str, Value]

    @property
    def is_projector(self) -> bool:
        """True for the part of a vision model that turns images into tokens (an "mmproj")."""
        return self.architecture == "clip"


def check_gguf(path: Path) -> GGUFHeader:
    """The header of a GGUF file; ModelFilesError when it is missing, truncated, corrupt or no GGUF file."""
    if not path.is_file():
        what = "is not a file" if path.exists() else "does not exist"
        raise ModelFilesError(f"{path} {what}.", hint="Check the path.", code="model_missing")
    try:
        with path.open("rb") as file:
            return _Reader(path, file, path.stat().st_size).header()
    except OSError as error:
        raise ModelFilesError(f"{path} cannot be read: {error.strerror}.") from None


class _Reader:
    """Reads forward through one file, and refuses every length that goes beyond its end."""

    def __init__(self, path: Path, file: BinaryIO, size_bytes: int) -> None:
        self.path = path
        self.file = file
        self.size_bytes = size_bytes

    def header(self) -> GGUFHeader:
        self._check_magic()
        (version,) = self._unpack("I")
        if version not in _VERSIONS:
            raise corrupt(self.path, f"has the GGUF version {version}; versions 2 and 3 are supported")
        tensors, count = self._unpack("QQ")
        if tensors > _MAX_TENSORS or count > _MAX_VALUES:
            raise corrupt(self.path, f"claims {tensors} tensors and {count} values, which no model has")
        values = dict(filter(None, (self._entry() for _ in range(count))))
        weights, ends = Counter[str](), 0
        for _ in range(tensors):
            kind, elements, end = self._tensor()
            weights[kind] += elements
            ends = max(ends, end)
        required_bytes = self._data_start(values) + ends if tensors else self.file.tell()
        if required_bytes > self.size_bytes:
            raise truncated(self.path, f"{self.size_bytes:,} of {required_bytes:,} bytes")
        return GGUFHeader(
            architecture=str(values.get("general.architecture", "")),
            quantization=weights.most_common(1)[0][0] if weights else "",
            required_bytes=required_bytes,
            values=values,
        )

    def _check_magic(self) -> None:
        magic = self.file.read(4)
        if magic == b"GGUF":
            return
        if self.size_bytes == 0:
            raise ModelFilesError(f"{self.path} is empty.", hint=_GET_AGAIN)
        if (magic + self.file.read(64)).startswith(b"version https://git-lfs"):
            raise ModelFilesError(
                f"{self.path} is a Git LFS pointer, not the model itself.",
                hint="Run `git lfs pull` in its repository.",
            )
        raise ModelFilesError(
            f"{self.path} is not a GGUF file.",
            hint="llama.cpp runs only GGUF files; check which file this is.",
        )

    def _entry(self) -> tuple[str, Value] | None:
        """One key and its value, or None for a value that is skipped (an array, a long text)."""
        key = self._text()
        (kind,) = self._unpack("I")
        value = self._value(kind)
        return None if key is None or value is None else (key, value)

    def _value(self, kind: int, nesting: int = 0) -> Value | None:
        if kind in _SCALARS:
            value: Value = self._unpack(_SCALARS[kind])[0]
            return value
        if kind == _STRING:
            return self._text()
        if kind != _ARRAY or nesting == _MAX_NESTING:
            raise corrupt(self.path, f"holds a value of the unknown kind {kind}")
        inner, length = self._unpack("IQ")
        if inner in _SCALARS:
            self._skip(length * struct.calcsize(_SCALARS[inner]))
            return None
        self._fits(length)
        if inner == _STRING:
            self._skip_texts(length)
            return None
        for _ in range(length):
            self._value(inner, nesting + 1)
        return None

    def _tensor(self) -> tuple[str, int, int]:
        """One row of the tensor table: type, number of elements, and end within the data."""
        self._text()
        (dimensions,) = self._unpack("I")
        if dimensions > _MAX_DIMENSIONS:
            raise corrupt(self.path, f"holds a tensor of {dimensions} dimensions")
        elements = 1
        for _ in range(dimensions):
            elements *= self._unpack("Q")[0]
        kind, offset = self._unpack("IQ")
        # The size of a type newer than this table is unknown; its start must still be inside the file.
        name, block, block_bytes = TENSOR_TYPES.get(kind, (f"type {kind}", 1, 0))
        return name, elements, offset + -(-elements // block) * block_bytes

    def _data_start(self, values: dict[str, Value]) -> int:
        alignment = values.get("general.alignment", _DEFAULT_ALIGNMENT)
        if not isinstance(alignment, int) or alignment <= 0:
            raise corrupt(self.path, f"has the alignment {alignment}")
        return -(-self.file.tell() // alignment) * alignment

    def _text(self) -> str | None:
        """A string; None (skipped) when it is longer than any that we read."""
        (length,) = self._unpack("Q")
        if length > _MAX_KEPT_TEXT:
            self._skip(length)
            return None
        return self._take(length).decode("utf-8", "replace")

    def _skip_texts(self, count: int) -> None:
        """Skip `count` strings, fast: a vocabulary has hundreds of thousands."""
        read = self.file.read
        for _ in range(count):
            prefix = read(8)
            length = int.from_bytes(prefix, "little")
            if length > _MAX_KEPT_TEXT:
                self._skip(length)
            elif len(prefix) < 8 or len(read(length)) < length:
                raise self._ends_early()

    def _unpack(self, layout: str) -> tuple[int, ...]:
        return struct.unpack(f"<{layout}", self._take(struct.calcsize(f"<{layout}")))

    def _take(self, length: int) -> bytes:
        self._fits(length)
        return self.file.read(length)

    def _skip(self, length: int) -> None:
        self._fits(length)
        self.file.seek(length, 1)

    def _fits(self, length: int) -> None:
        if length > self.size_bytes - self.file.tell():
            raise self._ends_early()

    def _ends_early(self) -> ModelFilesError:
        return truncated(self.path, f"its {self.size_bytes:,} bytes end inside the header")


def truncated(file: Path, how: str) -> ModelFilesError:
    """The error for a file that ends too early."""
    return ModelFilesError(f"{file} is truncated: {how}.", hint=_GET_AGAIN, code="model_truncated")


def corrupt(file: Path, what: str) -> ModelFilesError:
    """The error for a file whose content cannot be right."""
    return ModelFilesError(f"{file} is corrupt: it {what}.", hint=_GET_AGAIN)
