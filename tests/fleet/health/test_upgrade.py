"""What is said of a model after its engine changed: pure arithmetic on what two engines answered."""

import math
import random

import pytest

from viewfinder.fleet.health.upgrade import (
    ASSUMED_SD,
    MiniBench,
    UpgradeVerdict,
    digest,
    judge,
)

NAMES = [f"r{number}" for number in range(8)]


def bench(factor: float = 1.0, *, machine_s: float = 0.01, wrong: tuple[str, ...] = (), noise: float = 0.0,
          seed: int = 0) -> MiniBench:  # fmt: skip
    """A mini-bench in which every answer takes `factor` times as long as usual."""
    rng = random.Random(seed)
    times = {name: (1 + number) * factor * math.exp(rng.gauss(0, noise)) for number, name in enumerate(NAMES)}
    answers = {name: digest(f"{name}{' other' if name in wrong else ''}") for name in NAMES}
    return MiniBench(answers, times, machine_s)


def test_the_same_is_as_before() -> None:
    found = judge([bench()], bench())
    assert (found.verdict, found.same, found.compared) == ("as before", 8, 8)
    assert found.ratio == pytest.approx(1.0)
    assert found.low < 1 < found.high
    assert str(found).startswith("as before (the same 8 answers, 0.")


@pytest.mark.parametrize(
    ("factor", "benches", "verdict"),
    [
        (1.05, 1, "as before"),
        (1.2, 1, "not clear"),  # one mini-bench says little
        (1.4, 1, "not clear"),
        (1.6, 1, "slower"),
        (1.4, 5, "slower"),
        (1.05, 5, "as before"),
        (1.25, 5, "not clear"),  # it is slower, and may not be by enough to matter
        (0.6, 5, "faster"),
    ],
)
def test_slower_is_said_when_the_whole_interval_says_so(factor: float, benches: int, verdict: str) -> None:
    before = [bench(1 + 0.02 * (number % 2)) for number in range(benches)]
    assert judge(before, bench(factor)).verdict == verdict


def test_what_is_said_has_the_interval() -> None:
    found = judge([bench()] * 5, bench(2.0))
    assert str(found).startswith("slower by 100 % (")
    assert str(judge([bench()] * 5, bench(0.5))).startswith("faster by 50 % (")
    assert str(judge([bench()], bench(1.4))).startswith("not clear whether it is slower (1.0")


def test_a_slow_day_of_the_machine_is_no_slow_engine() -> None:
    """Everything takes twice as long, this computer's own work, too."""
    assert judge([bench()] * 5, bench(2.0, machine_s=0.02)).verdict == "as before"
    assert judge([bench(2.0, machine_s=0.02)] * 5, bench(2.0)).verdict == "slower"


def test_engines_that_differ_from_one_day_to_the_next_need_more_to_be_called_slower() -> None:
    steady, moody = [bench()] * 5, [bench(factor) for factor in (0.7, 1.4, 0.8, 1.3, 1.0)]
    assert judge(steady, bench(1.5)).verdict == "slower"
    assert judge(moody, bench(1.5)).verdict == "not clear"


def test_an_engine_that_did_not_change_is_seldom_called_slower() -> None:
    """As many mini-benches as a user ever sees, each on a day of its own: few may be wrong."""
    rng = random.Random(15)
    wrong = 0
    for number in range(400):
        days = [math.exp(rng.gauss(0, ASSUMED_SD)) for _ in range(4)]
        *before, now = [bench(day, noise=0.1, seed=31 * number + index) for index, day in enumerate(days)]
        wrong += judge(before, now).verdict in ("slower", "faster")
    assert wrong <= 8


def test_an_answer_is_other_when_no_former_process_gave_it() -> None:
    found = judge([bench()], bench(wrong=("r1", "r2")))
    assert (found.verdict, found.same, found.compared, found.speed) == ("other answers", 6, 8, "as before")
    assert str(found).startswith("other answers to 2 of 8 known requests; as fast as before (0.")
    unsure = [bench(), bench(wrong=("r1", "r2"))]  # it gave both before
    assert judge(unsure, bench(wrong=("r1",))).verdict == "as before"


def test_other_answers_are_not_timed() -> None:
    found = judge([bench()], bench(9.0, wrong=tuple(NAMES[1:])))
    assert (found.verdict, found.speed, found.ratio) == ("other answers", "not clear", None)
    assert str(found) == "other answers to 7 of 8 known requests; not clear: too few requests could be timed"


def test_nothing_in_common_proves_nothing() -> None:
    other = MiniBench({"x": "1"}, {"x": 1.0})
    assert judge([bench()], other) == UpgradeVerdict(0, 0)
    assert judge([bench()], other).verdict == "not clear"
    assert judge([bench()], MiniBench()).verdict == "not clear"


def test_what_is_kept_of_an_answer_is_none_of_its_words() -> None:
    assert digest("a secret") == digest("a secret") != digest("another")
    assert "secret" not in digest("a secret")
