"""Recommendations: only for passed gates, shared where intervals overlap, with measured reasons."""

import re
from typing import Any

import pytest

from tests.measure.made_up import evidence
from viewfinder.measure.figures import Figure, Missing
from viewfinder.measure.results import ModelResult
from viewfinder.report.advice import Advice, advise, production_ready, summary, why_avoid
from viewfinder.report.answer import answer
from viewfinder.report.conditions import time_to_decide, undecided
from viewfinder.report.facts import key
from viewfinder.report.ranks import ranked

USES = ["Production ready", "Best overall", "Best context", "Best vision-only", "Balanced"]


def by_use(results: list[ModelResult]) -> dict[str, Advice]:
    return {advice.use: advice for advice in advise(results)}


def named(results: list[ModelResult], use: str) -> list[str]:
    return [pick.label.split(" ")[0] for pick in by_use(results)[use].picks]


def test_the_uses_come_in_the_guides_order(make: Any) -> None:
    expected = [*USES, "Avoid for production"]
    assert [advice.use for advice in advise([make.result()])] == expected
    assert [advice.use for advice in advise([])] == expected


def test_a_good_model_is_recommended_with_its_figures(make: Any) -> None:
    uses = by_use([make.result()])
    assert uses["Production ready"].sentence == "glimpse (llama.cpp-f16): 97 % right, 0.32 s, 0.031 GB"
    assert uses["Best overall"].picks[0].reason == "97 % right, 0.32 s, 0.031 GB"
    assert uses["Best context"].picks[0].reason == "93.3 % (78.7 to 98.2) of follow-ups right"
    assert uses["Balanced"].picks[0].reason == "0.32 s (rank 1), 0.91 s (rank 1), 0.031 GB (rank 1)"
    assert uses["Best vision-only"].sentence == "no measured model is vision-only"
    assert uses["Avoid for production"].sentence == "none failed, showed an issue or missed a gate"


def test_nothing_measured_is_said(make: Any) -> None:
    for advice in advise([]):
        assert advice.picks == ()
        assert "nothing has been measured" in advice.none


@pytest.mark.parametrize(
    ("spoiled", "uses", "why"),
    [
        ("vision", USES, "vision gate not passed with 12 of 60 right"),
        (
            "text",
            ["Production ready", "Best overall", "Balanced"],
            "text gate not passed with 12 of 60 right",
        ),
        ("follow_up", ["Best context"], "follow-up gate not passed with 12 of 60 right"),
    ],
)
def test_no_recommendation_without_the_gate(make: Any, spoiled: str, uses: list[str], why: str) -> None:
    results = [make.result(**{spoiled: make.gate(12, 60)})]
    for use in uses:
        assert by_use(results)[use].picks == ()
        assert why in by_use(results)[use].none or use == "Best vision-only"


@pytest.mark.parametrize("gate", ["vision", "text", "follow_up"])
def test_a_gate_that_was_not_measured_recommends_nothing(make: Any, gate: str) -> None:
    results = [make.result(**{gate: Missing(missing="the server gave up")})]
    use = "Best context" if gate == "follow_up" else "Best overall"
    assert by_use(results)[use].picks == ()
    assert "gate not measured: the server gave up" in by_use(results)[use].none


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"status": "failed", "failure": "the engine died"}, "it failed: the engine died"),
        ({"status": "failed"}, "it failed"),
        ({"status": "unverified"}, "could not be verified"),
        ({"status": "broken"}, "could not be verified"),
        ({"status": "provisional"}, "too little is known yet"),
        ({"status": "avoid"}, "one to avoid"),
    ],
)
def test_an_unsound_result_is_recommended_for_nothing(make: Any, changed: dict[str, str], why: str) -> None:
    results = [make.result(**changed)]
    for use in USES:
        assert by_use(results)[use].picks == ()
        assert why in by_use(results)[use].none


def test_disturbed_timings_carry_a_mark_and_take_nothing_from_the_rest(make: Any) -> None:
    result = make.result(contaminated="others used 40 % of the processors.")
    for use in ("Production ready", "Best overall", "Balanced"):
        assert named([result], use) == ["glimpse"]
        (pick,) = by_use([result])[use].picks
        assert "0.32 s (disturbed)" in pick.reason or use == "Balanced"
    assert summary(result) == "97 % right, 0.32 s (disturbed), 0.031 GB"


def test_a_disturbed_timing_does_not_decide_between_two_equals(make: Any) -> None:
    slow = make.result("slow", average_inference=make.figure(9.0, 0.1, "s"), contaminated="others worked")
    quick = make.result("quick")
    assert named([slow, quick], "Best overall") == ["slow", "quick"]
    quiet = slow.model_copy(update={"contaminated": ""})
    assert named([quiet, quick], "Best overall") == ["quick"]
    assert answer([slow, quick]).text == (
        "For pictures and text on this computer use slow (llama.cpp-f16) or quick (llama.cpp-f16), which do "
        "not surely differ: 97 % right, 9 s (disturbed), 0.031 GB; 97 % right, 0.32 s, 0.031 GB"
    )


def test_a_gate_that_was_not_reached_is_unknown(make: Any) -> None:
    """`bench --budget 10s` once called such a model text-only."""
    gone = Missing(missing="the budget was spent before it")
    results = [make.result(vision=gone, follow_up=gone, status="incomplete")]
    for use in USES:
        assert by_use(results)[use].picks == ()
        assert "a gate was not reached" in by_use(results)[use].none


def test_none_right_is_never_the_best(make: Any) -> None:
    results = [make.result(name, follow_up=make.gate(0, 30, passed=True)) for name in ("a", "b")]
    assert by_use(results)["Best context"].picks == ()


UNMET = ("vision gate passed", "not production ready: memory over many requests was not measured")


def test_a_quick_run_says_what_would_decide(make: Any) -> None:
    result = make.result(suite="quick", status_reasons=UNMET)
    ready = by_use([result])["Production ready"]
    assert re.fullmatch(
        r"not known yet: glimpse \(llama\.cpp-f16\) is verified; about \d+ more minutes? decide", ready.none
    )
    assert ready.command == "viewfinder bench glimpse --suite standard --variant llama.cpp-f16"
    assert not undecided(make.result(suite="standard", status_reasons=UNMET))
    assert not undecided(result.model_copy(update={"issues": ("it mixed up images",)}))
    assert not undecided(result.model_copy(update={"status": "production ready"}))


def test_the_time_that_decides_is_said_in_hours_when_it_is_long(make: Any) -> None:
    fast, slow = (make.result(average_inference=make.figure(s, 0.1 * s)) for s in (0.05, 5.0))
    assert re.fullmatch(r"[4-9] more minutes", time_to_decide([fast])), "it takes about 7 min with 0.04 s"
    assert re.fullmatch(r"[2-9] more hours", time_to_decide([slow]))
    assert time_to_decide([fast] * 30).endswith("hours")


def test_one_command_decides_about_several(make: Any) -> None:
    results = [make.result(name, suite="quick", status_reasons=UNMET) for name in ("a", "b")]
    ready = by_use(results)["Production ready"]
    assert ready.none.startswith("not known yet: a (llama.cpp-f16), b (llama.cpp-f16) are verified; about")
    assert ready.command == (
        "viewfinder bench a b --suite standard --variant a=llama.cpp-f16 --variant b=llama.cpp-f16"
    )


@pytest.mark.parametrize("field", ["average_inference", "memory_difference", "load"])
def test_production_needs_every_figure(make: Any, field: str) -> None:
    gone = Missing(missing="too few starts")
    result = make.result(**{field: make.load(gone) if field == "load" else gone})
    assert production_ready([result]) == []
    assert "not measured: too few starts" in by_use([result])["Production ready"].none
    assert by_use([result])["Balanced"].picks == ()


def test_production_needs_a_model_without_issues(make: Any) -> None:
    results = [make.result(issues=("2 of 40 image requests failed",))]
    assert production_ready(results) == []
    assert "2 of 40 image requests failed" in by_use(results)["Production ready"].none
    assert named(results, "Avoid for production") == ["glimpse"]


def test_production_goes_by_the_status_of_the_run(make: Any) -> None:
    unmet = ("vision gate passed", "not production ready: stability was not measured")
    verified = make.result(suite="standard", status_reasons=unmet)
    assert production_ready([verified]) == []
    nobody = by_use([verified])["Production ready"].none
    assert "not production ready: stability was not measured" in nobody
    ready = make.result(status="production ready", status_reasons=("everything was shown",))
    assert production_ready([ready]) == [ready]
    assert named([verified], "Best overall") == ["glimpse"], "by its gates and figures"


def test_one_to_avoid_says_why(make: Any) -> None:
    results = [make.result(status="avoid", status_reasons=("it answered for the image before.",))]
    [pick] = by_use(results)["Avoid for production"].picks
    assert pick.reason == "it answered for the image before"
    assert why_avoid(make.result(status="provisional", text=make.gate(1, 3))) == "", "it is not known yet"


def test_with_the_exchanges_a_shared_place_says_what_is_known(make: Any) -> None:
    base = [1.0, 1.1, 0.9, 1.05, 0.95, 1.2, 1.0]
    results = [make.result("one"), make.result("two")]
    known = {
        key(result): evidence([factor * time for time in base], run="run-2")
        for result, factor in zip(results, (1.0, 1.01), strict=True)
    }
    overall = {advice.use: advice for advice in advise(results, known)}["Best overall"]
    assert overall.picks[1].reason.endswith("(tied within the margin)")
    assert overall.sentence.startswith("no sure difference: one (llama.cpp-f16): ")
    apart = {key(results[1]): evidence([1.2 * time for time in base], run="run-2")}
    overall = {advice.use: advice for advice in advise(results, known | apart)}["Best overall"]
    assert [pick.label for pick in overall.picks] == ["one (llama.cpp-f16)"]


def test_a_text_gate_missed_makes_a_model_vision_only(make: Any) -> None:
    results = [make.result("seer", text=make.gate(1, 40), status="vision-only")]
    assert named(results, "Best vision-only") == ["seer"]
    assert named(results, "Best overall") == []
    avoid = by_use(results)["Avoid for production"].picks
    assert avoid[0].reason == "for text without an image"


def test_a_text_gate_that_was_not_asked_does_not(make: Any) -> None:
    unasked = make.result(text=Missing(missing="the suite has none"))
    assert named([unasked], "Best vision-only") == []


def test_clearly_faster_wins_alone(make: Any) -> None:
    results = [
        make.result("slow", average_inference=make.figure(0.9, 0.05)),
        make.result("fast", average_inference=make.figure(0.3, 0.05)),
    ]
    assert named(results, "Best overall") == ["fast"]


def test_models_that_overlap_share_the_place(make: Any) -> None:
    results = [
        make.result("one", average_inference=make.figure(0.30, 0.05)),
        make.result("two", average_inference=make.figure(0.34, 0.05)),
        make.result("far", average_inference=make.figure(0.90, 0.05)),
    ]
    assert named(results, "Best overall") == ["one", "two"]
    ranks = {place.result.model: place.rank for place in ranked(results, "average inference")}
    assert ranks == {"one": 1, "two": 1, "far": 3}


def test_a_model_clearly_worse_than_the_leader_is_not_carried_by_a_neighbour(make: Any) -> None:
    """a and b overlap, b and c overlap, a and c do not: c is not as good as the best."""
    results = [
        make.result("c", average_inference=make.figure(0.50, 0.06)),
        make.result("a", average_inference=make.figure(0.30, 0.06)),
        make.result("b", average_inference=make.figure(0.40, 0.06)),
    ]
    ranks = {place.result.model: place.rank for place in ranked(results, "average inference")}
    assert ranks == {"a": 1, "b": 1, "c": 3}


def test_accuracy_comes_before_speed(make: Any) -> None:
    results = [
        make.result("right", vision=make.gate(990, 1000), average_inference=make.figure(2.0, 0.1)),
        make.result("quick", vision=make.gate(910, 1000), average_inference=make.figure(0.2, 0.1)),
    ]
    assert named(results, "Best overall") == ["right"]


def test_balanced_is_the_best_worst_rank(make: Any) -> None:
    """The fastest is the slowest to load; the one that is second in everything wins."""

    def model(name: str, inference_s: float, load_s: float, size_bytes: float) -> ModelResult:
        result: ModelResult = make.result(
            name,
            average_inference=make.figure(inference_s, 0.01),
            load=make.load(make.figure(load_s, 0.01)),
            memory_difference=make.figure(size_bytes, 1e6, "bytes"),
        )
        return result

    results = [model("a", 0.1, 9.0, 1e9), model("b", 0.5, 5.0, 2e9), model("c", 0.9, 1.0, 3e9)]
    assert named(results, "Balanced") == ["b"]
    reason = by_use(results)["Balanced"].picks[0].reason
    assert "5 s (rank 2)" in reason


def test_another_machines_figures_are_not_ranked_with_these(make: Any) -> None:
    other = make.machine.model_copy(update={"cpu": "Other CPU"})
    results = [
        make.result("here"),
        make.result(
            "there",
            machine=other,
            measured_at="2026-11-01T00:00:00Z",
            average_inference=make.figure(0.001, 0.0001),
        ),
    ]
    assert named(results, "Best overall") == ["here"]


def test_an_updated_system_is_the_same_machine(make: Any) -> None:
    updated = make.machine.model_copy(update={"os": "Linux 6.2", "memory_bytes": 16 * 2**30 - 4096})
    results = [make.result("here"), make.result("there", machine=updated, measured_at="2026-11-01T00:00:00Z")]
    assert named(results, "Production ready") == ["here", "there"]


def test_avoid_names_the_failure(make: Any) -> None:
    results = [make.result(), make.result("bad", status="failed", failure="it was killed")]
    assert named(results, "Avoid for production") == ["bad"]
    assert by_use(results)["Avoid for production"].picks[0].reason == "failed"


def test_a_figure_without_an_interval_shares_its_place(make: Any) -> None:
    single = Figure(value=9.0, low=9.0, high=9.0, n=1, unit="s", how="once")
    results = [make.result("one"), make.result("two", average_inference=single)]
    assert named(results, "Best overall") == ["one", "two"]
