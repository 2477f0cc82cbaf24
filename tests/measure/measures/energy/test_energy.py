"""Joules for each right answer: counters of a made-up meter, real answers of glimpse."""

from collections.abc import Awaitable, Callable

import pytest

from tests.measure.measures.shown import shown_rows
from tests.measure.suites import small
from viewfinder.catalog.card import Variant
from viewfinder.client.exchange import Exchange
from viewfinder.measure.figures import Figure, Missing
from viewfinder.measure.measures.energy import MEASURE, ask
from viewfinder.measure.measures.energy.counts import EnergyCounts
from viewfinder.measure.measures.energy.result import Energy
from viewfinder.measure.process_log import ProcessLog
from viewfinder.measure.results import ModelResult
from viewfinder.measure.store.rows import ProcessOutcome, Sample
from viewfinder.measure.suite import Suite

COUNTS = EnergyCounts(questions=4, budget_s=60.0)
VARIANT = Variant(name="v", engine="e", repo="r", vision=True, text=True)
ANSWER = Exchange(started_s=0.0, finished_s=0.1, text="red")


class Meter:
    """Every reading is ten joules after the one before."""

    read_j = 0.0

    def read(self) -> dict[str, float]:
        self.read_j += 10.0
        return {"package-0": self.read_j}

    def between(self, before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
        return {"package-0": after["package-0"] - before["package-0"]}


def process(number: int, joules: float, right: int, wrong: int = 0) -> ProcessLog:
    samples = [
        Sample("run", "m", number, ask.SCENARIO, "?", ANSWER, scene="a scene", right=at < right)
        for at in range(right + wrong)
    ]
    counters = {f"{ask.JOULES}package-0": [0.75 * joules], f"{ask.JOULES}memory of 0:1": [0.25 * joules]}
    series = {**counters, ask.SECONDS: [2.0]} if joules >= 0 else {}
    return ProcessLog(number, samples, ProcessOutcome(series=series))


def found(*logs: ProcessLog) -> Energy | Missing:
    return MEASURE.find(logs, COUNTS, VARIANT)


def test_joules_are_over_right_answers_alone() -> None:
    energy = found(*(process(number, 12.0, right=3, wrong=1) for number in range(7)))
    assert isinstance(energy, Energy)
    assert isinstance(energy.per_right, Figure)
    assert (energy.per_right.value, energy.per_right.n) == (pytest.approx(4.0), 28)
    assert energy.per_right.how.startswith(
        "energy of the whole computer (memory of 0:1, package-0), idle and"
    )
    assert isinstance(energy.power, Figure)
    assert energy.power.value == pytest.approx(6.0)


def test_a_figure_that_would_be_none_says_why() -> None:
    assert found(process(1, -1.0, right=3)) == Missing(missing="the counters could not be read to the end")
    assert found(process(1, 0.0, right=3)) == Missing(missing="the counters did not move")
    energy = found(process(1, 5.0, right=3), process(2, 5.0, right=0, wrong=3))
    assert isinstance(energy, Energy)
    assert energy.per_right == Missing(missing="a process gave no right answer")


def test_a_computer_without_counters_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ask, "energy_meter", lambda: "its processors report no energy")
    why = MEASURE.skip_reason(VARIANT)
    assert why == Missing(missing="not readable here: its processors report no energy")
    assert shown_rows(MEASURE.rows(why)) == [("Energy for each right answer (J)", why.missing)]


async def test_a_real_process_is_counted_around_its_answers(
    measure: Callable[[Suite], Awaitable[ModelResult]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ask, "energy_meter", Meter)
    result = await measure(small("tiny", energy=COUNTS))
    energy = result.found["energy"]
    assert isinstance(energy, Energy)
    assert isinstance(energy.per_right, Figure)
    assert 10 / 4 <= energy.per_right.value <= 10, "ten joules, four questions"
    assert isinstance(energy.power, Figure)
    assert energy.power.value > 0
