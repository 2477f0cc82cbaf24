"""What clients get, as types: completions, the chunks of a stream, and errors; the gateway's OpenAPI document
is made from them.

`replies` builds the JSON itself: an answer has thousands of small objects, and none is made twice.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from viewfinder.wire.fields import MOST_CHOICES

FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]
ErrorType = Literal[
    "invalid_request_error", "authentication_error", "permission_error", "rate_limit_error", "server_error"
]


def _as_sent(schema: dict[str, Any]) -> None:
    """What may be absent is never null, unless its type says so; one with a default is always sent."""
    for name, field in schema.get("properties", {}).items():
        if "default" not in field:
            continue
        if field.pop("default") is not None:
            schema["required"] = [*schema.get("required", ()), name]


class Sent(BaseModel):
    """Has the listed fields and no others."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        json_schema_extra=_as_sent,
        defer_build=True,  # most of them only make the OpenAPI document, when it is asked for
    )


class TopToken(Sent):
    token: str
    logprob: float
    bytes: list[int] | None


class Token(TopToken):
    top_logprobs: list[TopToken]


class Logprobs(Sent):
    content: list[Token]
    refusal: None


class ReplyFunction(Sent):
    name: str | SkipJsonSchema[None] = None
    arguments: str | SkipJsonSchema[None] = None


class ReplyToolCall(Sent):
    """In a stream a call arrives in pieces, those of one call with the same `index`."""

    index: int | SkipJsonSchema[None] = None
    id: str | SkipJsonSchema[None] = None
    type: str | SkipJsonSchema[None] = None
    function: ReplyFunction | SkipJsonSchema[None] = None


Px = Annotated[float, Field(ge=0)]


class PlacedBox(Sent):
    """A box (left, top, right, bottom) or a point (x, y) that the answer gives, in pixels of the picture that
    was sent, as it is displayed; `image` counts the request's pictures from 0. `clipped`: a part of it would
    be outside of the picture."""

    image: int = Field(ge=0)
    box: Annotated[list[Px], Field(min_length=4, max_length=4)] | SkipJsonSchema[None] = None
    point: Annotated[list[Px], Field(min_length=2, max_length=2)] | SkipJsonSchema[None] = None
    label: str | SkipJsonSchema[None] = None
    clipped: Literal[True] | SkipJsonSchema[None] = None


class NotPlaced(Sent):
    """Coordinates as the answer writes them (their beginning), and why they are not among `boxes`."""

    written: str
    why: str


class WithBoxes(Sent):
    """Only in answers with coordinates, of a model whose card says in which style it writes them; in a stream
    in the last delta of a choice."""

    boxes: list[PlacedBox] | SkipJsonSchema[None] = None
    not_placed: list[NotPlaced] | SkipJsonSchema[None] = None


class Delta(WithBoxes):
    role: Literal["assistant"] | SkipJsonSchema[None] = None
    content: str | SkipJsonSchema[None] = None
    reasoning_content: str | SkipJsonSchema[None] = None
    tool_calls: list[ReplyToolCall] | SkipJsonSchema[None] = None


class ReplyMessage(WithBoxes):
    role: Literal["assistant"]
    content: str | None
    refusal: None
    reasoning_content: str | SkipJsonSchema[None] = None
    tool_calls: list[ReplyToolCall] | SkipJsonSchema[None] = None


ChoiceIndex = Annotated[int, Field(ge=0, lt=MOST_CHOICES)]


class Choice(Sent):
    index: ChoiceIndex
    message: ReplyMessage
    logprobs: Logprobs | None
    finish_reason: FinishReason


class ChunkChoice(Sent):
    index: ChoiceIndex
    delta: Delta
    logprobs: Logprobs | None
    finish_reason: FinishReason | None


class PromptDetails(Sent):
    """What the engine tells of the prompt's tokens."""

    cached_tokens: int | SkipJsonSchema[None] = None
    image_tokens: int | SkipJsonSchema[None] = None


class CompletionDetails(Sent):
    reasoning_tokens: int


class TokenUsage(Sent):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptDetails | SkipJsonSchema[None] = None
    completion_tokens_details: CompletionDetails | SkipJsonSchema[None] = None


class InputTokens(Sent):
    """The tokens of a request with its images, before it is run."""

    object: Literal["response.input_tokens"]
    input_tokens: int


class ChatCompletion(Sent):
    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[Choice] = Field(min_length=1)
    usage: TokenUsage | SkipJsonSchema[None] = None


class ChatCompletionChunk(Sent):
    """One event of a stream. The last one before [DONE] has no choices, and the usage, if it is requested."""

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: TokenUsage | SkipJsonSchema[None] = None


class Health(Sent):
    service: Literal["viewfinder"] = "viewfinder"
    status: Literal["ok"] = "ok"
    version: str


class ErrorDetails(Sent):
    message: str = Field(min_length=1)
    type: ErrorType
    param: str | None
    code: str = Field(min_length=1)


class ErrorBody(Sent):
    """Every error, whatever its status; in a stream that has begun, an event."""

    error: ErrorDetails
