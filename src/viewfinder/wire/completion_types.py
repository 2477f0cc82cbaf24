"""What clients of POST /v1/completions send and get, as types; called by `completions` and by the gateway's
OpenAPI document.
"""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from viewfinder.wire.messages import Strict, Whole
from viewfinder.wire.reply_types import FinishReason, Sent, TokenUsage

DEFAULT_TOKENS = 16
"""The longest answer to a request that names no limit, as with OpenAI."""

OneText = Annotated[str, Field(min_length=1)]


class CompletionRequest(Strict):
    """The fields that a chat request has not, or with another meaning."""

    model: Annotated[str, Field(min_length=1)]
    prompt: OneText | Annotated[list[OneText], Field(min_length=1, max_length=1)]
    suffix: Literal[""] | None = None
    echo: bool = False
    logprobs: Annotated[int, Field(ge=0, le=20), Whole] | None = None
    best_of: Annotated[int, Field(ge=1), Whole] | None = None


class TextLogprobs(Sent):
    """Of each token of the answer. `text_offset` is where it begins in `text`."""

    tokens: list[str]
    token_logprobs: list[float | None]
    top_logprobs: list[dict[str, float | None]] | None
    text_offset: list[int]


class TextChoice(Sent):
    text: str
    index: int
    logprobs: TextLogprobs | None
    finish_reason: FinishReason


class TextChunkChoice(Sent):
    text: str
    index: int
    logprobs: TextLogprobs | None
    finish_reason: FinishReason | None


class TextCompletion(Sent):
    id: str
    object: Literal["text_completion"]
    created: int
    model: str
    choices: list[TextChoice] = Field(min_length=1)
    usage: TokenUsage | SkipJsonSchema[None] = None


class TextCompletionChunk(Sent):
    """One event of a stream. The last one before [DONE] has no choices, and the usage, if it is requested."""

    id: str
    object: Literal["text_completion"]
    created: int
    model: str
    choices: list[TextChunkChoice]
    usage: TokenUsage | SkipJsonSchema[None] = None
