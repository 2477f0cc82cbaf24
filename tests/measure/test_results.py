"""Stored results, as they are read back."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.measure.store.test_store import RUN, result
from viewfinder.measure import results
from viewfinder.measure.figures import NO_VISION, Missing
from viewfinder.measure.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "results.sqlite") as opened:
        opened.begin(RUN)
        yield opened


def test_a_model_that_could_not_be_asked_counts_as_not_measured(store: Store) -> None:
    """Older versions stored that as a failure, which hid what was measured before."""
    results.add(store, result(title="measured"))
    gone = {"status": "failed", "failure": "its file is missing", "engine_version": ""}
    results.add(store, result(title="no file", **gone))
    results.add(store, result("other", title="never", **gone))
    assert [one.title for one in results.readable(store.latest())] == ["measured"]
    known = result()
    assert [one.title for one in results.readable(store.history(known.model, known.variant))] == ["measured"]
    results.add(store, result(title="died", status="failed", failure="it died"))
    assert [one.title for one in results.readable(store.latest())] == ["died"]


def test_a_stored_status_is_not_of_a_gate_that_was_not_reached(store: Store) -> None:
    gates = result().found["gates"]
    gone = Missing(missing="the time of the budget was over before it")
    cut = {"found": {"gates": gates.model_copy(update={"vision": gone})}, "status": "text-only"}
    results.add(store, result(**cut))
    assert results.readable(store.latest())[0].status == "incomplete"
    never = {"found": {"gates": gates.model_copy(update={"vision": NO_VISION})}, "status": "text-only"}
    results.add(store, result(**never))
    assert results.readable(store.latest())[0].status == "text-only"
