"""What surely changed between two runs of one thing."""

import math

import numpy as np
import pytest

from tests.measure.made_up import PRINT, answers, evidence
from viewfinder.measure.compare import revisions
from viewfinder.measure.compare.evidence import Evidence

BASE = [0.30, 0.31, 0.29, 0.305, 0.295, 0.30, 0.302]
RIGHT = [True] * 95 + [False] * 5


def test_nothing_changed() -> None:
    cells = revisions.compare(evidence(BASE, RIGHT), evidence(BASE[::-1], RIGHT, run="run-0"))
    assert list(cells) == [
        "right image answers",
        "load time",
        "average inference",
        "time to first token, image",
        "time to first token, text",
        "decode speed",
        "memory difference",
    ]
    assert not any(cell.changed for cell in cells.values())
    assert all(cell.is_same for name, cell in cells.items() if name != "right image answers")


def test_slower_requests_are_found_and_which_way_is_better() -> None:
    now = evidence([1.2 * time for time in BASE], RIGHT)
    cells = revisions.compare(now, evidence(BASE, RIGHT))
    changed = {name: cell.better for name, cell in cells.items() if cell.changed}
    assert changed == dict.fromkeys(
        ("average inference", "time to first token, image", "time to first token, text", "decode speed"),
        False,
    )
    assert math.exp(cells["average inference"].contrast.value) == pytest.approx(1.2)
    back = revisions.compare(evidence(BASE, RIGHT), now)
    assert back["decode speed"].better
    assert back["average inference"].better


def test_answers_are_compared_question_by_question() -> None:
    worse = [True] * 80 + [False] * 20
    cell = revisions.compare(evidence(BASE, worse), evidence(BASE, RIGHT))["right image answers"]
    assert cell.changed
    assert not cell.better
    assert cell.contrast.value == pytest.approx(-0.15)
    assert cell.contrast.n == 100
    asked = answers([True], scenario="vision")
    elsewhere = Evidence([asked[0].__class__("r", "m", 0, "vision", "vision?", asked[0].exchange, "other")])
    assert "right image answers" not in revisions.compare(elsewhere, evidence(BASE, RIGHT))


def test_a_change_too_small_to_matter_is_none_however_sure() -> None:
    still = [0.3 * (1 + number / 10_000) for number in range(7)]
    cell = revisions.compare(evidence([1.03 * time for time in still]), evidence(still))["average inference"]
    assert cell.contrast.p < 1e-6
    assert (cell.changed, cell.is_same) == (False, True)
    thousand = [True] * 985 + [False] * 15
    cells = revisions.compare(evidence(BASE, [True] * 1000), evidence(BASE, thousand))
    assert cells["right image answers"].contrast.p < 0.001
    assert not cells["right image answers"].changed, "one and a half points"


def test_disturbed_runs_are_compared_by_what_a_disturbance_does_not_spoil() -> None:
    cells = revisions.compare(evidence(BASE, RIGHT), evidence(BASE, RIGHT), timings=False)
    assert list(cells) == ["right image answers", "memory difference"]


def test_too_few_restarts_or_none_give_no_cell() -> None:
    assert "average inference" not in revisions.compare(evidence([0.3]), evidence(BASE))
    assert revisions.compare(Evidence([]), Evidence([])) == {}


def test_the_same_thing_twice_is_seldom_said_to_have_changed() -> None:
    """Twenty pairs of runs whose processes differ by 5 %: over all cells, at most one change."""
    rng = np.random.default_rng(20)

    def run() -> Evidence:
        found = evidence(np.exp(rng.normal(-1.2, 0.05, 7)).tolist(), RIGHT)
        loads = np.exp(rng.normal(0.0, 0.05, 7))
        assert all(one.series for one in found.outcomes.values())
        return Evidence(
            found.samples,
            {
                process: one.model_copy(update={"series": evidence([1.0], load=load).outcomes[1].series})
                for (process, one), load in zip(found.outcomes.items(), loads, strict=True)
            },
        )

    said = sum(cell.changed for _ in range(20) for cell in revisions.compare(run(), run()).values())
    assert said <= 1


def test_the_machine_between_two_runs() -> None:
    slow, fast = [0.12, 0.121, 0.119] * 2, [0.1, 0.101, 0.099] * 2
    contrast = revisions.machine(evidence(BASE, anchor=slow), evidence(BASE, anchor=fast))
    assert not isinstance(contrast, str)
    assert math.exp(contrast.value) == pytest.approx(1.2, abs=0.01)
    assert contrast.p < 0.001


def test_the_machine_is_not_compared_by_another_anchor() -> None:
    now = evidence(BASE, anchor=[0.1] * 6)
    other = PRINT.model_copy(update={"engine_version": "b2"})
    assert revisions.machine(now, evidence(BASE)) == "not timed in both runs"
    then = evidence(BASE, anchor=[0.1] * 6, anchored=other)
    assert revisions.machine(now, then) == "the engine or the model that it is timed with changed"
    warmer = PRINT.model_copy(update={"source": "battery"})
    assert not isinstance(revisions.machine(now, evidence(BASE, anchor=[0.1] * 6, anchored=warmer)), str)
