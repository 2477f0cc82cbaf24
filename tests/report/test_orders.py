"""The order for `auto:` names: the groups are the guide's, and what it avoids is in none."""

from typing import Any

from tests.measure.made_up import evidence
from tests.report.sets import own
from viewfinder.catalog.auto_names import USES
from viewfinder.fleet.routing import MeasuredOrder
from viewfinder.measure.figures import Missing
from viewfinder.measure.results import ModelResult
from viewfinder.report.facts import key
from viewfinder.report.orders import measured_orders

SLOW = {"average_inference": 9.0}


def names(order: MeasuredOrder) -> list[str]:
    return [" ".join(one.model for one in group) for group in order.groups]


def named(make: Any, name: str, right: int, seconds: float, megabytes: int = 30) -> ModelResult:
    """Of 100 questions about images, `right` were answered right."""
    return make.result(
        name,
        vision=make.gate(right, 100, passed=True),
        average_inference=make.figure(seconds, 0.01 * seconds),
        memory_difference=make.figure(megabytes * 1e6, 1e5, "bytes"),
    )


def test_each_use_has_its_figure_and_its_groups(make: Any) -> None:
    some = [
        named(make, "large", 97, 9.0, 900),
        named(make, "equal", 96, 4.0, 500),
        named(make, "small", 60, 0.3, 30),
    ]
    orders = measured_orders(some, {})
    assert tuple(orders) == USES
    assert names(orders["best"]) == ["equal", "large", "small"]  # equally right, and faster
    assert names(orders["fast"]) == ["small", "equal", "large"]
    assert names(orders["smallest"]) == ["small", "equal", "large"]
    assert [len(group) for group in orders["text"].groups] == [3]
    assert orders["own"] == MeasuredOrder()
    first, *_ = orders["best"].groups[0]
    assert first.reason == "right on 96 % (90 to 98) of 100 questions about images here on 2026-11-22"
    assert orders["fast"].groups[0][0].reason.startswith("an answer about an image takes 0.3")
    assert orders["fast"].groups[0][0].reason.endswith(" here, on 2026-11-22")
    assert orders["smallest"].groups[0][0].reason.startswith("takes 0.030")


def test_samples_tell_apart_what_intervals_do_not(make: Any) -> None:
    """The same as in the guide's rankings: see `test_ranks`."""
    some = [named(make, name, 80, 1.0) for name in ("quick", "close", "slow")]
    times = {"quick": 1.0, "close": 1.01, "slow": 1.2}
    base = [1.0, 1.1, 0.9, 1.05, 0.95, 1.2, 1.0]
    known = {
        key(one): evidence([times[one.model] * time for time in base], right=[True] * 20, run="run-2")
        for one in some
    }
    assert names(measured_orders(some, known)["fast"]) == ["quick close", "slow"]
    disturbed = [one.model_copy(update={"contaminated": "other programs ran"}) for one in some]
    assert names(measured_orders(disturbed, known)["best"]) == ["quick close slow"]
    reason = measured_orders(disturbed, known)["fast"].groups[0][0].reason
    assert reason.endswith("disturbed by other programs")


def test_what_passed_one_gate_comes_after_what_passed_both(make: Any) -> None:
    both = named(make, "both", 60, 1.0)
    eyes = make.result("eyes", vision=make.gate(99, 100), text=make.gate(1, 40), status="vision-only")
    words = make.result("words", vision=make.gate(1, 60), text=make.gate(40, 40), status="text-only")
    orders = measured_orders([words, eyes, both], {})
    assert names(orders["best"]) == ["both", "eyes", "words"]
    assert names(orders["text"])[-1] == "eyes"
    abilities = {one.model: (one.sees, one.reads) for group in orders["best"].groups for one in group}
    assert abilities == {"both": (True, True), "eyes": (True, False), "words": (False, True)}


def test_what_the_guide_avoids_is_left_out_and_what_is_not_known_is_neither(make: Any) -> None:
    gone = Missing(missing="the budget was spent before it")
    orders = measured_orders(
        [
            make.result("good"),
            make.result("failed", status="failed", failure="It died."),
            make.result("leaks", status="avoid", status_reasons=("it answered for the image before",)),
            make.result("neither", vision=make.gate(1, 60), text=make.gate(1, 40), status="broken"),
            make.result("incomplete", vision=gone, text=gone, follow_up=gone, status="incomplete"),
        ],
        {},
    )
    for use in ("best", "fast", "text", "smallest"):
        assert names(orders[use]) == ["good"]
        left = {one.model: one.why for one in orders[use].left_out}
        assert left == {
            "failed": "it failed when it was measured here",
            "leaks": "the guide avoids it: it answered for the image before",
            "neither": "the guide avoids it: could not be verified",
        }


def test_own_pictures_rank_those_that_were_asked_the_same(make: Any) -> None:
    asked = make.result("asked", own_images=own(60), own_run="run-9")
    better = make.result("better", own_images=own(95), status="not judged")
    other = make.result("other", own_images=own(99, questions=7))
    none = make.result("none", own_images=own(0.0))
    orders = measured_orders(
        [asked, better, other, none, make.result("never")], {}, {"run-9": "2026-12-24T01"}
    )
    assert names(orders["own"]) == ["better", "asked"]
    reasons = [one.reason for group in orders["own"].groups for one in group]
    assert reasons[0].startswith("right on 95 %")
    assert reasons[0].endswith("of 20 of your own questions here on 2026-11-22")
    assert reasons[1].endswith("here on 2026-12-24")
    assert "none" in {one.model for one in orders["own"].left_out}
    assert orders["own"].groups[0][0].sees
