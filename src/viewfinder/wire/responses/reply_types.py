"""What this API answers, as types; the gateway's OpenAPI document is made from them.

`answer` builds the JSON itself.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from viewfinder.wire.reply_types import Sent, Token
from viewfinder.wire.responses.request import FlatChoice, FlatPlainFormat, FlatSchemaFormat, FlatTool

MOST_LISTED = 100
"""Items in one list."""
ItemStatus = Literal["in_progress", "completed", "incomplete"]


class ResponseText(Sent):
    type: Literal["output_text"]
    text: str
    annotations: Annotated[list[str], Field(max_length=0)]
    logprobs: list[Token]


class ThoughtText(Sent):
    type: Literal["reasoning_text"]
    text: str


class MessageOutput(Sent):
    id: str
    type: Literal["message"]
    status: ItemStatus
    role: Literal["assistant"]
    content: list[ResponseText]


class CallOutput(Sent):
    id: str
    type: Literal["function_call"]
    status: ItemStatus
    call_id: str
    name: str
    arguments: str


class ThoughtOutput(Sent):
    id: str
    type: Literal["reasoning"]
    status: ItemStatus
    summary: Annotated[list[str], Field(max_length=0)]
    content: list[ThoughtText]


OutputItem = Annotated[MessageOutput | CallOutput | ThoughtOutput, Field(discriminator="type")]


class ResponseError(Sent):
    code: Literal["server_error"]
    message: str


class IncompleteDetails(Sent):
    reason: Literal["max_output_tokens", "content_filter"]


class InputDetails(Sent):
    cached_tokens: int
    cache_write_tokens: Literal[0]


class OutputDetails(Sent):
    reasoning_tokens: int


class ResponseUsage(Sent):
    input_tokens: int
    input_tokens_details: InputDetails
    output_tokens: int
    output_tokens_details: OutputDetails
    total_tokens: int


class RequestedReasoning(Sent):
    effort: str | None
    summary: None


class ResponseTextConfig(Sent):
    format: Annotated[FlatPlainFormat | FlatSchemaFormat, Field(discriminator="type")]


class ResponseObject(Sent):
    """`store` says whether it was kept; a kept one that can no longer be trusted has failed."""

    id: str
    object: Literal["response"]
    created_at: int
    status: Literal["in_progress", "completed", "incomplete", "failed"]
    background: Literal[False]
    error: ResponseError | None
    incomplete_details: IncompleteDetails | None
    instructions: str | None
    max_output_tokens: int | None
    max_tool_calls: None
    metadata: dict[str, str]
    model: str
    output: list[OutputItem]
    parallel_tool_calls: bool
    previous_response_id: str | None
    prompt_cache_key: None
    reasoning: RequestedReasoning
    safety_identifier: None
    service_tier: Literal["default"]
    store: bool
    temperature: float | None
    text: ResponseTextConfig
    tool_choice: Literal["none", "auto", "required"] | FlatChoice
    tools: list[FlatTool]
    top_logprobs: int
    top_p: float | None
    truncation: Literal["disabled"]
    usage: ResponseUsage | None
    user: None


class DeletedResponse(Sent):
    id: str
    object: Literal["response"] = "response"
    deleted: Literal[True] = True


class InputItemList(Sent):
    """The items of a request, as they are kept."""

    object: Literal["list"] = "list"
    data: list[dict[str, Any]]
    first_id: str | None
    last_id: str | None
    has_more: bool


class ResponseEvent(BaseModel):
    """One event of a stream; which other fields it has depends on its type."""

    model_config = ConfigDict(extra="allow")

    type: str
    sequence_number: int
