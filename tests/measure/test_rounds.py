"""Where a budget goes: to the models not yet separated from the best, and not to others."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from tests.measure.store.test_store import sample
from viewfinder.client.exchange import Exchange
from viewfinder.measure import rounds
from viewfinder.measure.compare import standings
from viewfinder.measure.compare.evidence import Evidence
from viewfinder.measure.compare.standings import Standing
from viewfinder.measure.plan import PlannedProcess
from viewfinder.measure.rounds import FIRST_NUMBER
from viewfinder.measure.store.rows import Sample

SAID = Exchange(started_s=0.0, finished_s=1.0, text="Red.")


def answers(right: Sequence[bool], begin: int = 0, process: int = 0) -> list[Sample]:
    return [
        sample(scene=f"s{number}", right=hit, place=number, exchange=SAID, process=process)
        for number, hit in enumerate(right, start=begin)
    ]


def timed(*times_s: float, begin: int = 1) -> list[Sample]:
    return [
        sample(process=process, scenario="images", exchange=replace(SAID, finished_s=time_s))
        for process, time_s in enumerate(times_s, start=begin)
    ]


def next_round(
    number: int, first: int, samples: Mapping[str, Sequence[Sample]], seed: int
) -> list[PlannedProcess]:
    return rounds.next_round(number, first, {model: Evidence(some) for model, some in samples.items()}, seed)


def by_answers(asked: Mapping[str, Sequence[Sample]]) -> Standing | None:
    return standings.by_answers({model: Evidence(some) for model, some in asked.items()})


def models_of(planned: Sequence[PlannedProcess], *, questions: bool) -> set[str]:
    return {one.model for one in planned if (one.measure == "gates") == questions}


def test_questions_go_to_the_best_and_to_those_not_separated_from_it() -> None:
    given = {
        "good": answers([True] * 90 + [False] * 10),
        "also": answers([True] * 85 + [False] * 10 + [True] * 5),
        "bad": answers([True] * 40 + [False] * 60),
    }
    planned = next_round(3, 500, given, 1)
    assert models_of(planned, questions=True) == {"good", "also"}
    assert models_of(planned, questions=False) == set()
    assert {(one.number, one.measure, one.nth) for one in planned} == {(500, "gates", 3)}


def test_processes_go_to_the_fastest_and_to_those_not_separated_from_it() -> None:
    base = [1.0, 1.2, 0.8, 1.1, 0.9, 1.0, 1.05]
    given = {
        "fast": timed(*base),
        "alike": timed(*(time * by for time, by in zip(base, (1, 1.3, 0.8, 1.2, 1, 0.9, 1.1), strict=True))),
        "slow": timed(*(3 * time for time in base)),
    }
    planned = next_round(1, 500, given, 1)
    assert models_of(planned, questions=False) == {"fast", "alike"}
    assert {(one.number, one.measure) for one in planned} == {(501, "")}


def test_models_separated_or_surely_alike_need_no_more() -> None:
    rng = np.random.default_rng(1)
    many = [bool(hit) for hit in rng.random(6000) < 0.9]
    assert next_round(1, 500, {"a": answers(many), "b": answers(many)}, 1) == []
    assert next_round(1, 500, {"a": answers([True] * 60), "b": answers([False] * 60)}, 1) == []


def test_a_difference_that_the_guide_would_call_one_is_looked_at_again() -> None:
    """Looked at round after round, one in twenty comes up by chance soon."""
    given = {"a": answers([True] * 60), "b": answers([True] * 51 + [False] * 9)}
    standing = by_answers(given)
    assert standing is not None
    assert 0.001 < standing.places[1].p < 0.05
    assert standing.places[1].verdict == "worse"
    assert models_of(next_round(1, 500, given, 1), questions=True) == {"a", "b"}


def test_one_model_alone_has_no_other_to_be_separated_from() -> None:
    assert next_round(1, 500, {"a": answers([True] * 9) + timed(1.0, 1.1)}, 1) == []
    assert next_round(1, 500, {}, 1) == []


def test_rounds_are_the_same_from_the_same_samples_and_seed() -> None:
    given = {name: answers([True, False] * 20) for name in "abcdef"}
    assert next_round(2, 500, given, 7) == next_round(2, 500, given, 7)
    orders = {tuple(one.model for one in next_round(2, 500, given, seed)) for seed in range(9)}
    assert len(orders) > 1, "which comes first is chance"


def test_a_model_that_was_left_behind_does_not_spoil_what_the_others_have_more() -> None:
    """Each pair is compared by what both were asked: 200 questions of a and b, 20 of c."""
    given = {
        "a": answers([True] * 190 + [False] * 10),
        "b": answers([True] * 150 + [False] * 50),
        "c": answers([False] * 20),
    }
    standing = by_answers(given)
    assert standing is not None
    assert [place.model for place in standing.places] == ["a", "b", "c"]
    assert [place.contrast.n for place in standing.places if place.contrast] == [200, 20]
    assert next_round(1, 500, given, 1) == []


@pytest.mark.parametrize("models", [2, 3])
def test_equal_models_looked_at_often_are_hardly_ever_called_worse(models: int) -> None:
    """Questions in rounds of 24 while the rule asks for more, judged at the end at 5 %."""
    rng = np.random.default_rng(models)
    wrong, runs = 0, 60
    for _ in range(runs):
        given: dict[str, list[Sample]] = {str(model): [] for model in range(models)}
        for number in range(10):
            for some in given.values():
                some.extend(answers([bool(hit) for hit in rng.random(24) < 0.8], begin=24 * number))
            if not next_round(number + 1, FIRST_NUMBER, given, 1):
                break
        standing = by_answers(given)
        assert standing is not None
        wrong += any(place.verdict == "worse" for place in standing.places)
    assert wrong / runs <= 0.05 + 0.05
