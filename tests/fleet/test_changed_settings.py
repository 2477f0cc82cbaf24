"""A change of settings concerns the models that it changes something for, and no other."""

from typing import Any

import pytest

from viewfinder.catalog.catalog import Catalog
from viewfinder.core.config import Settings
from viewfinder.fleet.changed_settings import changed_models

FILES = {"mine": {"model": "/m.gguf"}}
SERVER = {"base_url": "http://127.0.0.1:1/v1", "model": "llava"}
OLD: dict[str, Any] = {
    "engine": {"slots": 2, "remote_code": ("other",)},
    "engine_for": {"mine": {"slots": 4}},
    "models": FILES,
    "endpoints": {"far": SERVER},
}
BY_TOKENS = {
    card.name
    for card in Catalog().cards()
    if any(variant.image_lever == "image_tokens" for variant in card.variants)
}
"""Whose image budget is an option of the engine's start."""


@pytest.mark.parametrize(
    ("change", "concerned"),
    [
        ({}, set()),
        ({"engine_for": {"mine": {"slots": 4}, "glimpse": {"slots": 2}}}, set()),  # says what is so
        ({"engine_for": {}}, {"mine"}),
        ({"engine_for": {"mine": {"slots": 4, "cache_type": "q8_0"}}}, {"mine"}),
        ({"engine_for": {"mine": {"slots": 4}, "glimpse": {"gpu_layers": "all"}}}, {"glimpse"}),
        ({"engine_for": {"mine": {"slots": 4, "gpu_layers": "auto"}}}, set()),  # as it is by default
        ({"engine": {"slots": 2, "remote_code": ("other", "glimpse")}}, {"glimpse"}),
        ({"models": {"mine": {"model": "/n.gguf"}}}, {"mine"}),
        ({"models": {}}, {"mine"}),
        ({"models": {**FILES, "more": {"model": "/n.gguf"}}}, set()),  # new ones were never up
        ({"endpoints": {"far": {**SERVER, "api_key": "new"}}}, {"far"}),
        ({"variants": {"viewfinder/glimpse": "llama.cpp-f16"}}, {"glimpse"}),  # by whatever name
        ({"images": {"budget": "full"}}, BY_TOKENS),
        ({"fleet": {"queue": 7}, "api_key": "new", "limits": {"images": 1}}, set()),
    ],
)
def test_who_is_concerned(change: dict[str, Any], concerned: set[str]) -> None:
    assert changed_models(read(OLD), read({**OLD, **change})) == concerned


def test_what_all_are_started_with_concerns_all_that_do_not_say_otherwise() -> None:
    changed = changed_models(read(OLD), read({**OLD, "engine": {"slots": 3, "remote_code": ("other",)}}))
    assert changed == set(read(OLD)[0].names()) - {"mine"}


def read(settings: dict[str, Any]) -> tuple[Catalog, Settings]:
    found = Settings(**settings)
    return Catalog(found.models, found.endpoints, wanted=found.variants), found
