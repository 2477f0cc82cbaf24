"""Changes against the previous run: only beyond the intervals, only between comparable runs."""

from typing import Any

import pytest

from viewfinder.bench.results.figures import Missing
from viewfinder.guide.changes import Change, compare

BEFORE = {"run": "run-1", "measured_at": "2026-11-20T10:00:00Z"}


def test_an_overlap_is_no_change(make: Any) -> None:
    before = make.result(**BEFORE, average_inference=make.figure(0.34, 0.0116))
    (comparison,) = compare([make.result()], [before])
    assert comparison.changes == ()
    assert comparison.compared == 10
    assert comparison.not_compared == ""
    assert comparison.before_run == "run-1 of 2026-11-20T10:00:00Z"


def test_a_difference_beyond_the_intervals_is_a_change(make: Any) -> None:
    before = make.result(
        **BEFORE, average_inference=make.figure(3.4, 0.1), decode_rate=make.figure(900, 10, "tokens/s")
    )
    (comparison,) = compare([make.result()], [before])
    assert comparison.changes == (
        Change(
            "average inference", "3.40 s (3.30 to 3.50, n=30)", "0.321 s (0.310 to 0.333, n=30)", better=True
        ),
        Change(
            "decode speed",
            "900 tokens/s (890 to 910, n=30)",
            "513 tokens/s (489 to 536, n=30)",
            better=False,
        ),
    )


def test_gates_are_compared_by_their_intervals(make: Any) -> None:
    (near,) = compare([make.result()], [make.result(**BEFORE, vision=make.gate(50, 60))])
    assert near.changes == ()
    (far,) = compare([make.result()], [make.result(**BEFORE, vision=make.gate(20, 60))])
    assert [(change.figure, change.better) for change in far.changes] == [("right image answers", True)]


def test_missing_figures_are_not_compared(make: Any) -> None:
    before = make.result(**BEFORE, average_inference=Missing(missing="nothing was asked"))
    (comparison,) = compare([make.result()], [before])
    assert comparison.compared == 9


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
    (comparison,) = compare([make.result()], [make.result(**BEFORE | changed)])
    assert why in comparison.not_compared
    assert comparison.changes == ()


def test_timings_of_a_disturbed_run_are_compared_with_nothing(make: Any) -> None:
    before = make.result(
        **BEFORE,
        contaminated="two fleets",
        average_inference=make.figure(9.0, 0.1),
        memory_difference=make.figure(9e9, 1e6, "bytes"),
    )
    (comparison,) = compare([make.result()], [before])
    assert comparison.compared == 4
    assert [change.figure for change in comparison.changes] == ["memory difference"]
    assert comparison.notes == (
        "timings not compared; of the previous run: its timings were disturbed: two fleets",
    )


def test_another_machine_is_not_compared(make: Any) -> None:
    other = make.machine.model_copy(update={"cores_physical": 64})
    (comparison,) = compare([make.result()], [make.result(**BEFORE, machine=other)])
    assert "another machine" in comparison.not_compared


def test_the_newest_previous_run_counts_and_the_same_run_never(make: Any) -> None:
    oldest = make.result(run="run-0", measured_at="2026-11-01T00:00:00Z")
    itself = make.result()
    (comparison,) = compare([make.result()], [oldest, make.result(**BEFORE), itself])
    assert comparison.before_run.startswith("run-1")
    (alone,) = compare([make.result()], [itself])
    assert "no previous run" in alone.not_compared


def test_other_differences_are_noted(make: Any) -> None:
    (comparison,) = compare([make.result()], [make.result(**BEFORE, engine_version="b1", status="text-only")])
    assert comparison.notes == (
        "engine version: b1 then, b11549 now",
        "status: text-only then, verified now",
    )
