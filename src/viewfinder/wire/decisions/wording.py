"""How a question is put to a model, with its answers named in both orders; called by `translate` and measure.

The answers come before the question: a model reads the question last, as in an ordinary chat. Named in one
order only, the first answer would be given too often, or the last (Zheng et al., ICLR 2024).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import orjson

from viewfinder.wire.decisions.request import (
    ChoiceQuestion,
    Instructions,
    JsonPart,
    PredicateQuestion,
    ScoreQuestion,
)
from viewfinder.wire.responses.request import InputImage

DecisionKind = Literal["predicate", "choice", "score"]
YES_NO = ("yes", "no")
QUESTION_MARKS = ("?", "？", "؟", ";")


@dataclass(frozen=True, slots=True)
class PutQuestion:
    """A question as it is put to a model: the answers that count, a text for each order of them, and the
    question alone."""

    kind: DecisionKind
    answers: tuple[str, ...]
    texts: tuple[str, ...]
    words: str


def put(question: PredicateQuestion | ChoiceQuestion | ScoreQuestion) -> PutQuestion:
    """The question in words, twice."""
    asked = words_of(question.instructions)
    if isinstance(question, PredicateQuestion):
        return put_predicate(asked)
    if isinstance(question, ChoiceQuestion):
        named = [(text_of(choice.value), choice.description or "") for choice in question.choices]
        return put_choice(asked, named)
    return put_levels(asked, [(level.label, level.description or "") for level in question.levels])


def put_predicate(asked: str) -> PutQuestion:
    """A statement or a question, to be answered by yes or no."""
    is_question = asked.rstrip().endswith(QUESTION_MARKS)
    texts = tuple(
        f"Answer {first} or {second}.\n{asked}"
        if is_question
        else f"Is this true? Answer {first} or {second}.\n{asked}"
        for first, second in (YES_NO, YES_NO[::-1])
    )
    return PutQuestion("predicate", YES_NO, texts, asked)


def put_choice(asked: str, named: Sequence[tuple[str, str]]) -> PutQuestion:
    """A question with its answers, each with a description, which may be empty."""
    texts = (_listed("", named, asked), _listed("", named[::-1], asked))
    return PutQuestion("choice", tuple(name for name, _ in named), texts, asked)


def put_levels(asked: str, levels: Sequence[tuple[str, str]]) -> PutQuestion:
    """A question with its levels, the lowest first, each with a description, which may be empty."""
    texts = (_listed("lowest first", levels, asked), _listed("highest first", levels[::-1], asked))
    return PutQuestion("score", tuple(label for label, _ in levels), texts, asked)


def words_of(instructions: Instructions) -> str:
    """The instructions as one text; data is written as JSON, and images are no words."""
    if isinstance(instructions, str):
        return instructions
    return "\n".join(
        orjson.dumps(part.data).decode() if isinstance(part, JsonPart) else part.text
        for part in instructions
        if not isinstance(part, InputImage)
    )


def text_of(value: str | bool) -> str:
    """What a model is to say for a choice."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value


def _listed(order: str, named: Sequence[tuple[str, str]], asked: str) -> str:
    in_order = f", {order}" if order else ""
    if any(description for _, description in named):
        lines = [f"- {name}: {description}" if description else f"- {name}" for name, description in named]
        return "\n".join([f"Answer with one of these{in_order}:", *lines, "", asked])
    *others, last = [name for name, _ in named]
    return f"Answer with one of these{in_order}: {', '.join(others)} or {last}.\n{asked}"
