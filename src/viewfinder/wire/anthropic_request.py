"""Anthropic's request as types: messages of content blocks, tools, and how they may be chosen; called by
`anthropic`.

Unknown keys of a block, a tool or a choice have no effect (`cache_control`, `citations`); unknown fields of
the request are refused.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, InstanceOf, Tag
from pydantic.config import JsonDict
from pydantic.json_schema import SkipJsonSchema

from viewfinder.wire.chat import EFFORT, StopStrings, TopK
from viewfinder.wire.extras import MOST_TOOLS
from viewfinder.wire.messages import IMAGE_URL, Strict, Text, Whole

BASE64_FORMAT = "image-base64"
IMAGE_DATA: JsonDict = {
    "format": BASE64_FORMAT,
    "description": "The file itself, in base64. PNG, JPEG or WebP.",
}


class Block(BaseModel):
    """Ignores keys that it does not know, and converts no value to another type."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class TextBlock(Block):
    type: Literal["text"]
    text: str


class Base64Source(Block):
    """`data` is a view of the request's body where it was long enough to be cut out (`outline`)."""

    type: Literal["base64"]
    media_type: str | None = None
    data: Annotated[str | SkipJsonSchema[InstanceOf[memoryview]], Field(json_schema_extra=IMAGE_DATA)]


class UrlSource(Block):
    type: Literal["url"]
    url: Annotated[str | SkipJsonSchema[InstanceOf[memoryview]], Field(json_schema_extra=IMAGE_URL)]


class ImageBlock(Block):
    type: Literal["image"]
    source: Annotated[Base64Source | UrlSource, Field(discriminator="type")]


class ToolUseBlock(Block):
    type: Literal["tool_use"]
    id: str
    name: Annotated[str, Field(max_length=256)]
    input: dict[str, Any]


class ThinkingBlock(Block):
    """Of an earlier answer; no engine gets it."""

    type: Literal["thinking", "redacted_thinking"]


def _shape(value: object) -> str | None:
    return "text" if isinstance(value, str) else "blocks" if isinstance(value, list) else None


TEXT_OR_BLOCKS = Discriminator(
    _shape, custom_error_type="content", custom_error_message="it should be a string or a list of blocks"
)
ResultBlock = Annotated[TextBlock | ImageBlock, Field(discriminator="type")]


class ToolResultBlock(Block):
    type: Literal["tool_result"]
    tool_use_id: str
    content: (
        Annotated[
            Text | Annotated[list[ResultBlock], Field(fail_fast=True), Tag("blocks")],
            TEXT_OR_BLOCKS,
        ]
        | None
    ) = None


UserBlock = Annotated[TextBlock | ImageBlock | ToolResultBlock, Field(discriminator="type")]
AssistantBlock = Annotated[TextBlock | ToolUseBlock | ThinkingBlock, Field(discriminator="type")]
TextBlocks = Annotated[list[TextBlock], Field(fail_fast=True), Tag("blocks")]
UserBlocks = Annotated[list[UserBlock], Field(min_length=1, fail_fast=True), Tag("blocks")]
AssistantBlocks = Annotated[list[AssistantBlock], Field(fail_fast=True), Tag("blocks")]
SystemContent = Annotated[Text | TextBlocks, TEXT_OR_BLOCKS]


class SystemEntry(Block):
    role: Literal["system"]
    content: SystemContent


class UserEntry(Block):
    role: Literal["user"]
    content: Annotated[Text | UserBlocks, TEXT_OR_BLOCKS]


class AssistantEntry(Block):
    role: Literal["assistant"]
    content: Annotated[Text | AssistantBlocks, TEXT_OR_BLOCKS]


Entry = Annotated[SystemEntry | UserEntry | AssistantEntry, Field(discriminator="role")]


class OfferedTool(Block):
    """A tool of the client's own; those that Anthropic's servers run are refused by their type."""

    type: Literal["custom"] | None = None
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    description: str | None = None
    input_schema: dict[str, Any]
    strict: bool | None = None


class ToolRule(Block):
    type: Literal["auto", "any", "none"]
    disable_parallel_tool_use: bool | None = None


class NamedToolRule(Block):
    type: Literal["tool"]
    name: str
    disable_parallel_tool_use: bool | None = None


class JsonFormat(Block):
    type: Literal["json_schema"]
    json_schema: Annotated[dict[str, Any], Field(alias="schema")]


class OutputConfig(Block):
    format: JsonFormat | None = None
    effort: Annotated[str, EFFORT] | None = None


class ThinkingRule(Block):
    """How many tokens it may think has no effect."""

    type: Annotated[str, EFFORT]


class CountRequest(Strict):
    """What a request for a count of tokens has, and every other one."""

    model: Annotated[str, Field(min_length=1)]
    messages: Annotated[list[Entry], Field(min_length=1, fail_fast=True)]
    system: SystemContent | None = None
    tools: Annotated[list[OfferedTool], Field(max_length=MOST_TOOLS, fail_fast=True)] | None = None
    tool_choice: Annotated[ToolRule | NamedToolRule, Field(discriminator="type")] | None = None
    output_config: OutputConfig | None = None
    output_format: JsonFormat | None = None


class MessagesRequest(CountRequest):
    max_tokens: Annotated[int, Field(ge=1), Whole]
    stream: bool = False
    thinking: ThinkingRule | None = None
    stop_sequences: StopStrings | None = None
    temperature: Annotated[float, Field(ge=0, le=1)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    top_k: TopK | None = None
