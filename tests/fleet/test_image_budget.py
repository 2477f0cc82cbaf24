"""The budget that an engine is started with: what was measured, unless the user's settings say otherwise."""

from pathlib import Path
from typing import Any

import pytest

from viewfinder.catalog.catalog import Catalog
from viewfinder.core.config import Settings
from viewfinder.core.errors import UnknownModel
from viewfinder.engines.registry import engine_named
from viewfinder.fleet.image_budget import ImageBudgets

from .record.test_image_budgets import stored, write

CARD = Catalog().get("glimpse")
VARIANT = CARD.variants[0]
ENGINE = engine_named("llama.cpp")


def started(tmp_path: Path, *, cheapest: str = "20 tokens", version: str = "", **settings: Any) -> int:
    found = stored(
        "20 tokens",
        "all tokens",
        cheapest=cheapest,
        model="glimpse",
        variant=VARIANT.name,
        engine_version=version or ENGINE.installed_version(),
    )
    write(tmp_path, found)
    budgets = ImageBudgets(tmp_path, lambda: Settings(**settings))
    return budgets.started_with(CARD, VARIANT, ENGINE).image_tokens


def test_what_was_measured(tmp_path: Path) -> None:
    assert started(tmp_path) == 20


def test_nothing_measured_changes_nothing(tmp_path: Path) -> None:
    settings = Settings()
    budgets = ImageBudgets(tmp_path, lambda: settings)
    assert budgets.started_with(CARD, VARIANT, ENGINE) == settings.engine


@pytest.mark.parametrize(
    ("case", "tokens"),
    [
        ({"cheapest": "all tokens"}, 0),
        ({"cheapest": ""}, 0),
        ({"version": "another"}, 0),
        ({"images": {"budget": "full"}}, 0),
        ({"engine": {"image_tokens": 99}}, 99),
        ({"engine_for": {"glimpse": {"image_tokens": 98}}}, 98),
    ],
)
def test_what_comes_before_it(tmp_path: Path, case: dict[str, Any], tokens: int) -> None:
    assert started(tmp_path, **case) == tokens


def test_a_budget_of_pixels_is_no_option_of_the_start(tmp_path: Path) -> None:
    by_pixels = VARIANT.model_copy(update={"image_lever": "pixels"})
    write(
        tmp_path,
        stored(
            "64 px",
            "256 px",
            cheapest="64 px",
            model="glimpse",
            variant=VARIANT.name,
            engine_version=ENGINE.installed_version(),
        ),
    )
    budgets = ImageBudgets(tmp_path, Settings)
    assert budgets.started_with(CARD, by_pixels, ENGINE).image_tokens == 0


def test_under_its_second_name_it_has_no_budget(tmp_path: Path) -> None:
    assert started(tmp_path) == 20
    budgets = ImageBudgets(tmp_path, Settings)
    assert budgets.is_measured(CARD, VARIANT, ENGINE)
    whole = Catalog().get("glimpse:full-images")
    assert (whole.name, whole.variants) == ("glimpse:full-images", CARD.variants)
    assert budgets.started_with(whole, VARIANT, ENGINE).image_tokens == 0
    own = {"glimpse": {"slots": 1}}
    tuned = ImageBudgets(tmp_path, lambda: Settings(engine_for=own))
    assert tuned.started_with(whole, VARIANT, ENGINE).slots == 1, "its settings are those of its own name"
    for name in ("nobody:full-images", ":full-images"):
        with pytest.raises(UnknownModel):
            Catalog().get(name)
