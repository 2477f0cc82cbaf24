"""Known issues: what a run saw, and what it could not measure."""

from typing import Any

from viewfinder.bench.results import Missing
from viewfinder.guide.issues import known_issues


def test_a_clean_model_has_none(make: Any) -> None:
    assert known_issues([make.result()]) == []


def test_everything_seen_is_listed_gravest_first(make: Any) -> None:
    result = make.result(
        text=make.gate(3, 40),
        contaminated="another fleet worked",
        issues=("1 of 40 image requests failed",),
        memory_difference=Missing(missing="no access"),
        average_inference=Missing(missing="no access"),
    )
    ((label, issues),) = known_issues([result])
    assert label == "glimpse (llama.cpp-f16)"
    assert issues[0] == "1 of 40 image requests failed"
    assert issues[1].startswith("text gate not passed with 3 of 40 right, 7.5 %")
    assert issues[2:] == (
        "its timings were disturbed: another fleet worked",
        "not measured (no access): average inference, memory difference",
    )


def test_a_failure_stands_for_all_that_it_left_unmeasured(make: Any) -> None:
    result = make.result(status="failed", failure="it died", average_inference=Missing(missing="it died"))
    assert known_issues([result]) == [("glimpse (llama.cpp-f16)", ("it failed: it died",))]
