"""Who was started with a file or folder among its arguments, as engines are; called by api."""

import os
from pathlib import Path

import psutil


def started_with(folder: Path) -> tuple[int, str] | None:
    """The pid and name of another process with this folder, or a path in it, among its arguments."""
    for process in psutil.process_iter(["pid", "name", "cmdline"]):
        words = process.info["cmdline"] or ()
        if process.info["pid"] != os.getpid() and any(str(folder) in word for word in words):
            return process.info["pid"], process.info["name"] or "?"
    return None
