"""From a request for decisions to a chat request, whose conversation is what all its questions are about.

Called by the gateway's dialect. The conversation is read as one of the Responses API is. Its last message is
the user's and ends with a question; the gateway puts each question in that place, so that an engine reads
images and texts before it once.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import orjson
from pydantic import ValidationError

from viewfinder.core.config import Limits
from viewfinder.core.errors import BadRequest, UnknownResponse
from viewfinder.wire.decisions.probabilities import TOP_TOKENS
from viewfinder.wire.decisions.request import DecisionRequest, Instructions
from viewfinder.wire.decisions.wording import PutQuestion, put, words_of
from viewfinder.wire.outline import Place
from viewfinder.wire.refusals import DECISIONS, quoted, refusal, require_own_fields, unsupported
from viewfinder.wire.responses.request import InputImage
from viewfinder.wire.responses.translate import placed_items, read_request, translated
from viewfinder.wire.tool_history import followed

IGNORED_HERE = frozenset(
    {"prompt_cache_key", "prompt_cache_options", "safety_identifier", "user", "metadata", "store"}
)
"""Fields of OpenAI's without an effect: the beginning of a conversation is known again without them."""
AMBIGUOUS = "ambiguous_answers"
_AS_FUNCTIONS = {"custom_tool_call": "function_call", "custom_tool_call_output": "function_call_output"}


@dataclass(frozen=True, slots=True)
class TranslatedDecisions:
    """A request, how its questions are put, the chat request, what has no effect, and whose fields are whose.

    `before` is the content of the chat's last message without the question; None: the question is all of it.
    Between the two are the images of all questions, in their order; `pictures` are how many each has.
    """

    request: DecisionRequest
    put: tuple[PutQuestion, ...]
    before: Any
    fields: dict[str, Any]
    ignored: tuple[str, ...]
    where: Callable[[str], str]
    pictures: tuple[int, ...] = ()


def question_images(value: Any) -> list[Place]:
    """The places of images in the questions of a body."""
    questions = value.get("questions") if isinstance(value, dict) else None
    parts = [part for one in _objects(questions) for part in _objects(one.get("instructions"))]
    return [(part, "image_url") for part in parts if "image_url" in part]


def translate(raw: dict[str, Any], limits: Limits) -> TranslatedDecisions:
    """Raises BadRequest and its kinds, with a path of the client's own."""
    given = {
        name: value
        for name, value in raw.items()
        if value is not None and not (name == "stream" and value is False)  # nothing is streamed
    }
    require_own_fields(given, DECISIONS)
    ignored = sorted(IGNORED_HERE & given.keys())
    known = {name: value for name, value in given.items() if name not in IGNORED_HERE}
    for name in known:
        if name not in DecisionRequest.model_fields:
            raise unsupported(name)
    known["input"] = _in_words_of_responses(known.get("input"))
    items = {name: known[name] for name in ("model", "input") if known.get(name) is not None}
    response, ignored_items = read_request(items, limits)
    try:
        request = DecisionRequest.model_validate(known)
    except ValidationError as error:
        raise refusal(error, known) from None
    asked = tuple(map(put, request.questions))
    for at, (question, one) in enumerate(zip(request.questions, asked, strict=True)):
        require_different(one.answers, f"questions[{at}].{'levels' if one.kind == 'score' else 'choices'}")
        _require_words(question.instructions, f"questions[{at}].instructions")
    new, has_thoughts = placed_items(response, _nothing_is_kept)
    ignored += [*ignored_items, *(["input.reasoning"] if has_thoughts else [])]
    made = translated(response, (), (), new)
    longest = max((text for one in asked for text in one.texts), key=len)
    pictures = [_pictures_of(one.instructions) for one in request.questions]
    owners = [f"questions[{at}].instructions[{nth}]" for at, some in enumerate(pictures) for nth in some]
    shown = [part for some in pictures for part in some.values()]
    before, messages = _ending_with(longest, made.fields["messages"], shown)
    fields = {
        "model": request.model,
        "messages": messages,
        "max_tokens": 1,
        "temperature": 0,
        "logprobs": True,
        "top_logprobs": TOP_TOKENS,
        "enable_thinking": False,
    }
    begin = 0 if before is None else 1 if isinstance(before, str) else len(before)
    where = _where(made.where, len(messages) - 1, begin, owners)
    return TranslatedDecisions(
        _without_content(request), asked, before, fields, tuple(ignored), where, tuple(map(len, pictures))
    )


def _without_content(request: DecisionRequest) -> DecisionRequest:
    """What the answers need of it: images may be large."""
    questions = [one.model_copy(update={"instructions": "-"}) for one in request.questions]
    return request.model_copy(update={"input": "", "questions": questions})


def _pictures_of(instructions: Instructions) -> dict[int, dict[str, Any]]:
    """The images of a question as parts of a chat message, by their places in it."""
    parts = () if isinstance(instructions, str) else instructions
    return {
        nth: {"type": "image_url", "image_url": {"url": part.image_url, "detail": part.detail or "auto"}}
        for nth, part in enumerate(parts)
        if isinstance(part, InputImage)
    }


def _ending_with(
    question: str, messages: Sequence[dict[str, Any]], pictures: Sequence[dict[str, Any]]
) -> tuple[Any, list[dict[str, Any]]]:
    """What comes before the questions in the last message, and the messages with a question and the images of
    all."""
    last = messages[-1]
    is_users = last["role"] == "user"
    before = (last["content"] or None) if is_users else None
    shown = before if before is None or not pictures else followed(before, [*pictures])
    content = shown or [*pictures] or None
    asked = question if content is None else followed(content, question)
    message = {**last, "content": asked} if is_users else {"role": "user", "content": asked}
    return before, [*(messages[:-1] if is_users else messages), message]


def _where(
    of_items: Callable[[str], str], last: int, begin: int, owners: Sequence[str]
) -> Callable[[str], str]:
    """The client's path for one of the chat request, whose last message has the images of the questions from
    its part `begin` on; `owners` are their paths."""

    def where(path: str) -> str:
        if path.startswith("messages"):
            match = re.match(r"messages\[(\d+)\](?:\.content\[(\d+)\])?", path)
            is_last = match is not None and int(match[1]) == last
            if match is not None and is_last and match[2] and begin <= int(match[2]) < begin + len(owners):
                return owners[int(match[2]) - begin]
            return "questions" if is_last and of_items(path) == "input" else of_items(path)
        return "model" if path in ("logprobs", "top_logprobs") else path

    return where


def require_different(answers: Sequence[str], path: str) -> None:
    """An answer must not be the beginning of another: a model's first words could mean both.

    Raises BadRequest.
    """
    plain = sorted((answer.strip().casefold(), answer) for answer in answers)
    if not plain[0][0]:
        raise BadRequest(f"'{path}' has an answer without a word.", param=path)
    for (one, first), (other, second) in pairwise(plain):
        if other.startswith(one):
            raise BadRequest(
                f"The answer {quoted(first)} is the beginning of {quoted(second)}.",
                hint="Word them so that they differ from the start, and explain them in 'description'.",
                param=path,
                code=AMBIGUOUS,
            )


def _require_words(instructions: Any, path: str) -> None:
    if not words_of(instructions).strip():
        raise BadRequest(f"'{path}' has no words.", param=path, code="no_words")


def _in_words_of_responses(items: Any) -> Any:
    """The input with data as text, and custom tools as functions of one argument."""
    if not isinstance(items, list):
        return items
    return [_item_in_words(item) if isinstance(item, dict) else item for item in items]


def _item_in_words(item: dict[str, Any]) -> dict[str, Any]:
    kind, content, words = item.get("type"), item.get("content"), dict(item)
    if isinstance(kind, str) and kind in _AS_FUNCTIONS:
        words["type"] = _AS_FUNCTIONS[kind]
        if kind == "custom_tool_call" and isinstance(item.get("input"), str):
            words["arguments"] = orjson.dumps({"input": words.pop("input")}).decode()
    if isinstance(content, list):
        words["content"] = [_data_as_text(part) for part in content]
    return words


def _data_as_text(part: Any) -> Any:
    if (
        isinstance(part, dict)
        and part.get("type") == "input_json"
        and isinstance(part.get("data"), dict | list)
    ):
        return {"type": "input_text", "text": orjson.dumps(part["data"]).decode()}
    return part


def _nothing_is_kept(id: str, path: str) -> dict[str, Any]:
    raise UnknownResponse(
        f"Item with id {quoted(id)} not found.",
        hint="Nothing is kept for decisions: send the item itself.",
        param=path,
        code="item_not_found",
    )


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """The entries of a list, an empty object for what is none."""
    yield from (
        (item if isinstance(item, dict) else {}) for item in (value if isinstance(value, list) else ())
    )
