"""The types of a request for decisions; called by `translate`."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from viewfinder.wire.messages import Strict
from viewfinder.wire.responses.request import WORDS_OR_PARTS, InputImage, InputText, Items, Loose, PlainText

MOST_QUESTIONS = 400
MOST_CHOICES_OF_ONE = 255
MOST_LEVELS = 32
_CONTROLS = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
_SPACES = r" \xa0\u1680\u2000-\u200a\u202f\u205f\u3000"
A_LINE_OF_TEXT = rf"^[^{_CONTROLS}]*[^{_CONTROLS}{_SPACES}][^{_CONTROLS}]*$"


def _in_one_line(text: str) -> str:
    if not re.fullmatch(A_LINE_OF_TEXT, text):
        raise PydanticCustomError("answer", "it should be one line of text, not only spaces")
    return text


AnswerText = Annotated[
    str,
    Field(min_length=1, max_length=256, json_schema_extra={"pattern": A_LINE_OF_TEXT}),
    AfterValidator(_in_one_line),
]
"""An answer that a model may give: one line, which an engine may have to be held to."""
Described = Annotated[str, Field(max_length=2048)]
QuestionName = Annotated[str, Field(max_length=256)]


class JsonPart(Loose):
    """Data, which a model reads as the text of it."""

    type: Literal["input_json"]
    data: dict[str, Any] | list[dict[str, Any]]


InstructionsPart = Annotated[InputText | InputImage | JsonPart, Field(discriminator="type")]
Instructions = Annotated[
    Annotated[str, Field(min_length=1), Tag("a text")]
    | Annotated[list[InstructionsPart], Field(min_length=1, max_length=64, fail_fast=True), Tag("a list")],
    WORDS_OR_PARTS,
]


class PredicateQuestion(Strict):
    """Whether a statement is true, or the answer to a question is yes."""

    type: Literal["predicate"]
    instructions: Instructions
    name: QuestionName | None = None


class OfferedChoice(Strict):
    value: AnswerText | bool
    description: Described | None = None


class ChoiceQuestion(Strict):
    """Which of the choices it is."""

    type: Literal["choice"]
    instructions: Instructions
    choices: Annotated[
        list[OfferedChoice], Field(min_length=2, max_length=MOST_CHOICES_OF_ONE, fail_fast=True)
    ]
    name: QuestionName | None = None


class OfferedLevel(Strict):
    label: AnswerText
    description: Described | None = None


class ScoreQuestion(Strict):
    """Which of the levels, the lowest first."""

    type: Literal["score"]
    instructions: Instructions
    levels: Annotated[list[OfferedLevel], Field(min_length=2, max_length=MOST_LEVELS, fail_fast=True)]
    name: QuestionName | None = None


TypedQuestion = Annotated[PredicateQuestion | ChoiceQuestion | ScoreQuestion, Discriminator("type")]


class DecisionRequest(Strict):
    """A valid request; made only by `translate`."""

    model: Annotated[str, Field(min_length=1)]
    input: Annotated[PlainText | Items, WORDS_OR_PARTS]
    questions: Annotated[list[TypedQuestion], Field(min_length=1, max_length=MOST_QUESTIONS, fail_fast=True)]
    threshold: Annotated[float, Field(ge=0, le=1)] | None = None
