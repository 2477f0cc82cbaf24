"""Rewrites the `pattern` of a schema so that an engine's grammar means the same by it.

Called by `held_schemas`. llama.cpp takes a pattern that it cannot read (`\\d`, a missing anchor) for any
string, without a word. One that it reads is matched with the JSON text itself: a dot takes the quote that
ends the string. Written with plain classes and anchors, and with the escapes of JSON, it is obeyed.

A place that may have one of many characters never gets a quote, a backslash or a control character: the
answers are fewer than the pattern allows, and all of them are right.
"""

import importlib
import threading
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from viewfinder.wire.pattern_cost import SchemaFault

Ranges = tuple[tuple[int, int], ...]
"""Code points, from and to, ascending and apart."""

_LAST = 0x10FFFF
_EVERY: Ranges = ((0, _LAST),)
_warnings = threading.Lock()
_parser: Any = importlib.import_module("re._parser")
_DIGITS: Ranges = ((48, 57),)
_WORD: Ranges = ((48, 57), (65, 90), (95, 95), (97, 122))
_SPACE: Ranges = ((9, 13), (32, 32))
_NO_DIGITS: Ranges = ((0, 47), (58, 0x65F))
_NO_WORD: Ranges = ((0, 47), (58, 64), (91, 94), (96, 96), (123, 127))
_NO_SPACE: Ranges = ((0, 8), (14, 27), (33, 0x84), (0x86, 0x9F), (0xA1, 0x167F), (0x1681, 0x1FFF),
                     (0x200B, 0x2027), (0x202A, 0x202E), (0x2030, 0x205E), (0x2060, 0x2FFF),
                     (0x3001, 0xD7FF), (0xE000, 0xFEFE), (0xFF00, _LAST))  # fmt: skip
_CATEGORIES = {
    "CATEGORY_DIGIT": _DIGITS,
    "CATEGORY_NOT_DIGIT": _NO_DIGITS,
    "CATEGORY_WORD": _WORD,
    "CATEGORY_NOT_WORD": _NO_WORD,
    "CATEGORY_SPACE": _SPACE,
    "CATEGORY_NOT_SPACE": _NO_SPACE,
}
"""What all dialects of regular expressions agree on: some take `\\d` for the digits of every script."""
_ANY: Ranges = ((0, 9), (11, 12), (14, 0x2027), (0x202A, _LAST))
"""A dot takes no end of a line."""
_NEVER: Ranges = ((0, 31), (34, 34), (92, 92))
"""What JSON does not have in a string as it is."""
_SURROGATES: Ranges = ((0xD800, 0xDFFF),)
"""No characters, and UTF-8 has none of them."""
_ESCAPES = {8: "b", 9: "t", 10: "n", 12: "f", 13: "r", 34: "[\\x22]", 92: "[\\x5c]"}
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 _@:,;%&~'<>!=")


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A part of a rewritten pattern, and how many characters it matches; `most` None: any number.

    `is_one`: it may be repeated as it stands.
    """

    text: str
    least: int
    most: int | None
    is_one: bool = False
    repeats: "Rewritten | None" = None
    """What it repeats, if it is a repetition of single characters."""


def rewritten(pattern: str, least: int = 0, most: int | None = None) -> str:
    """The pattern for an engine, of which every match has at least `least` characters, and at most `most`.

    Raises SchemaFault when no grammar holds it.
    """
    try:
        with _warnings, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that `[[` may mean something else in a later Python
            tree = _parser.parse(pattern)
    except (ValueError, RecursionError, OverflowError, _parser.error):
        raise SchemaFault("has a pattern in a syntax that cannot be enforced") from None
    if tree.state.flags & ~_parser.SRE_FLAG_UNICODE:
        raise SchemaFault("has a pattern with flags, which cannot be enforced")
    whole = _whole(list(tree))
    if whole.repeats is not None and (least > whole.least or most is not None):
        high = most if whole.most is None else whole.most if most is None else min(whole.most, most)
        whole = _repeated(whole.repeats, max(least, whole.least), high)
    if whole.least < least or (most is not None and (whole.most is None or whole.most > most)):
        raise SchemaFault("has a pattern beside a length, and only one of them can be enforced")
    return f"^{whole.text}$"


def _whole(items: list[Any]) -> Rewritten:
    """A whole pattern: what is not anchored may have anything before and behind it."""
    anything = _repeated(_one_of(_ANY), 0, None)
    if items and _is_anchor(items[0], "AT_BEGINNING"):
        items = items[1:]
        before: list[Rewritten] = []
    elif len(items) == 1 and _name(items[0]) == "BRANCH":
        return _either([_whole(list(branch)) for branch in items[0][1][1]])
    else:
        before = [anything]
    return _joined([*before, *_to_the_end(items, anything)])


def _to_the_end(items: list[Any], anything: Rewritten) -> list[Rewritten]:
    if items and _is_anchor(items[-1], "AT_END"):
        return [_part(item) for item in items[:-1]]
    if items and _name(items[-1]) == "BRANCH":
        ends = [_joined(_to_the_end(list(branch), anything)) for branch in items[-1][1][1]]
        return [*map(_part, items[:-1]), _either(ends)]
    return [*map(_part, items), anything]


def _part(item: Any) -> Rewritten:
    """One part of a pattern, without anchors."""
    name, value = _name(item), item[1]
    if name in ("LITERAL", "NOT_LITERAL"):
        only = ((value, value),)
        return _one_of(only if name == "LITERAL" else _without(_EVERY, only))
    if name == "ANY":
        return _one_of(_ANY)
    if name == "IN":
        return _one_of(_members(value))
    if name == "BRANCH":
        return _either([_sequence(branch) for branch in value[1]])
    if name == "SUBPATTERN" and not value[1] and not value[2]:
        return _sequence(value[3])
    if name in ("MAX_REPEAT", "MIN_REPEAT"):
        least, most, inner = value
        return _repeated(_sequence(inner), int(least), None if most is _parser.MAXREPEAT else int(most))
    raise SchemaFault("has a pattern with a part that cannot be enforced (a lookahead, a word boundary, ...)")


def _sequence(items: Any) -> Rewritten:
    return _joined([_part(item) for item in items])


def _joined(parts: Sequence[Rewritten]) -> Rewritten:
    if len(parts) == 1:
        return parts[0]
    mosts = [part.most for part in parts]
    return Rewritten(
        "".join(part.text for part in parts),
        sum(part.least for part in parts),
        None if None in mosts else sum(most or 0 for most in mosts),
    )


def _either(parts: Sequence[Rewritten]) -> Rewritten:
    mosts = [part.most for part in parts]
    return Rewritten(
        f"({'|'.join(part.text for part in parts)})",
        min(part.least for part in parts),
        None if None in mosts else max(most or 0 for most in mosts),
        is_one=True,
    )


def _repeated(part: Rewritten, least: int, most: int | None) -> Rewritten:
    if most is not None and most < least:
        raise SchemaFault("has a pattern that no text of its length matches")
    if most == 0 or not part.text:
        return Rewritten("", 0, 0)
    counts = {(0, None): "*", (1, None): "+", (0, 1): "?", (1, 1): ""}.get(
        (least, most), f"{{{least},{'' if most is None else most}}}" if least != most else f"{{{least}}}"
    )
    is_single = part.least == part.most == 1
    return Rewritten(
        (part.text if part.is_one else f"({part.text})") + counts,
        part.least * least,
        None if most is None or part.most is None else part.most * most,
        repeats=part if is_single else None,
    )


@lru_cache(maxsize=256)
def _one_of(characters: Ranges) -> Rewritten:
    """One character of a set, as it is written in JSON."""
    plain = _without(characters, _NEVER)
    if _without(plain, _SURROGATES):
        (first, last), *others = plain
        if not others and first == last and first in _PLAIN:
            return Rewritten(chr(first), 1, 1, is_one=True)
        marks, but = "".join(map(_range, plain)), "".join(map(_range, _without(_EVERY, plain)))
        return Rewritten(f"[{marks}]" if len(marks) <= len(but) + 1 else f"[^{but}]", 1, 1, is_one=True)
    escapes = [_escape(code) for first, last in characters for code in range(first, last + 1) if code < 128]
    if not escapes:
        raise SchemaFault("has a pattern with a place that no character fits")
    text = escapes[0] if len(escapes) == 1 else "|".join(escapes)
    return Rewritten(f"({text})", 1, 1, is_one=True)


def _escape(code: int) -> str:
    return f"[\\x5c]{_ESCAPES[code]}" if code in _ESCAPES else f"[\\x5c]u00{code:02x}"


def _range(edges: tuple[int, int]) -> str:
    first, last = map(_mark, edges)
    return first if first == last else f"{first}-{last}"


def _mark(code: int) -> str:
    if code < 128:
        return chr(code) if chr(code).isalnum() else f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= _SURROGATES[0][1] else chr(code)


def _members(items: Sequence[Any]) -> Ranges:
    """The characters of a class in square brackets."""
    is_negated = bool(items) and _name(items[0]) == "NEGATE"
    found: list[tuple[int, int]] = []
    for item in items[is_negated:]:
        name, value = _name(item), item[1]
        if name == "LITERAL":
            found.append((value, value))
        elif name == "RANGE":
            found.append((value[0], value[1]))
        elif not is_negated:
            found += _CATEGORIES[str(value)]
        else:  # what no dialect has in the class
            is_not = "_NOT_" in (named := str(value))
            opposite = named.replace("_NOT_", "_") if is_not else named.replace("CATEGORY_", "CATEGORY_NOT_")
            found += _without(_EVERY, _CATEGORIES[opposite])
    return _without(_EVERY, _united(found)) if is_negated else _united(found)


def _united(ranges: Sequence[tuple[int, int]]) -> Ranges:
    united: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if united and first <= united[-1][1] + 1:
            united[-1] = (united[-1][0], max(last, united[-1][1]))
        else:
            united.append((first, last))
    return tuple(united)


def _without(ranges: Ranges, others: Ranges) -> Ranges:
    """The characters of the first that are not among the others, in one pass over both."""
    left: list[tuple[int, int]] = []
    at = 0
    for first, last in ranges:
        begins = first
        while at < len(others) and others[at][1] < begins:
            at += 1
        here = at
        while here < len(others) and others[here][0] <= last:
            if others[here][0] > begins:
                left.append((begins, others[here][0] - 1))
            begins = others[here][1] + 1
            here += 1
        at = max(at, here - 1)
        if begins <= last:
            left.append((begins, last))
    return tuple(left)


def _is_anchor(item: Any, which: str) -> bool:
    return _name(item) == "AT" and str(item[1]) == which


def _name(item: Any) -> str:
    return str(item[0])
