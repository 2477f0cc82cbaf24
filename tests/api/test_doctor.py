"""The doctor: every line is good, a note, or has the command that fixes it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from viewfinder.api import doctor
from viewfinder.api.doctor import check_all
from viewfinder.core.check import Check
from viewfinder.core.config import Settings
from viewfinder.engines.base import Installed
from viewfinder.engines.llama_cpp import LlamaCpp
from viewfinder.engines.mlx import Mlx
from viewfinder.engines.transformers import Transformers


@pytest.fixture
def one_engine(monkeypatch: pytest.MonkeyPatch) -> Callable[[Installed | None], None]:
    """llama.cpp as the only engine, installed or not."""

    def only(found: Installed | None) -> None:
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


def test_without_any_engine_nothing_works(one_engine: Callable[[Installed | None], None]) -> None:
    one_engine(None)
    checks = check_all(settings=Settings(port=0))
    (engines,) = by_subject(checks, "engines")
    assert (engines.state, engines.command) == ("fix", "pip install xllamacpp")
    assert by_subject(checks, "processor") == []


def test_a_version_that_was_not_tested_is_noted(one_engine: Callable[[Installed | None], None]) -> None:
    one_engine(Installed("2025.1.1", Path()))
    (engine,) = by_subject(check_all(settings=Settings(port=0)), "engine llama.cpp")
    assert engine.state == "note"
    assert "2025.1.1 was not tested" in engine.says


def test_a_third_partys_engine_need_not_name_the_versions_that_were_tested() -> None:
    engine = LlamaCpp()
    engine.known_good = ""
    found = doctor._engine(engine, Installed("1", Path()))
    assert (found.state, found.says) == ("good", "llama.cpp 1; the versions that were tested are not known.")


def test_known_issues_are_grouped_by_what_is_done_about_them() -> None:
    checks = doctor._known_issues({Mlx(): Installed("0.4.0", Path()), Transformers(): None})
    refused = [finding for finding in checks if finding.state == "fix"]
    assert [finding.command for finding in refused] == [
        "pip install --upgrade 'mlx-vlm>=0.4.1'",
        "pip install --upgrade 'mlx-vlm>=0.7.2'",
    ]
    assert "llava-1.6-mistral-7b is not started" in refused[0].says
    (applied,) = (one for one in checks if one.says.startswith("Prevented here"))
    assert "mlx-concurrency" in applied.says
    assert all(finding.about == "known issues, mlx" for finding in checks)


def test_a_damaged_package_has_the_command_that_repairs_it(tmp_path: Path) -> None:
    found = doctor._models(doctor.Catalog(weights=tmp_path))
    assert found.state == "fix"
    assert "glimpse-f16.gguf is missing" in found.says
