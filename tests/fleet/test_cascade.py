"""Which two models `cascade:` alone stands for."""

import pytest

from viewfinder.fleet.cascade import CascadePair, NoPair, measured_pair
from viewfinder.fleet.routing import MeasuredOrder, MeasuredPlace, ModelNow, RequestNeeds

MODELS = [ModelNow(name, "q8") for name in ("small", "middle", "large")]
ALL = {(one.model, one.variant) for one in MODELS}


def order(*groups: str) -> MeasuredOrder:
    return MeasuredOrder(
        tuple(tuple(MeasuredPlace(name, "q8", f"{name}'s") for name in group.split()) for group in groups)
    )


ORDERS = {"fast": order("small", "middle", "large"), "best": order("large", "middle", "small")}


def test_the_fastest_is_first_and_the_best_second() -> None:
    found = measured_pair(ORDERS, MODELS, None, ALL)
    assert found == CascadePair("small", "large", "small: small's; large: large's")
    assert found.name == "cascade:small,large"
    blind = [ModelNow("small", "q8", vision=False), *MODELS[1:]]
    seen = measured_pair(ORDERS, blind, RequestNeeds(images=1), ALL)
    assert isinstance(seen, CascadePair)
    assert (seen.first, seen.second) == ("middle", "large"), "only models that can answer the request"


def test_a_place_is_kept_in_quarantine() -> None:
    ill = [MODELS[0], MODELS[1], ModelNow("large", "q8", state="quarantined")]
    found = measured_pair(ORDERS, ill, None, ALL)
    assert isinstance(found, CascadePair)
    assert found.second == "large"


@pytest.mark.parametrize(
    ("orders", "calibrated", "why"),
    [
        ({}, ALL, "two models"),
        (ORDERS, {("small", "q8")}, "there is small"),
        (ORDERS, {("small", "q4"), ("large", "q4")}, "there is none"),
        ({**ORDERS, "best": order("small", "large")}, ALL, "the fastest (small) is the best"),
        (
            {**ORDERS, "best": order("large small", "middle")},
            ALL,
            "cannot be told apart from the best (large)",
        ),
    ],
)
def test_no_pair_says_why(
    orders: dict[str, MeasuredOrder], calibrated: set[tuple[str, str]], why: str
) -> None:
    up = [ModelNow("large", "q8", state="ready"), *MODELS[:2]]  # of equals, the loaded one is taken
    found = measured_pair(orders, up, None, calibrated)
    assert isinstance(found, NoPair)
    assert why in found.why
    assert found.hint
