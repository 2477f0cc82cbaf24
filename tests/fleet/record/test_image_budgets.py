"""The stored image budgets: what holds here, and why the rest does not."""

import os
from pathlib import Path
from typing import Any

import pytest

from viewfinder.fleet.record.image_budgets import BudgetsHere, StoredBudget, StoredBudgets, budget_path
from viewfinder.fleet.record.measured_file import NATIVE, MeasuredSpan, machine_digest
from viewfinder.host.hardware import this_machine

SPAN = MeasuredSpan(value=0.2, low=0.1, high=0.3, n=40)


def stored(*names: str, cheapest: str = "", **more: Any) -> StoredBudgets:
    """As `bench` writes it, for the model and the variant of the tests."""
    fields: dict[str, Any] = {
        "model": "m",
        "variant": "v",
        "engine": "llama.cpp",
        "engine_version": "1",
        "machine": machine_digest(this_machine()),
        "measured_at": "2026-11-30T00:00:00+00:00",
        "lever": "image_tokens" if "tokens" in names[0] else "pixels",
        "budgets": [StoredBudget(name=name, first_s=SPAN, whole_s=SPAN) for name in names],
        "cheapest": cheapest,
        "evidence": "accuracy +0.0 points",
    }
    return StoredBudgets(**(fields | more))


def write(state: Path, budgets: StoredBudgets) -> Path:
    file = state / budget_path(budgets.model, budgets.variant)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(budgets.model_dump_json())
    return file


def test_what_was_measured_here_holds(tmp_path: Path) -> None:
    here = BudgetsHere(tmp_path)
    assert "not measured" in str(here.of("m", "v", "1"))
    written = stored("64 px", "256 px", cheapest="64 px")
    file = write(tmp_path, written)
    assert here.of("m", "v", "1") == written
    write(tmp_path, stored("64 px", "256 px", cheapest="256 px"))
    os.utime(file, ns=(1, 1))
    found = here.of("m", "v", "1")
    assert isinstance(found, StoredBudgets)
    assert found.cheapest == "256 px", "a file that has changed is read again"
    file.unlink()
    assert "not measured" in str(here.of("m", "v", "1"))


@pytest.mark.parametrize(
    ("more", "why"),
    [({"machine": "another"}, "another machine"), ({"engine_version": "2"}, "measured with llama.cpp 2")],
)
def test_what_was_measured_elsewhere_does_not_hold(tmp_path: Path, more: dict[str, Any], why: str) -> None:
    write(tmp_path, stored("64 px", "256 px", **more))
    assert why in str(BudgetsHere(tmp_path).of("m", "v", "1"))


def test_any_native_build_where_its_version_is_not_known_yet(tmp_path: Path) -> None:
    write(tmp_path, stored("64 tokens", "all tokens", engine_version="native 11549 (abc)"))
    here = BudgetsHere(tmp_path)
    assert isinstance(here.of("m", "v", NATIVE), StoredBudgets)
    assert isinstance(here.of("m", "v", "1"), str)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"model": "m"}', "\x00"])
def test_a_file_that_is_no_use_is_as_good_as_none(tmp_path: Path, content: str) -> None:
    write(tmp_path, stored("64 px")).write_text(content)
    assert "cannot be read" in str(BudgetsHere(tmp_path).of("m", "v", "1"))


def test_how_each_budget_is_applied() -> None:
    pixels, tokens, all_tokens = (StoredBudget(name=name) for name in ("64 px", "20 tokens", "all tokens"))
    assert [one.longest_px for one in (pixels, tokens, all_tokens)] == [64, None, None]
    assert [one.engine_tokens for one in (pixels, tokens, all_tokens)] == [0, 20, 0]


def test_the_reference_is_no_choice() -> None:
    """Nothing changes where no smaller budget is surely as good."""
    names = ("64 px", "128 px", "256 px")
    assert stored(*names).chosen is None
    assert stored(*names, cheapest="256 px").chosen is None
    chosen = stored(*names, cheapest="128 px").chosen
    assert chosen is not None
    assert chosen.longest_px == 128
    assert [one.name for one in stored(*names).up_to("128 px")] == ["64 px", "128 px"]
