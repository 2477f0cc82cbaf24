"""Which model a request to an `auto:` name gets: by what was measured, what it needs and what is loaded."""

from dataclasses import replace
from typing import Any

import pytest

from viewfinder.catalog.auto_names import USES, AutoUse
from viewfinder.fleet.routing import (
    COOL_DOWN_S,
    LeftOut,
    MeasuredOrder,
    MeasuredPlace,
    ModelNow,
    ModelRoute,
    RequestNeeds,
    RouteMemory,
    route,
)

PICTURE, TEXT = RequestNeeds(images=1), RequestNeeds()


def place(name: str, **more: Any) -> MeasuredPlace:
    return MeasuredPlace(name, f"{name}-q8", f"{name} was measured on 2026-11-30", **more)


def order(*groups: str, left_out: tuple[LeftOut, ...] = ()) -> MeasuredOrder:
    """Groups as words: "a b", "c"."""
    return MeasuredOrder(tuple(tuple(map(place, group.split())) for group in groups), left_out)


def model(name: str, **more: Any) -> ModelNow:
    return ModelNow(name, f"{name}-q8", engine="llama.cpp", **more)


def chosen(route: ModelRoute) -> str:
    return route.chosen.model if route.chosen else ""


def why_not(route: ModelRoute) -> dict[str, str]:
    return {one.model: one.why for one in route.others}


def routed(
    measured: MeasuredOrder,
    *models: ModelNow,
    use: AutoUse = "best",
    needs: RequestNeeds | None = PICTURE,
    memory: RouteMemory | None = None,
    now_s: float = 1000.0,
    tried: dict[str, str] | None = None,
) -> ModelRoute:
    return route(use, measured, models, needs, memory or RouteMemory(), now_s, tried)


def test_the_best_group_comes_first_whatever_is_loaded() -> None:
    found = routed(order("a", "b"), model("b", state="ready"), model("a"))
    assert chosen(found) == "a"
    assert found.chosen
    assert found.chosen.why == "a was measured on 2026-11-30"
    assert why_not(found) == {"b": "it comes after a"}


def test_of_equals_the_loaded_one_is_chosen() -> None:
    found = routed(order("a b"), model("a"), model("b", state="ready"))
    assert chosen(found) == "b"
    assert found.chosen
    assert found.chosen.why.endswith("; a cannot be told apart, and it is loaded")
    assert why_not(found) == {"a": "it cannot be told apart from b, which is loaded"}


def test_of_equals_none_of_which_is_loaded_the_last_one_is_chosen() -> None:
    found = routed(order("a b"), model("a"), model("b"), memory=RouteMemory(last={"best": "b"}))
    assert chosen(found) == "b"
    assert found.chosen
    assert found.chosen.why.endswith("; a cannot be told apart, and it was chosen last")
    assert chosen(routed(order("a b"), model("a"), model("b"), memory=RouteMemory(last={"fast": "b"}))) == "a"


@pytest.mark.parametrize("last", ["a", "b"])
def test_of_equals_that_are_both_loaded_the_last_one_stays(last: str) -> None:
    both = (model("a", state="ready"), model("b", state="ready"))
    assert chosen(routed(order("a b"), *both, memory=RouteMemory(last={"best": last}))) == last


def test_one_that_is_loading_comes_before_one_that_is_not() -> None:
    """So that two first requests at once load one model, not two."""
    assert chosen(routed(order("a b"), model("a"), model("b", state="starting"))) == "b"
    assert chosen(routed(order("a b"), model("a", state="ready"), model("b", state="starting"))) == "a"


def test_equals_do_not_swap_while_their_states_change() -> None:
    """Each request is followed by what a fleet with room for one model would do."""
    memory, loaded, swaps = RouteMemory(), "", 0
    for _ in range(50):
        states = {name: "ready" if name == loaded else "stopped" for name in "abc"}
        models = [model(name, state=state) for name, state in states.items()]
        name = chosen(routed(order("a b c"), *models, memory=memory))
        swaps += bool(loaded) and name != loaded
        loaded = memory.last["best"] = name
    assert (loaded, swaps) == ("a", 0)


@pytest.mark.parametrize("ill", ["quarantined", "backoff"])
def test_one_that_is_ill_comes_after_the_next_group(ill: Any) -> None:
    found = routed(order("a", "b"), model("a", state=ill), model("b"))
    assert chosen(found) == "b"
    assert found.chosen
    assert found.chosen.why.endswith(f"; a was passed over: it is in {ill}")
    assert why_not(found) == {"a": f"it is in {ill}"}
    assert chosen(routed(order("a"), model("a", state=ill))) == "a"  # it may be back in a moment
    assert chosen(routed(order("a"), model("a", state=ill), model("new"))) == "a"


def test_one_that_was_given_up_is_not_asked() -> None:
    found = routed(order("a", "b"), model("a", state="failed"), model("b"))
    assert chosen(found) == "b"
    assert why_not(found) == {"a": "it was given up; viewfinder load a starts it again"}
    assert chosen(routed(order("a"), model("a", state="failed"))) == ""


def test_one_that_failed_comes_after_the_others_for_a_minute() -> None:
    memory = RouteMemory(failed={"a": (1000.0, "memory_short")})
    models = (model("a", state="ready"), model("b"))
    soon = routed(order("a", "b"), *models, memory=memory, now_s=1010.0)
    assert chosen(soon) == "b"
    assert soon.chosen
    assert soon.chosen.why.endswith("; a was passed over: it failed 10 s ago (memory_short)")
    assert chosen(routed(order("a", "b"), *models, memory=memory, now_s=1000.0 + COOL_DOWN_S)) == "a"


def test_one_that_was_tried_is_not_tried_again_with_the_same_request() -> None:
    models = (model("a", state="ready"), model("b"), model("c"))
    found = routed(order("a b", "c"), *models, tried={"a": "engine_died"})
    assert chosen(found) == "b"
    assert found.chosen
    assert found.chosen.why == "b was measured on 2026-11-30; a was passed over: engine_died"
    assert chosen(routed(order("a b", "c"), *models, tried={"a": "x", "b": "x"})) == "c"
    assert chosen(routed(order("a b", "c"), *models, tried=dict.fromkeys("abc", "x"))) == ""


@pytest.mark.parametrize(
    ("lacks", "needs", "why"),
    [
        ({"vision": False}, PICTURE, "it sees no images"),
        ({"text": False}, TEXT, "it needs an image"),
        ({"images": 1}, RequestNeeds(images=2), "it takes 1 images, and the request has 2"),
        (
            {"context": 4096},
            RequestNeeds(tokens=5000),
            "the request has at least 5,000 tokens, and it takes 4,096",
        ),
        ({"trouble": "'a' cannot run here."}, TEXT, "'a' cannot run here."),
    ],
)
def test_what_lacks_what_the_request_needs_is_passed_over(
    lacks: dict[str, Any], needs: RequestNeeds, why: str
) -> None:
    found = routed(order("a", "b"), model("a", state="ready", **lacks), model("b"), needs=needs)
    assert chosen(found) == "b"
    assert why_not(found) == {"a": why}
    alone = routed(order("a"), model("a", **lacks), needs=needs)
    assert (chosen(alone), why_not(alone)) == ("", {"a": why})


def test_a_context_that_is_not_known_is_no_obstacle() -> None:
    assert chosen(routed(order("a", "b"), model("a"), model("b"), needs=RequestNeeds(tokens=10**6))) == "a"


def test_what_did_not_pass_gets_no_such_request() -> None:
    measured = MeasuredOrder(((place("eyes", reads=False),), (place("reader", sees=False),)))
    models = (model("eyes"), model("reader"))
    pictures, texts = routed(measured, *models), routed(measured, *models, needs=TEXT)
    assert (chosen(pictures), chosen(texts)) == ("eyes", "reader")
    assert why_not(pictures) == {"reader": "it did not pass the image questions here"}
    assert why_not(texts) == {"eyes": "it did not pass the questions without an image here"}
    assert chosen(routed(measured, *models, needs=None)) == "eyes"


def test_tools_prefer_a_template_for_them_among_equals_only() -> None:
    tools = RequestNeeds(tools=True)
    models = (model("a", state="ready", tools=False), model("b", tools=True), model("c"))
    assert chosen(routed(order("a b c"), *models, needs=tools)) == "b"
    assert chosen(routed(order("a", "b c"), *models, needs=tools)) == "a"
    assert chosen(routed(order("a b c"), *models, needs=TEXT)) == "a"


def test_what_was_measured_comes_before_what_was_not() -> None:
    models = (model("new", state="ready", size_bytes=1), model("a", size_bytes=9))
    found = routed(order("a"), *models)
    assert chosen(found) == "a"
    assert why_not(found) == {"new": "it was not measured here"}


def test_nothing_measured_the_smallest_that_sees_and_it_says_so() -> None:
    models = (
        model("blind", vision=False, size_bytes=1),
        model("big", size_bytes=9),
        model("small", size_bytes=5),
        model("unknown"),
    )
    found = routed(MeasuredOrder(), *models, needs=TEXT)
    assert chosen(found) == "small"
    assert found.chosen
    assert found.chosen.why == (
        "the smallest that sees; not measured here; measure it with: viewfinder bench small"
    )
    loaded = replace(models[1], state="ready")
    assert chosen(routed(MeasuredOrder(), loaded, *models[2:])) == "big"
    assert chosen(routed(MeasuredOrder(), models[0], needs=TEXT)) == "blind"
    assert chosen(routed(MeasuredOrder(), models[0])) == ""


def test_another_variant_than_the_measured_one_counts_as_not_measured() -> None:
    found = routed(order("a", "b"), replace(model("a"), variant="a-mlx"), model("b"))
    assert chosen(found) == "b"
    assert [(one.variant, one.why) for one in found.others] == [
        ("a-mlx", "it was not measured here"),
        ("a-q8", "a-mlx is the variant that would answer now"),
    ]


def test_a_measured_model_whose_files_are_gone() -> None:
    found = routed(order("a", "b"), model("b"))
    assert (chosen(found), why_not(found)) == ("b", {"a": "its files are not here"})


def test_what_the_guide_avoids_is_never_chosen() -> None:
    bad = (LeftOut("bad", "bad-q8", "the guide avoids it: failed"),)
    found = routed(order(left_out=bad), model("bad", state="ready"))
    assert (chosen(found), why_not(found)) == ("", {"bad": "the guide avoids it: failed"})
    other = replace(model("bad"), variant="bad-mlx")  # that one was not measured
    assert chosen(routed(order(left_out=bad), other)) == "bad"


def test_what_knows_no_photographs_comes_after_what_may() -> None:
    """glimpse is right about every drawn shape, and faster than any other."""
    glimpse = model("glimpse", state="ready", limits="knows drawn shapes, not photographs", size_bytes=1)
    measured = order("glimpse", "a")
    found = routed(measured, glimpse, model("a"), model("new"))
    assert chosen(found) == "a"
    assert why_not(found)["glimpse"] == "by its card it knows drawn shapes, not photographs"
    assert chosen(routed(measured, glimpse, model("new"))) == "new"
    assert chosen(routed(measured, glimpse)) == "glimpse"
    assert chosen(routed(measured, glimpse, model("a"), use="own")) == "glimpse"  # these are the user's own


def test_only_what_was_asked_about_own_pictures_is_best_on_them() -> None:
    found = routed(order("a"), model("a"), model("b"), use="own")
    assert (chosen(found), why_not(found)) == ("a", {"b": "it was not asked about your own pictures"})
    nothing = routed(MeasuredOrder(), model("a"), use="own")
    assert (chosen(nothing), why_not(nothing)) == ("", {"a": "it was not asked about your own pictures"})


def test_many_equals_are_not_all_named() -> None:
    found = routed(order("a b c d e f"), *map(model, "abcdef"))
    assert found.chosen
    assert found.chosen.why.endswith("; b, c, d and 2 more cannot be told apart")


@pytest.mark.parametrize("use", USES)
def test_no_model_is_no_choice(use: AutoUse) -> None:
    assert routed(MeasuredOrder(), use=use) == ModelRoute(None, ())
