"""Stored results: listed, shown, removed."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from filelock import FileLock
from typer.testing import CliRunner, Result

from tests.measure.store.test_store import NONE, RUN, result, sample
from viewfinder.api.measuring import guide
from viewfinder.cli.main import app
from viewfinder.core import paths
from viewfinder.core.errors import AlreadyRunning, BadRequest
from viewfinder.measure import results
from viewfinder.measure.store.store import Store


@pytest.fixture(autouse=True)
def _stored() -> None:
    with Store(paths.results_file()) as store:
        store.begin(RUN)
        store.begin(replace(RUN, run="run2"))
        for model in ("a", "b"):
            store.add(sample(model))
            results.add(store, result(model))
        store.add(replace(sample("a"), run="run2"))


def ran(*words: str) -> Result:
    return CliRunner().invoke(app, ["results", *words])


def listed() -> list[tuple[str, str, str]]:
    lines: list[dict[str, Any]] = json.loads(ran("--json").stdout)
    return [(line["run"], line["model"], line["status"]) for line in lines]


def test_the_newest_run_is_first_and_an_interrupted_one_says_so() -> None:
    assert listed() == [
        ("run2", "a", "interrupted"),
        ("run1", "a", "verified"),
        ("run1", "b", "verified"),
    ]
    assert "2026-01-01T00:00" in ran().stdout
    assert "quick" in ran().stdout


def test_one_result_is_shown_with_its_figures() -> None:
    shown = ran("show", "run1", "b")
    assert "| Pure text | yes: 9 of 9 right" in shown.stdout
    assert json.loads(ran("show", "run1", "b", "--json").stdout)["model"] == "b"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["show", "run1"], "has several models: a, b"),
        (["show", "run2"], "no result of 'run2'"),
        (["rm", "run9"], "no run 'run9'"),
        (["rm", "run1", "run9"], "no run 'run9'"),
        (["rm", "run1", "--model", "c"], "no 'c' in the run 'run1'"),
    ],
)
def test_a_run_that_is_not_stored_is_refused_and_nothing_is_removed(words: Sequence[str], says: str) -> None:
    done = ran(*words)
    assert isinstance(done.exception, BadRequest)
    assert says in str(done.exception)
    assert len(listed()) == 3


def test_a_run_or_one_model_of_it_is_removed_with_its_samples() -> None:
    assert ran("rm", "run1", "--model", "a").exit_code == 0
    assert listed() == [("run2", "a", "interrupted"), ("run1", "b", "verified")]
    with Store(paths.results_file()) as store:
        assert store.samples("run1", "a") == []
        assert len(store.samples("run1", "b")) == 1
    assert ran("rm", "run1", "run2").exit_code == 0
    assert listed() == []
    with Store(paths.results_file()) as store:
        assert store.runs() == []
    assert list(paths.home().glob("*.lock")) == []
    assert "Nothing is stored yet" in ran().stderr


def test_a_run_that_is_being_measured_is_not_removed() -> None:
    with FileLock(paths.home() / "bench-run2.lock"):
        assert isinstance(ran("rm", "run2").exception, AlreadyRunning)
    assert len(listed()) == 3


def test_an_incomplete_result_does_not_hide_the_one_before() -> None:
    with Store(paths.results_file()) as store:
        gates = result().found["gates"].model_copy(update={"text": NONE, "vision": NONE})
        results.add(store, result("a", "run2", status="incomplete", found={"gates": gates}))
    assert guide().count("incomplete") == 0
    ran("rm", "run1")
    before_the_method, _, _ = guide().partition("## How it was measured")
    assert "a gate was not reached" in before_the_method
