"""The status of a result: every rule, its reason in words, and their order."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from viewfinder.measure.figures import Figure, Gate, Missing
from viewfinder.measure.measures import soak as soak_measure
from viewfinder.measure.measures import stability as stability_measure
from viewfinder.measure.measures.base import Facts, MemoryTrend, merged
from viewfinder.measure.measures.soak.result import Growth, GrowthKind, Soak
from viewfinder.measure.measures.stability.result import Agreement, Stability
from viewfinder.measure.troubles.failures import Recovery
from viewfinder.measure.troubles.trouble import Code, Rate, Trouble
from viewfinder.measure.verdict import Verdict, judge


def gate(right: int, asked: int) -> Gate:
    return Gate(passed=right > 0.75 * asked, right=right, asked=asked, rule="by hand")


NONE = Missing(missing="this variant takes no images")
GOOD = Facts(
    gates={"vision": gate(24, 24), "text": gate(12, 12), "follow_up": gate(0, 12)},
    timed=196,
    leak_requests=60,
    trend=MemoryTrend("flat", is_sound=True),
)
OF_JUDGE = ("failure", "is_ours", "memory_bytes")


def verdict_with(**changed: Any) -> Verdict:
    """On GOOD facts with these changes; `vision` and `text` replace a gate."""
    gates = {name: changed.pop(name) for name in ("vision", "text") if name in changed}
    more = {name: changed.pop(name) for name in OF_JUDGE if name in changed}
    return judge(replace(GOOD, gates={**GOOD.gates, **gates}, **changed), **more)


def test_everything_shown_is_production_ready_and_says_by_what() -> None:
    verdict = verdict_with()
    assert verdict.status == "production ready"
    assert verdict.reasons == (
        "vision gate passed: 24 of 24 right (86 to 100 %)",
        "text gate passed: 12 of 12 right (76 to 100 %)",
        "0 of 196 timed requests failed (at most 1.9 %)",
        "no leak between requests in 60",
        "memory over many requests: flat",
    )


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"leak_requests": None}, "stability was not measured"),
        ({"leak_requests": 40}, "leaks between requests were looked for in 40 requests only, 60 are needed"),
        ({"trend": None}, "memory over many requests was not measured"),
        (
            {"trend": MemoryTrend("leak", is_sound=False)},
            "its memory is not shown to stay as it is over many requests: leak",
        ),
        ({"is_ours": False}, "its server is not started and watched by Viewfinder"),
        ({"issues": ("It spoke.",)}, "it showed an issue: It spoke"),
        (
            {"failed": 5},
            "5 of 196 timed requests failed, which does not show that fewer than 5 % do (at most 5.8 %)",
        ),
        (
            {"timed": 42},
            "0 of 42 timed requests failed, which does not show that fewer than 5 % do (at most 8.4 %)",
        ),
        (
            {"timed": 0},
            "0 of 0 timed requests failed, which does not show that fewer than 5 % do (at most 100.0 %)",
        ),
    ],
)
def test_one_thing_that_is_not_shown_leaves_it_verified(changed: Mapping[str, Any], why: str) -> None:
    verdict = verdict_with(**changed)
    assert verdict.status == "verified"
    assert verdict.reasons[2:] == (f"not production ready: {why}",)


def test_a_failure_comes_before_everything() -> None:
    verdict = verdict_with(failure="The engine died.", corruption=("it mixes images",))
    assert (verdict.status, verdict.reasons) == ("failed", ("The engine died.",))


def test_no_gate_passed_is_broken() -> None:
    verdict = verdict_with(vision=gate(2, 24), text=gate(0, 12))
    assert verdict.status == "broken"
    assert verdict.reasons == (
        "vision gate not passed: 2 of 24 right (2 to 26 %)",
        "text gate not passed: 0 of 12 right (0 to 24 %)",
    )
    assert verdict_with(vision=NONE, text=gate(0, 12)).status == "broken"
    assert verdict_with(vision=NONE, text=NONE).reasons == ("no gate was asked",)


def test_one_gate_passed_is_half_a_model() -> None:
    assert verdict_with(text=gate(0, 12)).status == "vision-only"
    assert verdict_with(vision=gate(0, 24)).status == "text-only"
    verdict = verdict_with(vision=NONE)
    assert verdict.status == "text-only"
    assert verdict.reasons[-1] == "vision gate: this variant takes no images"


def test_a_gate_near_its_mark_with_few_answers_is_provisional() -> None:
    verdict = verdict_with(vision=gate(14, 24))
    assert verdict.status == "provisional"
    assert verdict.reasons == (
        "vision gate not passed: 14 of 24 right (39 to 76 %): too few to know whether it is passed",
    )
    assert verdict_with(vision=gate(50, 100)).status == "text-only", "100 are enough to know"
    assert verdict_with(vision=gate(8, 8)).status == "production ready", "a passed gate is proven"
    assert verdict_with(vision=gate(3, 8), text=gate(0, 12)).status == "provisional"


@pytest.mark.parametrize(
    "why", ["the budget was spent before it", "the time of the budget was over before it"]
)
def test_a_gate_that_was_not_reached_is_unknown(why: str) -> None:
    """`bench glimpse --budget 10s` said text-only of a model that sees."""
    gone = Missing(missing=why)
    verdict = verdict_with(vision=gone)
    assert verdict.status == "incomplete"
    assert verdict.reasons == ("text gate passed: 12 of 12 right (76 to 100 %)", f"vision gate: {why}")
    assert verdict_with(vision=gone, text=gone).status == "incomplete"
    assert verdict_with(vision=gone, text=gate(0, 12)).status == "incomplete"
    assert verdict_with(vision=gone, corruption=("x",)).status == "avoid"
    assert verdict_with(vision=gone, failure="it died").status == "failed"


def test_state_corruption_is_to_be_avoided_whatever_else_is_good() -> None:
    verdict = verdict_with(corruption=("it answered for the image before in 2 of 60 requests",))
    assert verdict.status == "avoid"
    assert verdict.reasons == ("it answered for the image before in 2 of 60 requests",)
    assert verdict_with(text=gate(0, 12), corruption=("x",)).status == "avoid"
    assert verdict_with(vision=gate(0, 24), text=gate(0, 12), corruption=("x",)).status == "broken"


def test_a_leak_is_to_be_avoided_when_it_fills_the_memory_soon() -> None:
    room = {"memory_bytes": 9e9, "steady_bytes": 1_000_000_000}
    slow = MemoryTrend("leak", is_sound=False, least_bytes=1e6)
    assert verdict_with(trend=slow, **room).status == "verified"
    verdict = verdict_with(trend=replace(slow, least_bytes=9e6), **room)
    assert verdict.status == "avoid"
    assert verdict.reasons == (
        "a request takes at least 9.00 MB for good: 1,000 of them fill the 8.0 GB that were left",
    )
    sound = MemoryTrend("plateau", is_sound=True, least_bytes=9e9)
    assert verdict_with(trend=sound, memory_bytes=1.0).status == "production ready"


def trouble(code: Code) -> Trouble:
    return Trouble(code=code, rate=Rate(events=2, asked=60, at_most=0.1), said="red", expected="blue")


def stability(*codes: Code, recovery: Recovery | None = None, asked: int = 60) -> Stability:
    none = Missing(missing="by hand")
    return Stability(
        references=Agreement(same=12, asked=12, processes=2),
        repeats=none,
        mix_ups=Rate(events=0, asked=asked, at_most=0.049),
        together=none,
        failures=Rate(events=0, asked=60, at_most=0.049),
        recovery=recovery,
        troubles=tuple(map(trouble, codes)),
    )


def soak(kind: GrowthKind, slope: float = 0.0, *codes: Code) -> Soak:
    none, rate = Missing(missing="by hand"), Rate(events=0, asked=200, at_most=0.01)
    figure = Figure(value=slope, low=slope, high=slope, n=150, unit="MB", how="by hand")
    return Soak(
        requests=200,
        failures=rate,
        canaries=rate,
        growth=Growth(kind=kind, slope=figure, rise_mb=1.0),
        latency=none,
        descriptors=none,
        threads=none,
        troubles=tuple(map(trouble, codes)),
    )


def facts_of(stable: Stability | Missing, soaked: Soak | Missing = NONE) -> Facts:
    return merged([stability_measure.MEASURE.facts(stable), soak_measure.MEASURE.facts(soaked)])


def test_the_facts_of_stability_and_soak() -> None:
    (said,) = facts_of(stability(Code.PREV_IMAGE, Code.CACHE_SPLIT)).corruption
    assert said.startswith("STATE.prev_image: 2 of 60 requests")
    assert len(facts_of(stability(Code.FROZEN_IMAGE), soak("flat", 0.0, Code.CROSS_REQUEST)).corruption) == 2
    assert facts_of(stability(recovery="needs reload")).corruption == (
        "after an error its process answers no more",
    )
    assert facts_of(stability(Code.CANARY_DRIFT, recovery="transient"), soak("flat")).corruption == ()
    assert facts_of(NONE).corruption == ()
    assert (facts_of(stability(asked=48)).leak_requests, facts_of(NONE).leak_requests) == (48, None)
    assert facts_of(NONE, soak("plateau", 3.0)).trend == MemoryTrend("plateau", is_sound=True)
    assert facts_of(NONE, soak("leak", 2.5)).trend == MemoryTrend("leak", is_sound=False, least_bytes=2.5e6)
    assert facts_of(NONE).trend is None


def test_a_verdict_on_stability_and_soak() -> None:
    def status(stable: Stability, soaked: Soak, memory_bytes: float = 1e9) -> str:
        found = facts_of(stable, soaked)
        known = replace(
            GOOD, corruption=found.corruption, leak_requests=found.leak_requests, trend=found.trend
        )
        return judge(known, memory_bytes=memory_bytes).status

    assert status(stability(), soak("flat")) == "production ready"
    assert status(stability(), soak("unclear", 9.0), 1.0) == "verified"
    assert status(stability(), soak("leak", 9.0)) == "avoid"
    assert status(stability(Code.FROZEN_IMAGE), soak("flat")) == "avoid"


def test_own_questions_alone_judge_nothing() -> None:
    """Gates that were not asked make a model neither text-only nor incomplete: the run was not for them."""
    none = {name: Missing(missing="the suite does not measure it") for name in ("vision", "text")}
    verdict = judge(Facts(gates=none), has_gates=False)
    assert verdict.status == "not judged"
    assert verdict.reasons == (
        "only your own questions were asked: whether it sees, reads and serves well was not measured",
    )
    assert judge(Facts(gates=none), has_gates=False, failure="it died").status == "failed"
