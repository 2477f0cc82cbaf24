"""The memory that models may use: never more than the computer or its container has; all say the same."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from viewfinder.api import setup, system_checks
from viewfinder.api.models import models, variants
from viewfinder.api.setup import check_settings, open_catalog
from viewfinder.core.config import FleetSettings, Settings
from viewfinder.core.paths import folders
from viewfinder.fleet.budget import BUDGET_SHARE, budget_bytes, cut_budget
from viewfinder.fleet.choice import look
from viewfinder.fleet.fleet import Fleet
from viewfinder.host.machine_memory import MachineMemory

GB = 10**9
Limited = Callable[[int], None]


@pytest.fixture
def limited(monkeypatch: pytest.MonkeyPatch) -> Limited:
    """Makes a container with that limit out of this computer."""

    def to(size_bytes: int) -> None:
        here = MachineMemory(size_bytes, size_bytes, 1000 * GB)
        monkeypatch.setattr("viewfinder.fleet.budget.memory_total_bytes", lambda: size_bytes)
        monkeypatch.setattr(system_checks, "machine_memory", lambda: here)

    setup._warn.cache_clear()
    return to


@pytest.mark.parametrize(
    ("chosen_gb", "total", "budget"),
    [
        (0.0, 10 * GB, BUDGET_SHARE * 10 * GB),
        (6.0, 10 * GB, 6 * GB),
        (10.0, 10 * GB, 10 * GB),
        (64.0, 10 * GB, 10 * GB),
        (1e300, 10 * GB, 10 * GB),
        (1e-12, 10 * GB, 0),  # not the default, which is what its zero bytes once meant
    ],
)
def test_the_budget_is_never_above_what_there_is(
    limited: Limited, chosen_gb: float, total: int, budget: float
) -> None:
    limited(total)
    settings = FleetSettings(memory_budget_gb=chosen_gb)
    assert budget_bytes(settings) == budget
    assert bool(cut_budget(settings)) == (chosen_gb > 10)


async def test_serve_doctor_and_models_agree(
    limited: Limited, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A budget of 64 GB in a container of 8 GB: the fleet planned for 64, and `models` judged by 8."""
    limited(8 * GB)
    settings = Settings(fleet=FleetSettings(memory_budget_gb=64))
    sentence = "fleet.memory_budget_gb is 64, and this computer or container allows 8.0 GB"
    catalog = open_catalog(settings)
    with caplog.at_level(logging.WARNING):
        check_settings(catalog, settings)
        check_settings(catalog, settings)
    assert caplog.text.count(sentence) == 1
    async with Fleet(catalog, settings, folders()) as fleet:
        assert fleet.budget_bytes == fleet.view().budget_bytes == 8 * GB
        limited(4 * GB)  # a limit can be lowered while we run
        assert fleet.budget_bytes == 4 * GB
    limited(8 * GB)
    found = system_checks.memory(settings.fleet)
    assert (found.state, sentence in found.says) == ("note", True)
    assert look(catalog.get("glimpse"), None, settings.fleet).memory_bytes == 8 * GB
    assert "models may use 6.4 GB together" in system_checks.memory(FleetSettings()).says


def test_a_model_fits_only_when_serve_would_load_it(limited: Limited) -> None:
    """Where a model needs 90 % of the memory, `models` said that it fits, and serve that it does not."""
    limited(8 * GB)
    lines = [line for one in models() for line in variants(one.name) if line.needs_bytes]
    assert [line for line in lines if line.fits != ((line.needs_bytes or 0) <= 6.4 * GB)] == []
    assert [line for line in lines if 6.4 * GB < (line.needs_bytes or 0) <= 8 * GB]
    least = Settings(fleet=FleetSettings(memory_budget_gb=0.001))
    (glimpse,) = [line for line in models(settings=least) if line.name == "glimpse"]
    assert glimpse.fits is False
    assert "models may use 0.0 GB here" in glimpse.why
