"""A fault counts as found when it is named, and nothing else is reported."""

from pathlib import Path

import pytest

from benchmarks.validity.truths import TRUTHS, Truth
from tests.faults.plugin.faulty_sight import Sight

LATE = "changed: time to first token, image 5.76 times (+200 ms)"
TEXT = "changed: time to first token, text 5.75 times"
REQUEST = "changed: average inference 3.04 times"
SPEED = "changed: decode speed 0.50 times"
TEXTS = "issue: 24 of 24 text requests failed; the first: engine_refused"
MIXED_UP = "issue: STATE.prev_image: 2 of 75 requests; for example 'Yellow.' where 'Purple.' was expected."


def truth(fault: str) -> Truth:
    return next(one for one in TRUTHS if one.fault == fault)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("late-first-token", [LATE, TEXT, REQUEST]),
        ("half-decode-speed", [SPEED, "changed: average inference 1.45 times"]),
        ("text-fails", ["status: vision-only", TEXTS]),
        ("mistaken-in-a-fifth", ["changed: right image answers -15 points"]),
        ("previous-image-at-times", [MIXED_UP, "status: avoid"]),
        ("grows-one-mb", ["growth: leak, 1.01 MB a request", "issue: MEM.leak: memory grows."]),
        ("slow-after-a-pause", ["after a pause of 2 s: +101 ms"]),
    ],
)
def test_what_is_due_is_enough(fault: str, said: list[str]) -> None:
    assert truth(fault).is_reported(said)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("late-first-token", []),
        ("late-first-token", [LATE]),
        ("late-first-token", [LATE.replace("200", "250"), TEXT]),
        ("late-first-token", [LATE, TEXT, SPEED]),
        ("half-decode-speed", [SPEED.replace("0.50", "0.70")]),
        ("half-decode-speed", [SPEED, LATE]),
        ("text-fails", ["status: broken", TEXTS]),
        ("grows-one-mb", ["growth: leak, 0.20 MB a request"]),
        ("mistaken-in-a-fifth", ["changed: right image answers -40 points"]),
        ("frozen-on-first-image", [MIXED_UP, "status: avoid"]),
        ("slow-after-a-pause", ["after a pause of 2 s: +60 ms"]),
        ("slow-after-a-pause", ["after a pause of 2 s: +101 ms", "after a pause of 0.2 s: +99 ms"]),
        ("repeats-differ", ["trouble: STATE.unstable: 3 of 20 requests."]),
    ],
)
def test_silence_the_wrong_name_and_a_false_accusation_are_misses(fault: str, said: list[str]) -> None:
    assert not truth(fault).is_reported(said)


def test_every_fault_is_one_that_the_engine_has() -> None:
    deeds = (Path(__file__).parents[1] / "faults/plugin/planted_deeds.py").read_text()
    assert all(f'"{one.fault}": ' in deeds for one in TRUTHS)


def test_a_larger_share_of_mistakes_has_all_of_the_smaller_ones() -> None:
    seen = [Sight("none", f"What is {number} plus 1?") for number in range(2000)]
    few, many = ({sight for sight in seen if sight.is_hard(share)} for share in (0.05, 0.2))
    assert few < many
    assert 0.03 < len(few) / len(seen) < 0.07
    assert 0.17 < len(many) / len(seen) < 0.23
