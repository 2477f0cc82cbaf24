"""The order of a run: random, the same for the same seed, and balanced."""

from collections import Counter
from itertools import pairwise

import pytest

from viewfinder.measure.plan import GATES, PlannedProcess, plan

CELLS = ("images", "texts")


def blocks(turns: list[PlannedProcess]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for turn in turns:
        found.setdefault(turn.block, []).append(turn.model)
    return found


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 8])
def test_every_block_has_every_model_once_and_blocks_come_in_order(count: int) -> None:
    models = [f"m{number}" for number in range(count)]
    turns = plan(models, CELLS, 11, seed=1)
    assert [turn.block for turn in turns] == sorted(turn.block for turn in turns)
    assert all(sorted(row) == models for row in blocks(turns).values())
    assert sorted(blocks(turns)) == list(range(12))
    assert all(sorted(turn.cells) == sorted(CELLS) for turn in turns if turn.block != GATES)
    assert all(turn.cells == () for turn in turns if turn.block == GATES)


@pytest.mark.parametrize(("count", "cycle"), [(2, 2), (3, 6), (4, 4), (5, 10), (6, 6)])
def test_a_whole_cycle_is_balanced(count: int, cycle: int) -> None:
    models = [f"m{number}" for number in range(count)]
    for seed in range(20):
        rows = [row for block, row in blocks(plan(models, CELLS, cycle, seed)).items() if block != GATES]
        places = Counter((model, place) for row in rows for place, model in enumerate(row))
        assert set(places.values()) == {cycle // count}
        after = Counter(pair for row in rows for pair in pairwise(row))
        assert len(after) == count * (count - 1)
        assert len(set(after.values())) == 1


def test_the_seed_decides() -> None:
    models = list("abcd")
    assert plan(models, CELLS, 9, seed=4) == plan(models, CELLS, 9, seed=4)
    assert len({tuple(plan(models, CELLS, 9, seed=seed)) for seed in range(30)}) == 30
    firsts = Counter(plan(models, CELLS, 1, seed=seed)[4].model for seed in range(400))
    assert min(firsts.values()) > 60, "every model is first about as often"
    cells = Counter(turn.cells for turn in plan(models, CELLS, 50, seed=3) if turn.cells)
    assert min(cells.values()) > 60, "and every cell"


def test_stages_come_last_and_give_every_model_so_many_processes() -> None:
    turns = plan(["a", "b"], CELLS, 3, seed=1, stages=[("soak", 1), ("stability", 2)])
    last = turns[2 + 3 * 2 :]
    assert [(turn.block, turn.stage, turn.part) for turn in last[::2]] == [
        (4, "soak", 0),
        (5, "stability", 0),
        (6, "stability", 1),
    ]
    assert all(
        {one.model, other.model} == {"a", "b"} for one, other in zip(last[::2], last[1::2], strict=True)
    )
    assert not any(turn.stage for turn in turns[: 2 + 3 * 2])


def test_edges() -> None:
    assert plan([], CELLS, 5, seed=0) == []
    assert plan(["a"], CELLS, 0, seed=0) == [PlannedProcess(GATES, "a")]
    with pytest.raises(ValueError, match="only once"):
        plan(["a", "a"], CELLS, 1, seed=0)
