"""What is found in made-up exchanges; `test_ask` has real ones."""

import pytest

from tests.measure.measures.stability.made_up import VARIANT, asked, codes, color, judge
from viewfinder.measure.figures import NOT_REACHED, Missing
from viewfinder.measure.measures.stability.counts import COUNTS
from viewfinder.measure.measures.stability.find import stability
from viewfinder.measure.measures.stability.result import Repeats, Sameness
from viewfinder.measure.measures.stability.scenarios import (
    AFTER,
    AGAIN,
    BETWEEN,
    REFERENCE,
    REPEAT,
    TOGETHER,
)
from viewfinder.measure.process_log import ProcessLog
from viewfinder.measure.store.rows import Sample
from viewfinder.measure.troubles.trouble import Code, Rate

REFERENCES = [[asked(number, scenario=REFERENCE) for number in range(8)]] * 2
LEFT = "client_left: The client left in the middle of the answer, as it was meant to."
REFUSED = "engine_refused: The server refused: boom"


def test_without_a_sample_there_is_no_result() -> None:
    assert stability([ProcessLog(1, [])], COUNTS["quick"], VARIANT) == NOT_REACHED


def repeats(texts: list[str]) -> list[Sample]:
    return [asked(0, text, REPEAT, place=number) for number, text in enumerate(texts)]


@pytest.mark.parametrize(
    ("texts", "kind", "expected", "issues"),
    [
        (["Red."] * 20, "bit-stable", set(), 0),
        (["Red.", *["It is red."] * 19], "cache-split", {Code.CACHE_SPLIT}, 0),
        (["Red.", *["Blue."] * 19], "cache-split", {Code.CACHE_SPLIT}, 1),
        (["Red."] * 9 + ["It is red."] + ["Red."] * 10, "numeric", set(), 0),
        (["Red."] * 19 + ["Blue."], "unstable", {Code.UNSTABLE}, 1),
    ],
)
def test_identical_requests(texts: list[str], kind: Sameness, expected: set[Code], issues: int) -> None:
    found = judge([*REFERENCES, repeats(texts)])
    assert isinstance(found.repeats, Repeats)
    assert (found.repeats.kind, found.repeats.answers) == (kind, 20)
    assert codes(found) == expected
    assert len(found.issues) == issues


def test_too_few_repeats_are_no_class() -> None:
    found = judge([*REFERENCES, repeats(["Red.", "Red."])])
    assert found.repeats == Missing(missing="2 of 2 identical requests were answered")


def test_a_mix_up_has_the_steps_before_it() -> None:
    process = [
        asked(0, place=0),
        asked(1, place=1),
        asked(3, "Yel", "stability/leave", error=LEFT, question="Describe this image at length."),
        asked(2, color(3), f"{AFTER}leave"),
        asked(4, scenario=f"{AFTER}leave"),
    ]
    found = judge([*REFERENCES, process])
    (trouble,) = found.troubles
    assert (trouble.code, trouble.after) == (Code.PREV_IMAGE, BETWEEN["leave"])
    assert [step.how for step in trouble.steps] == ["left", "asked"]
    assert trouble.reproducer == "reproducers/run-org-model-STATE.prev_image"
    assert isinstance(found.mix_ups, Rate)
    assert (found.mix_ups.events, found.mix_ups.asked) == (1, 3)
    assert {words: (rate.events, rate.asked) for words, rate in found.after.items()} == {
        BETWEEN["leave"]: (1, 2)
    }
    assert trouble.sentence in found.issues
    assert "first after a client that left" in trouble.sentence
    # A client that left was no failure of the engine, and sent no further request.
    assert (found.failures.events, found.recovery) == (0, None)


def test_a_refused_request_that_was_meant_to_be_is_no_failure() -> None:
    process = [
        asked(0),
        asked(None, "", "stability/broken", error=REFUSED),
        asked(1, scenario=f"{AFTER}broken"),
    ]
    found = judge([*REFERENCES, process])
    assert found.troubles == ()
    assert found.recovery is None


def test_an_error_that_passes_is_transient_and_counted_once() -> None:
    process = [asked(0, error=REFUSED), asked(0, scenario=AGAIN, place=0), asked(1, place=1)]
    found = judge([*REFERENCES, process])
    assert found.recovery == "transient"
    assert (found.failures.events, found.failures.asked) == (1, 18)
    assert codes(found) == {Code.REFUSED}


def test_second_calls_fail_in_every_process_or_it_is_not_that() -> None:
    failing = [asked(0, scenario=REFERENCE), asked(1, scenario=REFERENCE, error=REFUSED)]
    found = judge([failing, failing, [asked(2), asked(3, error=REFUSED)]])
    assert Code.SECOND_CALL_ERROR in codes(found)
    (trouble,) = [one for one in found.troubles if one.code is Code.SECOND_CALL_ERROR]
    assert trouble.rate == Rate(events=3, asked=3, at_most=1.0)
    assert len(trouble.steps) == 2
    assert Code.SECOND_CALL_ERROR not in codes(judge([*REFERENCES, failing]))


def test_answers_at_once_that_are_each_others() -> None:
    scenario = f"{TOGETHER}2"
    process = [
        asked(number, color(number ^ 1), scenario, at_s=float(number // 2), place=number)
        for number in range(4)
    ]
    found = judge([*REFERENCES, process])
    (trouble,) = found.troubles
    assert (trouble.code, trouble.together) == (Code.CROSS_REQUEST, True)
    assert trouble.after == "2 requests at once"
    assert isinstance(found.together, dict)
    assert found.together[2].events == 4


def test_a_model_with_mix_ups_one_at_a_time_is_not_judged_at_once() -> None:
    found = judge([*REFERENCES, [asked(0), asked(1, color(0))], [asked(2, color(3), f"{TOGETHER}2")]])
    assert isinstance(found.together, Missing)


def test_a_model_that_says_the_same_of_all_cannot_be_judged() -> None:
    same = [[asked(number, "An image.", REFERENCE) for number in range(8)]] * 2
    found = judge([*same, [asked(number, "An image.") for number in range(8)]])
    assert isinstance(found.mix_ups, Missing)
    assert found.troubles == ()
