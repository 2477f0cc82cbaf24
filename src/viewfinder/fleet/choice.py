"""Which variant of a card this machine can run; called by `fleet`, `bench` and the model list."""

from viewfinder.catalog.card import ModelCard, Variant
from viewfinder.core.errors import EngineMissing
from viewfinder.engines.base import Engine
from viewfinder.engines.registry import engine_named


def choose_variant(card: ModelCard) -> tuple[Variant, Engine]:
    """The card's first variant whose engine is installed, with that engine; EngineMissing otherwise."""
    for variant in card.variants:
        engine = engine_named(variant.engine)
        if engine.find() is not None:
            return variant, engine
    first = engine_named(card.variants[0].engine)
    raise EngineMissing(
        f"No engine that runs '{card.name}' is installed (wanted: {first.name}).",
        hint=f"Run: {first.install}",
    )
