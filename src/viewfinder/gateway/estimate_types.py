"""What POST /v1/estimate replies, as types; made by `estimating`, described by `openapi`."""

from typing import Literal

from viewfinder.fleet.process.states import State
from viewfinder.wire.reply_types import Sent


class EstimatedNumber(Sent):
    """The median of what was measured, and the range in which nine of ten were, of that many `requests` or
    processes. null: not measured, with the `reason` and the `command` that measures it."""

    value: float | None
    low: float | None
    high: float | None
    requests: int | None
    reason: str | None
    command: str | None


class RequestEstimate(Sent):
    """What a request will take here. `whole_s` is for an answer of `answer_tokens`, the request's limit;
    null: of a word or two. `load_s` comes before, unless the model is up."""

    object: Literal["estimate"]
    model: str
    variant: str
    engine: str
    state: State
    images: int
    image_budget: str | None
    answer_tokens: int | None
    image_tokens: EstimatedNumber
    first_token_s: EstimatedNumber
    whole_s: EstimatedNumber
    load_s: EstimatedNumber
    peak_memory_bytes: EstimatedNumber
