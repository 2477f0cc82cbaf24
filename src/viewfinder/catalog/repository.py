"""Which files of a repository a model needs, judging by their names alone; pure.

Called by `pull` with the hub's listing, and by `uncarded` with the names on disk.
"""

import re
from collections.abc import Iterable
from functools import partial
from pathlib import PurePosixPath

from viewfinder.catalog.card import Variant
from viewfinder.core.errors import ModelFilesError

GGUF = ".gguf"
SAFETENSORS = ".safetensors"
SAFE = frozenset({".json", SAFETENSORS, ".txt", ".model", ".jinja", ".tiktoken", ".merges"})
"""Files that cannot run code: weights, settings and vocabularies."""
PICKLES = frozenset({".bin", ".pt", ".pth", ".pkl", ".ckpt", ".msgpack", ".h5"})
"""Weights that run code when they are opened, or that no engine here reads; never downloaded."""

_PREFERRED = ("q8_0", "q4_k_m")
_PREFERRED_PROJECTORS = ("q8_0", "f16", "bf16")
_PART = re.compile(r"-\d{5}-of-\d{5}\.gguf$", re.IGNORECASE)


def variant_files(variant: Variant, paths: Iterable[str]) -> list[str]:
    """The files that a variant needs of its repository: its GGUF files, or the whole model folder.

    Raises ModelFilesError when the repository does not have them.
    """
    if variant.model.suffix != GGUF:
        return folder_files(variant.repo, paths, python=variant.remote_code)
    named = [file.as_posix() for file in (variant.model, variant.mmproj) if file is not None]
    missing = sorted(set(named) - set(paths))
    if missing:
        raise ModelFilesError(
            f"{variant.repo} has no file {' and no '.join(missing)} any more.",
            hint="Its publisher may have renamed it; another variant may still be available.",
            code="file_not_found",
        )
    return named


def repository_files(repo: str, paths: Iterable[str]) -> list[str]:
    """The files to use of a repository without a card: its GGUF pair, else its folder."""
    paths = list(paths)
    pair = gguf_pair(repo, paths)
    return [file for file in pair if file] if pair else folder_files(repo, paths)


def folder_files(repo: str, paths: Iterable[str], *, python: bool = False) -> list[str]:
    """The safe files of a model folder; its Python code only with `python`.

    Weights in subfolders are left out when there are some at the top, and so is the publisher's own format
    beside the usual one: both hold the same weights again. Raises ModelFilesError when the only weights are
    pickles, or when there are none.
    """
    paths = [path for path in paths if not path.startswith(".")]
    weights = _weights(paths)
    if not weights:
        _refuse_without_weights(repo, paths)
    kept = SAFE | ({".py"} if python else set())
    return sorted(
        path for path in paths if _suffix(path) in kept and (_suffix(path) != SAFETENSORS or path in weights)
    )


def tokenizer_files(paths: Iterable[str]) -> list[str]:
    """The files of a repository that is needed only for its tokenizer."""
    return sorted(path for path in paths if _suffix(path) in SAFE - {SAFETENSORS} and path[0] != ".")


def gguf_pair(repo: str, paths: Iterable[str]) -> tuple[str, str | None] | None:
    """The language model and the image projector to use, by name; None when there is no GGUF model.

    Of several models, Q8_0 and then Q4_K_M are preferred, of several projectors Q8_0 and then F16.
    Raises ModelFilesError for a model that is split into parts.
    """
    files = [path for path in paths if _suffix(path) == GGUF]
    models = [path for path in files if not _is_projector(path)]
    whole = [path for path in models if not _PART.search(path)]
    if models and not whole:
        raise ModelFilesError(
            f"The GGUF model in {repo} is split into parts, which Viewfinder cannot serve.",
            hint="Join them with llama.cpp's `llama-gguf-split --merge`, and serve the resulting file.",
        )
    if not whole:
        return None
    projectors = filter(_is_projector, files)
    return (
        min(whole, key=partial(_rank, _PREFERRED)),
        min(projectors, key=partial(_rank, _PREFERRED_PROJECTORS), default=None),
    )


def _weights(paths: list[str]) -> set[str]:
    found = [path for path in paths if _suffix(path) == SAFETENSORS]
    at_the_top = [path for path in found if "/" not in path] or found
    usual = [path for path in at_the_top if not PurePosixPath(path).name.startswith("consolidated")]
    return set(usual or at_the_top)


def _refuse_without_weights(repo: str, paths: list[str]) -> None:
    pickles = [path for path in paths if _suffix(path) in PICKLES]
    if pickles:
        raise ModelFilesError(
            f"The only weights in {repo} are pickles ({pickles[0]}), and opening one can run any code.",
            hint="Look for a repository of this model with safetensors or GGUF files.",
            code="pickle_weights",
        )
    raise ModelFilesError(
        f"There are no weights in {repo}.",
        hint="A model is a .gguf file, or a folder with config.json and .safetensors files.",
        code="no_weights",
    )


def _rank(preferred: tuple[str, ...], path: str) -> tuple[int, int, str]:
    name = PurePosixPath(path).name.lower()
    ranks = (n for n, kind in enumerate(preferred) if re.search(rf"(?<![a-z0-9]){kind}(?![a-z0-9_])", name))
    return next(ranks, len(preferred)), path.count("/"), path


def _is_projector(path: str) -> bool:
    return "mmproj" in PurePosixPath(path).name.lower()


def _suffix(path: str) -> str:
    return PurePosixPath(path).suffix.lower()
