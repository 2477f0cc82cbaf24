"""Several clients at once: what is asked when, what counts, and what the figures of one slot say."""

import os
import statistics
from dataclasses import replace
from itertools import count, pairwise
from pathlib import Path

import psutil
import pytest

from tests.measure.measures.measured_run import BARE, FIRST, Ran, glimpse, measured
from tests.measure.test_runner import CHILD, Point, TableEngine, card
from viewfinder.catalog.card import Variant
from viewfinder.client.exchange import Exchange
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.engines import registry
from viewfinder.engines.base import Launch
from viewfinder.measure.figures import Figure, Measured, Missing
from viewfinder.measure.measures.throughput import MEASURE
from viewfinder.measure.measures.throughput.ask import CLIENTS, SHARES, answer_rate, open_level
from viewfinder.measure.measures.throughput.counts import ThroughputCounts
from viewfinder.measure.measures.throughput.result import Throughput
from viewfinder.measure.process_log import ProcessLog
from viewfinder.measure.progress import Progress
from viewfinder.measure.store.rows import ProcessOutcome, Sample
from viewfinder.measure.suite import Suite

TWO = ThroughputCounts(processes=2, requests=4, level_s=60.0)
ONE = replace(TWO, processes=1)


class OneSlot(TableEngine):
    """Answers one request at a time; the client lets the others wait."""

    def launch(self, variant: Variant, files: object, settings: EngineSettings, socket: Path) -> Launch:
        launch = super().launch(variant, files, settings, socket)
        return replace(launch, slots=1)


@pytest.fixture(autouse=True)
def one_slot(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = tmp_path_factory.mktemp("engine") / "answers.json"
    answers.write_text("{}")
    known = registry.entry_points
    monkeypatch.setattr(
        registry, "entry_points", lambda group: [*known(group=group), Point(OneSlot(answers))]
    )


def suite(counts: ThroughputCounts) -> Suite:
    return BARE.with_counts("throughput", counts)


def throughput_of(ran: Ran) -> Throughput:
    found = ran.result.found["throughput"]
    assert isinstance(found, Throughput), found
    return found


def figure(measured: Measured) -> Figure:
    assert isinstance(measured, Figure), measured
    return measured


def missing(measured: object) -> str:
    assert isinstance(measured, Missing), measured
    return measured.missing


def under_way(at_s: float, samples: list[Sample]) -> int:
    return sum(one.exchange.started_s <= at_s < one.exchange.finished_s for one in samples)


@pytest.mark.soak
async def test_one_slot_queues_and_its_figures_say_so(tmp_path: Path) -> None:
    ran = await measured(card("good"), suite(TWO), tmp_path)
    found = throughput_of(ran)
    assert [level.clients for level in found.closed] == list(CLIENTS)
    assert [level.asked for level in found.closed] == [2 * max(4, clients) for clients in CLIENTS]
    alone, *_, crowd = found.closed
    assert figure(crowd.ttft).value > figure(crowd.e2e).value / 2, "seven others are answered before"
    assert figure(alone.tokens).value == pytest.approx(9 * figure(alone.requests).value)
    assert "needs 72 samples" in missing(crowd.e2e_p95)
    assert [level.share for level in found.open] == list(SHARES)
    for level in found.open:
        assert (level.asked, level.failures) == (8, {})
        rates = [log.series[f"{open_level(level.share)} rate"][0] for log in ran.logs()]
        assert rates == pytest.approx([level.share * best_rate(ran, FIRST + nth) for nth in range(2)])
        assert (figure(level.arrivals).low, figure(level.arrivals).high) == (min(rates), max(rates))
    assert MEASURE.find(ran.logs(), TWO, card("good").variant()) == found
    orders = [what_counts_is_asked_while_every_client_is_busy(ran, FIRST + nth) for nth in range(2)]
    assert sorted(orders[0]) == sorted(orders[1])
    assert orders[0] != orders[1], "the levels come in an order of their own in each process"


def best_rate(ran: Ran, process: int) -> float:
    return max(
        answer_rate(clients, [one.exchange for one in ran.of(f"throughput/{clients}", process)])
        for clients in CLIENTS
    )


def what_counts_is_asked_while_every_client_is_busy(ran: Ran, process: int) -> list[str]:
    """The order of the levels."""
    every = [one for one in ran.samples if one.process == process and one.scene]
    every.sort(key=lambda one: one.exchange.started_s)
    assert len({one.scene for one in every}) == len(every), "each image is a new one"
    for clients in CLIENTS:
        counted = ran.of(f"throughput/{clients}", process)
        assert [one.place for one in counted] == list(range(max(4, clients)))
        busy = [under_way(one.exchange.started_s, every) for one in counted]
        assert statistics.median(busy) == max(busy) == clients
    answers = sorted((one.exchange.first_token_s or 0.0, one.exchange.last_token_s or 0.0) for one in every)
    assert all(one[1] <= other[0] for one, other in pairwise(answers)), "there is one slot"
    return [name for name in dict.fromkeys(one.scenario for one in every) if name[-1].isdigit()]


async def test_a_slow_model_is_not_asked_by_many(tmp_path: Path) -> None:
    found = throughput_of(await measured(card("good"), suite(replace(ONE, level_s=0.08)), tmp_path))
    alone, *_, crowd = found.closed
    assert alone.asked >= 1
    assert crowd.asked == 0
    assert "requests take too long" in missing(crowd.requests)


async def test_an_engine_that_dies_under_load_is_a_finding(tmp_path: Path) -> None:
    answers = count(1)

    def kill(progress: Progress) -> None:
        if progress.doing != "throughput" or next(answers) % 20:
            return
        for process in psutil.Process().children(recursive=True):
            if str(CHILD) in process.cmdline() and process.ppid() != os.getpid():  # its warden is our child
                process.kill()

    ran = await measured(card("good"), suite(ONE), tmp_path, kill)
    assert ran.result.status != "failed"
    assert any("In 'throughput' The engine died" in issue for issue in ran.result.issues)
    found = throughput_of(ran)
    assert sum(level.failures.get("engine_died", 0) for level in found.closed) >= 1
    assert [level.asked for level in found.open] == [0, 0]


async def test_glimpse(tmp_path: Path) -> None:
    found = throughput_of(await measured(glimpse(), suite(ONE), tmp_path))
    for level in (*found.closed, *found.open):
        assert level.failures == {}
        assert figure(level.ttft).value < figure(level.e2e).value
    assert figure(found.best).value >= figure(found.closed[0].requests).value
    assert figure(found.best).unit == "requests/s"


async def test_a_variant_without_vision_is_not_asked() -> None:
    variant = card("good", vision=False).variant()
    assert missing(MEASURE.skip_reason(variant)) == "this variant takes no images"


def test_a_late_request_counts_from_its_scheduled_time() -> None:
    """The server made no progress for a second: the requests of that time were sent late, and answered at
    once."""
    level = open_level(0.5)
    sent = [
        Sample("r", "m", FIRST, level, "?", Exchange(start, start + 0.1, text="Red."), place=place)
        for place, start in ((1, 11.0), (0, 10.9))
    ]
    outcome = ProcessOutcome(series={f"{level} due": (10.0, 10.5), f"{level} rate": (2.0,)})
    found = MEASURE.find([ProcessLog(FIRST, sent, outcome)], TWO, card("good").variant())
    assert isinstance(found, Throughput)
    assert figure(found.open[0].e2e).value == pytest.approx((1.0 + 0.6) / 2)
    assert figure(found.open[0].arrivals).value == 2.0
