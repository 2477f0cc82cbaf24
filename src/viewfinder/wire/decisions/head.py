"""A question as the decision head of a model gets it from llama.cpp's /v1/systemone, and its answer; no I/O.

The fields are those of llama.cpp's `tools/server/README.md`; a yes or no is a "noul" there.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from viewfinder.core.errors import UnsupportedParameter
from viewfinder.wire.decisions.probabilities import Mass
from viewfinder.wire.decisions.request import ChoiceQuestion, ScoreQuestion
from viewfinder.wire.decisions.translate import TranslatedDecisions

MOST_LEVELS_OF_A_HEAD = 10
ONLY_QUESTION = "question"
"""The id of the one question of a request; a model may read it."""


def head_request(
    asked: TranslatedDecisions, at: int, messages: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """The body for one question about these messages, which have no question in them.

    Raises UnsupportedParameter for more levels than a head knows.
    """
    question, put = asked.request.questions[at], asked.put[at]
    given: dict[str, Any] = {"type": "noul", "instructions": put.words}
    if isinstance(question, ChoiceQuestion):
        criteria = {
            answer: one.description for answer, one in zip(put.answers, question.choices, strict=True)
        }
        given |= {"type": "choice", "criteria": criteria}
    elif isinstance(question, ScoreQuestion):
        if len(question.levels) > MOST_LEVELS_OF_A_HEAD:
            raise UnsupportedParameter(
                f"The decision head of '{asked.request.model}' knows at most {MOST_LEVELS_OF_A_HEAD} levels.",
                hint="Use fewer levels, or a model that writes.",
                param=f"questions[{at}].levels",
            )
        levels = [
            f"{one.label}: {one.description}" if one.description else one.label for one in question.levels
        ]
        given |= {"type": "score", "criteria": levels}
    return {"state": _state(messages), "questions": {ONLY_QUESTION: given}}


def _state(messages: Sequence[Mapping[str, Any]]) -> Any:
    """A text where there is nothing else, so that a model does not read it as JSON."""
    if not messages:
        return ""
    content = messages[0]["content"]
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    if len(messages) == 1 and all(part["type"] == "text" for part in parts):
        return "\n\n".join(part["text"] for part in parts)
    return [*messages]


def head_answer(raw: Mapping[str, Any], answers: Sequence[str]) -> Mass:
    """The probabilities of the answers. Raises ValueError for what is no such reply."""
    try:
        answer = raw["answers"][ONLY_QUESTION]
        if answer["type"] == "noul":
            yes = _probability(answer["noul"])
            return Mass((yes, 1 - yes))
        keys = answers if answer["type"] == "choice" else [str(at) for at in range(len(answers))]
        return Mass(tuple(_probability(answer["probabilities"][key]) for key in keys))
    except (KeyError, TypeError) as error:
        raise ValueError(f"it has no {error}") from None


def head_usage(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The usage as that of a chat."""
    usage = raw.get("usage")
    tokens = usage.get("input_tokens") if isinstance(usage, dict) else None
    if isinstance(tokens, bool) or not isinstance(tokens, int):
        return {}
    return {"prompt_tokens": tokens, "completion_tokens": 0, "total_tokens": tokens}


def _probability(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError("a probability is none")
    return float(value)
