"""Changes against the previous run: only what a test shows, only between comparable runs."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.measure.made_up import PRINT, evidence
from viewfinder.measure.compare.evidence import Evidence, readers
from viewfinder.measure.results import ModelResult
from viewfinder.report.changes import ComparedFigure, Comparison, compare
from viewfinder.report.facts import RunModel, key

BEFORE = {"run": "run-1", "measured_at": "2026-11-20T10:00:00Z"}
TIMES = [0.30, 0.31, 0.29, 0.305, 0.295, 0.30, 0.302]
RIGHT = [True] * 58 + [False] * 2
SLOW = [1.3 * time for time in TIMES]
NOW = evidence(TIMES, RIGHT, run="run-2")


def alone(result: ModelResult, before: ModelResult, now: Evidence, then: Evidence) -> Comparison:
    known: Mapping[RunModel, Evidence] = {key(result): now, key(before): then}
    (comparison,) = compare([result], [before], known)
    return comparison


def test_what_stayed_the_same_is_shown_and_is_no_change(make: Any) -> None:
    comparison = alone(make.result(), make.result(**BEFORE), NOW, evidence(TIMES[::-1], RIGHT))
    assert comparison.changes == ()
    assert [line.figure for line in comparison.lines] == [
        "right image answers",
        "load time",
        "average inference",
        "time to first token, image",
        "time to first token, text",
        "decode speed",
        "memory difference",
    ]
    assert comparison.lines[2] == ComparedFigure(
        "average inference",
        "0.321 s (0.310 to 0.333)",
        "0.321 s (0.310 to 0.333)",
        "1.00 times (0.98 to 1.03)",
        "no change: surely the same within the margin",
    )
    assert comparison.lines[0].difference == "+0.0 points (-4.5 to +4.5, n=60)"
    assert comparison.lines[0].verdict == "no change seen"
    assert comparison.before_run == "run-1 of 2026-11-20T10:00:00Z"


def test_what_a_test_shows_is_a_change_and_stands_first(make: Any) -> None:
    comparison = alone(make.result(), make.result(**BEFORE), NOW, evidence(SLOW, RIGHT))
    assert [(line.figure, line.verdict) for line in comparison.lines[:4]] == [
        ("average inference", "changed: better"),
        ("time to first token, image", "changed: better"),
        ("time to first token, text", "changed: better"),
        ("decode speed", "changed: better"),
    ]
    assert comparison.lines[0].difference == "0.77 times (0.75 to 0.79)"
    assert comparison.changes == comparison.lines[:4]


def test_answers_are_compared_on_the_same_questions(make: Any) -> None:
    then = evidence(TIMES, [False] * 20 + [True] * 38 + [False] * 2)
    (line,) = alone(make.result(), make.result(**BEFORE), NOW, then).changes
    assert (line.figure, line.verdict) == ("right image answers", "changed: better")
    assert line.difference.startswith("+33.3 points (+")
    assert line.now == "96.7 % (88.6 to 99.1)"


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"suite": "thorough"}, "of the suite thorough"),
        ({"status": "failed", "failure": "it died"}, "in the previous run it failed: it died"),
        ({"variant": "mlx"}, "no previous run"),
        ({"model": "other"}, "no previous run"),
    ],
)
def test_what_is_not_comparable_is_not_compared(make: Any, changed: dict[str, str], why: str) -> None:
    comparison = alone(make.result(), make.result(**BEFORE | changed), NOW, evidence(SLOW))
    assert why in comparison.not_compared
    assert comparison.lines == ()


def test_without_the_samples_nothing_is_compared(make: Any) -> None:
    (comparison,) = compare([make.result()], [make.result(**BEFORE)], {key(make.result()): NOW})
    assert "samples of both runs are needed" in comparison.not_compared


def test_timings_of_a_disturbed_run_are_compared_with_nothing(make: Any) -> None:
    before = make.result(**BEFORE, contaminated="two fleets")
    comparison = alone(make.result(), before, NOW, evidence(SLOW, RIGHT, held_bytes=9e8))
    assert [line.figure for line in comparison.lines] == ["memory difference", "right image answers"]
    assert [line.figure for line in comparison.changes] == ["memory difference"]
    assert (
        "timings not compared; of the previous run: its timings were disturbed: two fleets"
        in comparison.notes
    )


def test_another_machine_is_not_compared(make: Any) -> None:
    other = make.machine.model_copy(update={"cores_physical": 64})
    comparison = alone(make.result(), make.result(**BEFORE, machine=other), NOW, NOW)
    assert "another machine" in comparison.not_compared


def test_the_newest_previous_run_counts_and_the_same_run_never(make: Any) -> None:
    oldest = make.result(run="run-0", measured_at="2026-11-01T00:00:00Z")
    itself, before = make.result(), make.result(**BEFORE)
    known = {key(one): NOW for one in (oldest, before, itself)}
    (comparison,) = compare([make.result()], [oldest, before, itself], known)
    assert comparison.before_run.startswith("run-1")
    (nothing,) = compare([make.result()], [itself], known)
    assert "no previous run" in nothing.not_compared


def test_what_else_was_different_is_noted(make: Any) -> None:
    other = PRINT.model_copy(update={"engine_version": "b0", "files": "g"})
    then = evidence(TIMES, RIGHT, fingerprint=other)
    notes = alone(make.result(), make.result(**BEFORE, status="text-only"), NOW, then).notes
    assert notes[:3] == (
        "measured with another engine_version: b0 > b1",
        "measured with another the model's files",
        "status: text-only then, verified now",
    )
    older = evidence(TIMES, RIGHT, fingerprint=None)
    notes = alone(make.result(), make.result(**BEFORE, engine_version="b1"), NOW, older).notes
    assert notes[0] == "engine version: b1 then, b11549 now"


@pytest.mark.parametrize(
    ("factor", "said"),
    [
        (1.3, "the machine itself was slower than then: the same work took it 1.30 times as long ("),
        (0.7, "the machine itself was faster than then: the same work took it 0.70 times as long ("),
        (1.0, "the machine's own speed: no change seen, the same work took it 1.00 times as long ("),
        (1.02, "the machine's own speed: no change seen, the same work took it 1.02 times as long ("),
    ],
)
def test_the_machine_itself_is_compared_by_its_anchor(make: Any, factor: float, said: str) -> None:
    anchor = [0.1, 0.1001, 0.0999] * 2
    now = evidence(TIMES, run="run-2", anchor=[factor * time for time in anchor])
    (note,) = alone(make.result(), make.result(**BEFORE), now, evidence(TIMES, anchor=anchor)).notes
    assert note.startswith(said)


def test_why_the_machine_itself_was_not_compared(make: Any) -> None:
    comparison = alone(make.result(), make.result(**BEFORE), NOW, evidence(TIMES))
    assert comparison.notes == ("the machine's own speed was not compared: not timed in both runs",)
    now, then = (evidence(TIMES, run=run, anchor=[0.1]) for run in ("run-2", "run-1"))
    comparison = alone(make.result(), make.result(**BEFORE), now, then)
    assert "too few of its measurements succeeded" in comparison.notes[0]


def test_every_figure_that_is_compared_can_be_printed(make: Any) -> None:
    assert set(make.result().figures) == set(readers())
