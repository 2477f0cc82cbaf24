"""Strict parsing of JSON from clients; called by `chat`.

Python's own parser accepts NaN, 1e999, integers of any length, lone surrogates and duplicate keys. Two
parsers of one body could then disagree about its content, so all of these are refused.
"""

import json
import math
import re
from typing import Any, NoReturn

from viewfinder.core.errors import BadRequest

MAX_DEPTH = 64
MAX_VALUES = 50_000
"""Far more than 512 messages and 128 tools need; 4 MiB could hold 1.4 million empty objects."""
MAX_KEYS = 4096
"""Keys of one object. Each unknown one would become an error of its own."""
INTEGERS = range(-(2**63), 2**64)
"""What other parsers keep as they are; orjson cannot write any other."""

_STRING = re.compile(rb'"(?:[^"\\]+|\\.)*+"?', re.DOTALL)


def loads(body: bytes, *, whole: bool = True) -> Any:
    """The value in `body`. Raises BadRequest `invalid_json`, whose message never contains the body's text.

    Not `whole`: something was cut out of the client's body, so that a column would mislead.
    """
    if len(body) > MAX_VALUES and _marks(body) > MAX_VALUES and _marks_outside_strings(body) > MAX_VALUES:
        refuse(f"has more than {MAX_VALUES:,} values")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        refuse("is not UTF-8")
    if not text.strip():
        refuse("is empty")
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        refuse(f"is not JSON (line {error.lineno}{f', column {error.colno}' if whole else ''})")
    except RecursionError:
        refuse(f"is nested deeper than {MAX_DEPTH} levels")
    except ValueError:  # an integer of more than 4,300 digits
        refuse("has a number that is too long")
    _check(value, texts=b"\\u" in body)
    return value


def _marks(body: bytes) -> int:
    return sum(body.count(mark) for mark in (b",", b"[", b"{"))


def _marks_outside_strings(body: bytes) -> int:
    """The marks that separate values, and not those of a text; no further than the limit."""
    marks, strings, at = 0, 0, 0
    for string in _STRING.finditer(body):
        marks += _marks(body[at : string.start()])
        at, strings = string.end(), strings + 1
        if max(marks, strings // 2) > MAX_VALUES:
            break
    return max(marks + _marks(body[at:]), strings // 2)


def refuse(fault: str) -> NoReturn:
    raise BadRequest(
        f"The request's body {fault}.",
        hint="Send one JSON object, encoded as UTF-8.",
        code="invalid_json",
    ) from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > MAX_KEYS:
        refuse(f"has an object with more than {MAX_KEYS:,} keys")
    whole = dict(pairs)
    if len(whole) != len(pairs):
        refuse("has a duplicate key in an object")
    return whole


# `json` would make numbers itself, 25 ms of them without a chance for the event loop to run.
def _integer(digits: str) -> int:
    return int(digits)


def _float(digits: str) -> float:
    return float(digits)


def _constant(_name: str) -> NoReturn:
    refuse("has NaN or Infinity, which are not JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant
)


def _check(value: Any, *, texts: bool) -> None:
    """Refuse values that another parser may reject: too deep, invalid text, numbers out of range.

    Without `\\u` in the body no text is invalid: UTF-8 holds no half of a pair, and JSON no NUL.
    """
    level, depth = [value], 1
    while level:
        if depth > MAX_DEPTH and any(isinstance(item, dict | list) for item in level):
            refuse(f"is nested deeper than {MAX_DEPTH} levels")
        inner: list[Any] = []  # one for all of them: an iterator for each container took ten times as long
        for item in level:
            if isinstance(item, dict):
                inner += item.values()
                inner += item if texts else ()
            elif isinstance(item, list):
                inner += item
            elif isinstance(item, str):
                if texts:
                    _check_text(item)
            elif (isinstance(item, float) and not math.isfinite(item)) or (
                isinstance(item, int) and item not in INTEGERS
            ):
                refuse("has a number that is too large")
        level, depth = inner, depth + 1


def _check_text(text: str) -> None:
    if "\0" in text:
        refuse("has a NUL character")
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            refuse("has half of a surrogate pair")
