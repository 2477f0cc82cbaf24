"""Which variant is taken."""

import pytest

from viewfinder.catalog.card import ModelCard, Variant
from viewfinder.catalog.catalog import Catalog
from viewfinder.core.errors import EngineMissing
from viewfinder.engines import registry
from viewfinder.fleet.choice import choose_variant


def test_the_first_variant_whose_engine_is_here() -> None:
    variant, engine = choose_variant(Catalog().get("glimpse"))
    assert (variant.engine, engine.name) == ("llama.cpp", "llama.cpp")


def test_a_card_of_an_unknown_engine_says_which_are_known() -> None:
    card = Catalog().get("glimpse")
    odd: Variant = card.variants[0].model_copy(update={"engine": "no-such-engine"})
    lonely: ModelCard = card.model_copy(update={"variants": (odd,)})
    with pytest.raises(EngineMissing, match=r"no-such-engine.*llama\.cpp"):
        choose_variant(lonely)


def test_nothing_installed_names_the_line_that_mends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry.LlamaCpp, "find", lambda self: None)
    with pytest.raises(EngineMissing, match="pip install xllamacpp"):
        choose_variant(Catalog().get("glimpse"))
