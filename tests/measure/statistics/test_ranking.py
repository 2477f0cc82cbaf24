"""Which models are not worse than the best, and how the guide says it."""

import numpy as np
import pytest

from viewfinder.measure.statistics.intervals import TooFew
from viewfinder.measure.statistics.pairs import GradedAnswers
from viewfinder.measure.statistics.ranking import (
    explain,
    rank_by_answers,
    rank_by_times,
)


def answers(right: set[int], asked: int) -> GradedAnswers:
    return {(f"s{number}", "q"): number in right for number in range(asked)}


def verdicts(**models: GradedAnswers) -> dict[str, str]:
    return {place.model: place.verdict for place in rank_by_answers(models)}


def test_three_models_one_worse() -> None:
    good, same, bad = set(range(950)), {*range(949), 951}, set(range(700))
    assert verdicts(bad=answers(bad, 1000), good=answers(good, 1000), same=answers(same, 1000)) == {
        "good": "best",
        "same": "tied",
        "bad": "worse",
    }


def test_few_questions_leave_it_open_and_say_how_many_more() -> None:
    found = rank_by_answers({"a": answers(set(range(18)), 20), "b": answers(set(range(3, 19)), 20)})
    assert [place.verdict for place in found] == ["best", "not separated"]
    assert explain(found[1]).startswith("not separated: needs about ")
    assert found[1].more > 20
    assert found[1].is_among_the_best


def test_as_many_more_questions_as_named_would_do() -> None:
    """The advice is followed with models whose truth is what was seen: it separates in 4 of 5 cases."""
    rng = np.random.default_rng(4)
    first = rank_by_answers(
        {"a": answers({*range(85)}, 100), "b": answers({*range(60), *range(80, 98)}, 100)}
    )[1]
    assert first.contrast is not None
    assert first.verdict == "not separated"
    n = 100 + first.more
    wins, losses = 0.20, 0.13
    separated = 0
    for _ in range(200):
        draw = rng.random(n)
        one = {(f"s{number}", "q"): bool(x >= losses) for number, x in enumerate(draw)}
        other = {(f"s{number}", "q"): not bool(losses <= x < losses + wins) for number, x in enumerate(draw)}
        separated += rank_by_answers({"one": one, "other": other})[1].verdict == "worse"
    assert separated / 200 > 0.7


def test_two_exactly_alike_are_open_until_there_are_enough() -> None:
    assert verdicts(a=answers({1, 2}, 30), b=answers({1, 2}, 30)) == {"a": "best", "b": "not separated"}
    many = set(range(900))
    assert verdicts(a=answers(many, 1000), b=answers(many, 1000)) == {"a": "best", "b": "tied"}


def test_equal_models_are_hardly_ever_called_worse() -> None:
    """Six equal models, the best of them picked by chance: any of them called worse in 5 % at most."""
    rng = np.random.default_rng(7)
    wrong = 0
    for _ in range(120):
        ease = rng.normal(0.8, 0.7, 100)
        models = {
            str(model): {
                (f"s{number}", "q"): bool(hit) for number, hit in enumerate(rng.normal(0, 1, 100) < ease)
            }
            for model in range(6)
        }
        wrong += any(place.verdict == "worse" for place in rank_by_answers(models))
    assert wrong / 120 <= 0.05 + 0.03


def test_times() -> None:
    rng = np.random.default_rng(2)
    base = np.exp(rng.normal(0, 0.05, 11))
    times = {
        "slow": 1.3 * base * np.exp(rng.normal(0, 0.02, 11)),
        "fast": base * np.exp(rng.normal(0, 0.01, 11)),
        "alike": 1.005 * base * np.exp(rng.normal(0, 0.01, 11)),
    }
    places = rank_by_times({model: dict(enumerate(some.tolist())) for model, some in times.items()})
    assert [place.verdict for place in places] == ["best", "tied", "worse"]
    few = rank_by_times({"a": {1: 1.0, 2: 1.2, 3: 0.9}, "b": {1: 1.02, 2: 1.1, 3: 1.0}})
    assert explain(few[1], "processes").endswith("more processes")


def test_models_are_compared_by_the_processes_that_both_have() -> None:
    """What slowed both down at one time is subtracted; processes that only two have count for these."""
    base = {number: 1.0 + 0.2 * (number % 5) for number in range(12)}
    places = rank_by_times(
        {
            "slow": {
                number: (1.5 + 0.01 * (number % 3)) * time for number, time in base.items() if number < 6
            },
            "alike": {number: (1.001 + 0.001 * (number % 2)) * time for number, time in base.items()},
            "fast": base,
        }
    )
    assert [(place.model, place.verdict) for place in places] == [
        ("fast", "best"),
        ("alike", "tied"),
        ("slow", "worse"),
    ]
    assert [place.contrast.n for place in places if place.contrast] == [12, 6]
    with pytest.raises(TooFew):
        rank_by_times({"a": {1: 1.0, 2: 1.1}, "b": {2: 1.0, 3: 1.1}})


def test_edges() -> None:
    assert rank_by_answers({}) == []
    assert [place.verdict for place in rank_by_answers({"a": answers({1}, 3)})] == ["best"]
    with pytest.raises(TooFew):
        rank_by_answers({"a": {("s", "q"): True}, "b": {("t", "q"): True}})
