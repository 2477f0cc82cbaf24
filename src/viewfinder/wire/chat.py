"""The chat request: its fields, their limits, and the body for an engine; called by the gateway.

The fields are an allow-list (`fields`). Engines have additional fields that let a client read memory or run
code (`n_discard`, CVE-2026-21869; `mm_processor_kwargs`, `chat_template`); none of them passes.
"""

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Discriminator, Field, Tag, ValidationError, field_validator

from viewfinder.core.config import Limits
from viewfinder.core.errors import BadRequest, UnknownModel, ViewfinderError
from viewfinder.wire.dialect import COMPLETIONS, Answer, Dialect
from viewfinder.wire.enforced import enforced_by
from viewfinder.wire.extras import MOST_TOOLS, without_extras
from viewfinder.wire.fields import MOST_CHOICES
from viewfinder.wire.long_text import LongText
from viewfinder.wire.media_refs import ClipRef, ImageRef
from viewfinder.wire.messages import (
    AssistantMessage,
    RequestMessage,
    ShownFrames,
    Strict,
    Whole,
    clips_of,
    for_engine,
    images_of,
)
from viewfinder.wire.outline import Outline, outline
from viewfinder.wire.refusals import quoted, refusal
from viewfinder.wire.schemas import check_enforced, check_schemas
from viewfinder.wire.tool_checks import check_tools
from viewfinder.wire.tool_history import for_engines

MAX_PARTS = 1024
LEAST_FRAMES = 2
MOST_WAIT_S = 86_400
MAX_MODEL_NAME_CHARS = 256
ENGINE_SEEDS = 2**32 - 1
"""llama.cpp uses 32 bits, and the highest value means "choose one at random"."""

PASSED_ON = (
    "stream",
    "temperature",
    "top_p",
    "stop",
    "presence_penalty",
    "frequency_penalty",
    "top_k",
    "min_p",
    "typical_p",
    "repeat_penalty",
    "logit_bias",
    "ignore_eos",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "reasoning_effort",
    "enable_thinking",
)
"""Fields that an engine gets as they are, or in its own words (`gateway/fitting`)."""


class StreamOptions(Strict):
    include_usage: bool = False


EFFORT = Field(pattern=r"^[a-z]{1,16}$")
"""A word for how much a model is to think; which of them mean something is for its template to say."""


class Thinking(Strict):
    type: Annotated[str, EFFORT]


class NamedSchema(Strict):
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    description: str | None = None
    json_schema: Annotated[dict[str, Any], Field(alias="schema")]
    strict: bool | None = None


class PlainFormat(Strict):
    type: Literal["text", "json_object"]


class SchemaFormat(Strict):
    type: Literal["json_schema"]
    json_schema: NamedSchema


class Function(Strict):
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class Tool(Strict):
    type: Literal["function"]
    function: Function


class FunctionName(Strict):
    name: str


class ChosenTool(Strict):
    type: Literal["function"]
    function: FunctionName


def _plain(value: Any) -> Any:
    """The value of a field as JSON has it."""
    if isinstance(value, BaseModel):
        return value.model_dump(exclude_none=True, by_alias=True)
    return list(map(_plain, value)) if isinstance(value, list) else value


def _choice_shape(value: object) -> str | None:
    return "word" if isinstance(value, str) else "tool" if isinstance(value, dict | ChosenTool) else None


Stop = Annotated[str, Field(min_length=1, max_length=256)]
StopStrings = Annotated[list[Stop], Field(max_length=4)]
OneOrMoreStops = Stop | StopStrings | None
"""What a client may send; one is a list of one."""

TopK = Annotated[int, Field(ge=-1, lt=2**31), Whole]
Probability = Annotated[float, Field(ge=0, le=1)]
RepeatPenalty = Annotated[float, Field(ge=0.1, le=2)]
LogitBias = Annotated[
    dict[Annotated[str, Field(pattern=r"^[0-9]{1,7}$")], Annotated[float, Field(ge=-100, le=100)]],
    Field(max_length=1024, json_schema_extra={"additionalProperties": False}),
]

ToolChoice = Annotated[
    Annotated[Literal["none", "auto", "required"], Tag("word")] | Annotated[ChosenTool, Tag("tool")],
    Discriminator(
        _choice_shape, custom_error_type="choice", custom_error_message="it should be a word or one tool"
    ),
]


class ChatRequest(Strict):
    """A valid request; made only by `parse_request`."""

    model: Annotated[str, Field(min_length=1)]
    messages: Annotated[list[RequestMessage], Field(min_length=1, fail_fast=True)]
    stream: bool = False
    stream_options: StreamOptions | None = None
    max_tokens: Annotated[int, Field(ge=1), Whole] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1), Whole] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63), Whole] | None = None
    stop: StopStrings | None = None
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20), Whole] | None = None
    response_format: Annotated[PlainFormat | SchemaFormat, Field(discriminator="type")] | None = None
    tools: Annotated[list[Tool], Field(max_length=MOST_TOOLS, fail_fast=True)] | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    n: Annotated[int, Field(ge=1, le=MOST_CHOICES), Whole] = 1
    top_k: TopK | None = None
    min_p: Probability | None = None
    typical_p: Probability | None = None
    repeat_penalty: RepeatPenalty | None = None
    logit_bias: LogitBias | None = None
    ignore_eos: bool | None = None
    reasoning_effort: Annotated[str, EFFORT] | None = None
    enable_thinking: bool | None = None
    thinking: Thinking | None = None
    max_wait: Annotated[float, Field(gt=0, le=MOST_WAIT_S)] | None = None

    @field_validator("stop", mode="before", json_schema_input_type=OneOrMoreStops)
    @classmethod
    def _one_stop(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value

    @property
    def output_limit(self) -> int | None:
        """The limit on the tokens of an answer, from either of its two fields."""
        return self.max_completion_tokens or self.max_tokens

    @property
    def most_others(self) -> int | None:
        """How many other tokens the log probabilities of each are of; None: none are requested."""
        return (self.top_logprobs or 0) if self.logprobs else None

    @property
    def include_usage(self) -> bool:
        """Whether a stream ends with a chunk that holds `usage`."""
        return self.stream_options is not None and self.stream_options.include_usage

    def image_parts(self) -> list[ImageRef]:
        """Every image, in order."""
        return [
            ImageRef(at, part, image.url, image.detail)
            for at, message in enumerate(self.messages)
            for part, image in images_of(message)
        ]

    def clip_parts(self) -> list[ClipRef]:
        """Every clip, in order."""
        return [
            ClipRef(at, part, clip.url, clip.frames, clip.choose)
            for at, message in enumerate(self.messages)
            for part, clip in clips_of(message)
        ]

    @property
    def least_images(self) -> int:
        """The images that a model has to take: a clip is two at the least, unless one frame is asked for."""
        return len(self.image_parts()) + sum(
            min(LEAST_FRAMES, clip.frames or LEAST_FRAMES) for clip in self.clip_parts()
        )

    def for_engine(
        self, images: Sequence[str | LongText], clips: Sequence[ShownFrames] = ()
    ) -> dict[str, Any]:
        """The body for an engine, with `images` (our own data URLs) in place of the request's, in order, and
        the frames of `clips`.

        It has no model: an engine might load any model by name, so the gateway sets the engine's own name.
        """
        if (len(images), len(clips)) != (len(self.image_parts()), len(self.clip_parts())):
            raise ValueError("one safe image is needed for each image of the request, and one clip for each")
        urls, shown = iter(images), iter(clips)
        messages = [for_engine(one, urls, shown) for one in self.messages]
        body: dict[str, Any] = {"messages": for_engines(messages)}
        body |= {name: _plain(value) for name in PASSED_ON if (value := getattr(self, name)) is not None}
        if self.stream and self.stream_options is not None:
            body["stream_options"] = self.stream_options.model_dump()
        if self.most_others is not None:  # without a number, llama.cpp gives 20, and for 0 nothing at all
            body |= {"logprobs": True, "top_logprobs": max(1, self.most_others)}
        if self.thinking is not None:
            body["thinking"] = self.thinking.type
        if self.output_limit is not None:
            body["max_tokens"] = self.output_limit
        if self.seed is not None:
            body["seed"] = self.seed % ENGINE_SEEDS
        if self.response_format is not None and self.response_format.type != "text":
            body["response_format"] = self.response_format.model_dump(exclude_none=True, by_alias=True)
        return body

    def without_messages(self) -> "ChatRequest":
        """The same request without its texts and images, which may be large."""
        return self.model_copy(update={"messages": []})


@dataclass(frozen=True, slots=True)
class ParsedRequest:
    """A request, the names of its fields that have no effect here, and how its reply is written.

    `where` turns the path of a field of `request` into that of the client's field.
    """

    request: ChatRequest
    ignored: tuple[str, ...]
    answer: Answer = field(compare=False)
    where: Callable[[str], str]


def parse_request(body: bytes | bytearray, limits: Limits, dialect: Dialect = COMPLETIONS) -> ParsedRequest:
    """The request in `body`. Raises what `outline` and `parse_outline` raise."""
    outlined = outline(body, limits.text_bytes, has_raw_base64=dialect.has_raw_base64)
    return parse_outline(outlined, limits, dialect)


def parse_outline(outlined: Outline, limits: Limits, dialect: Dialect = COMPLETIONS) -> ParsedRequest:
    """The request in a body, which is written in `dialect`.

    Raises BadRequest (`invalid_json`, `invalid_request` and more specific codes, with the path in `param`),
    UnsupportedParameter for a field that is not allowed, UnknownModel for a name that no model can have,
    RequestTooLarge.
    """
    raw = outlined.parse(dialect.images)
    if not isinstance(raw, dict):
        raise BadRequest("The request's body is not a JSON object.")
    translated = dialect.translate(raw)
    with renamed(translated.where):
        request, ignored = _request_in(translated.fields, limits)
    return ParsedRequest(
        request, (*translated.ignored, *map(translated.where, ignored)), translated.answer, translated.where
    )


@contextmanager
def renamed(where: Callable[[str], str]) -> Iterator[None]:
    """Errors of the block name the client's own field."""
    try:
        yield
    except ViewfinderError as error:
        if error.param is not None:
            error.param = where(error.param)
        raise


def _request_in(raw: dict[str, Any], limits: Limits) -> tuple[ChatRequest, list[str]]:
    """The request, and the names of the fields that have no effect."""
    if isinstance(messages := raw.get("messages"), list):
        _check_counts(messages, limits)
    fields, ignored = without_extras(raw)
    try:
        request = ChatRequest.model_validate(fields)
    except ValidationError as error:
        raise refusal(error, fields) from None
    _check_rules(request)
    check_schemas(_schemas_of(request), limits)
    if request.max_wait is not None and not request.image_parts():
        ignored = [*ignored, "max_wait"]
    request, lowered = _lowered(request, limits.output_tokens)
    return request, ignored + lowered + check_enforced(enforced_by(request), limits)


def _check_counts(messages: list[Any], limits: Limits) -> None:
    """Refuse too many messages, parts or images before any object is made of them."""
    _require_at_most(limits.messages, len(messages), "messages", code="too_many_messages")
    contents = [message.get("content") for message in messages if isinstance(message, dict)]
    parts = [part for content in contents if isinstance(content, list) for part in content]
    _require_at_most(MAX_PARTS, len(parts), "content parts", code="too_many_parts")
    for kind, most, what in (("image_url", limits.images, "images"), ("video_url", limits.clips, "clips")):
        count = sum(isinstance(part, dict) and part.get("type") == kind for part in parts)
        hint = f"Send fewer {what}, or raise limits.{what}."
        _require_at_most(most, count, what, code=f"too_many_{what}", hint=hint)


def _require_at_most(most: int, count: int, what: str, *, code: str, hint: str = "") -> None:
    if count > most:
        raise BadRequest(
            f"The request has {count} {what}; the most is {most}.",
            hint=hint,
            param="messages",
            code=code,
        )


def _check_rules(request: ChatRequest) -> None:
    """Check the rules that concern more than the type of one field."""
    if len(request.model) > MAX_MODEL_NAME_CHARS or _has_controls(request.model):
        raise UnknownModel(
            f"No model is named {quoted(request.model)}.",
            hint="GET /v1/models lists the models.",
            param="model",
        )
    if None not in (request.max_tokens, request.max_completion_tokens) and (
        request.max_tokens != request.max_completion_tokens
    ):
        raise BadRequest(
            "'max_tokens' and 'max_completion_tokens' differ.",
            hint="Send only 'max_completion_tokens'.",
            param="max_tokens",
        )
    if request.top_logprobs and not request.logprobs:
        raise BadRequest("'top_logprobs' needs 'logprobs': true.", param="top_logprobs")
    for at, message in enumerate(request.messages):
        if isinstance(message, AssistantMessage) and message.content is None and not message.tool_calls:
            raise BadRequest(
                f"'messages[{at}]' has neither 'content' nor 'tool_calls'.", param=f"messages[{at}].content"
            )
    check_tools(request)


def _lowered(request: ChatRequest, most: int) -> tuple[ChatRequest, list[str]]:
    """The request with an answer of at most this many tokens, and what was lowered to it."""
    names = [
        name
        for name in ("max_tokens", "max_completion_tokens")
        if (value := getattr(request, name)) is not None and value > most
    ]
    if not names:
        return request, []
    request = request.model_copy(update=dict.fromkeys(names, most))
    return request, [f"{name} (lowered to {most})" for name in names]


def _schemas_of(request: ChatRequest) -> Iterator[tuple[dict[str, Any], str]]:
    """Every schema of a request, with the path to it."""
    if isinstance(request.response_format, SchemaFormat):
        yield request.response_format.json_schema.json_schema, "response_format.json_schema.schema"
    for at, tool in enumerate(request.tools or ()):
        if tool.function.parameters is not None:
            yield tool.function.parameters, f"tools[{at}].function.parameters"


def _has_controls(text: str) -> bool:
    return not (text.isascii() and text.isprintable()) and any(
        unicodedata.category(character).startswith("C") for character in text
    )
