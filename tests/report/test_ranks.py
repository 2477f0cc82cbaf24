"""Which models share a rank: by tests where there are samples, by intervals where there are none."""

import math
from typing import Any

from tests.measure.made_up import evidence
from viewfinder.catalog.published import published
from viewfinder.measure.compare.standings import Standing
from viewfinder.measure.figures import Missing
from viewfinder.measure.results import ModelResult
from viewfinder.measure.statistics.contrasts import Contrast
from viewfinder.measure.statistics.ranking import Ranking
from viewfinder.report.document import make_guide
from viewfinder.report.facts import key
from viewfinder.report.ranks import Known, lines, ranked

BASE = [1.0, 1.1, 0.9, 1.05, 0.95, 1.2, 1.0]


def timed(make: Any, factors: dict[str, float]) -> tuple[list[ModelResult], Known]:
    """Models that took turns, each slower than the first by its factor; their printed intervals overlap."""
    results = [
        make.result(name, average_inference=make.figure(factor, 0.5)) for name, factor in factors.items()
    ]
    known = {
        key(result): evidence([factor * time for time in BASE], run="run-2")
        for result, factor in zip(results, factors.values(), strict=True)
    }
    return results, known


def test_models_that_took_turns_are_told_apart_where_their_intervals_overlap(make: Any) -> None:
    results, known = timed(make, {"slow": 1.2, "quick": 1.0, "close": 1.01})
    by_tests = ranked(results, "average inference", known)
    assert [(place.result.model, place.rank, place.said) for place in by_tests] == [
        ("quick", 1, ""),
        ("close", 1, "tied within the margin"),
        ("slow", 3, ""),
    ]
    assert {place.rank for place in ranked(results, "average inference")} == {1}


def test_one_without_samples_leaves_all_to_their_intervals(make: Any) -> None:
    results, known = timed(make, {"slow": 1.2, "quick": 1.0})
    (first, *_) = known
    assert {place.rank for place in ranked(results, "average inference", {first: known[first]})} == {1}


def test_answers_to_the_same_questions(make: Any) -> None:
    shares = {"good": 95, "near": 94, "bad": 60}
    results = [make.result(name, vision=make.gate(right, 100)) for name, right in shares.items()]
    known = {
        key(result): evidence(BASE, [number < right for number in range(100)], run="run-2")
        for result, right in zip(results, shares.values(), strict=True)
    }
    places = ranked(results, "right image answers", known)
    assert [(place.result.model, place.rank) for place in places] == [("good", 1), ("near", 1), ("bad", 3)]
    assert places[1].said.startswith("not separated: needs about ")
    assert places[1].said.endswith(" more questions")


def test_a_model_without_the_figure_has_no_rank(make: Any) -> None:
    gone = make.result("gone", average_inference=Missing(missing="it died"))
    assert [place.result.model for place in ranked([gone, make.result()], "average inference")] == ["glimpse"]
    assert ranked([gone], "average inference") == []


SHARES = Contrast(0.05, -0.012, 0.112, 0.0, 0.1, 0.09, 200, 0.4)
TIMES = Contrast(-math.log(1.5), -math.log(1.6), -math.log(1.4), -0.46, -0.35, 1e-6, 7, 0.1)
OPEN = Standing(
    "right image answers",
    "2 points",
    "questions",
    False,
    (Ranking("a", "best"), Ranking("b", "not separated", SHARES, 0.2, 1234)),
)
CLEAR = Standing("time", "5 %", "processes", True, (Ranking("a", "best"), Ranking("b", "worse", TIMES, 1e-6)))


def test_verdicts_and_differences() -> None:
    assert lines(OPEN) == [
        ("a", "best"),
        (
            "b",
            "not separated: needs about 1,234 more questions "
            "(5.0 points below the best, -1.2 to 11.2, n=200)",
        ),
    ]
    assert lines(CLEAR)[1] == ("b", "worse (1.50 times the best one's, 1.40 to 1.60)")


def test_the_guide_has_them(make: Any) -> None:
    shares, times = make_guide([make.result()], published(), standings=[OPEN, CLEAR]).rankings
    assert shares.intro.startswith("By right image answers. Tied models surely differ from the best by less")
    assert shares.lines[1].about == "b"
    assert shares.lines[1].text.startswith("not separated: needs about 1,234 more questions")
    assert times.lines[1].text.startswith("worse")
    assert make_guide([make.result()], published()).rankings == ()
