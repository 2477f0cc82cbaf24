"""The hardware of this computer: processor, memory, operating system, graphics.

Called by `measure`, which stores it with every result, and by `fleet`, which sizes engines by it.
"""

import functools
import os
import platform
import subprocess
import sys
from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict

from viewfinder.host.cgroups import Cgroups
from viewfinder.host.machine_memory import machine_memory

X86_FEATURES = (
    "sse4_2",
    "avx",
    "avx2",
    "fma",
    "f16c",
    "avx_vnni",
    "avx512f",
    "avx512_vnni",
    "avx512_bf16",
    "avx512_fp16",
    "amx_tile",
    "amx_int8",
    "amx_bf16",
)
ARM_FEATURES = {
    "asimd": "neon",
    "asimddp": "dotprod",
    "i8mm": "i8mm",
    "bf16": "bf16",
    "sve": "sve",
    "sve2": "sve2",
    "sme": "sme",
}
"""Linux's names of the ARM features, and ours."""
APPLE_FEATURES = {
    "hw.optional.neon": "neon",
    "hw.optional.arm.FEAT_DotProd": "dotprod",
    "hw.optional.arm.FEAT_I8MM": "i8mm",
    "hw.optional.arm.FEAT_BF16": "bf16",
    "hw.optional.arm.FEAT_SME": "sme",
    "hw.optional.avx2_0": "avx2",
    "hw.optional.avx512f": "avx512f",
}
QUOTA_SLACK = 0.1
"""How much may be missing of a core that counts as one."""
METAL = "(Metal)"
"""How the GPU of Apple silicon is named, which is a part of the processor."""


HardwareKind = tuple[str, int, int, int, str]


class Machine(BaseModel):
    """The computer that a number was measured on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cpu: str
    cores_physical: int
    """Physical cores that this process may use: the right number of threads for an engine."""
    cores_logical: int
    memory_bytes: int
    """What we may use of it: in a container, its limit."""
    os: str
    python: str
    gpu: str = ""
    """Empty when there is none that an engine here could use."""
    features: tuple[str, ...] = ()
    """Instruction sets: they decide how fast a model runs, or whether a build of an engine runs at all."""

    @property
    def kind(self) -> HardwareKind:
        """The same for computers whose figures may be compared, whatever their operating systems."""
        memory_gib = round(self.memory_bytes / 2**30)
        return self.cpu, self.cores_physical, self.cores_logical, memory_gib, self.gpu

    @property
    def apple_silicon(self) -> bool:
        return self.gpu.endswith(METAL)

    @property
    def nvidia(self) -> bool:
        return "NVIDIA" in self.gpu


@functools.cache
def this_machine() -> Machine:
    """Describe this computer; looked up once, without starting a process on Linux."""
    logical = usable_cores()
    physical = min(psutil.cpu_count(logical=False) or logical, logical)
    facts = _macos() if sys.platform == "darwin" else _linux()
    cpu, system, gpu, features = facts
    return Machine(
        cpu=cpu or platform.processor() or platform.machine(),
        cores_physical=physical,
        cores_logical=logical,
        memory_bytes=machine_memory().total_bytes,
        os=system,
        python=f"{platform.python_implementation()} {platform.python_version()}",
        gpu=gpu,
        features=features,
    )


def usable_cores(cgroups: Cgroups | None = None) -> int:
    """Logical cores that this process may use: more threads than that slow an engine down.

    Those it is pinned to, or fewer by the quota of a container. A part of a core does not count: under a
    quota of 1.5, two threads took twice as long as one, because each waits while the other is stopped.
    """
    every = os.cpu_count() or 1
    pinned = len(os.sched_getaffinity(0)) if sys.platform == "linux" else every
    quota = (cgroups or Cgroups()).cores()
    return pinned if quota is None else max(1, min(pinned, int(quota + QUOTA_SLACK)))


def thread_limit(cgroups: Cgroups | None = None) -> int:
    """The number of threads that an engine should use where it may not use the whole computer; 0: it may.

    Engines count the computer's cores, and not all of them notice what a container allows.
    """
    cores = usable_cores(cgroups)
    return cores if cores < (os.cpu_count() or 1) else 0


def _linux() -> tuple[str, str, str, tuple[str, ...]]:
    cpu, features = read_cpuinfo(Path("/proc/cpuinfo").read_text(errors="replace"))
    try:
        name = platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        name = "Linux"
    system = f"{name} ({platform.system()} {platform.release()}, {platform.machine()})"
    return cpu, system, read_nvidia(Path("/proc/driver/nvidia/gpus")), features


def read_cpuinfo(text: str) -> tuple[str, tuple[str, ...]]:
    """The processor's name ("" on most ARM boards) and its features, from the text of /proc/cpuinfo."""
    first: dict[str, str] = {}
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        if colon:
            first.setdefault(key.strip(), value.strip())
    flags = set(first.get("flags", first.get("Features", "")).split())
    x86 = tuple(name for name in X86_FEATURES if name in flags)
    arm = tuple(ours for theirs, ours in ARM_FEATURES.items() if theirs in flags)
    return first.get("model name", first.get("Model", "")), x86 or arm


def read_nvidia(folder: Path) -> str:
    """The NVIDIA cards that the driver lists under `folder`, such as "2 x NVIDIA L4"; "" for none."""
    models: dict[str, int] = {}
    for file in sorted(folder.glob("*/information")):
        for line in file.read_text(errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "Model":
                models[value.strip()] = models.get(value.strip(), 0) + 1
    return ", ".join(f"{n} x {model}" if n > 1 else model for model, n in models.items())


def _macos() -> tuple[str, str, str, tuple[str, ...]]:
    facts = _sysctl("machdep.cpu.brand_string", *APPLE_FEATURES)
    cpu = facts.get("machdep.cpu.brand_string", "")
    features = tuple(ours for key, ours in APPLE_FEATURES.items() if facts.get(key) == "1")
    gpu = f"{cpu} {METAL}" if platform.machine() == "arm64" else ""
    return cpu, f"macOS {platform.mac_ver()[0]} ({platform.machine()})", gpu, features


def _sysctl(*names: str) -> dict[str, str]:
    """The values of these names, without those that this macOS does not know."""
    result = subprocess.run(
        ["/usr/sbin/sysctl", *names], capture_output=True, text=True, check=False, timeout=5
    )
    pairs = (line.partition(":") for line in result.stdout.splitlines())
    return {key: value.strip() for key, _, value in pairs}
