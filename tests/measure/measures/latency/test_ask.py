"""Every kind of timed request on a real engine that remembers what it was shown."""

from collections.abc import Awaitable, Callable, Sequence

import pytest

from tests.measure.suites import small
from viewfinder.measure.figures import Figure, Missing
from viewfinder.measure.measures.latency.pauses import PAUSED
from viewfinder.measure.measures.latency.result import Latency, RequestTimes
from viewfinder.measure.measures.load.result import LoadTimes
from viewfinder.measure.measures.memory.result import MemoryUse
from viewfinder.measure.results import ModelResult
from viewfinder.measure.store.rows import Sample
from viewfinder.measure.store.store import Store
from viewfinder.measure.suite import Suite

SUITE = small("tiny", processes=2, images=3, texts=2, short=2, repeats=3, paused=1)


async def test_every_kind_is_asked_what_it_is_for_and_has_its_figures(
    measure: Callable[[Suite], Awaitable[ModelResult]], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PAUSED, "paused/2", 0.3)
    result = await measure(SUITE)
    samples = store.samples(result.run, "glimpse")
    kinds = {
        name: [one for one in samples if one.scenario == name] for name in ("images", "short", "repeats")
    }
    assert [len(some) for some in kinds.values()] == [6, 4, 6]
    for name in ("images", "short"):
        of_one = [one.scene for one in kinds[name] if one.process == 1]
        assert len(set(of_one)) == len(of_one), "every image is a new one"
    assert len({(one.scene, one.question) for one in kinds["repeats"]}) == 1
    first = [one for one in samples if one.scenario == "repeats/new"]
    assert [one.process for one in first] == [1, 2], "the first time is in no figure"
    for one in kinds["repeats"]:
        assert one.exchange.timings["prompt_n"] == 1, "the engine remembers all but the last token"
    for one in (*kinds["images"], *first):
        assert one.exchange.timings["prompt_n"] > 60, "an image that it has not seen"
    assert {one.right for one in kinds["short"]} <= {True, False}
    for scenario, pause_s in PAUSED.items():
        for process in (1, 2):
            _came_after_a_pause([one for one in samples if one.process == process], scenario, pause_s)
    _has_its_figures(result)


def _came_after_a_pause(samples: Sequence[Sample], scenario: str, pause_s: float) -> None:
    (at,) = (at for at, one in enumerate(samples) if one.scenario == scenario)
    assert samples[at].exchange.started_s - samples[at - 1].exchange.finished_s >= pause_s


def _has_its_figures(result: ModelResult) -> None:
    latency, load, memory = (result.found[name] for name in ("latency", "load", "memory"))
    assert isinstance(latency, Latency)
    for kind in (latency.images, latency.short, latency.repeats, latency.texts):
        assert isinstance(kind, RequestTimes)
        for spread in (kind.ttft, kind.e2e):
            assert isinstance(spread.p50, Figure)
            assert isinstance(spread.p99, Missing)
        for spread in (kind.itl, kind.tpot):  # a busy machine hands over several pieces at once
            assert isinstance(spread.p50, Figure) or "pieces" in spread.p50.missing
        assert isinstance(kind.prefill_rate, Figure) == (kind is not latency.repeats)
    for measured in (latency.new_image, latency.first_image, latency.later_images, latency.first_slower):
        assert isinstance(measured, Figure), measured
        assert measured.value > 0
    assert [one.pause_s for one in latency.paused] == [0.2, 0.3]
    assert isinstance(latency.images, RequestTimes)
    assert isinstance(latency.short, RequestTimes)
    assert isinstance(latency.images.output_tokens, Figure)
    assert isinstance(latency.short.output_tokens, Figure)
    long, short = latency.images.output_tokens.value, latency.short.output_tokens.value
    assert long > 2 * short, "answers of a sentence and of a word"
    assert isinstance(load, LoadTimes)
    assert isinstance(load.spawned, Figure)
    assert isinstance(load.listening, Figure)
    assert 0 < load.spawned.value < load.listening.value
    assert isinstance(memory, MemoryUse)
    peak, steady = memory.phases["peak"], memory.phases["steady"]
    assert peak.footprint_bytes >= steady.footprint_bytes
    assert (peak.kernel_peak_bytes or 0) >= (memory.phases["ready"].kernel_peak_bytes or 0)
    assert list(memory.phases)[-3:] == ["steady", "peak", "unloaded"]
