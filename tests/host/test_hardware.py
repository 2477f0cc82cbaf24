import os
import platform

import pytest

from viewfinder.host.hardware import Machine, read_cpuinfo, read_nvidia, this_machine
from viewfinder.host.machine_memory import machine_memory


def test_describes_this_machine():
    machine = this_machine()
    assert machine.cpu
    assert 1 <= machine.cores_physical <= machine.cores_logical <= os.cpu_count()
    assert machine.memory_bytes == machine_memory().total_bytes
    assert platform.python_version() in machine.python
    assert platform.release() in machine.os or "macOS" in machine.os
    assert Machine.model_validate_json(machine.model_dump_json()) == machine


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system does not pin processes")
def test_a_pinned_process_has_fewer_cores():
    all_cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(all_cores)})
    try:
        machine = this_machine.__wrapped__()
    finally:
        os.sched_setaffinity(0, all_cores)
    assert (machine.cores_physical, machine.cores_logical) == (1, 1)


def test_reads_an_x86_cpuinfo():
    text = "processor\t: 0\nmodel name\t: AMD EPYC\nflags\t: fpu avx2 avx512f amx_tile\n\nmodel name\t: B\n"
    assert read_cpuinfo(text) == ("AMD EPYC", ("avx2", "avx512f", "amx_tile"))


def test_reads_an_arm_cpuinfo():
    text = "processor\t: 0\nFeatures\t: fp asimd asimddp i8mm\n\nModel\t\t: Raspberry Pi 5\n"
    assert read_cpuinfo(text) == ("Raspberry Pi 5", ("neon", "dotprod", "i8mm"))


def test_names_the_nvidia_cards(tmp_path):
    for place in ("0000:01:00.0", "0000:02:00.0"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "information").write_text("Model: \t\t NVIDIA L4\nIRQ:   \t\t 62\n")
    assert read_nvidia(tmp_path) == "2 x NVIDIA L4"
    assert read_nvidia(tmp_path / "none") == ""


@pytest.mark.parametrize(
    ("gpu", "apple_silicon", "nvidia"),
    [("Apple M3 (Metal)", True, False), ("2 x NVIDIA L4", False, True), ("", False, False)],
)
def test_the_gpu_determines_the_kind_of_machine(gpu, apple_silicon, nvidia):
    machine = this_machine().model_copy(update={"gpu": gpu})
    assert (machine.apple_silicon, machine.nvidia) == (apple_silicon, nvidia)
