"""What `doctor` reports of llama.cpp's wheel: whether it loads, and whether it uses all of this computer.

Called by `llama_cpp`. It starts the library for a moment, in a process of its own.
"""

import importlib.metadata
import json
import re
import subprocess
import sys
from dataclasses import dataclass

from viewfinder.catalog.known_issues import recognize
from viewfinder.core.check import Check, fix, good, note
from viewfinder.engines.environment import inherited
from viewfinder.host.child import Exit
from viewfinder.host.hardware import Machine

LIBRARY_TIMEOUT_S = 60.0
ASK_THE_LIBRARY = (
    "import json, xllamacpp as x; "
    "print(json.dumps([[d['name'] for d in x.get_device_info()], x.get_system_info()]))"
)
FROM_SOURCE = "pip install --force-reinstall --no-binary xllamacpp xllamacpp"
"""Builds llama.cpp for this processor; needs a C++ compiler, CMake and Rust."""
WITH_CUDA = re.compile(r"pip install xllamacpp [^\n]*?/cu(\d+)")
"""The lines of the wheel's description that install its builds with CUDA."""


@dataclass(frozen=True, slots=True)
class Library:
    """What llama.cpp's installed library reports; `trouble` is why it does not load, `command` the fix."""

    devices: tuple[str, ...] = ()
    features: str = ""
    trouble: str = ""
    command: str = ""

    @property
    def computes_on(self) -> tuple[str, ...]:
        """Its devices other than the processor."""
        return tuple(name for name in self.devices if not name.startswith("CPU"))


def checks(engine: str, version: str, machine: Machine) -> list[Check]:
    """Whether this version of the engine uses the processor and the graphics of this machine."""
    library = ask_library(engine, version)
    return [processor(machine, library), graphics(machine, library)]


def ask_library(engine: str, version: str) -> Library:
    """Load llama.cpp's library in its own process, because a build for another processor would crash it."""
    try:
        result = subprocess.run(
            [sys.executable, "-P", "-c", ASK_THE_LIBRARY],
            capture_output=True,
            text=True,
            check=False,
            env=inherited(),
            timeout=LIBRARY_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        return Library(trouble=f"Its library did not load within {LIBRARY_TIMEOUT_S:g} s.")
    try:
        devices, features = json.loads(result.stdout)
    except ValueError:
        how = Exit.of(result.returncode, stopped=False).explanation
        last = result.stderr.strip().rpartition("\n")[2]
        issue = recognize(engine, version, f"{result.stderr}\n{how}")
        return Library(
            trouble=f"Its library does not load: {how} {last}".strip(),
            command=issue.command if issue else f"pip install --force-reinstall xllamacpp=={version}",
        )
    return Library(tuple(devices), features)


def processor(machine: Machine, library: Library) -> Check:
    """Whether llama.cpp can use this processor and all its features."""
    about = "processor"
    if library.trouble:
        return fix(about, library.trouble, library.command)
    has = ", ".join(machine.features) or "no features known"
    unused = [name for name in machine.features if name.startswith(("avx512", "amx", "sve", "sme"))]
    if not unused or any(name in library.features.upper() for name in ("AVX512", "SVE")):
        return good(about, f"{machine.cpu}: {has}.")
    return note(
        about,
        f"{machine.cpu}: llama.cpp's wheel runs on any processor and does not use {', '.join(unused)}. "
        "Measured with AVX-512, a build for the processor reads images 1.3 times as fast and writes 1.8 "
        "times as fast; building takes some minutes and needs a C++ compiler, CMake and Rust.",
        FROM_SOURCE,
    )


def graphics(machine: Machine, library: Library) -> Check:
    """Whether llama.cpp uses the graphics of this computer."""
    about = "graphics"
    if library.computes_on:
        return good(about, f"llama.cpp computes on {', '.join(library.computes_on)} ({machine.gpu}).")
    if machine.nvidia:
        return note(
            about,
            f"llama.cpp's wheel computes on the processor and does not use the {machine.gpu}: its build with "
            "CUDA is many times as fast.",
            cuda_line(),
        )
    if machine.gpu:
        return note(about, f"llama.cpp does not use the {machine.gpu}.", FROM_SOURCE)
    return good(about, "Models run on the processor: no engine can use any graphics of this computer.")


def cuda_line() -> str:
    """The command that installs llama.cpp with CUDA, from its publisher: the build for the oldest drivers."""
    metadata = importlib.metadata.metadata("xllamacpp")
    description = metadata.get("Description") or str(metadata.get_payload())  # type: ignore[attr-defined]
    lines = {int(found.group(1)): found.group() for found in WITH_CUDA.finditer(description)}
    return lines[min(lines)] if lines else f"XLLAMACPP_BUILD_CUDA=1 {FROM_SOURCE}"
