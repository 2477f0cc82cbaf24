"""Disturbed processes are measured once more, and only once, however often the run is killed."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.measure.on_glimpse import Killed, kill_when, measure
from tests.measure.suites import small
from viewfinder.host import disturbance
from viewfinder.measure.figures import Figure
from viewfinder.measure.measures.throughput.counts import ThroughputCounts
from viewfinder.measure.measures.throughput.result import Throughput
from viewfinder.measure.store.store import Store

SIZE = {"images": 2, "texts": 1, "vision": 8, "text": 8, "follow_up": 1, "budget_s": 600.0}
SUITE = small(processes=3, again=1, **SIZE)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "results.sqlite") as opened:
        yield opened


def disturbing(*stretches: int) -> Callable[[], tuple[float, float]]:
    """A machine on which others use 80 % of the processors during these timed stretches, numbered from 1.

    The readings at the start and at the end of a stretch come in pairs.
    """
    clock = [0.0, 0.0]
    readings = iter(range(1, 1000))

    def read() -> tuple[float, float]:
        number, is_end = divmod(next(readings) + 1, 2)
        if is_end:
            clock[0 if number in stretches else 1] += 8000.0
            clock[1] += 2000.0
        return clock[0], clock[1]

    return read


async def test_a_disturbed_process_of_a_timed_measure_is_measured_once_more(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disturbance, "read_machine_s", disturbing(2))
    counts = ThroughputCounts(processes=2, requests=1, level_s=0.1)
    suite = small(again=1, **SIZE | {"vision": 4, "text": 4}, throughput=counts)
    result = await measure(store, tmp_path, suite)
    assert len(result.notes) == 1
    assert result.notes[0].startswith("Process 1 of 'throughput' was disturbed (other programs")
    assert result.notes[0].endswith("the second measurement counts.")
    assert isinstance(result.found["throughput"], Throughput)
    counted = store.samples(result.run, "glimpse")
    assert {one.process for one in counted} == {0, 1, 3, 5}


async def test_a_disturbed_process_is_measured_once_more(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed in the middle of the second measurement, which is then taken again from its start."""
    monkeypatch.setattr(disturbance, "read_machine_s", disturbing(2))
    once_more = count(1)
    with pytest.raises(Killed):
        await measure(
            store,
            tmp_path,
            SUITE,
            kill_when(lambda step: step.doing == "process 2 of 3 once more" and next(once_more) == 6),
        )
    monkeypatch.setattr(disturbance, "read_machine_s", disturbing())
    result = await measure(store, tmp_path, SUITE, resume=True)
    counted = store.samples(result.run, "glimpse")
    assert {one.process for one in counted} == {0, 1, 3, 5}
    assert len([one for one in counted if one.scenario == "images"]) == 6
    average = result.figures["average inference"]
    assert isinstance(average, Figure)
    assert average.n == 6
    assert result.contaminated == ""
    assert result.notes == (
        "Timed process 2 was disturbed (other programs used 80 % of the processors while requests were "
        "timed) and measured once more after the others; the second measurement counts.",
    )
    assert store.outcomes(result.run, "glimpse")[2].foreign_s > 0, "and stays stored"


async def test_nothing_is_measured_a_third_time(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A computer that is busy throughout: the suite's cap holds, and the result says it all."""
    monkeypatch.setattr(disturbance, "read_machine_s", disturbing(1, 2, 3, 4))
    result = await measure(store, tmp_path, SUITE)
    assert {one.process for one in store.samples(result.run, "glimpse")} == {0, 1, 2, 3}
    assert sorted(store.outcomes(result.run, "glimpse")) == [0, 1, 2, 3, 4]
    assert result.contaminated.startswith("other programs used 80 %")
    first, others = result.notes
    assert first.startswith("Timed process 1 was disturbed (")
    assert first.endswith("which was disturbed, too; the first measurement counts.")
    assert others.startswith("Timed processes 2, 3 were disturbed (")
    assert others.endswith("and not measured once more.")
