"""GGUF headers: whether a file is complete, and what it holds; read by `catalog` before an engine opens it.

Reads only the header and the tensor table, never the weights. It detects truncated downloads, web pages that
were saved as models, and swapped files, and names the problem more clearly than an engine would.
Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import functools
import io
import math
import os
import stat
import struct
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
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
_OLDER = (b"lmgg", b"fmgg", b"tjgg", b"algg")
_MAX_VALUES, _MAX_TENSORS, _MAX_DIMENSIONS, _MAX_NESTING = 65_536, 1_000_000, 8, 4
_MAX_KEPT_TEXT, _MAX_KEPT_SHAPES = 65_536, 10_000
_DEFAULT_ALIGNMENT = 32
_SETTLED_NS = 2_000_000_000
_GET_AGAIN = "Get the file again, and compare its size with its publisher's."


@dataclass(frozen=True, slots=True)
class GGUFHeader:
    """The header of a complete GGUF file; `values` holds its scalars and short texts."""

    architecture: str
    quantization: str
    """The tensor type that most of the weights have."""
    required_bytes: int
    """Where the last tensor ends; never beyond the end of the file."""
    values: Mapping[str, Value]
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """The edges of each tensor as the file lists them, the innermost first; of the first 10,000."""


def check_gguf(path: Path) -> GGUFHeader:
    """The header of a GGUF file; ModelFilesError when it is missing, truncated, corrupt or no GGUF file."""
    try:
        status = path.stat()
        if not path.is_file():
            raise ModelFilesError(f"{path} is not a file.", hint="Check the path.", code="model_missing")
        # A file that was written a moment ago may change again without a new size or time.
        is_settled = time.time_ns() - status.st_mtime_ns > _SETTLED_NS
        if is_settled:
            return _read_once(path, status.st_size, status.st_mtime_ns)
        return _read(path, status.st_size)
    except FileNotFoundError:
        raise ModelFilesError(
            f"{path} does not exist.", hint="Check the path.", code="model_missing"
        ) from None
    except OSError as error:
        raise ModelFilesError(f"{path} cannot be read: {error.strerror}.") from None


def start_of(file: Path, most_bytes: int) -> bytes:
    """The first bytes of a file; none of what is no regular file (a pipe would block). Raises OSError."""
    descriptor = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    try:
        return os.read(descriptor, most_bytes) if stat.S_ISREG(os.fstat(descriptor).st_mode) else b""
    finally:
        os.close(descriptor)


def peek_gguf(name: str, start: bytes) -> GGUFHeader:
    """As much of a header as the first bytes of a file hold. ModelFilesError when it is no GGUF file."""
    reader = _Reader(Path(name), io.BytesIO(start), len(start))
    try:
        return reader.header()
    except ModelFilesError as error:
        if error.reason != "model_truncated":
            raise
        return reader.header_so_far()


@functools.lru_cache(maxsize=64)
def _read_once(path: Path, size_bytes: int, changed_ns: int) -> GGUFHeader:
    """Folders are read again at every look at a model: a file that has not changed is read once."""
    return _read(path, size_bytes)


def _read(path: Path, size_bytes: int) -> GGUFHeader:
    with path.open("rb") as file:
        return _Reader(path, file, size_bytes).header()


class _Reader:
    """Reads forward through one file, and refuses every length that goes beyond its end."""

    def __init__(self, path: Path, file: BinaryIO, size_bytes: int) -> None:
        self.path = path
        self.file = file
        self.size_bytes = size_bytes
        self.values: dict[str, Value] = {}
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.weights = Counter[str]()
        self.required_bytes = 0

    def header(self) -> GGUFHeader:
        self._check_magic()
        self._check_version()
        tensors, count = self._unpack("QQ")
        if tensors > _MAX_TENSORS or count > _MAX_VALUES:
            raise corrupt(self.path, f"claims {tensors} tensors and {count} values, which no model has")
        for _ in range(count):
            self._entry()
        ends = max((self._tensor() for _ in range(tensors)), default=0)
        self.required_bytes = self._data_start() + ends if tensors else self.file.tell()
        if self.required_bytes > self.size_bytes:
            raise truncated(self.path, f"{self.size_bytes:,} of {self.required_bytes:,} bytes")
        return self.header_so_far()

    def header_so_far(self) -> GGUFHeader:
        return GGUFHeader(
            architecture=str(self.values.get("general.architecture", "")),
            quantization=self.weights.most_common(1)[0][0] if self.weights else "",
            required_bytes=self.required_bytes,
            values=self.values,
            shapes=self.shapes,
        )

    def _check_version(self) -> None:
        version_bytes = self._take(4)
        version = int.from_bytes(version_bytes, "little")
        if version in _VERSIONS:
            return
        if int.from_bytes(version_bytes, "big") in _VERSIONS:
            raise ModelFilesError(
                f"{self.path} was made for big-endian computers.",
                hint="Get the usual (little-endian) file of this model.",
            )
        age = "an old" if version < _VERSIONS[0] else "an unknown"
        raise ModelFilesError(
            f"{self.path} has {age} format, GGUF version {version}; versions 2 and 3 can be read.",
            hint="Look for a newer conversion of this model." if version < _VERSIONS[0] else _GET_AGAIN,
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
        if magic in _OLDER:
            raise ModelFilesError(
                f"{self.path} is in GGML, the format before GGUF.",
                hint="Look for a newer conversion of this model.",
            )
        is_weights = self.path.suffix.lower() == ".safetensors"
        raise ModelFilesError(
            f"{self.path} is not a GGUF file.",
            hint="Name the folder of the model, not its weights."
            if is_weights
            else "llama.cpp runs only GGUF files; check which file this is.",
        )

    def _entry(self) -> None:
        """One key and its value, unless it is one that is skipped (an array, a long text)."""
        key = self._text()
        (kind,) = self._unpack("I")
        value = self._value(kind)
        if key is not None and value is not None:
            if key in self.values:  # llama.cpp refuses such a file, too
                raise corrupt(self.path, f"has the value {key[:60]!r} twice")
            self.values[key] = value

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

    def _tensor(self) -> int:
        """One row of the tensor table; returns where it ends within the data."""
        tensor = self._text()
        (dimensions,) = self._unpack("I")
        if dimensions > _MAX_DIMENSIONS:
            raise corrupt(self.path, f"holds a tensor of {dimensions} dimensions")
        shape = self._unpack(f"{dimensions}Q")
        elements = math.prod(shape)
        kind, offset = self._unpack("IQ")
        if tensor is not None and len(self.shapes) < _MAX_KEPT_SHAPES:
            if tensor in self.shapes:
                raise corrupt(self.path, f"has the tensor {tensor[:60]!r} twice")
            self.shapes[tensor] = shape
        # The size of a type newer than this table is unknown; its start must still be inside the file.
        name, block, block_bytes = TENSOR_TYPES.get(kind, (f"type {kind}", 1, 0))
        self.weights[name] += elements
        return offset + -(-elements // block) * block_bytes

    def _data_start(self) -> int:
        alignment = self.values.get("general.alignment", _DEFAULT_ALIGNMENT)
        if not isinstance(alignment, int) or alignment <= 0:
            raise corrupt(self.path, f"has the alignment {str(alignment)[:20]!r}")
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
