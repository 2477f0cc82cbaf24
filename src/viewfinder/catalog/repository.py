"""Which files of a repository a model needs; pure.

Called by `pull` with the hub's listing, and by `folder` with the names on disk.
"""

from collections.abc import Iterable
from pathlib import PurePosixPath

from viewfinder.catalog.card import Variant
from viewfinder.catalog.gguf_files import Look, choose_pair, require_known
from viewfinder.catalog.gguf_names import is_gguf, parts_of
from viewfinder.catalog.other_shapes import by_suffix, refusal
from viewfinder.core.errors import ModelFilesError

SAFETENSORS = ".safetensors"
SAFE = frozenset({".json", SAFETENSORS, ".txt", ".model", ".jinja", ".tiktoken", ".merges"})
"""Files that cannot run code: weights, settings and vocabularies."""
PICKLES = frozenset({".bin", ".pt", ".pth", ".pkl", ".ckpt", ".msgpack", ".h5"})
"""Weights that run code when they are opened, or that no engine here reads; never downloaded."""


def variant_files(variant: Variant, paths: Iterable[str]) -> list[str]:
    """The files that a variant needs of its repository: its GGUF files, or the whole model folder.

    Raises ModelFilesError when the repository does not have them.
    """
    if not is_gguf(variant.model.name):
        return folder_files(variant.repo, paths, python=variant.remote_code)
    named = parts_of(variant.model.as_posix())
    if variant.mmproj is not None:
        named.append(variant.mmproj.as_posix())
    missing = sorted(set(named) - set(paths))
    if missing:
        raise ModelFilesError(
            f"{variant.repo} has no file {' and no '.join(missing)} any more.",
            hint="Its publisher may have renamed it; another variant may still be available.",
            code="file_not_found",
        )
    return named


def repository_files(repo: str, paths: Iterable[str], look: Look, *, named: str = "") -> list[str]:
    """The files to use of a repository without a card: its GGUF pair, else its folder.

    `named` is the GGUF file that the user named. Raises ModelFilesError as the chosen files' rules do.
    """
    paths = list(paths)
    if named and named not in paths:
        raise ModelFilesError(
            f"{repo} has no file {named}.",
            hint=f"Its GGUF files: {', '.join(filter(is_gguf, paths)) or 'none'}.",
            code="file_not_found",
        )
    if pair := choose_pair(repo, paths, look, named=named):
        return pair.files
    if not any(path.lower().endswith(SAFETENSORS) for path in paths):
        require_known(repo, paths, look)
    if "config.json" not in paths and (refused := refusal(repo, paths)):
        raise refused
    return folder_files(repo, paths)


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


def _weights(paths: list[str]) -> set[str]:
    found = [path for path in paths if _suffix(path) == SAFETENSORS]
    at_the_top = [path for path in found if "/" not in path] or found
    usual = [path for path in at_the_top if not PurePosixPath(path).name.startswith("consolidated")]
    return set(usual or at_the_top)


def _refuse_without_weights(repo: str, paths: list[str]) -> None:
    if refused := by_suffix(repo, paths):
        raise refused
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


def _suffix(path: str) -> str:
    return PurePosixPath(path).suffix.lower()
