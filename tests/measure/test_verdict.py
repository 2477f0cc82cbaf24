"""The status of a result: every rule, its reason in words, and their order."""

from dataclasses import replace

import pytest

from viewfinder.measure.figures import Figure, Gate, Missing
from viewfinder.measure.measures.soak.result import Growth as GrowthOfSoak
from viewfinder.measure.measures.soak.result import GrowthKind, Soak
from viewfinder.measure.measures.stability.result import Agreement, Recovery, Stability
from viewfinder.measure.troubles.trouble import Code, Rate, Trouble
from viewfinder.measure.verdict import Growth, Known, corruption_of, growth_of, judge, leak_requests_of


def gate(right: int, asked: int) -> Gate:
    return Gate(passed=right > 0.75 * asked, right=right, asked=asked, rule="by hand")


NONE = Missing(missing="this variant takes no images")
GOOD = Known(
    failure="",
    vision=gate(24, 24),
    text=gate(12, 12),
    errors=0,
    requests=196,
    leak_requests=60,
    growth=Growth("flat", is_sound=True),
)


def test_everything_shown_is_production_ready_and_says_by_what() -> None:
    verdict = judge(GOOD)
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
        ({"growth": None}, "memory over many requests was not measured"),
        (
            {"growth": Growth("leak", is_sound=False)},
            "its memory is not shown to stay as it is over many requests: leak",
        ),
        ({"is_ours": False}, "its server is not started and watched by Viewfinder"),
        ({"issues": ["It spoke."]}, "it showed an issue: It spoke"),
        (
            {"errors": 5},
            "5 of 196 timed requests failed, which does not show that fewer than 5 % do (at most 5.8 %)",
        ),
        (
            {"requests": 42},
            "0 of 42 timed requests failed, which does not show that fewer than 5 % do (at most 8.4 %)",
        ),
        (
            {"requests": 0},
            "0 of 0 timed requests failed, which does not show that fewer than 5 % do (at most 100.0 %)",
        ),
    ],
)
def test_one_thing_that_is_not_shown_leaves_it_verified(changed: dict[str, object], why: str) -> None:
    verdict = judge(replace(GOOD, **changed))  # type: ignore[arg-type]
    assert verdict.status == "verified"
    assert verdict.reasons[2:] == (f"not production ready: {why}",)


def test_a_failure_comes_before_everything() -> None:
    verdict = judge(replace(GOOD, failure="The engine died.", corruption=["it mixes images"]))
    assert (verdict.status, verdict.reasons) == ("failed", ("The engine died.",))


def test_no_gate_passed_is_broken() -> None:
    verdict = judge(replace(GOOD, vision=gate(2, 24), text=gate(0, 12)))
    assert verdict.status == "broken"
    assert verdict.reasons == (
        "vision gate not passed: 2 of 24 right (2 to 26 %)",
        "text gate not passed: 0 of 12 right (0 to 24 %)",
    )
    assert judge(replace(GOOD, vision=NONE, text=gate(0, 12))).status == "broken"
    assert judge(replace(GOOD, vision=NONE, text=NONE)).reasons == ("no gate was asked",)


def test_one_gate_passed_is_half_a_model() -> None:
    assert judge(replace(GOOD, text=gate(0, 12))).status == "vision-only"
    assert judge(replace(GOOD, vision=gate(0, 24))).status == "text-only"
    verdict = judge(replace(GOOD, vision=NONE))
    assert verdict.status == "text-only"
    assert verdict.reasons[-1] == "vision gate: this variant takes no images"


def test_a_gate_near_its_mark_with_few_answers_is_provisional() -> None:
    verdict = judge(replace(GOOD, vision=gate(14, 24)))
    assert verdict.status == "provisional"
    assert verdict.reasons == (
        "vision gate not passed: 14 of 24 right (39 to 76 %): too few to tell whether it is passed",
    )
    assert judge(replace(GOOD, vision=gate(50, 100))).status == "text-only", "100 are enough to tell"
    assert judge(replace(GOOD, vision=gate(8, 8))).status == "production ready", "what was passed is proven"
    assert judge(replace(GOOD, vision=gate(3, 8), text=gate(0, 12))).status == "provisional"


def test_state_corruption_is_to_be_avoided_whatever_else_is_good() -> None:
    verdict = judge(replace(GOOD, corruption=["it answered for the image before in 2 of 60 requests"]))
    assert verdict.status == "avoid"
    assert verdict.reasons == ("it answered for the image before in 2 of 60 requests",)
    assert judge(replace(GOOD, text=gate(0, 12), corruption=["x"])).status == "avoid"
    assert judge(replace(GOOD, vision=gate(0, 24), text=gate(0, 12), corruption=["x"])).status == "broken"


def test_a_leak_is_to_be_avoided_when_it_fills_the_memory_soon() -> None:
    slow = Growth("leak", is_sound=False, least_bytes=1e6, room_bytes=8e9)
    assert judge(replace(GOOD, growth=slow)).status == "verified"
    quick = replace(slow, least_bytes=9e6)
    verdict = judge(replace(GOOD, growth=quick))
    assert verdict.status == "avoid"
    assert verdict.reasons == (
        "a request takes at least 9.00 MB for good: 1,000 of them fill the 8.0 GB that were left",
    )
    assert not Growth("plateau", is_sound=True, least_bytes=9e9, room_bytes=1.0).fills_memory


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
        growth=GrowthOfSoak(kind=kind, slope=figure, at_last=none, same_image=none, rise_mb=1.0),
        latency=none,
        descriptors=none,
        threads=none,
        troubles=tuple(map(trouble, codes)),
    )


def test_what_the_stages_found_is_what_is_known() -> None:
    (said,) = corruption_of(stability(Code.PREV_IMAGE, Code.CACHE_SPLIT), None)
    assert said.startswith("STATE.prev_image: 2 of 60 requests")
    assert len(corruption_of(stability(Code.FROZEN_IMAGE), soak("flat", 0.0, Code.CROSS_REQUEST))) == 2
    assert corruption_of(stability(recovery="needs reload")) == (
        "after an error its process answers no more",
    )
    assert corruption_of(stability(Code.CANARY_DRIFT, recovery="transient"), soak("flat"), NONE, None) == ()
    assert (leak_requests_of(stability(asked=48)), leak_requests_of(NONE), leak_requests_of(None)) == (
        48,
        None,
        None,
    )
    assert growth_of(soak("plateau", 3.0), 1.0) == Growth("plateau", is_sound=True, room_bytes=1.0)
    leak = growth_of(soak("leak", 2.5), 2e9)
    assert leak is not None
    assert leak.fills_memory
    assert growth_of(NONE, 1.0) is None


def test_a_verdict_on_what_the_stages_found() -> None:
    known = replace(
        GOOD,
        corruption=corruption_of(stability()),
        leak_requests=leak_requests_of(stability()),
        growth=growth_of(soak("flat"), 1e9),
    )
    assert judge(known).status == "production ready"
    assert judge(replace(known, growth=growth_of(soak("unclear", 9.0), 1.0))).status == "verified"
    assert judge(replace(known, growth=growth_of(soak("leak", 9.0), 1e9))).status == "avoid"
    assert judge(replace(known, corruption=corruption_of(stability(Code.FROZEN_IMAGE)))).status == "avoid"
