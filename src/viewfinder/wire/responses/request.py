"""The types of a request for a response; called by `translate`.

Items and parts may have more fields than these: clients send back what they got, with ids and states.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, InstanceOf, Tag
from pydantic.json_schema import SkipJsonSchema

from viewfinder.wire.chat import EFFORT
from viewfinder.wire.extras import MOST_TOOLS
from viewfinder.wire.messages import IMAGE_URL, Strict, Whole

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
ImageDetail = Literal["auto", "low", "high", "original"]
MOST_METADATA = 16


class Loose(BaseModel):
    """Ignores unlisted fields, and converts no value to another type."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class InputText(Loose):
    type: Literal["input_text"]
    text: str


class InputImage(Loose):
    """`image_url` is a view of the request's body where it was long enough to be cut out (`outline`)."""

    type: Literal["input_image"]
    image_url: Annotated[str | SkipJsonSchema[InstanceOf[memoryview]], Field(json_schema_extra=IMAGE_URL)]
    detail: ImageDetail | None = None


class OutputText(Loose):
    """Words of the model, sent back."""

    type: Literal["output_text"]
    text: str


class OutputRefusal(Loose):
    type: Literal["refusal"]
    refusal: str


def _shape(value: object) -> str | None:
    return "a text" if isinstance(value, str) else "a list" if isinstance(value, list) else None


WORDS_OR_PARTS = Discriminator(
    _shape, custom_error_type="content", custom_error_message="it should be a string or a list of parts"
)
PlainText = Annotated[str, Tag("a text")]
InstructionPart = Annotated[InputText | OutputText, Field(discriminator="type")]
UserPart = Annotated[InputText | InputImage | OutputText, Field(discriminator="type")]
AssistantPart = Annotated[OutputText | OutputRefusal | InputText, Field(discriminator="type")]
InstructionParts = Annotated[list[InstructionPart], Field(min_length=1, fail_fast=True), Tag("a list")]
UserParts = Annotated[list[UserPart], Field(min_length=1, fail_fast=True), Tag("a list")]
AssistantParts = Annotated[list[AssistantPart], Field(min_length=1, fail_fast=True), Tag("a list")]


class UserItem(Loose):
    type: Literal["message"] | None = None
    role: Literal["user"]
    content: Annotated[PlainText | UserParts, WORDS_OR_PARTS]


class InstructionItem(Loose):
    type: Literal["message"] | None = None
    role: Literal["system", "developer"]
    content: Annotated[PlainText | InstructionParts, WORDS_OR_PARTS]


class AssistantItem(Loose):
    type: Literal["message"] | None = None
    role: Literal["assistant"]
    content: Annotated[PlainText | AssistantParts, WORDS_OR_PARTS]


class FunctionCallItem(Loose):
    type: Literal["function_call"]
    call_id: Annotated[str, Field(min_length=1)]
    name: Annotated[str, Field(max_length=256)]
    arguments: str


class FunctionOutputItem(Loose):
    type: Literal["function_call_output"]
    call_id: Annotated[str, Field(min_length=1)]
    output: Annotated[PlainText | InstructionParts, WORDS_OR_PARTS]


class ReasoningItem(Loose):
    """Has no effect: models here think afresh."""

    type: Literal["reasoning"]


class ReferenceItem(Loose):
    """Stands for an item that is kept."""

    type: Literal["item_reference"] | None = None
    id: str


InputItem = UserItem | InstructionItem | AssistantItem | FunctionCallItem | FunctionOutputItem
"""Those that become part of the conversation."""

KINDS = {
    "function_call": "a call",
    "function_call_output": "an output",
    "reasoning": "thoughts",
    "item_reference": "a reference",
}
ROLES = {
    "user": "of the user",
    "assistant": "of the assistant",
    "system": "an instruction",
    "developer": "an instruction",
}


def kind_of(item: object) -> str | None:
    """Which of the types below an item is to have; None when nothing says it."""
    if not isinstance(item, dict):
        return None
    kind = item.get("type")
    if kind == "message" or (kind is None and "role" in item):
        role = item.get("role")
        return ROLES.get(role) if isinstance(role, str) else None
    if kind is None:
        return "a reference" if "id" in item else None
    return KINDS.get(kind) if isinstance(kind, str) else None


AnyItem = Annotated[
    Annotated[UserItem, Tag("of the user")]
    | Annotated[InstructionItem, Tag("an instruction")]
    | Annotated[AssistantItem, Tag("of the assistant")]
    | Annotated[FunctionCallItem, Tag("a call")]
    | Annotated[FunctionOutputItem, Tag("an output")]
    | Annotated[ReasoningItem, Tag("thoughts")]
    | Annotated[ReferenceItem, Tag("a reference")],
    Discriminator(
        kind_of,
        custom_error_type="item",
        custom_error_message="it should be a message with a role, a function_call, a function_call_output, "
        "a reasoning item or an item_reference",
    ),
]
Items = Annotated[list[AnyItem], Field(min_length=1, fail_fast=True), Tag("a list")]


class FlatTool(Loose):
    type: Literal["function"]
    name: Name
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class FlatChoice(Loose):
    type: Literal["function"]
    name: str


class FlatPlainFormat(Loose):
    type: Literal["text", "json_object"]


class FlatSchemaFormat(Loose):
    type: Literal["json_schema"]
    name: Name
    schema_: Annotated[dict[str, Any], Field(alias="schema")]
    description: str | None = None
    strict: bool | None = None


class ReasoningConfig(Loose):
    """Its other fields have no effect: what a model thinks is given as it is."""

    effort: Annotated[str, EFFORT] | None = None


class TextConfig(Loose):
    """`verbosity` has no effect."""

    format: Annotated[FlatPlainFormat | FlatSchemaFormat, Field(discriminator="type")] | None = None


def _choice_shape(value: object) -> str | None:
    return "a word" if isinstance(value, str) else "a tool" if isinstance(value, dict | FlatChoice) else None


FlatToolChoice = Annotated[
    Annotated[Literal["none", "auto", "required"], Tag("a word")] | Annotated[FlatChoice, Tag("a tool")],
    Discriminator(
        _choice_shape, custom_error_type="choice", custom_error_message="it should be a word or one tool"
    ),
]
Metadata = Annotated[
    dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]],
    Field(max_length=MOST_METADATA),
]


class ResponseRequest(Strict):
    """A valid request; made only by `translate`."""

    model: Annotated[str, Field(min_length=1)]
    input: Annotated[PlainText | Items, WORDS_OR_PARTS]
    instructions: str | None = None
    previous_response_id: str | None = None
    store: bool = True
    stream: bool = False
    max_output_tokens: Annotated[int, Field(ge=1), Whole] | None = None
    reasoning: ReasoningConfig | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20), Whole] | None = None
    include: Annotated[list[str], Field(max_length=16)] | None = None
    text: TextConfig | None = None
    tools: Annotated[list[FlatTool], Field(max_length=MOST_TOOLS, fail_fast=True)] | None = None
    tool_choice: FlatToolChoice | None = None
    parallel_tool_calls: bool | None = None
    truncation: Literal["auto", "disabled"] | None = None
    metadata: Metadata | None = None
