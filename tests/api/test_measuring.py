"""`bench` from Python: interrupted and gone on with."""

import pytest

import viewfinder
from viewfinder.bench import suite
from viewfinder.bench.progress import Progress
from viewfinder.bench.storage.store import Store
from viewfinder.bench.suite import Suite
from viewfinder.core import paths
from viewfinder.core.config import load_settings
from viewfinder.core.errors import BadRequest, ViewfinderError

TINY = Suite("tiny", processes=2, images=1, texts=1, vision=8, text=8, follow_up=1, budget_s=600.0)


def test_a_run_goes_on_as_it_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the id of its repository, with the variant of its settings, and the suite's counts as they were."""
    monkeypatch.setitem(suite.SUITES, "tiny", TINY)

    def interrupt(progress: Progress) -> None:
        if progress.done == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        viewfinder.bench(
            ["viewfinder/glimpse"],
            suite="tiny",
            settings=load_settings(variants={"glimpse": "llama.cpp-f16"}),
            on_progress=interrupt,
        )
    monkeypatch.delitem(suite.SUITES, "tiny")
    with Store(paths.results_file()) as store:
        (run,) = store.runs()
        before = len(store.exchanges(run.run, "glimpse"))
    assert run.finished_at == ""
    assert before >= 19
    [result] = viewfinder.bench(resume=True)
    assert (result.run, result.variant, result.status) == (run.run, "llama.cpp-f16", "verified")
    with Store(paths.results_file()) as store:
        assert store.runs()[0].finished_at
        places = [(one.process, one.scenario, one.place) for one in store.exchanges(run.run, "glimpse")]
    assert len(places) == len(set(places)) == 8 + 8 + 3 + 2 * 6


def test_a_run_goes_on_with_its_own_models_only() -> None:
    with pytest.raises(BadRequest, match="models that it began with"):
        viewfinder.bench(["glimpse"], resume=True)
    with pytest.raises(ViewfinderError, match="no interrupted run"):
        viewfinder.bench(resume=True)


def test_a_model_that_is_named_twice_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(suite.SUITES, "tiny", TINY)
    assert len(viewfinder.bench(["glimpse", "viewfinder/glimpse"], suite="tiny")) == 1
