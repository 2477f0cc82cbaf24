"""Strict parsing of JSON from clients; called by `chat`.

Python's own parser accepts NaN, 1e999, lone surrogates and duplicate keys. Two parsers of one body could
then disagree about its content, so all of these are refused.
"""

import json
import math
from typing import Any, NoReturn

from viewfinder.core.errors import BadRequest

MAX_DEPTH = 64
MAX_VALUES = 250_000
"""A body of 64 MiB could hold 22 million empty objects: 1.4 GB, and half a minute to parse."""


def loads(body: bytes) -> Any:
    """The value in `body`. Raises BadRequest `invalid_json`, whose message never contains the body's text."""
    if len(body) > MAX_VALUES and sum(body.count(mark) for mark in (b",", b"[", b"{")) > MAX_VALUES:
        refuse(f"has more than {MAX_VALUES:,} values")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        refuse("is not UTF-8")
    if not text.strip():
        refuse("is empty")
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except json.JSONDecodeError as error:
        refuse(f"is not JSON (line {error.lineno}, column {error.colno})")
    except RecursionError:
        refuse(f"is nested deeper than {MAX_DEPTH} levels")
    except ValueError:  # an integer of more than 4,300 digits
        refuse("has a number that is too long")
    _check(value)
    return value


def refuse(fault: str) -> NoReturn:
    raise BadRequest(
        f"The request's body {fault}.",
        hint="Send one JSON object, encoded as UTF-8.",
        code="invalid_json",
    ) from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    whole = dict(pairs)
    if len(whole) != len(pairs):
        refuse("has a duplicate key in an object")
    return whole


def _constant(_name: str) -> NoReturn:
    refuse("has NaN or Infinity, which are not JSON")


def _check(value: Any) -> None:
    """Refuse values that another parser may reject: too deep, invalid text, infinite numbers."""
    stack = [(value, 1)]
    while stack:
        item, level = stack.pop()
        if isinstance(item, str):
            _check_text(item)
        elif isinstance(item, dict | list):
            if level > MAX_DEPTH:
                refuse(f"is nested deeper than {MAX_DEPTH} levels")
            stack.extend((child, level + 1) for child in item)
            if isinstance(item, dict):
                stack.extend((child, level + 1) for child in item.values())
        elif isinstance(item, float) and not math.isfinite(item):
            refuse("has a number that is too large")


def _check_text(text: str) -> None:
    if "\0" in text:
        refuse("has a NUL character")
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            refuse("has half of a surrogate pair")
