"""The types of a conversation: messages, their parts and tool calls; called by `chat`."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, InstanceOf, Tag
from pydantic.config import JsonDict, JsonValue
from pydantic.json_schema import SkipJsonSchema

from viewfinder.wire.kept_image import KeptImage
from viewfinder.wire.long_text import LongText

IMAGE_FORMAT = "image-data-url"
Detail = Literal["auto", "low", "high"]


def _as_high(value: object) -> object:
    return "high" if value == "original" else value


IMAGE_URL: JsonDict = {
    "format": IMAGE_FORMAT,
    "description": "The file itself: data:image/png;base64,<the file in base64>. PNG, JPEG, WebP or GIF.",
}


class Strict(BaseModel):
    """Accepts no unlisted field, and converts no value to another type."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class ImageURL(Strict):
    """`url` is a view of the request's body where it was long enough to be cut out (`outline`), or an image
    of an earlier request."""

    url: Annotated[
        str | SkipJsonSchema[InstanceOf[memoryview]] | SkipJsonSchema[InstanceOf[KeptImage]],
        Field(json_schema_extra=IMAGE_URL),
    ]
    detail: Annotated[
        Detail, BeforeValidator(_as_high, json_schema_input_type=Literal["auto", "low", "high", "original"])
    ] = "auto"


class TextPart(Strict):
    type: Literal["text"]
    text: str


class ImagePart(Strict):
    type: Literal["image_url"]
    image_url: ImageURL


def _shape(value: object) -> str | None:
    return "text" if isinstance(value, str) else "parts" if isinstance(value, list) else None


TEXT_OR_PARTS = Discriminator(
    _shape, custom_error_type="content", custom_error_message="it should be a string or a list of parts"
)
Part = Annotated[TextPart | ImagePart, Field(discriminator="type")]
Text = Annotated[str, Tag("text")]
TextParts = Annotated[list[TextPart], Field(min_length=1, fail_fast=True), Tag("parts")]
Parts = Annotated[list[Part], Field(min_length=1, fail_fast=True), Tag("parts")]
TextContent = Annotated[Text | TextParts, TEXT_OR_PARTS]
UserContent = Annotated[Text | Parts, TEXT_OR_PARTS]


class CalledFunction(Strict):
    name: Annotated[str, Field(max_length=256)]
    arguments: str


class ToolCall(Strict):
    id: str
    type: Literal["function"] = "function"
    function: CalledFunction


SAYS_OR_CALLS: list[JsonValue] = [
    {"required": ["content"], "properties": {"content": {"type": ["string", "array"], "minItems": 1}}},
    {"required": ["tool_calls"], "properties": {"tool_calls": {"type": "array", "minItems": 1}}},
]
"""What `chat` requires of an assistant's message, in the words of JSON Schema."""


class InstructionMessage(Strict):
    role: Literal["system", "developer"]
    content: TextContent


class UserMessage(Strict):
    role: Literal["user"]
    content: UserContent


class AssistantMessage(Strict):
    model_config = ConfigDict(json_schema_extra={"anyOf": SAYS_OR_CALLS})

    role: Literal["assistant"]
    content: TextContent | None = None
    tool_calls: Annotated[list[ToolCall], Field(fail_fast=True)] | None = None


class ToolMessage(Strict):
    """Its images are passed on as those of a user."""

    role: Literal["tool"]
    content: UserContent
    tool_call_id: str


RequestMessage = Annotated[
    InstructionMessage | UserMessage | AssistantMessage | ToolMessage, Field(discriminator="role")
]


def images_of(message: RequestMessage) -> list[tuple[int, ImageURL]]:
    """The images of one message, each with the index of its part, in order."""
    if isinstance(message.content, list):
        return [
            (at, part.image_url) for at, part in enumerate(message.content) if isinstance(part, ImagePart)
        ]
    return []


def texts_of(message: RequestMessage) -> list[str]:
    """The texts of a message, one for each text part."""
    if isinstance(message.content, list):
        return [part.text for part in message.content if isinstance(part, TextPart)]
    return [message.content or ""]


def for_engine(message: RequestMessage, images: Iterator[str | LongText]) -> dict[str, Any]:
    """The message as all engines accept it: `developer` becomes `system`, images are those of `images`."""
    body = message.model_dump(exclude_none=True)
    if message.role == "developer":
        body["role"] = "system"
    for at, _ in images_of(message):
        body["content"][at]["image_url"] = {"url": next(images)}
    return body
