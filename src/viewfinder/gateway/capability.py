"""Refuses a request for what its model cannot do, before anything is loaded; called by `chat`."""

import re
from collections.abc import Callable, Sequence

from viewfinder.catalog.card import ModelCard, Variant
from viewfinder.core.config import EngineSettings
from viewfinder.core.errors import CapabilityMissing
from viewfinder.wire.chat import ChatRequest
from viewfinder.wire.messages import texts_of

CHARACTERS_PER_TOKEN = 16
"""More than any tokenizer reaches over a whole text in which repeated characters count once: a text refused
by it is surely too long. Whether any other text is too long is for the engine to say."""


def require_capability(
    request: ChatRequest,
    variant: Variant,
    settings: EngineSettings,
    cards: Callable[[], Sequence[ModelCard]],
) -> None:
    """Raises CapabilityMissing when the variant cannot answer, naming the models of `cards` that could.

    `cards` looks at the disk, so it is called only for a refusal.
    """
    images = len(request.image_parts())
    if images and not variant.vision:
        raise CapabilityMissing(
            f"The model '{request.model}' cannot see images.",
            hint=_who_can(lambda other: other.vision, cards),
            param="messages",
            code="vision_not_supported",
        )
    if not images and not variant.text:
        able = _who_can(lambda other: other.text, cards)
        raise CapabilityMissing(
            f"The model '{request.model}' answers only about images, and the request has none.",
            hint=f"Send an image with the question. {able}".strip(),
            param="messages",
            code="image_required",
        )
    if variant.images is not None and images > variant.images:
        raise CapabilityMissing(
            f"The request holds {images} images; the model '{request.model}' takes {variant.images}.",
            hint=_who_can(lambda other: other.vision and (other.images or images) >= images, cards),
            param="messages",
            code="too_many_images",
        )
    context = min(settings.context_tokens, variant.context_tokens or settings.context_tokens)
    if (least := _least_tokens(request, context)) >= context:
        raise CapabilityMissing(
            f"The text is at least {least:,} tokens long; the context of '{request.model}' is {context:,}.",
            hint="Send less text, or raise engine.context_tokens if the model was trained for more.",
            param="messages",
            code="context_length_exceeded",
        )


def _least_tokens(request: ChatRequest, context: int) -> int:
    """The least number of tokens in the request's text; 0 when it surely fits the context."""
    texts = [text for message in request.messages for text in texts_of(message)]
    if sum(map(len, texts)) < CHARACTERS_PER_TOKEN * context:
        return 0
    return sum(len(re.sub(r"(.)\1+", r"\1", text, flags=re.DOTALL)) for text in texts) // CHARACTERS_PER_TOKEN


def _who_can(can: Callable[[Variant], bool], cards: Callable[[], Sequence[ModelCard]]) -> str:
    able = [card.name for card in cards() if any(map(can, card.variants))]
    return f"Models that can: {', '.join(able[:5])}." if able else ""
