"""What clients of Anthropic's API get, as types: messages, the events of a stream, and errors; the gateway's
OpenAPI document is made from them, `anthropic_reply` builds the JSON itself.
"""

from typing import Any, Literal

from pydantic import Field

from viewfinder.wire.reply_types import Sent

StopReason = Literal["end_turn", "max_tokens", "stop_sequence", "tool_use", "refusal"]
AnthropicErrorType = Literal[
    "invalid_request_error",
    "authentication_error",
    "permission_error",
    "not_found_error",
    "request_too_large",
    "rate_limit_error",
    "api_error",
    "overloaded_error",
    "timeout_error",
]


class AnsweredText(Sent):
    type: Literal["text"]
    text: str
    citations: None


class AnsweredToolUse(Sent):
    type: Literal["tool_use"]
    id: str
    name: str
    input: dict[str, Any]


class MessageUsage(Sent):
    """`input_tokens` are those that were not in the cache."""

    input_tokens: int
    cache_creation_input_tokens: Literal[0]
    cache_read_input_tokens: int
    output_tokens: int


class AnsweredMessage(Sent):
    id: str
    type: Literal["message"]
    role: Literal["assistant"]
    model: str
    content: list[AnsweredText | AnsweredToolUse]
    stop_reason: StopReason | None
    stop_sequence: str | None
    usage: MessageUsage


class TokenCount(Sent):
    input_tokens: int


class AnthropicErrorDetails(Sent):
    type: AnthropicErrorType
    message: str = Field(min_length=1)
    param: str | None
    code: str = Field(min_length=1)


class AnthropicError(Sent):
    """Every error, whatever its status; in a stream that has begun, an event."""

    type: Literal["error"]
    error: AnthropicErrorDetails
    request_id: str | None


class MessageStart(Sent):
    """The tokens are known at the end: they are in `message_delta`."""

    type: Literal["message_start"]
    message: AnsweredMessage


class Ping(Sent):
    type: Literal["ping"]


class ContentBlockStart(Sent):
    type: Literal["content_block_start"]
    index: int
    content_block: AnsweredText | AnsweredToolUse


class TextDelta(Sent):
    type: Literal["text_delta"]
    text: str


class InputJsonDelta(Sent):
    type: Literal["input_json_delta"]
    partial_json: str


class ContentBlockDelta(Sent):
    type: Literal["content_block_delta"]
    index: int
    delta: TextDelta | InputJsonDelta


class ContentBlockStop(Sent):
    type: Literal["content_block_stop"]
    index: int


class EndOfMessage(Sent):
    stop_reason: StopReason
    stop_sequence: str | None


class MessageDelta(Sent):
    type: Literal["message_delta"]
    delta: EndOfMessage
    usage: MessageUsage


class MessageStop(Sent):
    type: Literal["message_stop"]


MESSAGE_EVENTS: tuple[type[Sent], ...] = (
    MessageStart,
    Ping,
    ContentBlockStart,
    ContentBlockDelta,
    ContentBlockStop,
    MessageDelta,
    MessageStop,
    AnthropicError,
)
"""By the name that the event has, which is its `type`."""
