"""Memory in the guide: phases in their order, graphics cards where their driver reports them."""

from tests.measure.measures.shown import shown_lines
from viewfinder.measure.figures import Memory, Missing, Phase
from viewfinder.measure.measures.memory.page import section
from viewfinder.measure.measures.memory.result import MemoryUse


def reading(megabytes: int, **more: object) -> Memory:
    size = megabytes * 1_000_000
    held = Memory(
        footprint_bytes=size,
        anonymous_bytes=size - 7_000_000,
        swap_bytes=0,
        mapped_bytes=7_000_000,
        pss_bytes=size + 1_500_000,
    )
    return held.model_copy(update=more)


def table(phases: dict[Phase, Memory]) -> list[list[str]]:
    use = MemoryUse(difference=Missing(missing="no test is about it"), phases=phases)
    [found] = section(use)
    return [list(found.header), *shown_lines(found)]


def test_phases_come_in_their_order() -> None:
    rows = table({"steady": reading(71), "spawned": reading(40)})
    assert rows[1] == ["spawned", "40.0", "33.0", "0.0", "7.0", "41.5", "—"]
    assert rows[2][0] == "steady"
    reported = reading(71, kernel_peak_bytes=80_000_000, shared=True)
    assert table({"steady": reported})[1][5:] == ["72.5 (shared)", "80.0"]


def test_graphics_cards_have_a_column_where_they_are_reported() -> None:
    header, spawned, steady = table(
        {"spawned": reading(40), "steady": reading(71, graphics_bytes=512_000_000)}
    )
    assert (header[-1], spawned[-1], steady[-1]) == ("Graphics cards (MB)", "—", "512.0")


def test_without_phases_there_is_no_table() -> None:
    assert section(MemoryUse(difference=Missing(missing="it died"))) == []
