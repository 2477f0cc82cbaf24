"""The record of pulled files: each repository's commit, and the size and SHA-256 of its files.

Written by `pull`; read by `catalog`, which compares the files on disk with it before every start.
"""

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Literal

from filelock import FileLock
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from viewfinder.catalog.card import Variant
from viewfinder.catalog.hub import snapshot
from viewfinder.core.errors import ModelFilesError


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PulledFile(_Record):
    size_bytes: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class PulledCommit(_Record):
    """`revision` is the one that was requested; `downloaded` are those of the files that other programs had
    not put on this disk before."""

    revision: str
    files: dict[str, PulledFile]
    downloaded: tuple[str, ...] = ()


class Pulled(_Record):
    """Repository > commit > files."""

    version: Literal[1] = 1
    repositories: dict[str, dict[str, PulledCommit]] = Field(default_factory=dict)

    def files(self, repo: str, commit: str) -> Mapping[str, PulledFile]:
        """The files of a repository that were pulled at a commit; none when another program fetched it."""
        entry = self.repositories.get(repo, {}).get(commit)
        return entry.files if entry else {}


def read(file: Path) -> Pulled:
    """The record; empty when there is no file, ModelFilesError when it cannot be parsed."""
    try:
        return Pulled.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return Pulled()
    except (OSError, ValidationError):
        raise ModelFilesError(
            f"The record of pulled files, {file}, cannot be read.",
            hint="Remove it and pull your models again: complete files are only checked.",
        ) from None


def files_of(variant: Variant, record: Path | None) -> dict[Path, PulledFile]:
    """What is recorded of a variant's files, by their paths on this disk; empty without a record."""
    folder = snapshot(variant.repo, variant.revision) if variant.source == "hub" else None
    if folder is None or record is None:
        return {}
    return {folder / path: file for path, file in read(record).files(variant.repo, folder.name).items()}


def record(
    file: Path,
    repo: str,
    commit: str,
    revision: str,
    files: Mapping[str, PulledFile],
    downloaded: Collection[str] = (),
) -> None:
    """Add the files of a repository to the record: one process at a time, and atomically."""
    with FileLock(file.with_suffix(".lock")):
        known = read(file).model_dump()
        entry = known["repositories"].setdefault(repo, {}).setdefault(commit, {"files": {}})
        entry["revision"] = revision
        entry["files"] |= {path: one.model_dump() for path, one in files.items()}
        entry["downloaded"] = sorted({*entry.get("downloaded", ()), *downloaded})
        _write(file, Pulled.model_validate(known))


def forget(file: Path, repo: str, paths: Mapping[str, Collection[str]]) -> None:
    """Remove these files of a repository's commits (commit > paths) from the record."""
    with FileLock(file.with_suffix(".lock")):
        known = read(file).model_dump()
        commits = known["repositories"].get(repo, {})
        for commit, gone in paths.items():
            entry = commits.get(commit, {"files": {}, "downloaded": ()})
            entry["files"] = {path: one for path, one in entry["files"].items() if path not in gone}
            entry["downloaded"] = [path for path in entry["downloaded"] if path not in gone]
            if not entry["files"]:
                commits.pop(commit, None)
        if not commits:
            known["repositories"].pop(repo, None)
        _write(file, Pulled.model_validate(known))


def _write(file: Path, record: Pulled) -> None:
    draft = file.with_suffix(".new")
    with draft.open("w", encoding="utf-8") as out:
        out.write(record.model_dump_json(indent=1))
        out.flush()
        os.fsync(out.fileno())
    draft.replace(file)
