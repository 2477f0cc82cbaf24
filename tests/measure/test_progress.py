"""The steps that the CLI shows, and how long the rest will take."""

import math
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viewfinder.measure.forecast import Batch, Forecast, Work, likely_share
from viewfinder.measure.progress import Progress, Steady, Steps


def test_steps_add_up_and_never_run_over() -> None:
    reports: list[Progress] = []
    steps = Steps(7, reports.append)
    steps.begin("glimpse", "first", 3)
    steps.step()
    steps.begin("glimpse", "second", 4)
    for _ in range(9):
        steps.step()
    steps.finish()
    assert [(shown.doing, shown.done) for shown in reports[:4]] == [
        ("first", 0),
        ("first", 1),
        ("second", 3),
        ("second", 4),
    ]
    done = [shown.done for shown in reports]
    assert done == sorted(done)
    assert (done[-2], done[-1]) == (7, 7)
    assert {shown.total for shown in reports} == {7}


def test_what_is_not_measured_again_is_skipped() -> None:
    reports: list[Progress] = []
    steps = Steps(10, reports.append)
    steps.skip_to(6)
    steps.begin("glimpse", "third", 4)
    steps.step()
    assert [(one.model, one.done) for one in reports] == [("glimpse", 6), ("glimpse", 7)]


def test_a_run_that_makes_more_steps_than_planned_says_so() -> None:
    reports: list[Progress] = []
    steps = Steps(4, reports.append)
    steps.begin("glimpse", "first", 4)
    steps.skip_to(4)
    assert steps.planned == 4
    steps.extend(2)
    steps.begin("glimpse", "first once more", 2)
    steps.step()
    assert [(one.done, one.total) for one in reports] == [(0, 4), (4, 6), (5, 6)]


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_samples_so_far_against_those_that_are_needed() -> None:
    reports: list[Progress] = []
    steps = Steps(5, reports.append, "quick")
    steps.begin("glimpse", "image questions", 2)
    for _ in range(3):
        steps.step()
    steps.begin("glimpse", "conversations", 3)
    assert {one.suite for one in reports} == {"quick"}
    assert [(one.doing, one.asked, one.needed) for one in reports] == [
        ("image questions", 0, 2),
        ("image questions", 1, 2),
        ("image questions", 2, 2),
        ("image questions", 2, 2),
        ("conversations", 0, 3),
    ]


LOAD, ANSWER = (Batch(20, "image", 3, 5.0),), (Batch(30, "long", 3, 5.0),)


def work(measure: str, model: str = "glimpse", batches: tuple[Batch, ...] = LOAD) -> Work:
    return Work(model, measure, batches)


class Planted:
    """A run of processes whose true times are planted; keeps what was reported and when."""

    def __init__(self, works: Sequence[tuple[Work, float]], **more: object) -> None:
        self.clock, self.reports = Clock(), list[tuple[float, Progress]]()
        self.steps = Steps(9, self._report, clock=self.clock, **more)  # type: ignore[arg-type]
        for place, (one, took_s) in enumerate(works):
            self.steps.forecast.rest = [later for later, _ in works[place + 1 :]]
            self.steps.begin_process(one)
            requests = max(1, sum(batch.most for batch in one.batches))
            for _ in range(requests):
                self.clock.now_s += took_s / requests
                self.steps.step(one.model, one.batches[0].kind if one.batches else None, took_s / requests)
            self.steps.end_process()
        self.steps.forecast.rest = ()
        self.steps.finish()

    def _report(self, progress: Progress) -> None:
        self.reports.append((self.clock.now_s - 100.0, progress))

    def worst(self, share: float) -> float:
        """The largest factor between what was shown and what was true, from this share of the run on and up
        to its last twentieth."""
        end_s, steady, factors = self.reports[-1][0], Steady(), [1.0]
        for at_s, one in self.reports:
            shown = steady.show(at_s, one.spent_s, one.left_s, is_done=one.is_done)
            if share * end_s <= at_s <= 0.95 * end_s:
                assert shown.left_s is not None
                ratio = shown.left_s / (end_s - at_s)
                factors.append(max(ratio, 1 / ratio))
        return max(factors)


def test_nothing_is_told_before_every_model_was_seen() -> None:
    run = Planted(
        [(work("gates"), 2.0), (work("gates", "slow"), 20.0), (work(""), 3.0), (work("", "slow"), 30.0)]
    )
    told = [(at_s, one.left_s) for at_s, one in run.reports if one.left_s is not None]
    assert told[0][0] == pytest.approx(22.0)


def test_a_process_takes_as_long_as_those_of_its_kind_did() -> None:
    forecast = Forecast()
    for took_s in (9.0, 3.0, 3.0, 3.0, 3.0, 3.0):
        forecast.process(work(""), took_s)
    assert forecast.likely_s(work("")) == pytest.approx(3.0), "the first one, long ago, no longer counts"
    forecast.rest = [work(""), Work("glimpse", "", LOAD, 0.5)]
    assert forecast.rest_s() == pytest.approx(4.5)


def test_a_kind_not_seen_yet_is_estimated_from_its_requests() -> None:
    forecast = Forecast()
    forecast.start("slow", 4.0)
    forecast.request("slow", "image", 10.0)
    assert forecast.likely_s(work("new", "slow")) == pytest.approx(4.0 + 3 * 10.0), "no more than its least"
    assert forecast.likely_s(work("new", "slow", ANSWER)) == pytest.approx(4.0 + 3 * 17.0)
    assert forecast.likely_s(work("new", "other")) == pytest.approx(34.0), "a model that was not seen"
    given_up = (Batch(20, "image", 3, 5.0, given_up_s=20.0),)
    assert forecast.likely_s(work("new", "slow", given_up)) == pytest.approx(4.0), "too slow for this batch"


def test_an_earlier_run_knows_and_this_one_knows_the_machine_of_today() -> None:
    past = {work("gates").key: 2.0, work("").key: 3.0, work("soak").key: 60.0}
    forecast = Forecast(past)
    forecast.rest = [work(""), work("soak")]
    assert forecast.is_sure()
    assert forecast.rest_s() == pytest.approx(63.0)
    forecast.process(work("gates"), 4.0)
    assert forecast.rest_s() == pytest.approx(126.0), "everything takes twice as long today"


def test_a_resumed_run_knows_the_speed_of_the_processes_before_the_interruption() -> None:
    forecast = Forecast()
    for _ in range(3):
        forecast.process(work("", batches=(Batch(40),)), 2.0)
    stability = work("stability", batches=(Batch(200),))
    assert forecast.likely_s(stability) == pytest.approx(2.0 * 201 / 41, rel=0.05), "no request was seen yet"
    forecast.start("glimpse", 0.4)
    forecast.request("glimpse", "image", 0.04)
    assert forecast.likely_s(stability) == pytest.approx(0.4 + 200 * 0.04, rel=0.05), "as these requests say"


def test_the_fewer_requests_are_answered_the_more_the_estimate_before_counts() -> None:
    forecast = Forecast()
    soak = work("soak", batches=(Batch(100),))
    forecast.process(soak, 50.0)
    assert forecast.left_s(soak, 0.0, 0.0) == pytest.approx(50.0)
    assert forecast.left_s(soak, 50.0, 0.5) == pytest.approx(25.0), "100 s at this speed"
    assert forecast.left_s(soak, 99.0, 0.99) == pytest.approx(0.5, abs=0.6)
    limited = work("dialogues", batches=(Batch(1000, budget_s=10.0),))
    forecast.process(limited, 10.0)
    assert forecast.left_s(limited, 9.0, 0.1) == pytest.approx(1.0), "its time is limited, not its requests"


def test_repeats_are_expected_as_often_as_processes_were_disturbed() -> None:
    assert likely_share(0, 0, 0, 0) == pytest.approx(0.25)
    assert likely_share(5, 5, 5, 16) > 0.8, "five of five of this half, none of the other"
    assert likely_share(0, 7, 0, 7) < 0.05


@pytest.mark.parametrize("slowness", [1.0, 20.0, 300.0])
@pytest.mark.parametrize("models", [1, 3])
def test_planted_runs_are_foretold_from_their_first_quarter_on(slowness: float, models: int) -> None:
    """Models of different speed, interleaved; the parts of a run in the proportions of a real quick run."""
    names = [(f"m{place}", slowness * (1 + 2 * place)) for place in range(models)]
    kinds = [
        ("gates", 3.0, 1),
        ("", 3.5, 7),
        ("throughput", 5.0, 3),
        ("dialogues", 2.0, 1),
        ("stability", 4.0, 3),
    ]
    works = [
        (Work(name, measure, (Batch(max(1, round(10 * took_s)), "long"),)), took_s * speed)
        for measure, took_s, times in kinds
        for _ in range(times)
        for name, speed in names
    ]
    assert Planted(works).worst(0.25) < 1.5


def test_a_run_with_a_budget_lasts_until_that_is_spent_and_what_comes_after_is_measured() -> None:
    reports: list[Progress] = []
    clock = Clock()
    steps = Steps(10, reports.append, most_s=lambda: 160.0 - clock.now_s, clock=clock)
    steps.forecast.process(work("anchor"), 5.0)
    steps.after = [work("anchor")]
    steps.fills_budget = True
    steps.begin("glimpse", "more image questions", 9)
    assert reports[-1].left_s == pytest.approx(65.0)
    steps.fills_budget = False
    steps.begin("glimpse", "one model, which needs no more rounds", 9)
    assert reports[-1].left_s == pytest.approx(5.0), "nothing is planned"


def test_what_was_spent_before_an_interruption_counts_as_done() -> None:
    reports: list[Progress] = []
    steps = Steps(10, reports.append, clock=Clock())
    steps.earlier(60.0)
    steps.begin("glimpse", "dialogues", 9)
    assert reports[-1].spent_s == pytest.approx(60.0)


def test_what_is_known_of_each_model_so_far() -> None:
    reports: list[Progress] = []
    steps = Steps(10, reports.append, models=["a", "b"], run="r1")
    steps.begin_process(work("gates", "a"), is_graded=True)
    steps.begin("a", "image questions", 9)
    steps.step("a", right=True)
    steps.step("a", right=False)
    steps.end_process()
    steps.begin_process(work("", "b"))
    steps.step("b", right=True)
    steps.so_far("b", answer_s=0.5, load_s=2.0)
    steps.begin("b", "process 1 of 7", 9)
    a, b = reports[-1].models
    assert (a.model, a.doing, a.right, a.graded, a.answer_s) == ("a", "waiting", 1, 2, None)
    assert (b.doing, b.graded, b.answer_s, b.load_s) == ("process 1 of 7", 0, 0.5, 2.0)
    steps.so_far("b", failure="the engine died")
    steps.finish()
    assert [one.doing for one in reports[-1].models] == ["done", "failed"]
    assert reports[-1].run == "r1"


estimates = st.lists(
    st.tuples(st.floats(0.0, 900.0), st.one_of(st.none(), st.floats(0.0, 1e5))), min_size=2, max_size=40
)


@given(estimates)
def test_the_share_never_goes_back_and_the_end_never_jumps(told: list[tuple[float, float | None]]) -> None:
    steady, now_s = Steady(), 0.0
    seen = []
    for passed_s, left_s in told:
        now_s += passed_s
        seen.append((now_s, steady.show(now_s, now_s, left_s)))
    for (before_s, before), (after_s, after) in pairwise(seen):
        assert after.share >= before.share
        assert after.share < 1.0 or after.left_s is None
        if before.left_s is not None and after.left_s is not None:
            end_s, later_s = before_s + before.left_s, after_s + after.left_s
            most_s = max(4.0, 0.03 * before.left_s)
            assert (
                later_s
                <= end_s
                + (after_s - before_s)
                + before.left_s * (math.exp(min(9.0, (after_s - before_s) / most_s / 3)) - 1)
                + 1e-6
            )
            assert later_s >= end_s - before.left_s * (1 - math.exp(-(after_s - before_s) / most_s)) - 1e-6
            if after_s == before_s:
                assert after.left_s == pytest.approx(before.left_s)
    assert steady.show(now_s, now_s, None, is_done=True).share == 1.0


def test_a_new_estimate_is_approached_and_not_jumped_to() -> None:
    steady = Steady()
    assert steady.show(10.0, 10.0, 90.0).left_s == 90.0
    assert steady.show(11.0, 11.0, 40.0).left_s == pytest.approx(70.0, abs=5.0)
    shown = [steady.show(11.0 + second, 11.0 + second, 40.0 - second).left_s for second in range(12)]
    assert shown[-1] == pytest.approx(29.0, rel=0.1)
    assert steady.show(23.0, 23.0, 31.0).left_s == shown[-1], "a little longer: it does not rise"
    assert steady.show(24.0, 24.0, 90.0).left_s == pytest.approx(31.5, abs=1.5), (
        "much longer: it rises slowly"
    )
