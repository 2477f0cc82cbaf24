"""What a build needs of this computer: a compiler, pip, room on the disk; called by `build`.

CMake and ninja are taken from the package index where they are not installed.
"""

import importlib.util
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from viewfinder.core.errors import EngineError
from viewfinder.host.hardware import this_machine, usable_cores
from viewfinder.host.machine_memory import machine_memory

COMPILERS = ("c++", "g++", "clang++")
NEEDED_BYTES, NEEDED_FOR_CUDA_BYTES = 1_000_000_000, 6_000_000_000
JOB_BYTES = 1_500_000_000
"""What one compiler takes at most."""
Which = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Tools:
    """`compiler` is a path; `cmake` and `ninja` are empty where they must be downloaded; `pip` is how it is
    called; `cuda` is NVIDIA's compiler, empty: build for the processor."""

    compiler: str
    cmake: str
    ninja: str
    pip: tuple[str, ...]
    cuda: str = ""


def find_tools(*, cuda: bool | None = None, which: Which = shutil.which, nvidia: bool | None = None) -> Tools:
    """`cuda`: None builds for NVIDIA where its compiler and a card of it (`nvidia`) are.

    Raises EngineError, with what to install.
    """
    own = os.environ.get("CXX", "").split()
    compiler = next(filter(None, map(which, own[:1] or COMPILERS)), None)
    if compiler is None:
        named = f" (CXX names {own[0]})" if own else ""
        raise EngineError(
            f"There is no C++ compiler here{named}, so llama.cpp cannot be built.",
            hint="Run: apt-get install build-essential, dnf install gcc-c++, xcode-select --install",
            code="compiler_missing",
        )
    wanted = (this_machine().nvidia if nvidia is None else nvidia) if cuda is None else cuda
    nvcc = (which("nvcc") or which("/usr/local/cuda/bin/nvcc") or "") if wanted else ""
    if cuda and not nvcc:
        raise EngineError(
            "NVIDIA's compiler (nvcc) is not here, so llama.cpp cannot be built with CUDA.",
            hint="Install NVIDIA's CUDA toolkit, or leave out --cuda.",
            code="compiler_missing",
        )
    return Tools(compiler, which("cmake") or "", which("ninja") or "", _pip(which), nvcc)


def require_room(folder: Path, tools: Tools) -> None:
    """Raises EngineError where the disk has too little room for a build."""
    needed = NEEDED_FOR_CUDA_BYTES if tools.cuda else NEEDED_BYTES
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise disk_full(f"A build needs {needed / 1e9:.1f} GB at {folder}, and {free / 1e9:.1f} GB are free.")


def disk_full(says: str) -> EngineError:
    return EngineError(
        says, hint="Free space there, or set VIEWFINDER_HOME to a folder on another disk.", code="disk_full"
    )


def default_jobs() -> int:
    """A compiler for each core, and no more than there is memory for."""
    return max(1, min(usable_cores(), machine_memory().available_bytes // JOB_BYTES))


def _pip(which: Which) -> tuple[str, ...]:
    if importlib.util.find_spec("pip") is not None:
        return (sys.executable, "-m", "pip")
    if uv := which("uv"):
        return (uv, "tool", "run", "pip")
    raise EngineError(
        "Neither pip nor uv is here, so the sources of llama.cpp cannot be downloaded.",
        hint=f"Run: {sys.executable} -m ensurepip",
        code="pip_missing",
    )
