"""The names that publishers give to GGUF files: quantizations, parts of a model, what two names share; pure.

Called by `gguf_files`, `repository` and `catalog`. A name never decides what a file is: `gguf_facts` does.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path, PurePosixPath

GGUF = ".gguf"
MOST_PARTS = 1000
"""Of one model. A name whose numbers cannot be those of parts is that of a whole file."""

_PART = re.compile(r"-(\d{5})-of-(\d{5})(?=\.gguf$)", re.IGNORECASE)
_PIECE = re.compile(r"\.gguf[.-](part|split)[-.]?\w+$", re.IGNORECASE)
"""Cut by `split` or by hand: no GGUF file until they are joined."""
_QUANTIZATION = re.compile(
    r"(?<![a-z0-9])((ud|i1)[-_.])?"
    r"(i?q\d(_(\d|k|xxs|xs|s|m|l|xl|nl|ks|kt))*|tq\d_\d|b?f16|f32|fp(8|16|32)|mxfp4(_moe)?|nvfp4)(?![a-z0-9])",
    re.IGNORECASE,
)
_GENERIC = frozenset(
    {"", "ggml", "model", "mmproj", "text", "vision", "visual", "clip", "encoder", "projector"}
)
"""Words that say nothing about which model it is."""
_PREFERRED = ("q8_0", "q4_k_m")
_PREFERRED_PROJECTORS = ("q8_0", "f16", "bf16")


def is_gguf(path: str) -> bool:
    return path.lower().endswith(GGUF)


def pieces(paths: Iterable[str]) -> list[str]:
    """The files that are pieces of a GGUF file, cut without regard to its format."""
    return sorted(path for path in paths if _PIECE.search(path))


def first_part(path: str) -> str:
    """The first part of a model in parts, which stands for all; the path itself for any other."""
    return parts_of(path)[0]


def parts_of(path: str) -> list[str]:
    """Every part of a model in parts, by the name of one; the path itself for any other."""
    found = _PART.search(path)
    if found is None or not 0 < int(found[1]) <= int(found[2]) <= MOST_PARTS:
        return [path]
    return [_PART.sub(f"-{number:05}-of-{found[2]}", path) for number in range(1, int(found[2]) + 1)]


def part_files(path: Path) -> list[Path]:
    """`parts_of` for a path on this disk."""
    return [path.with_name(name) for name in parts_of(path.name)]


def is_in_parts(path: str) -> bool:
    return _PART.search(path) is not None


@lru_cache(maxsize=4096)
def base(path: str) -> str:
    """A file's name without quantization and part number: equal for all quantizations of one model."""
    stem = _PART.sub("", PurePosixPath(path).name)[: -len(GGUF)].lower()
    return re.sub(r"[-_. ]+", "-", _QUANTIZATION.sub("", stem)).strip("-")


def is_generic(path: str) -> bool:
    """Whether the name says nothing about which model it is ("ggml-model-f16.gguf")."""
    return not words_of(path)


@lru_cache(maxsize=4096)
def words_of(path: str) -> frozenset[str]:
    """The words in a name that say which model it is."""
    return frozenset(base(path).split("-")) - _GENERIC


def is_quantization(folder: str) -> bool:
    """Whether a folder is named for the quantization in it ("UD-Q4_K_XL")."""
    return _QUANTIZATION.fullmatch(folder) is not None


def model_rank(path: str) -> tuple[bool, int, int, str]:
    """The sort key of one model's quantizations: whole files, Q8_0, Q4_K_M, then any."""
    return is_in_parts(path), _preference(_PREFERRED, path), path.count("/"), path


def projector_rank(path: str) -> tuple[int, int, str]:
    """The sort key of one projector's quantizations."""
    return _preference(_PREFERRED_PROJECTORS, path), path.count("/"), path


def _preference(preferred: tuple[str, ...], path: str) -> int:
    name = PurePosixPath(path).name.lower()
    ranks = (n for n, kind in enumerate(preferred) if re.search(rf"(?<![a-z0-9]){kind}(?![a-z0-9_])", name))
    return next(ranks, len(preferred))
