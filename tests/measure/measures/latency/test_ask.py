"""The timed cells on a real engine that remembers what it was shown."""

from viewfinder.measure.figures import Figure, Missing
from viewfinder.measure.measures.latency.find import IN_BURSTS
from viewfinder.measure.measures.latency.result import Cell, Latency
from viewfinder.measure.results import ModelResult
from viewfinder.measure.store.store import Store
from viewfinder.measure.suite import Suite

from .conftest import Measure

SUITE = Suite(
    "tiny", processes=2, images=3, texts=2, vision=1, text=1, follow_up=1, budget_s=60.0, short=2, repeats=3
)


async def test_every_cell_is_asked_what_it_is_for_and_has_its_figures(measure: Measure, store: Store) -> None:
    result = await measure(SUITE)
    asked = store.samples(result.run, "glimpse")
    cells = {name: [one for one in asked if one.scenario == name] for name in ("images", "short", "repeats")}
    assert [len(some) for some in cells.values()] == [6, 4, 6]
    for name in ("images", "short"):
        of_one = [one.scene for one in cells[name] if one.process == 1]
        assert len(set(of_one)) == len(of_one), "every image is a new one"
    assert len({(one.scene, one.question) for one in cells["repeats"]}) == 1
    first = [one for one in asked if one.scenario == "repeats/new"]
    assert [one.process for one in first] == [1, 2], "the first time is in no figure"
    for one in cells["repeats"]:
        assert one.exchange.timings["prompt_n"] == 1, "the engine remembers all but the last token"
    for one in (*cells["images"], *first):
        assert one.exchange.timings["prompt_n"] > 60, "an image that it has not seen"
    assert {one.right for one in cells["short"]} <= {True, False}
    _has_its_figures(result)


def _has_its_figures(result: ModelResult) -> None:
    latency = result.latency
    assert isinstance(latency, Latency)
    for cell in (latency.images, latency.short, latency.repeats, latency.texts):
        assert isinstance(cell, Cell)
        for spread in (cell.ttft, cell.e2e):
            assert isinstance(spread.p50, Figure)
            assert isinstance(spread.p99, Missing)
        for spread in (cell.itl, cell.tpot):  # a busy machine hands over several pieces at once
            assert isinstance(spread.p50, Figure) or spread.p50 == IN_BURSTS
        assert isinstance(cell.prefill_rate, Figure) == (cell is not latency.repeats)
    for measured in (latency.new_image, latency.first_image, latency.later_images, latency.first_slower):
        assert isinstance(measured, Figure), measured
        assert measured.value > 0
    assert isinstance(latency.images, Cell)
    assert isinstance(latency.short, Cell)
    assert isinstance(latency.images.output_tokens, Figure)
    assert isinstance(latency.short.output_tokens, Figure)
    long, short = latency.images.output_tokens.value, latency.short.output_tokens.value
    assert long > 2 * short, "answers of a sentence and of a word"
    assert isinstance(result.load.spawned, Figure)
    assert isinstance(result.load.listening, Figure)
    assert 0 < result.load.spawned.value < result.load.listening.value
    peak, steady = result.memory["peak"], result.memory["steady"]
    assert peak.footprint_bytes >= steady.footprint_bytes
    assert (peak.kernel_peak_bytes or 0) >= (result.memory["ready"].kernel_peak_bytes or 0)
    assert list(result.memory)[-3:] == ["steady", "peak", "unloaded"]
