"""The steps that the CLI's bar shows."""

from viewfinder.bench.progress import Progress, Steps


def test_steps_add_up_and_never_run_over() -> None:
    told: list[Progress] = []
    steps = Steps("glimpse", 7, told.append)
    steps.begin("first", 3)
    steps.step()
    steps.begin("second", 4)
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
