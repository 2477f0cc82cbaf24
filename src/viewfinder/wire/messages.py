"""The types of a conversation: messages, their parts and tool calls; called by `chat`."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, InstanceOf, Tag
from pydantic.config import JsonDict, JsonValue
from pydantic.json_schema import SkipJsonSchema

from viewfinder.wire.kept_image import KeptImage
from viewfinder.wire.long_text import LongText

IMAGE_FORMAT, CLIP_FORMAT = "image-data-url", "clip-data-url"
Detail = Literal["auto", "low", "high"]


def _as_high(value: object) -> object:
    return "high" if value == "original" else value


IMAGE_URL: JsonDict = {
    "format": IMAGE_FORMAT,
    "description": "The file itself: data:image/png;base64,<the file in base64>. PNG, JPEG, WebP or GIF.",
}


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = BeforeValidator(_whole)
"""Takes 7.0 as 7: JSON has one type of numbers, and clients in Lua, R or PHP write it so."""


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


CLIP_URL: JsonDict = {
    "format": CLIP_FORMAT,
    "description": "The file itself: data:video/mp4;base64,<the file in base64>. MP4, QuickTime, WebM, "
    "Matroska, Ogg, or an animated GIF or WebP.",
}
MOST_FRAMES_ASKED = 1024


class VideoURL(Strict):
    """`url` as that of an image; `frames` is how many of the clip the model is shown at most, chosen evenly
    over its `time`, or where most `change`s."""

    url: Annotated[str | SkipJsonSchema[InstanceOf[memoryview]], Field(json_schema_extra=CLIP_URL)]
    frames: Annotated[int, Field(ge=1, le=MOST_FRAMES_ASKED), Whole] | None = None
    choose: Literal["time", "change"] = "time"


class TextPart(Strict):
    type: Literal["text"]
    text: str


class ImagePart(Strict):
    type: Literal["image_url"]
    image_url: ImageURL


class VideoPart(Strict):
    type: Literal["video_url"]
    video_url: VideoURL


def _shape(value: object) -> str | None:
    return "text" if isinstance(value, str) else "parts" if isinstance(value, list) else None


TEXT_OR_PARTS = Discriminator(
    _shape, custom_error_type="content", custom_error_message="it should be a string or a list of parts"
)
Part = Annotated[TextPart | ImagePart, Field(discriminator="type")]
UsersPart = Annotated[TextPart | ImagePart | VideoPart, Field(discriminator="type")]
Text = Annotated[str, Tag("text")]
TextParts = Annotated[list[TextPart], Field(min_length=1, fail_fast=True), Tag("parts")]
Parts = Annotated[list[Part], Field(min_length=1, fail_fast=True), Tag("parts")]
UsersParts = Annotated[list[UsersPart], Field(min_length=1, fail_fast=True), Tag("parts")]
TextContent = Annotated[Text | TextParts, TEXT_OR_PARTS]
PartsContent = Annotated[Text | Parts, TEXT_OR_PARTS]
UserContent = Annotated[Text | UsersParts, TEXT_OR_PARTS]


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
    content: PartsContent
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


def clips_of(message: RequestMessage) -> list[tuple[int, VideoURL]]:
    """The clips of one message, each with the index of its part, in order."""
    if isinstance(message.content, list):
        return [
            (at, part.video_url) for at, part in enumerate(message.content) if isinstance(part, VideoPart)
        ]
    return []


def texts_of(message: RequestMessage) -> list[str]:
    """The texts of a message, one for each text part."""
    if isinstance(message.content, list):
        return [part.text for part in message.content if isinstance(part, TextPart)]
    return [message.content or ""]


ShownFrames = Sequence[tuple[float, str | LongText]]
"""The frames of one clip: seconds from its beginning, and a data URL."""


def for_engine(
    message: RequestMessage, images: Iterator[str | LongText], clips: Iterator[ShownFrames]
) -> dict[str, Any]:
    """The message as all engines accept it: `developer` becomes `system`, images are those of `images`, and
    for a clip stand the images of its frames, each behind its time."""
    body = message.model_dump(exclude_none=True)
    if message.role == "developer":
        body["role"] = "system"
    for at, _ in images_of(message):
        body["content"][at]["image_url"] = {"url": next(images)}
    if clips_of(message):
        body["content"] = [
            one
            for part in body["content"]
            for one in (_frames(next(clips)) if part["type"] == "video_url" else [part])
        ]
    return body


def _frames(shown: ShownFrames) -> Iterator[dict[str, Any]]:
    for at_s, url in shown:
        yield {"type": "text", "text": f"{at_s:.1f} s:"}
        yield {"type": "image_url", "image_url": {"url": url}}
