"""The things that `doctor` ends with: at most three, what is broken first, then what gains most."""

from pathlib import Path

import pytest

from viewfinder.api import doctor
from viewfinder.api.worth_doing import worth_doing
from viewfinder.core.check import Check, fix, good, note
from viewfinder.core.config import FleetSettings, Settings
from viewfinder.engines.base import Installed
from viewfinder.engines.llama_cpp import LlamaCpp
from viewfinder.engines.mlx import Mlx
from viewfinder.engines.transformers import Transformers
from viewfinder.host.hardware import this_machine

HUB = note("model hub", "Far.", "viewfinder pull MODEL", "Carry.")
BUILD = note("processor", "Old.", "pip build", "Build.")
CARD = note("graphics", "Unused.", "pip cuda", "Compute.")
FULL = note("disk, models", "Little.", "du", "Make room.")
BROKEN = fix("leftovers", "They hold memory.", "kill 1")


@pytest.mark.parametrize(
    ("checks", "steps"),
    [
        ([], []),
        ([good("engine", "Here."), note("port 8080", "Taken.", "viewfinder serve --port 0")], []),
        ([HUB, BUILD, FULL, CARD], ["Compute.", "Make room.", "Build."]),
        ([HUB, BUILD, BROKEN], ["They hold memory.", "Build.", "Carry."]),
        ([FULL, FULL], ["Make room."]),
    ],
)
def test_the_most_useful_come_first(checks: list[Check], steps: list[str]) -> None:
    assert [one.step for one in worth_doing(checks)] == steps


def steps(checks: list[Check]) -> list[tuple[str, str]]:
    return [(check.step, check.command) for check in checks if check.step]


def test_a_faster_engine_is_proposed_where_there_is_one() -> None:
    apple = this_machine().model_copy(update={"gpu": "Apple M3 (Metal)"})
    engines = {LlamaCpp(): Installed(LlamaCpp.known_good.split(",")[0].lstrip(">="), Path())}
    missing = {Mlx(): None, Transformers(): None}
    proposed = [step for step, _ in steps(doctor._engines({**engines, **missing}, apple))]
    assert "Install MLX, the engine that suits this computer best." in proposed
    plain = apple.model_copy(update={"gpu": ""})
    assert not any("Install" in step for step, _ in steps(doctor._engines({**engines, **missing}, plain)))


def test_a_model_for_photographs_is_proposed_until_one_is_here(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path_factory.mktemp("cache")))
    (check,) = doctor._photographs(Settings())
    assert check.command.startswith("viewfinder pull ")
    assert "glimpse is a toy" in check.step


def test_a_small_budget_and_a_missing_key_are_noted() -> None:
    settings = Settings(host="0.0.0.0", fleet=FleetSettings(memory_budget_gb=0.1))
    found = worth_doing([*doctor.keys(settings), doctor.memory(settings.fleet)])
    assert found[0].command == "viewfinder keys add NAME"
    assert len(found) == 2
    assert doctor.keys(Settings()) == []
