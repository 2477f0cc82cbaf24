"""Which files of the hub's cache can be removed with a model; called by api.

Only files that Viewfinder downloaded, and that nothing else on this disk uses: the cache is shared with other
programs, and a content with other revisions of its repository.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from viewfinder.catalog import pulled
from viewfinder.catalog.hub import repository_folder


@dataclass(frozen=True, slots=True)
class Removal:
    """The files of one repository that can be removed: by commit, their paths; and the contents behind them
    with their size in bytes. `kept` are files that other programs had put there before."""

    repo: str
    paths: dict[str, tuple[str, ...]]
    contents: tuple[Path, ...]
    size_bytes: int
    kept: tuple[str, ...]


def removal_of(repo: str, lock_file: Path) -> Removal:
    """What can be removed of a repository. Raises ModelFilesError when the record cannot be read."""
    folder = repository_folder(repo)
    paths: dict[str, tuple[str, ...]] = {}
    kept: list[str] = []
    for commit, entry in pulled.read(lock_file).repositories.get(repo, {}).items():
        ours = [path for path in entry.downloaded if _is_as_pulled(folder, commit, path)]
        kept += [path for path in entry.files if path not in ours]
        if ours:
            paths[commit] = tuple(ours)
    links = {folder / "snapshots" / commit / path for commit, ours in paths.items() for path in ours}
    every = (one for one in (folder / "snapshots").rglob("*") if one.is_symlink())
    others = {one.resolve() for one in every if one not in links}
    behind = {link.resolve() for link in links if link.is_symlink()}
    contents = tuple(sorted(one for one in behind - others if one.is_file()))
    return Removal(repo, paths, contents, sum(one.stat().st_size for one in contents), tuple(kept))


def remove(removal: Removal, lock_file: Path) -> None:
    """Remove the files, then the folders that are empty, and what is recorded of them. After an
    interruption the next call removes the rest."""
    folder = repository_folder(removal.repo)
    for content in removal.contents:
        content.unlink(missing_ok=True)
    for commit, paths in removal.paths.items():
        for path in paths:
            (folder / "snapshots" / commit / path).unlink(missing_ok=True)
    pulled.forget(lock_file, removal.repo, removal.paths)
    for commit in removal.paths:
        _remove_empty(folder / "snapshots" / commit)
        if not (folder / "snapshots" / commit).exists():
            _remove_refs(folder, commit)


def _is_as_pulled(folder: Path, commit: str, path: str) -> bool:
    """Whether a file of a commit is a link to the repository's own contents, or is gone already."""
    link = folder / "snapshots" / commit / path
    if link.is_symlink():
        return link.resolve().parent == (folder / "blobs").resolve()
    return not link.exists()


def _remove_refs(folder: Path, commit: str) -> None:
    """The names of a commit that is gone."""
    for ref in _files(folder / "refs"):
        with suppress(OSError):
            if ref.read_text(encoding="ascii").strip() == commit:
                ref.unlink()
    for mark in _files(folder / ".no_exist" / commit):
        mark.unlink(missing_ok=True)
    _remove_empty(folder)


def _remove_empty(folder: Path) -> None:
    """This folder and those in it, where they are empty."""
    below = [one for one in folder.rglob("*") if one.is_dir() and not one.is_symlink()]
    for one in (*sorted(below, key=lambda path: len(path.parts), reverse=True), folder):
        with suppress(OSError):  # it has files of others
            one.rmdir()


def _files(folder: Path) -> Sequence[Path]:
    return [one for one in folder.rglob("*") if one.is_file()]
