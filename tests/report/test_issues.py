"""Known issues: what a run saw, and what it could not measure."""

from typing import Any

from viewfinder.measure.figures import Missing
from viewfinder.report.issues import gaps, known_issues, upstream_issues


def test_a_clean_model_has_none(make: Any) -> None:
    assert known_issues([make.result()]) == []


def test_everything_seen_is_listed_gravest_first(make: Any) -> None:
    result = make.result(
        text=make.gate(3, 40),
        contaminated="another fleet worked",
        issues=("1 of 40 image requests failed.",),
    )
    seen, missed = known_issues([result])
    assert (seen.about, seen.text) == ("glimpse (llama.cpp-f16)", "1 of 40 image requests failed")
    assert missed.text.startswith("text gate not passed with 3 of 40 right, 7.5 %")


def test_what_was_not_measured_is_told_once_a_reason(make: Any) -> None:
    gone = Missing(missing="no access.")
    result = make.result(memory_difference=gone, average_inference=gone, follow_up=gone)
    found = {gap.text: gap.about for gap in gaps(result)}
    assert found["no access"].split(", ")[0] == "follow-up turns"
    assert {"average inference", "memory difference"} <= set(found["no access"].split(", "))
    assert gaps(make.result(status="failed", failure="it died", average_inference=gone)) == []


def test_a_failure_stands_for_all_that_it_left_unmeasured(make: Any) -> None:
    result = make.result(status="failed", failure="it died", average_inference=Missing(missing="it died"))
    assert [(one.about, one.text) for one in known_issues([result])] == [
        ("glimpse (llama.cpp-f16)", "it failed: it died")
    ]


def test_what_the_engines_own_developers_know_is_listed_once_an_engine(make: Any) -> None:
    version = "2026.10.11549"
    results = [make.result(model, engine_version=version) for model in ("glimpse", "smolvlm-500m")]
    listed = upstream_issues(results)
    assert {one.about for one in listed} == {f"llama.cpp {version}"}
    assert len(listed) == len({one.text for one in listed})
    (cache,) = (one.text for one in listed if "25740" in one.text)
    assert "Cannot happen here: Viewfinder turns that cache off" in cache


def test_an_issue_of_one_model_is_not_listed_for_another(make: Any) -> None:
    def codes(model: str) -> str:
        result = make.result(model, engine="mlx", engine_version="0.4.0")
        return " ".join(one.text for one in upstream_issues([result]))

    assert "second image" in codes("llava-1.6-mistral-7b")
    assert "second image" not in codes("smolvlm-500m")


def test_an_engine_that_never_started_has_no_version_to_know_anything_of(make: Any) -> None:
    assert upstream_issues([make.result(engine_version="")]) == []
