"""Writes a cache as the model hub's client lays it out; every miniature is put into one.

The layout is public: blobs are named by their content, snapshots are links to them, refs name a commit.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

WEIGHTS = (".safetensors", ".gguf")
"""What the hub keeps in its large file storage, where SHA-256 names a blob; all else has git's SHA-1."""


def publish(home: Path, repo: str, folder: Path, *, absent: Sequence[str] = ()) -> Path:
    """Move the files of `folder` into the cache below `home` as the `main` of `repo`; its snapshot.

    `absent` are files that the repository does not have and the client has asked for: it remembers.
    """
    place = home / "hub" / f"models--{repo.replace('/', '--')}"
    files = {file.name: _blob_name(file) for file in sorted(folder.iterdir())}
    commit = hashlib.sha1(repr(files).encode(), usedforsecurity=False).hexdigest()
    snapshot, missing = place / "snapshots" / commit, place / ".no_exist" / commit
    for part in (place / "blobs", place / "refs", snapshot, missing):
        part.mkdir(parents=True)
    for name, blob in files.items():
        (folder / name).rename(place / "blobs" / blob)
        (snapshot / name).symlink_to(Path("..", "..", "blobs", blob))
    for name in absent:
        (missing / name).touch()
    (place / "refs" / "main").write_text(commit, encoding="ascii")
    return snapshot


def _blob_name(file: Path) -> str:
    content = file.read_bytes()
    if file.suffix in WEIGHTS:
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
