"""What `doctor` reports of llama.cpp's wheel: whether it loads, and whether it uses all of this computer.

Called by `llama_cpp`. It starts the library for a moment, in a process of its own.
"""

import importlib.metadata
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from viewfinder.catalog.known_issues import recognize
from viewfinder.core.check import Check, fix, good, note
from viewfinder.core.native_build import NativeBuild, native_build_in_use
from viewfinder.engines.environment import inherited
from viewfinder.host.child import Exit
from viewfinder.host.graphics_cards import card_makers
from viewfinder.host.hardware import Machine

LIBRARY_TIMEOUT_S = 60.0
ASK_THE_LIBRARY = (
    "import json, xllamacpp as x; "
    "print(json.dumps([[d['name'] for d in x.get_device_info()], x.get_system_info()]))"
)
FROM_SOURCE = "pip install --force-reinstall --no-binary xllamacpp xllamacpp"
"""Builds the wheel for this computer; needs a C++ compiler, CMake and Rust."""
BUILD = "viewfinder engine build llama.cpp"
WITH_CUDA = re.compile(r"pip install xllamacpp [^\n]*?/cu(\d+)")
"""The lines of the wheel's description that install its builds with CUDA."""
WITH_VULKAN = re.compile(r"pip install xllamacpp [^\n]*?/vulkan\b")
NEEDS = (
    "One of NVIDIA would need its driver and llama.cpp's build with CUDA, one of AMD or Intel its Vulkan "
    "driver and the build with Vulkan."
)


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
    if build := native_build_in_use():
        return good(about, f"{machine.cpu}: {has}. {gain_of(build)}")
    unused = [name for name in machine.features if name.startswith(("avx512", "amx", "sve", "sme"))]
    if not unused or any(name in library.features.upper() for name in ("AVX512", "SVE")):
        return good(about, f"{machine.cpu}: {has}.")
    return note(
        about,
        f"{machine.cpu}: llama.cpp's wheel runs on any processor and does not use {', '.join(unused)}. "
        "Measured with AVX-512, a build for the processor reads images 1.3 times as fast and writes 1.8 "
        "times as fast; building takes some minutes and needs a C++ compiler.",
        BUILD,
        "Build llama.cpp for this processor: reads images 1.3 times and writes 1.8 times as fast.",
    )


def gain_of(build: NativeBuild) -> str:
    """What `viewfinder engine build` measured here of the build that is used."""
    gains = {kind: f"{gain['value']:.2f} times" for kind, gain in build.facts.get("gains", {}).items()}
    times = " and ".join(f"{kind} {gain}" for kind, gain in gains.items())
    model = build.facts.get("gain_model", "")
    measured = f": measured here with {model}, {times} as fast as the wheel" if times else ""
    return f"llama.cpp runs as the native build {build.name}{measured}."


def graphics(machine: Machine, library: Library, makers: Sequence[str] | None = None) -> Check:
    """Whether llama.cpp uses the graphics of this computer, and what it would need; `makers` are those of the
    cards that are built in."""
    about, makers = "graphics", card_makers() if makers is None else makers
    if library.computes_on:
        return good(about, f"llama.cpp computes on {', '.join(library.computes_on)} ({machine.gpu}).")
    if machine.nvidia:
        return note(
            about,
            f"llama.cpp's wheel computes on the processor and does not use the {machine.gpu}: its build with "
            "CUDA is many times as fast.",
            cuda_line(),
            f"Let llama.cpp use the {machine.gpu}: many times as fast.",
        )
    if machine.gpu:
        gain = f"Let llama.cpp use the {machine.gpu}."
        return note(about, f"llama.cpp does not use the {machine.gpu}.", FROM_SOURCE, gain)
    if "NVIDIA" in makers:
        says = "An NVIDIA card is here, and its driver is not: llama.cpp needs it, and its build with CUDA."
        return note(about, says, cuda_line(), "Install NVIDIA's driver, then llama.cpp with CUDA.")
    if makers:
        says = (
            f"llama.cpp's wheel computes on the processor. An {makers[0]} card is here: using it needs its "
            "Vulkan driver and llama.cpp's build with Vulkan."
        )
        # Graphics inside a processor of Intel share its memory, and gain little.
        gain = "Let llama.cpp use the AMD card, with its Vulkan driver." if makers[0] == "AMD" else ""
        return note(about, says, vulkan_line(), gain)
    return good(about, f"Models run on the processor: no graphics card is here. {NEEDS}")


def cuda_line() -> str:
    """The command that installs llama.cpp with CUDA, from its publisher: the build for the oldest drivers."""
    lines = {int(found.group(1)): found.group() for found in WITH_CUDA.finditer(_description())}
    return lines[min(lines)] if lines else f"XLLAMACPP_BUILD_CUDA=1 {FROM_SOURCE}"


def vulkan_line() -> str:
    """The command that installs llama.cpp with Vulkan, from its publisher."""
    found = WITH_VULKAN.search(_description())
    return found.group() if found else f"XLLAMACPP_BUILD_VULKAN=1 {FROM_SOURCE}"


def _description() -> str:
    metadata = importlib.metadata.metadata("xllamacpp")
    return metadata.get("Description") or str(metadata.get_payload())  # type: ignore[attr-defined]
