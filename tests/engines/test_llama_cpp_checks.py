"""What `doctor` reports of llama.cpp's library on this computer and on others."""

from collections.abc import Callable
from pathlib import Path

import pytest

from viewfinder.core.native_build import NativeBuild
from viewfinder.engines import llama_cpp_checks
from viewfinder.engines.llama_cpp_checks import (
    BUILD,
    Library,
    ask_library,
    cuda_line,
    graphics,
    processor,
    vulkan_line,
)
from viewfinder.host.hardware import Machine

PLAIN = Library(("CPU",), "CPU : AVX2 = 1 | FMA = 1 |")


@pytest.fixture
def machine() -> Callable[..., Machine]:
    def make(**changed: object) -> Machine:
        fields = {"cpu": "Test CPU", "cores_physical": 2, "cores_logical": 2, "memory_bytes": 16 * 10**9}
        return Machine.model_validate(fields | {"os": "Linux", "python": "3"} | changed)

    return make


def test_the_real_library_reports_its_devices() -> None:
    library = ask_library("llama.cpp", "any")
    assert library.trouble == ""
    assert any(name.startswith("CPU") for name in library.devices)
    assert "=" in library.features


@pytest.mark.parametrize(
    ("program", "said", "command"),
    [
        ("import os; os.kill(os.getpid(), 4)", "this build needs another CPU", "--no-cache-dir xllamacpp"),
        ("raise ImportError('no GLIBC_2.38')", "no GLIBC_2.38", "pip install --force-reinstall xllamacpp==9"),
    ],
)
def test_a_library_that_does_not_load_says_why(
    monkeypatch: pytest.MonkeyPatch, machine: Callable[..., Machine], program: str, said: str, command: str
) -> None:
    monkeypatch.setattr(llama_cpp_checks, "ASK_THE_LIBRARY", program)
    library = ask_library("llama.cpp", "9")
    found = processor(machine(), library)
    assert found.state == "fix"
    assert said in found.says
    assert command in found.command


def test_a_library_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llama_cpp_checks, "ASK_THE_LIBRARY", "import time; time.sleep(60)")
    monkeypatch.setattr(llama_cpp_checks, "LIBRARY_TIMEOUT_S", 0.2)
    assert "did not load within 0.2 s" in ask_library("llama.cpp", "9").trouble


def test_instructions_that_the_wheel_leaves_unused_are_noted(machine: Callable[..., Machine]) -> None:
    found = processor(machine(features=("avx2", "avx512f", "amx_int8")), PLAIN)
    assert (found.state, found.command) == ("note", BUILD)
    assert "does not use avx512f, amx_int8" in found.says
    assert processor(machine(features=("avx2", "fma")), PLAIN).state == "good"
    native = Library(("CPU",), "CPU : AVX512 = 1 |")
    assert processor(machine(features=("avx2", "avx512f")), native).state == "good"


def test_an_nvidia_card_that_the_wheel_does_not_use_is_noted(machine: Callable[..., Machine]) -> None:
    found = graphics(machine(gpu="NVIDIA L4"), PLAIN)
    assert found.state == "note"
    assert "computes on the processor" in found.says
    assert found.command == cuda_line()
    used = graphics(machine(gpu="NVIDIA L4"), Library(("CUDA0", "CPU"), ""))
    assert used.state == "good"
    assert "CUDA0" in used.says
    assert graphics(machine(), PLAIN, ()).state == "good"


@pytest.mark.parametrize(
    ("makers", "state", "says", "command"),
    [
        (("NVIDIA", "Intel"), "note", "its driver is not", cuda_line()),
        (("AMD",), "note", "An AMD card is here: using it needs its Vulkan driver", vulkan_line()),
        (("Intel",), "note", "An Intel card is here", vulkan_line()),
        ((), "good", "One of NVIDIA would need its driver and llama.cpp's build with CUDA", ""),
    ],
)
def test_what_a_graphics_card_would_need_is_said(
    machine: Callable[..., Machine], makers: tuple[str, ...], state: str, says: str, command: str
) -> None:
    found = graphics(machine(), PLAIN, makers)
    assert (found.state, found.command) == (state, command)
    assert says in found.says
    assert bool(found.step) == (makers[:1] in (("NVIDIA",), ("AMD",)))


def test_the_command_for_cuda_is_the_publishers_own() -> None:
    assert cuda_line().startswith("pip install xllamacpp")
    assert vulkan_line().endswith("/vulkan") or "XLLAMACPP_BUILD_VULKAN" in vulkan_line()
    assert "cu128" in cuda_line() or "XLLAMACPP_BUILD_CUDA" in cuda_line()


def test_a_native_build_that_is_used_is_named_with_its_gain(
    monkeypatch: pytest.MonkeyPatch, machine: Callable[..., Machine]
) -> None:
    gains = {"text": {"value": 1.8}, "picture": {"value": 1.34}}
    build = NativeBuild(Path("/x/11434-here"), {"gains": gains, "gain_model": "glimpse"})
    monkeypatch.setattr(llama_cpp_checks, "native_build_in_use", lambda: build)
    found = processor(machine(features=("avx2", "avx512f")), PLAIN)
    assert found.state == "good"
    assert (
        "native build 11434-here: measured here with glimpse, text 1.80 times and picture 1.34" in found.says
    )
