"""The model in a folder on this disk, or beside a file: reads the headers of all GGUF files there.

Called by `uncarded` for the user's own files and for repositories on this disk.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from viewfinder.catalog.gguf_facts import FileFacts, facts_by_name, facts_of
from viewfinder.catalog.gguf_files import Pair, choose_pair, require_known
from viewfinder.catalog.gguf_names import is_gguf, is_quantization, parts_of
from viewfinder.catalog.headers import check_gguf
from viewfinder.catalog.hub import MAIN
from viewfinder.catalog.ollama import projector_of_blob
from viewfinder.core.errors import ModelFilesError

DEPTH = 3
"""How many folders deep publishers put files; a folder of a whole collection is not searched further."""
MOST_FILES = 20_000


def files_in(folder: Path, depth: int = DEPTH) -> list[str]:
    """The paths of the files below a folder, relative to it; without hidden folders and links to folders."""
    return list(_up_to(MOST_FILES, _walk(folder, depth)))


def pair_in(folder: Path, named: str = "", mmproj: Path | None = None) -> Pair | None:
    """The GGUF pair in a folder; None when it has no language model for llama.cpp, but may have another.

    `named` is the model's file and `mmproj` its projector's, if the user named them. Raises ModelFilesError
    when the files are refused.
    """
    paths, look = files_in(folder), look_in(folder)
    given = str(mmproj) if mmproj is not None and any(map(is_gguf, paths)) else ""
    pair = choose_pair(str(folder), paths, look, named=named, mmproj=given)
    if pair is None and not any(path.lower().endswith(".safetensors") for path in paths):
        require_known(str(folder), paths, look)
    return pair


def projector_of(model: Path) -> Path | None:
    """The projector beside a model's file that fits it; also beside the folder of its quantization, and the
    one that Ollama has for it.

    Raises ModelFilesError when it is no language model, and when several projectors fit equally.
    """
    if (of_ollama := projector_of_blob(model)) is not None:
        return of_ollama
    folders = [model.parent]
    if is_quantization(model.parent.name):
        folders.append(model.parent.parent)
    for folder in folders:
        named = model.relative_to(folder).as_posix()
        paths = [*files_in(folder, depth=0), *parts_of(named)]
        pair = choose_pair(str(folder), paths, look_in(folder), named=named)
        if pair is not None and pair.mmproj is not None:
            return folder / pair.mmproj
    return None


def look_in(folder: Path) -> Callable[[str], FileFacts]:
    """Reads the facts of the files in a folder; those of a file that cannot be read are known by its name."""

    def look(path: str) -> FileFacts:
        try:
            return facts_of(check_gguf(folder / path))
        except ModelFilesError:  # to be reported only if it is the one that is needed
            return facts_by_name(path)

    return look


def snapshot_in(folder: Path) -> Path:
    """The files of a repository in a copy of its folder in the hub's cache; any other folder itself."""
    snapshots = folder / "snapshots"
    try:
        commits = [one for one in snapshots.iterdir() if one.is_dir()]
        main = (folder / "refs" / MAIN).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return folder
    return next((one for one in commits if one.name == main), folder)


def model_folder(folder: Path) -> Path:
    """The folder with the `config.json` of a model: this one, or the only one in it that has one."""
    if (folder / "config.json").exists():
        return folder
    try:
        inside = [one.parent for one in folder.glob("*/config.json") if any(one.parent.glob("*.safetensors"))]
    except OSError:
        return folder
    return inside[0] if len(inside) == 1 else folder


def _walk(folder: Path, depth: int) -> Iterator[str]:
    top = str(folder)
    for place, folders, files in os.walk(top):
        inside = os.path.relpath(place, top)
        parts = () if inside == "." else Path(inside).parts
        folders[:] = sorted(one for one in folders if not one.startswith(".")) if len(parts) < depth else []
        for name in sorted(files):
            yield "/".join((*parts, name))


def _up_to(most: int, paths: Iterator[str]) -> Iterator[str]:
    for _, path in zip(range(most), paths, strict=False):
        yield path
