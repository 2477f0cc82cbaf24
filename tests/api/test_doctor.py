"""The doctor: every line is good, a note, or has the command that fixes it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from viewfinder.api import doctor
from viewfinder.api.check import Check
from viewfinder.api.doctor import FROM_SOURCE, Library, ask_library, check_all, cuda_line, graphics, processor
from viewfinder.core.config import Settings
from viewfinder.engines.base import Found
from viewfinder.engines.llama_cpp import LlamaCpp
from viewfinder.host.hardware import Machine

PLAIN = Library(("CPU",), "CPU : AVX2 = 1 | FMA = 1 |")


@pytest.fixture
def machine() -> Callable[..., Machine]:
    def make(**changed: object) -> Machine:
        fields = {"cpu": "Test CPU", "cores_physical": 2, "cores_logical": 2, "memory_bytes": 16 * 10**9}
        return Machine.model_validate(fields | {"os": "Linux", "python": "3"} | changed)

    return make


@pytest.fixture
def one_engine(monkeypatch: pytest.MonkeyPatch) -> Callable[[Found | None], None]:
    """llama.cpp as the only engine, installed or not."""

    def only(found: Found | None) -> None:
        monkeypatch.setattr(doctor, "engines", lambda: {LlamaCpp.name: LlamaCpp()})
        monkeypatch.setattr(LlamaCpp, "find", lambda self: found)

    return only


def by_subject(checks: list[Check], about: str) -> list[Check]:
    return [finding for finding in checks if finding.about.startswith(about)]


def test_nothing_is_broken_on_this_computer(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On any computer that passes the other tests, nothing is broken."""
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # nothing listens there
    checks = check_all(settings=Settings(port=0))
    assert [finding for finding in checks if finding.state == "fix"] == []
    subjects = {finding.about for finding in checks}
    assert {"processor", "graphics", "models", "memory", "model hub", "port 0", "leftovers"} <= subjects
    (engine,) = by_subject(checks, "engine llama.cpp")
    assert engine.state == "good"
    (unreachable,) = by_subject(checks, "model hub")
    assert unreachable.state == "note"
    assert "127.0.0.1:9 cannot be reached" in unreachable.says


def test_the_real_library_reports_its_devices() -> None:
    library = ask_library("any")
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
    monkeypatch.setattr(doctor, "ASK_THE_LIBRARY", program)
    library = ask_library("9")
    found = processor(machine(), library)
    assert found.state == "fix"
    assert said in found.says
    assert command in found.command


def test_a_library_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "ASK_THE_LIBRARY", "import time; time.sleep(60)")
    monkeypatch.setattr(doctor, "LIBRARY_TIMEOUT_S", 0.2)
    assert "did not load within 0.2 s" in ask_library("9").trouble


def test_instructions_that_the_wheel_leaves_unused_are_noted(machine: Callable[..., Machine]) -> None:
    found = processor(machine(features=("avx2", "avx512f", "amx_int8")), PLAIN)
    assert (found.state, found.command) == ("note", FROM_SOURCE)
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
    assert graphics(machine(), PLAIN).state == "good"


def test_the_command_for_cuda_is_the_publishers_own() -> None:
    assert cuda_line().startswith("pip install xllamacpp")
    assert "cu128" in cuda_line() or "XLLAMACPP_BUILD_CUDA" in cuda_line()


def test_without_any_engine_nothing_works(one_engine: Callable[[Found | None], None]) -> None:
    one_engine(None)
    checks = check_all(settings=Settings(port=0))
    (engines,) = by_subject(checks, "engines")
    assert (engines.state, engines.command) == ("fix", "pip install xllamacpp")
    assert by_subject(checks, "processor") == []


def test_a_version_that_was_not_tested_is_noted(one_engine: Callable[[Found | None], None]) -> None:
    one_engine(Found("2025.1.1", Path()))
    (engine,) = by_subject(check_all(settings=Settings(port=0)), "engine llama.cpp")
    assert engine.state == "note"
    assert "2025.1.1 was not tested" in engine.says


def test_a_third_partys_engine_need_not_name_the_versions_that_were_tested() -> None:
    found = doctor._engine("odd", Found("1", Path()), "", "pip install odd")
    assert (found.state, found.says) == ("good", "1; the versions that were tested are not known.")


def test_known_issues_are_grouped_by_what_is_done_about_them() -> None:
    checks = doctor._known_issues({"mlx": Found("0.4.0", Path()), "transformers": None})
    refused = [finding for finding in checks if finding.state == "fix"]
    assert [finding.command for finding in refused] == [
        "pip install --upgrade 'mlx-vlm>=0.4.1'",
        "pip install --upgrade 'mlx-vlm>=0.6.4'",
    ]
    assert "llava-1.6-mistral-7b is not started" in refused[0].says
    (applied,) = (one for one in checks if one.says.startswith("Prevented here"))
    assert "mlx-concurrency" in applied.says
    assert all(finding.about == "known issues, mlx" for finding in checks)


def test_a_damaged_package_has_the_command_that_repairs_it(tmp_path: Path) -> None:
    found = doctor._models(doctor.Catalog(weights=tmp_path))
    assert found.state == "fix"
    assert "glimpse-f16.gguf is missing" in found.says
