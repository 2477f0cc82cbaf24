"""What a request gets where it says nothing; called by `chat` and `models`."""

from viewfinder.catalog.card import ModelCard
from viewfinder.catalog.full_images import base_name
from viewfinder.core.config import Settings
from viewfinder.core.request_defaults import RequestDefaults
from viewfinder.wire.chat import ChatRequest


def defaults_of(card: ModelCard, settings: Settings) -> RequestDefaults:
    """The user's settings for this model, then its card."""
    chosen = settings.defaults_for.get(base_name(card.name))
    return card.defaults if chosen is None else chosen.over(card.defaults)


def with_a_limit(request: ChatRequest, most: int) -> ChatRequest:
    """The request; one whose answer cannot end by itself gets the longest answer that there is."""
    if not request.ignore_eos or request.output_limit is not None:
        return request
    return request.model_copy(update={"max_tokens": most})


def with_defaults(request: ChatRequest, defaults: RequestDefaults) -> ChatRequest:
    """The request with the defaults of its model; what it says itself counts, whatever it is."""
    missing = {name: value for name, value in defaults.given().items() if getattr(request, name) is None}
    if request.output_limit is not None:  # the limit has two names
        missing.pop("max_tokens", None)
    return request.model_copy(update=missing) if missing else request
