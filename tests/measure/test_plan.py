"""The order of a run: random, the same for the same seed, and balanced."""

from collections import Counter
from itertools import pairwise

import pytest

from viewfinder.measure.plan import FIRST_PROCESS, PlannedProcess, plan


def rounds(planned: list[PlannedProcess]) -> dict[int, list[str]]:
    """The models of each number, in their order."""
    found: dict[int, list[str]] = {}
    for one in planned:
        found.setdefault(one.number, []).append(one.model)
    return found


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 8])
def test_every_round_has_every_model_once_and_rounds_come_in_order(count: int) -> None:
    models = [f"m{number}" for number in range(count)]
    planned = plan(models, 11, 1, "gates")
    assert [one.number for one in planned] == sorted(one.number for one in planned)
    assert all(sorted(row) == models for row in rounds(planned).values())
    assert sorted(rounds(planned)) == list(range(12))
    assert all(one.measure == ("" if one.number else "gates") for one in planned)


@pytest.mark.parametrize(("count", "cycle"), [(2, 2), (3, 6), (4, 4), (5, 10), (6, 6)])
def test_a_whole_cycle_is_balanced(count: int, cycle: int) -> None:
    models = [f"m{number}" for number in range(count)]
    for seed in range(20):
        rows = [
            row
            for number, row in rounds(plan(models, cycle, seed, "gates")).items()
            if number != FIRST_PROCESS
        ]
        places = Counter((model, place) for row in rows for place, model in enumerate(row))
        assert set(places.values()) == {cycle // count}
        after = Counter(pair for row in rows for pair in pairwise(row))
        assert len(after) == count * (count - 1)
        assert len(set(after.values())) == 1


def test_the_seed_decides() -> None:
    models = list("abcd")
    assert plan(models, 9, 4) == plan(models, 9, 4)
    assert len({tuple(plan(models, 9, seed)) for seed in range(30)}) == 30
    firsts = Counter(plan(models, 1, seed, "gates")[4].model for seed in range(400))
    assert min(firsts.values()) > 60, "every model is first about as often"


def test_own_processes_come_last_for_every_model() -> None:
    planned = plan(["a", "b"], 3, 1, "gates", [("soak", 1), ("stability", 2)])
    last = planned[2 + 3 * 2 :]
    assert [(one.number, one.measure, one.nth) for one in last[::2]] == [
        (4, "soak", 0),
        (5, "stability", 0),
        (6, "stability", 1),
    ]
    assert all(
        {one.model, other.model} == {"a", "b"} for one, other in zip(last[::2], last[1::2], strict=True)
    )
    assert not any(one.measure for one in planned[2 : 2 + 3 * 2])


def test_edges() -> None:
    assert plan([], 5, 0, "gates") == []
    assert plan(["a"], 0, 0, "gates") == [PlannedProcess(FIRST_PROCESS, "a", "gates")]
    assert plan(["a"], 1, 0) == [PlannedProcess(FIRST_PROCESS + 1, "a")], "a suite without gates"
    with pytest.raises(ValueError, match="only once"):
        plan(["a", "a"], 1, 0)


def test_early_measures_come_before_everything_under_the_same_numbers() -> None:
    """So a run that is resumed under another limit would find the processes that it had."""
    apart = [("soak", 1), ("own_images", 1)]
    late, early = (plan(["a", "b"], 3, 1, "gates", apart, some) for some in ((), ("own_images",)))
    assert [one.measure for one in early[:4]] == ["own_images", "own_images", "gates", "gates"]
    assert sorted(map(repr, early)) == sorted(map(repr, late))
    assert [one for one in early if one.measure != "own_images"] == [
        one for one in late if one.measure != "own_images"
    ]
