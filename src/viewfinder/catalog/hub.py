"""The model hub's address, and the folders of its repositories on this disk; called by all of `catalog`.

Reads the public layout of the hub's cache, which other programs use too: `blobs` holds contents by hash,
`snapshots` one folder of links for each commit, and `refs` the commit of each revision. It never downloads.
"""

import os
import re
from pathlib import Path

from viewfinder.core import paths
from viewfinder.core.errors import BadRequest

PUBLIC = "https://huggingface.co"
MAIN = "main"
COMMIT = re.compile(r"[0-9a-f]{40}")


def endpoint() -> str:
    """The hub's address: `HF_ENDPOINT`, or the public one."""
    return (os.environ.get("HF_ENDPOINT") or PUBLIC).rstrip("/")


def cache_folder() -> Path:
    """`HF_HUB_CACHE`, or `hub` below `HF_HOME`, or the hub's own default."""
    if chosen := os.environ.get("HF_HUB_CACHE"):
        return expanded(chosen)
    return hub_home() / "hub"


def hub_home() -> Path:
    """`HF_HOME`, or the hub's own default: what its programs keep on this disk."""
    caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return expanded(os.environ.get("HF_HOME") or f"{caches}/huggingface")


def expanded(folder: str) -> Path:
    """A folder that may begin with "~". A user without a home folder gets one in the state folder: "~" would
    become a folder of that name."""
    try:
        return paths.expanded(folder)
    except BadRequest:
        return paths.home() / "huggingface"


def repository_folder(repo: str) -> Path:
    """The folder of a repository in the cache."""
    return cache_folder() / f"models--{repo.replace('/', '--')}"


def snapshot(repo: str, revision: str = "") -> Path | None:
    """The folder of a repository's files at a commit or a named revision; None when not on this disk."""
    repository, commit = repository_folder(repo), revision or MAIN
    if not COMMIT.fullmatch(commit):
        try:
            commit = (repository / "refs" / commit).read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            return None
    folder = repository / "snapshots" / commit
    return folder if commit and "/" not in commit and folder.is_dir() else None
