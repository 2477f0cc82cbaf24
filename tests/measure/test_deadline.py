"""A run's time: how it is given, that it is over when it is over, and what whole runs make of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.measure.suites import small
from viewfinder.catalog.catalog import Catalog
from viewfinder.core.config import Settings
from viewfinder.core.errors import BadRequest
from viewfinder.core.paths import Folders
from viewfinder.measure import rounds
from viewfinder.measure.deadline import Deadline, TimeIsUp, seconds
from viewfinder.measure.figures import Figure, Gate, Missing
from viewfinder.measure.measures.load.result import LoadTimes
from viewfinder.measure.progress import Progress
from viewfinder.measure.results import ModelResult
from viewfinder.measure.rounds import FIRST_NUMBER
from viewfinder.measure.runner import run_suite
from viewfinder.measure.store.rows import RunRequest, Sample
from viewfinder.measure.store.store import Store
from viewfinder.measure.suite import Suite

SUITE = small(processes=2, vision=8, text=8, budget_s=600.0, limit_s=60.0)


class Clock:
    now_s = 50.0

    def __call__(self) -> float:
        return self.now_s


@pytest.mark.parametrize(
    ("words", "is_s"), [("90s", 90), ("10m", 600), ("1h", 3600), ("1.5 H", 5400), (" 2m ", 120)]
)
def test_as_people_write_it(words: str, is_s: float) -> None:
    assert seconds(words) == is_s


@pytest.mark.parametrize("words", ["", "10", "ten minutes", "0s", "-5m", "1d", "1h30m", "1e3s", "nanm"])
def test_what_is_no_time(words: str) -> None:
    with pytest.raises(BadRequest, match="is not a valid budget") as raised:
        seconds(words)
    assert raised.value.hint == "Give it as 90s, 10m or 1h."


def test_it_is_over_once_it_is_spent() -> None:
    clock = Clock()
    deadline = Deadline(60.0, clock)
    clock.now_s += 20.0
    deadline.require()
    assert deadline.left_s == 40.0
    deadline.spend(30.0)  # before an interruption
    assert deadline.left_s == 10.0
    clock.now_s += 10.0
    with pytest.raises(TimeIsUp):
        deadline.require()
    assert deadline.left_s == 0.0


def test_without_a_limit_it_is_never_over() -> None:
    clock = Clock()
    deadline = Deadline(0.0, clock)
    clock.now_s += 1e9
    deadline.spend(1e9)
    deadline.require()


class Runs:
    """Whole runs of glimpse under two names, on a clock that moves only when a test moves it."""

    def __init__(self, store: Store, folders: Folders) -> None:
        self.store, self.folders, self.clock = store, folders, Clock()
        catalog = Catalog()
        glimpse = catalog.get("glimpse").narrowed([catalog.get("glimpse").variants[0]])
        self.cards = [glimpse.model_copy(update={"name": name}) for name in ("a", "b")]
        self.house: dict[str, Any] = {"catalog": catalog, "settings": Settings()}
        self.begun: list[str] = []
        """The phases that the rounds began."""

    async def run(self, until: int, *, suite: Suite = SUITE, **more: Any) -> list[ModelResult]:
        """With a second for each process of a round, and no time left in the `until`-th."""

        def report(progress: Progress) -> None:
            if progress.asked or "more" not in progress.doing:
                return
            self.begun.append(f"{progress.model}: {progress.doing}")
            self.clock.now_s += 1.0
            if len(self.begun) == until:
                if more.get("interrupted"):
                    raise KeyboardInterrupt
                self.clock.now_s += suite.limit_s

        kept = {name: value for name, value in more.items() if name != "interrupted"}
        return await run_suite(
            self.cards,
            suite,
            store=self.store,
            folders=self.folders,
            clock=self.clock,
            on_progress=report,
            **self.house,
            **kept,
        )

    def in_rounds(self, model: str) -> list[Sample]:
        (run,) = self.store.runs()
        return [one for one in self.store.samples(run.run, model) if one.process > FIRST_NUMBER]


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    folders = Folders(tmp_path / "run", tmp_path / "logs", tmp_path)
    folders.run.mkdir()
    folders.logs.mkdir()
    with Store(tmp_path / "results.sqlite") as store:
        yield Runs(store, folders)


async def test_a_budget_goes_to_models_that_are_not_separated(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More questions and processes, round by round. Interrupted in the second round, the run comes to its
    rounds again from the same samples; a process that is cut short counts nowhere.

    The times of so few processes sometimes look settled by chance, so nothing ever is.
    """
    monkeypatch.setattr(rounds, "_is_settled", lambda place, margin: place.contrast is None)
    with pytest.raises(KeyboardInterrupt):
        await runs.run(until=6, interrupted=True, request=RunRequest(names=("a", "b")))
    (run,) = runs.store.runs()
    assert not run.finished_at
    assert sorted(runs.begun[:2]) == ["a: more image questions", "b: more image questions"]
    assert sorted(runs.begun[2:4]) == ["a: one more process", "b: one more process"]
    runs.clock.now_s += 1000.0  # the night between costs nothing
    results = await runs.run(until=6 + 3, resumed=run)
    assert runs.begun[6] == runs.begun[5], "the process that was cut short comes first"
    assert runs.store.runs()[0].finished_at
    assert [(result.status, result.failure) for result in results] == [("verified", "")] * 2
    first = runs.begun[7].partition(":")[0]
    for result in results:
        more = runs.in_rounds(result.model)
        places = [one.place for one in more if one.scenario == "vision"]
        assert places == list(range(8, 24)), "two rounds, no question twice"
        assert len({one.scene for one in more if one.scenario == "vision"}) == 16
        numbers = {one.process for one in more if one.scenario == "texts"}
        second = {FIRST_NUMBER + 5} if result.model == first else set()
        assert numbers == {FIRST_NUMBER + 3} | second
        vision, load = result.facts.gates["vision"], result.found["load"]
        assert isinstance(vision, Gate)
        assert vision.asked == 8, "the gate stands by itself"
        assert isinstance(load, LoadTimes)
        assert isinstance(load.ready, Figure)
        assert load.ready.n == 2 + len(numbers)
    spent = [found.spent_s for name in ("a", "b") for found in runs.store.outcomes(run.run, name).values()]
    assert sum(spent) == 7.0, "a second for each finished process of a round"


async def test_anything_a_budget_did_not_reach_says_so(runs: Runs) -> None:
    runs.clock.now_s = 0.0
    moved = iter(range(1000))

    def late() -> float:
        return 0.0 if next(moved) == 0 else 61.0

    runs.clock = late  # type: ignore[assignment]
    results = await runs.run(until=0)
    why = Missing(missing="the budget was spent before it")
    for result in results:
        assert result.failure == ""
        assert set(result.found.values()) == {why}
        assert result.figures["average inference"] == why
        assert runs.store.samples(result.run, result.model) == []
    assert runs.store.runs()[0].finished_at
