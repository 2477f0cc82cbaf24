"""Changes against the previous run: only what a test shows, only between comparable runs."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.measure.made_up import PRINT, evidence
from viewfinder.measure.compare.evidence import Evidence, readers
from viewfinder.measure.results import ModelResult
from viewfinder.report.changes import ComparedFigure, Comparison, compare, open_questions, regressions
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
        ({"status": "failed", "failure": "it died"}, "in the earlier run it failed: it died"),
        ({"variant": "mlx"}, "no earlier run"),
        ({"model": "other"}, "no earlier run"),
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
        "timings not compared; of the earlier run: its timings were disturbed: two fleets" in comparison.notes
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
    assert "not measured again since" in nothing.not_compared


def test_what_else_was_different_is_noted(make: Any) -> None:
    other = PRINT.model_copy(update={"engine_version": "b0", "files": "g"})
    then = evidence(TIMES, RIGHT, fingerprint=other)
    notes = alone(make.result(), make.result(**BEFORE, status="text-only"), NOW, then).notes
    assert notes[:3] == (
        "engine version b0 then, b1 now",
        "other model files",
        "status text-only then, verified now",
    )
    older = evidence(TIMES, RIGHT, fingerprint=None)
    notes = alone(make.result(), make.result(**BEFORE, engine_version="b1"), NOW, older).notes
    assert notes[0] == "engine version b1 then, b11549 now"


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


ANCHOR = [0.1, 0.102, 0.098, 0.101, 0.099, 0.1]


def lines(comparison: Comparison) -> list[str]:
    return [one.line for one in regressions([comparison])]


def test_a_time_that_changed_no_more_than_the_machine_has_not_changed(make: Any) -> None:
    """The machine and the model both take 1.3 times as long: that is the machine's."""
    now = evidence(SLOW, RIGHT, run="run-2", anchor=[1.3 * time for time in ANCHOR])
    comparison = alone(make.result(), make.result(**BEFORE), now, evidence(TIMES, RIGHT, anchor=ANCHOR))
    said = {line.figure: line.verdict for line in comparison.lines}
    assert said["average inference"] == said["decode speed"] == "no change beyond the machine's own"
    assert (comparison.changes, lines(comparison)) == ((), [])
    assert "the machine itself was slower" in comparison.notes[-1]


def test_one_that_changed_by_more_has(make: Any) -> None:
    now = evidence([1.3 * time for time in SLOW], RIGHT, run="run-2", anchor=[1.3 * time for time in ANCHOR])
    comparison = alone(make.result(), make.result(**BEFORE), now, evidence(TIMES, RIGHT, anchor=ANCHOR))
    assert len(lines(comparison)) == 4
    assert lines(comparison)[0] == (
        "glimpse (llama.cpp-f16): average inference 1.69 times (1.65 to 1.73), worse; "
        "nothing else that is recorded differs (since run-1, 2026-11-20)"
    )


def test_a_model_is_not_worse_because_the_machine_became_faster(make: Any) -> None:
    now = evidence(TIMES, RIGHT, run="run-2", anchor=[0.7 * time for time in ANCHOR])
    comparison = alone(make.result(), make.result(**BEFORE), now, evidence(TIMES, RIGHT, anchor=ANCHOR))
    assert lines(comparison) == []


def test_memory_is_no_matter_of_the_machines_speed(make: Any) -> None:
    now = evidence(TIMES, RIGHT, run="run-2", held_bytes=6.5e8, anchor=[1.3 * time for time in ANCHOR])
    comparison = alone(make.result(), make.result(**BEFORE), now, evidence(TIMES, RIGHT, anchor=ANCHOR))
    (line,) = lines(comparison)
    assert "memory difference 1.30 times" in line


def test_a_regression_names_what_else_differs_and_what_is_not_known_of_the_machine(make: Any) -> None:
    other = PRINT.model_copy(
        update={"engine_version": "b0", "files": "g", "governor": "powersave", "viewfinder": "0"}
    )
    now = evidence(SLOW, RIGHT, run="run-2")
    first, *_ = lines(
        alone(make.result(), make.result(**BEFORE), now, evidence(TIMES, RIGHT, fingerprint=other))
    )
    assert first == (
        "glimpse (llama.cpp-f16): average inference 1.30 times (1.27 to 1.33), worse (the machine's own "
        "speed is not taken out: not timed in both runs); engine version b0 then, b1 now, other model files, "
        "governor powersave then, performance now, Viewfinder 0 then, 1 now (since run-1, 2026-11-20)"
    )


def test_what_became_better_is_no_regression(make: Any) -> None:
    comparison = alone(make.result(), make.result(**BEFORE), NOW, evidence(SLOW, RIGHT))
    assert (len(comparison.changes), lines(comparison)) == (4, [])
    assert comparison.line == (
        "better: average inference 0.77 times (0.75 to 0.79); time to first token, image 0.77 times; time to "
        "first token, text 0.77 times; decode speed 1.30 times; nothing else that is recorded differs; the "
        "machine's own speed unknown (since run-1, 2026-11-20)"
    )


def test_the_line_of_a_model_without_a_change(make: Any) -> None:
    assert alone(make.result(), make.result(**BEFORE), NOW, evidence(TIMES, RIGHT)).line == (
        "no change seen in 7 figures (since run-1, 2026-11-20)"
    )
    assert compare([make.result()], [], {})[0].line == "not compared: no earlier run of it to compare with"


@pytest.mark.parametrize(
    ("then", "now", "said"),
    [
        ({}, {"status": "avoid"}, ["status verified then, avoid now"]),
        ({}, {"status": "broken"}, ["status verified then, broken now"]),
        ({"status": "production ready"}, {"status": "verified"}, ["status production ready then, verified"]),
        ({"status": "production ready"}, {"status": "incomplete"}, []),
        ({}, {"status": "vision-only"}, ["status verified then, vision-only now"]),
        ({"status": "incomplete"}, {"status": "avoid"}, []),
        ({"status": "broken"}, {"status": "avoid"}, []),
        ({}, {"failure": "it died.", "status": "failed"}, ["it failed: it died; verified then"]),
        (
            {"failure": "it died.", "status": "failed"},
            {"failure": "it died.", "status": "failed"},
            ["it failed"],
        ),
        ({"failure": "it died.", "status": "failed"}, {}, []),
        (
            {"suite": "thorough"},
            {"failure": "it died.", "status": "failed"},
            ["it failed: it died"],
        ),
        ({"suite": "thorough"}, {"status": "avoid"}, []),
    ],
)
def test_what_became_worse_beside_figures(
    make: Any, then: dict[str, str], now: dict[str, str], said: list[str]
) -> None:
    before, result = make.result(**BEFORE | then), make.result(**now)
    found = regressions([alone(result, before, NOW, evidence(TIMES, RIGHT))])
    assert len(found) == len(said)
    assert all(each.what.startswith(one) for each, one in zip(found, said, strict=True))


def test_a_model_that_fails_at_its_first_run_is_a_regression_too(make: Any) -> None:
    (comparison,) = compare([make.result(status="failed", failure="it died.")], [], {})
    assert lines(comparison) == ["glimpse (llama.cpp-f16): it failed: it died"]


@pytest.mark.parametrize(("right", "is_sure"), [(26, False), (10, True)])
def test_a_gate_counts_as_lost_only_by_a_sure_difference(make: Any, right: int, is_sure: bool) -> None:
    """34 of 60 pass the text gate: 26 of 60 may be chance, 10 of 60 are not."""
    before = make.result(**BEFORE, text=make.gate(34, 60, passed=True))
    result = make.result(text=make.gate(right, 60, passed=False), status="vision-only")
    comparison = alone(result, before, NOW, evidence(TIMES, RIGHT))
    status = "status verified then, vision-only now"
    not_asked = (
        f"not compared: {comparison.label}: right text answers; right follow-up answers: "
        "too few samples that both runs have"
    )
    lost = f"text gate passed then with 34 of 60, not passed now with {right} of 60"
    assert [one.what for one in regressions([comparison])] == ([status, lost] if is_sure else [])
    assert open_questions([comparison])[:2] == (
        [f"not sure: {comparison.label}: {one}" for one in (status, f"{lost}, which may be chance")]
        if not is_sure
        else [not_asked]
    )


def test_a_gate_is_judged_by_the_questions_that_both_runs_were_asked(make: Any) -> None:
    """By their number, 40 and 27 of 60 surely differ; question by question it is one thing, and a figure."""
    before = make.result(**BEFORE, vision=make.gate(40, 60, passed=True))
    result = make.result(vision=make.gate(27, 60, passed=False), status="broken")
    right = [True] * 40 + [False] * 20
    less = [True] * 27 + [False] * 33
    now = evidence(TIMES, less, run="run-2")
    comparison = alone(result, before, now, evidence(TIMES, right))
    assert [one.what.partition(",")[0] for one in regressions([comparison])] == [
        "status verified then",
        "vision gate passed then with 40 of 60",
        "right image answers -21.7 points (-32.0 to -9.9",
    ]
    same = evidence(TIMES, right, run="run-2")
    assert regressions([alone(result, before, same, evidence(TIMES, right))]) == []


def test_why_the_machine_itself_was_not_compared(make: Any) -> None:
    comparison = alone(make.result(), make.result(**BEFORE), NOW, evidence(TIMES))
    assert comparison.notes == ("the machine's own speed was not compared: not timed in both runs",)
    now, then = (evidence(TIMES, run=run, anchor=[0.1]) for run in ("run-2", "run-1"))
    comparison = alone(make.result(), make.result(**BEFORE), now, then)
    assert "too few of its measurements succeeded" in comparison.notes[0]


def test_every_figure_that_is_compared_can_be_printed(make: Any) -> None:
    assert set(make.result().figures) == set(readers())
