"""How much a model can take into account at once, and what helps when that is not enough; called by `chat`,
`relay` and `models`."""

from viewfinder.catalog.card import ModelCard, Variant
from viewfinder.catalog.full_images import base_name
from viewfinder.core.config import Settings
from viewfinder.engines.registry import engine_named


def context_of(card: ModelCard, variant: Variant, settings: Settings) -> int | None:
    """The tokens that one request and its answer may have together; None when that is not known."""
    return engine_named(variant.engine).context_tokens(variant, settings.engine_of(base_name(card.name)))


def context_hint(variant: Variant, context: int | None) -> str:
    """What helps against a conversation that is longer than the `context`."""
    trained = variant.context_tokens
    if variant.server is not None:
        return "Send less, or give the model a larger context on its own server."
    if trained and context and context >= trained:
        return f"Send less: the model was trained for no more than {trained:,}."
    for_how_many = f" The model was trained for {trained:,}." if trained else ""
    return f"Send less, or raise engine.context_tokens.{for_how_many}"
