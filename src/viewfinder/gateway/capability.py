"""Refuses a request for what its model cannot do, before anything is loaded; called by `chat`."""

from collections.abc import Callable, Sequence

import numpy as np

from viewfinder.catalog.card import ModelCard, Variant
from viewfinder.catalog.uncarded import LLAMA_CPP
from viewfinder.core.errors import CapabilityMissing, ContextExceeded
from viewfinder.gateway.context import context_hint
from viewfinder.wire.chat import ChatRequest
from viewfinder.wire.messages import texts_of

CHARACTERS_PER_TOKEN = 16
"""More than any tokenizer reaches over a whole text in which repeated characters count once: a text refused
by it is surely too long. Whether any other text is too long is for the engine to say."""
REPEATS_PER_TOKEN = 64
"""No text of a person has more characters for each token. An engine takes 0.3 s for a million quotes."""


def require_capability(
    request: ChatRequest,
    variant: Variant,
    context: int | None,
    cards: Callable[[], Sequence[ModelCard]],
) -> None:
    """Raises CapabilityMissing when the variant cannot answer, naming the models of `cards` that could, and
    ContextExceeded when the text is surely longer than the `context` (None: not known).

    `cards` looks at the disk, so it is called only for a refusal.
    """
    images = request.least_images
    if images and not variant.vision:
        raise CapabilityMissing(
            f"The model '{request.model}' cannot see images.",
            hint=f"{_projector_hint(variant)}{_who_can(lambda other: other.vision, cards)}".strip(),
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
        if clips := request.clip_parts():
            raise _shows_too_much(request, len(clips), images, variant.images, cards)
        raise CapabilityMissing(
            f"The request holds {images} images; the model '{request.model}' takes {variant.images}.",
            hint=_who_can(lambda other: other.vision and (other.images or images) >= images, cards),
            param="messages",
            code="too_many_images",
        )
    if context is not None and (least := least_tokens(request, context)) >= context:
        raise ContextExceeded(f"at least {least} tokens", context, hint=context_hint(variant, context))


def _shows_too_much(
    request: ChatRequest, clips: int, images: int, most: int, cards: Callable[[], Sequence[ModelCard]]
) -> CapabilityMissing:
    """The refusal of clips by a model that takes too few images for them."""
    able = _who_can(lambda other: other.vision and (other.images or images) >= images, cards)
    one = "Ask for one frame ('frames': 1)." if images - clips <= most else "Send fewer clips."
    return CapabilityMissing(
        f"A clip is shown as several images, and the model '{request.model}' takes {most} in a request.",
        hint=f"{one} {able}".strip(),
        param="messages",
        code="too_many_images",
    )


def least_tokens(request: ChatRequest, context: int) -> int:
    """The least number of tokens in the request's text; 0 when it surely fits the context."""
    texts = [text for message in request.messages for text in texts_of(message)]
    if sum(map(len, texts)) < CHARACTERS_PER_TOKEN * context:
        return 0
    by_length = sum(map(len, texts)) // REPEATS_PER_TOKEN
    return max(by_length, sum(map(_runs, texts)) // CHARACTERS_PER_TOKEN)


def _runs(text: str) -> int:
    """The length of the text with repeated characters counted once; 5 ms for a text of 2 MiB."""
    is_ascii = text.isascii()
    characters = np.frombuffer(
        text.encode("ascii" if is_ascii else "utf-32-le"), np.uint8 if is_ascii else np.uint32
    )
    return int(np.count_nonzero(characters[1:] != characters[:-1])) + bool(text)


def _projector_hint(variant: Variant) -> str:
    """What the user's own GGUF file may lack."""
    if variant.source != "disk" or variant.engine != LLAMA_CPP or variant.mmproj is not None:
        return ""
    return "If it has a projector, put that beside its file, or name it with --mmproj. "


def _who_can(can: Callable[[Variant], bool], cards: Callable[[], Sequence[ModelCard]]) -> str:
    able = [card.name for card in cards() if any(map(can, card.variants))]
    return f"Models that can: {', '.join(able[:5])}." if able else ""
