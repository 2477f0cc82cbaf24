"""From memory readings of planted processes to the memory difference."""

from collections.abc import Sequence

from tests.measure.measures.resolution.test_find import HEADER
from viewfinder.catalog.card import Variant
from viewfinder.fleet.record.measured_costs import StoredCosts
from viewfinder.measure.figures import Figure, Measured, Memory, Missing, Phase
from viewfinder.measure.measures.memory import MEASURE
from viewfinder.measure.measures.memory.result import MemoryUse
from viewfinder.measure.process_log import ProcessLog
from viewfinder.measure.store.rows import ProcessOutcome


def memory(footprint_bytes: int) -> Memory:
    return Memory(
        footprint_bytes=footprint_bytes,
        anonymous_bytes=footprint_bytes,
        swap_bytes=0,
        mapped_bytes=0,
        pss_bytes=footprint_bytes,
    )


def process(spawned: int, steady: int) -> dict[Phase, Memory]:
    return {"spawned": memory(spawned), "steady": memory(steady)}


def find(readings: Sequence[dict[Phase, Memory]]) -> MemoryUse:
    """The result of processes with these readings."""
    logs = [ProcessLog(number, [], ProcessOutcome(memory=one)) for number, one in enumerate(readings)]
    variant = Variant(name="v", engine="e", repo="r", vision=True, text=True)
    found = MEASURE.find(logs, MEASURE.counts["standard"], variant)
    assert isinstance(found, MemoryUse), found
    return found


def figure(measured: Measured) -> Figure:
    assert isinstance(measured, Figure), measured
    return measured


def reason(measured: Measured) -> str:
    assert isinstance(measured, Missing), measured
    return measured.missing


def test_memory_difference_is_of_the_same_tree_and_never_clamped() -> None:
    found = find([process(spawned, 100) for spawned in (50, 40, 130, 60, 20, 70, 30)])
    difference = figure(found.difference)
    assert (difference.value, difference.low, difference.high) == (50, -30, 80)
    assert difference.unit == "bytes"
    assert difference.how.endswith("; in 1 of them it was negative")
    assert found.phases["steady"].footprint_bytes - found.phases["spawned"].footprint_bytes == 50


def test_a_negative_memory_difference_is_invalid_and_says_why() -> None:
    found = find([process(spawned * 10**6, 100 * 10**6) for spawned in (50, 140, 130, 160)])
    assert "invalid: in 3 of 4 processes" in reason(found.difference)
    assert "anonymous memory shrank by 40.0 MB" in reason(found.difference)
    assert set(found.phases) == {"spawned", "steady"}, "the readings stay to be seen"


def test_weights_that_others_map_are_reported() -> None:
    shared = memory(110).model_copy(update={"shared": True})
    found = find([{"spawned": memory(10), "steady": shared}] * 6)
    assert figure(found.difference).how.endswith("; another process mapped the model's files too")


def test_memory_without_a_steady_state_is_missing() -> None:
    found = find([{"spawned": memory(1)}])
    assert reason(found.difference)
    assert found.phases == {}


def test_the_most_that_it_held_is_in_a_file_for_estimates() -> None:
    found = find([process(0, steady) for steady in (100, 110, 90)])
    [(path, content)] = MEASURE.files(found, HEADER).items()
    assert path == "costs/m/v/memory.json"
    [(name, peak)] = StoredCosts.model_validate_json(content).costs.items()
    assert (name, peak.value, peak.low, peak.high, peak.n) == ("peak_bytes", 100, 90, 110, 3)
    assert MEASURE.files(find([process(200, 100)] * 3), HEADER) == {}, "what is no figure is no cost"
