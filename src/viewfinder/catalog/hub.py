"""Where repositories of the model hub lie on this disk; called by `catalog`.

Reads the public layout of the hub's cache, which other programs fill too. Nothing is fetched here.
"""

import os
from pathlib import Path

PUBLIC = "https://huggingface.co"


def endpoint() -> str:
    """The hub's address: `HF_ENDPOINT`, or the public one."""
    return (os.environ.get("HF_ENDPOINT") or PUBLIC).rstrip("/")


def cache_folder() -> Path:
    """`HF_HUB_CACHE`, or `hub` below `HF_HOME`, or the hub's own default."""
    if chosen := os.environ.get("HF_HUB_CACHE"):
        return Path(chosen).expanduser()
    home = os.environ.get("HF_HOME") or "~/.cache/huggingface"
    return Path(home).expanduser() / "hub"


def snapshot(repo: str, revision: str = "") -> Path | None:
    """The folder that holds a repository's files at a commit, by default its `main`; None: not here."""
    place = cache_folder() / f"models--{repo.replace('/', '--')}"
    try:
        commit = revision or (place / "refs" / "main").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None
    folder = place / "snapshots" / commit
    return folder if commit and "/" not in commit and folder.is_dir() else None
