"""From a validation error to one message with the path of the field; called by `chat`.

It never repeats a client's value at length, nor a library's error text that contains one.
"""

from collections.abc import Collection
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from viewfinder.core.errors import BadRequest, UnsupportedParameter

MAX_QUOTED_CHARS = 64
_FAULTS = {
    "model_type": "it should be an object",
    "model_attributes_type": "it should be an object",
    "dict_type": "it should be an object",
    "list_type": "it should be a list",
    "string_type": "it should be a string",
    "string_unicode": "it should be valid Unicode",
    "bool_type": "it should be a boolean: true or false",
    "int_type": "it should be an integer",
    "int_from_float": "it should be an integer",
    "int_parsing_size": "it should be a smaller number",
    "float_type": "it should be a number",
    "finite_number": "it should be a finite number",
    "greater_than_equal": "it should be at least {ge}",
    "less_than_equal": "it should be at most {le}",
    "greater_than": "it should be more than {gt}",
    "less_than": "it should be less than {lt}",
    "too_short": "it should not be empty",
    "string_too_short": "it should not be empty",
    "too_long": "it should have at most {max_length} entries",
    "string_too_long": "it should have at most {max_length} characters",
    "string_pattern_mismatch": "it should match the pattern {pattern}",
    "literal_error": "it should be {expected}",
}
"""By kinds of Pydantic's errors, in place of its own messages."""
_KEY = "[key]"
"""What stands behind a key in the path of an error about it."""
_OURS = frozenset({"answer", "choice", "content", "item"})
"""Kinds whose message is that of our types."""
CHAT, RESPONSES, MESSAGES = "/v1/chat/completions", "/v1/responses", "/v1/messages"
TEXTS, DECISIONS = "/v1/completions", "/v1/decisions"
_MESSAGES_INSTEAD = "write the conversation in 'messages'"
OF_ANOTHER_API = {
    CHAT: (
        ("input", RESPONSES, _MESSAGES_INSTEAD),
        ("system", MESSAGES, "begin 'messages' with one of the role 'system'"),
    ),
    RESPONSES: (("messages", CHAT, "write the conversation in 'input'"),),
    MESSAGES: (("input", RESPONSES, _MESSAGES_INSTEAD),),
    TEXTS: (
        ("messages", CHAT, "write a text in 'prompt'"),
        ("input", RESPONSES, "write a text in 'prompt'"),
    ),
    DECISIONS: (("messages", CHAT, "write the conversation in 'input'"),),
}
"""Path > fields that only another API has, the path of that API, and what to write here instead."""


def refusal(error: ValidationError, fields: dict[str, Any]) -> BadRequest:
    """The error to raise for the first fault of `fields`."""
    first = error.errors(include_url=False, include_input=False)[0]
    kind, context = first["type"], first.get("ctx", {})
    path = (_path(first["loc"], fields, to_key=kind in ("missing", "extra_forbidden")) or "").removeprefix(
        "."
    )
    if kind == "extra_forbidden":
        return unsupported(path)
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        path = f"{path}.{context['discriminator'].strip(chr(39))}"
    if kind in ("missing", "union_tag_not_found"):
        return BadRequest(f"'{path}' is missing.", param=path)
    if kind == "union_tag_invalid":
        return BadRequest(f"'{path}' must be one of {context['expected_tags']}.", param=path)
    if _KEY in first["loc"]:  # it is the client's, of any length
        name = str(first["loc"][0])
        return BadRequest(f"A key of '{name}' is invalid: {_fault(first)}.", param=name)
    return BadRequest(f"'{path}' is invalid: {_fault(first)}.", param=path)


def _fault(error: ErrorDetails) -> str:
    if error["type"] in _OURS:
        return error["msg"]
    if error["type"] == "too_short" and error["ctx"]["min_length"] > 1:
        return f"it should have at least {error['ctx']['min_length']} entries"
    context = {name: _written(value) for name, value in error.get("ctx", {}).items()}
    return _FAULTS.get(error["type"], "it is not what it should be").format(**context)


def _written(value: Any) -> str:
    is_whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return f"{int(value):,}" if is_whole else str(value)


def unsupported(path: str) -> UnsupportedParameter:
    """The error for a field that is not allowed."""
    shown = shortened(path)
    return UnsupportedParameter(
        f"The parameter {quoted(path)} is not supported.", hint="Leave it out.", param=shown
    )


def require_own_fields(fields: Collection[str], api: str) -> None:
    """Raise UnsupportedParameter for the field by which another API is meant than the one at this path."""
    for name, other, instead in OF_ANOTHER_API.get(api, ()):
        if name in fields:
            raise UnsupportedParameter(
                f"'{name}' belongs to POST {other}, and this is POST {api}.",
                hint=f"Send the request there, or {instead}.",
                param=name,
            )


def quoted(text: str) -> str:
    """`text` for use in a message: short, and without control characters."""
    return repr(shortened(text))


def shortened(text: str) -> str:
    return text if len(text) <= MAX_QUOTED_CHARS else f"{text[:MAX_QUOTED_CHARS]}..."


def _path(loc: tuple[int | str, ...], here: Any, *, to_key: bool) -> str | None:
    """`loc` below `here` in the form .messages[0].content[1].text; None when it does not fit.

    Pydantic puts the names of the alternatives it tried between the keys, and one may equal a key
    ({"type": "text", "text": ...}). A step is a key where that key exists; with `to_key` the last must be.
    """
    if not loc:
        return ""
    step, rest = loc[0], loc[1:]
    tail = None
    if isinstance(step, int) and isinstance(here, list):
        tail = _path(rest, here[step], to_key=to_key)
        mark = f"[{step}]"
    elif isinstance(here, dict) and (step in here or (to_key and not rest)):
        tail = _path(rest, here.get(step), to_key=to_key)
        mark = f".{step}"
    if tail is not None:
        return mark + tail
    return None if to_key and not rest else _path(rest, here, to_key=to_key)
