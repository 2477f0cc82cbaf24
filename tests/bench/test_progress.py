"""The steps that the CLI's bar shows."""

from viewfinder.bench.progress import Progress, Steps


def test_steps_add_up_and_never_run_over() -> None:
    told: list[Progress] = []
    steps = Steps(7, told.append)
    steps.begin("glimpse", "first", 3)
    steps.step()
    steps.begin("glimpse", "second", 4)
    for _ in range(9):
        steps.step()
    steps.finish()
    assert [(told_.doing, told_.done) for told_ in told[:4]] == [
        ("first", 0),
        ("first", 1),
        ("second", 3),
        ("second", 4),
    ]
    done = [told_.done for told_ in told]
    assert done == sorted(done)
    assert (done[-2], done[-1]) == (7, 7)
    assert {told_.total for told_ in told} == {7}


def test_what_is_not_measured_again_is_skipped() -> None:
    told: list[Progress] = []
    steps = Steps(10, told.append)
    steps.skip_to(6)
    steps.begin("glimpse", "third", 4)
    steps.step()
    assert [(one.model, one.done) for one in told] == [("glimpse", 6), ("glimpse", 7)]


def test_a_run_that_makes_more_steps_than_planned_says_so() -> None:
    told: list[Progress] = []
    steps = Steps(4, told.append)
    steps.begin("glimpse", "first", 4)
    steps.skip_to(4)
    assert steps.planned == 4
    steps.extend(2)
    steps.begin("glimpse", "first once more", 2)
    steps.step()
    assert [(one.done, one.total) for one in told] == [(0, 4), (4, 6), (5, 6)]
