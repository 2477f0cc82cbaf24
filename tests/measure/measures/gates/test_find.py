"""The rule by which a gate is passed; the asking itself is tested with whole runs in `test_runner`."""

import pytest

from viewfinder.client.exchange import Exchange
from viewfinder.measure.figures import Figure, Gate, Missing
from viewfinder.measure.measures.gates.ask import LEAST_GATE_QUESTIONS
from viewfinder.measure.measures.gates.counts import COUNTS, GateCounts
from viewfinder.measure.measures.gates.find import judge, share_of
from viewfinder.measure.store.rows import Sample


def said(right: int, asked: int, *, text: str = "Red.", error: str = "") -> list[Sample]:
    exchange = Exchange(started_s=0.0, finished_s=1.0, text=text, error=error)
    return [
        Sample("run", "glimpse", 0, "vision", "?", exchange, right=number < right) for number in range(asked)
    ]


@pytest.mark.parametrize(
    ("right", "asked", "passed"),
    [
        (8, 8, True),
        (7, 8, True),
        (6, 8, False),
        (17, 24, True),
        (16, 24, False),
        (61, 100, True),
        (0, 0, False),
    ],
)
def test_more_than_half_must_be_beyond_doubt(right: int, asked: int, passed: bool) -> None:
    gate = judge(said(right, asked))
    assert (gate.right, gate.asked, gate.passed) == (right, asked, passed)


def test_the_rule_says_its_bound() -> None:
    gate = judge(said(24, 24), "; more")
    assert gate.rule == (
        "more than half right with 95 % confidence (Wilson's lower bound 86 %); "
        "a failed or empty answer is not right; more"
    )


@pytest.mark.parametrize("counts", COUNTS.values(), ids=COUNTS)
def test_every_suite_can_be_passed(counts: GateCounts) -> None:
    for asked in (LEAST_GATE_QUESTIONS, counts.vision, counts.text, counts.follow_up):
        assert judge(said(asked, asked)).passed


@pytest.mark.parametrize(("text", "error"), [("", ""), (" ", ""), ("Red.", "engine_refused: no")])
def test_errors_and_silence_are_no_answers(text: str, error: str) -> None:
    gate = judge(said(8, 8, text=text, error=error))
    assert (gate.right, gate.answered, gate.never_answered) == (0, 0, True)


def test_wrong_answers_are_answers() -> None:
    gate = judge(said(0, 8))
    assert (gate.right, gate.answered, gate.never_answered) == (0, 8, False)


def test_shares_have_wilsons_interval() -> None:
    """13 of 20: 43 to 82 %."""
    measured = share_of(Gate(passed=True, right=13, asked=20, rule="by hand"))
    assert isinstance(measured, Figure)
    assert (measured.value, measured.low, measured.high) == pytest.approx((65, 43.29, 81.88), abs=0.01)
    assert isinstance(share_of(Gate(passed=False, right=0, asked=0, rule="by hand")), Missing)
