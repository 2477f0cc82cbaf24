"""The native llama.cpp that `viewfinder engine` built and chose; read by `core/config` as a default of
`engine.llama_server`, by `doctor`, and by `api/building`, which writes it.

A build uses all instructions of the processor it was made on: on another one it would crash, so that it is
left alone there, with a word about it.
"""

import hashlib
import json
import logging
import platform
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from viewfinder.core.errors import ViewfinderError
from viewfinder.core.paths import home

RECORD, PROGRAM, IN_USE = "build.json", "llama-server", "in-use"
_CPUINFO = Path("/proc/cpuinfo")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NativeBuild:
    """One that was built and checked. `facts` is its record, as `api/building/build` writes it."""

    folder: Path
    facts: dict[str, Any]

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def program(self) -> Path:
        return self.folder / PROGRAM

    @property
    def runs_here(self) -> bool:
        return self.facts.get("processor_mark") == processor_mark()


def builds_folder() -> Path:
    """Where native builds are kept, each in a folder of its own; it need not exist."""
    return home() / "engines" / "llama.cpp"


def native_builds() -> list[NativeBuild]:
    """All whole ones, by name."""
    found = (_read(file.parent) for file in sorted(builds_folder().glob(f"*/{RECORD}")))
    return [one for one in found if one is not None]


def native_build_in_use() -> NativeBuild | None:
    """The one that was chosen, if it is there and runs on this processor."""
    try:
        name = (builds_folder() / IN_USE).read_text(encoding="utf-8").strip()
    except (OSError, ValueError, ViewfinderError):  # without a folder of ours there is no build
        return None
    build = _read(builds_folder() / Path(name).name) if name else None
    if build is None:
        return None
    if not build.runs_here:
        _say_once(
            f"The native llama.cpp {build.name} was built for another processor, so that of the wheel is "
            "used. Build it here: viewfinder engine build llama.cpp"
        )
        return None
    return build


@cache
def processor_mark() -> str:
    """Stands for the processor's model and all of its instruction sets: the same here as where a build was
    made, or it may not run."""
    try:
        text = _CPUINFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    facts = [platform.system(), platform.machine(), platform.processor()]
    for key in ("model name", "flags", "Features", "CPU part"):
        if found := re.search(rf"^{key}\s*:\s*(.*)$", text, re.MULTILINE):
            facts.append(" ".join(sorted(found[1].split())))
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16]


def _read(folder: Path) -> NativeBuild | None:
    try:
        facts = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    whole = isinstance(facts, dict) and (folder / PROGRAM).is_file()
    return NativeBuild(folder, facts) if whole else None


@cache
def _say_once(sentence: str) -> None:
    _log.warning("%s", sentence)
