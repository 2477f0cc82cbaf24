"""Reads the regular expression of a `pattern`, to know what it costs; called by `schema_cost`.

It takes the syntax that engines take, and refuses what has crashed or stopped them: llama.cpp touches memory
that is not its own for a repetition of nothing, and counts down from 2^64 for `a{5,2}`. Nothing is matched
here.
"""

import re
from functools import lru_cache

from viewfinder.wire.pattern_cost import (
    ANY,
    EMPTY,
    MOST_WALKS,
    OTHER_CHARACTERS,
    Piece,
    SchemaFault,
    bit_of,
    character,
    either,
    joined,
    literal,
    repeated,
)

MAX_CHARS = 1024
MAX_GROUPS = 32
"""How deep groups may be nested."""
MAX_REPEATS = 2000
"""llama.cpp takes no higher count, neither here nor in `maxItems` and its like."""

_DIGITS = sum(1 << ord(mark) for mark in "0123456789")
_WORD = sum(1 << code for code in range(128) if chr(code).isalnum()) | 1 << ord("_")
_SPACE = sum(1 << ord(mark) for mark in " \t\n\r\f\v\xa0") | OTHER_CHARACTERS
_CLASSES = {
    "d": _DIGITS,
    "w": _WORD,
    "s": _SPACE,
    "D": ANY & ~_DIGITS,
    "W": ANY & ~_WORD,
    "S": ANY & ~_SPACE | OTHER_CHARACTERS,
    "p": ANY,
    "P": ANY,
}
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v"}
_COUNTS = re.compile(r"(?=[0-9,]*[0-9])(?P<least>[0-9]{0,9})(?P<comma>,?)(?P<most>[0-9]{0,9})\}")
_WORDS = re.compile(r"[A-Za-z0-9 _@:/,;=&%#!~'\"<>-]+(?![*+?{])")
"""Characters without a meaning of their own, the last of which is not repeated: read in one step."""
_SIMPLE_COUNTS: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
_HEX_DIGITS = {"x": 2, "u": 4}


@lru_cache(maxsize=256)
def cost_of(pattern: str) -> Piece:
    """The cost of a whole pattern; raises SchemaFault when no engine should get it."""
    if not pattern:
        raise SchemaFault("has an empty pattern")
    if len(pattern) > MAX_CHARS:
        raise SchemaFault(f"has a pattern of more than {MAX_CHARS} characters")
    piece = _Reader(pattern.removeprefix("^")).whole()
    if piece.walks > MOST_WALKS:
        raise SchemaFault(
            "has a pattern that can divide one text among its parts in too many ways; an engine may never end"
        )
    return piece


class _Reader:
    """A position in a pattern, and the rules of its syntax, one method each."""

    def __init__(self, text: str) -> None:
        self.text, self.at, self.depth = text, 0, 0

    def whole(self) -> Piece:
        piece = self.alternatives()
        if self.at < len(self.text):
            raise SchemaFault("has a pattern with a ')' too many")
        return piece

    def alternatives(self) -> Piece:
        pieces = [self.sequence()]
        while self.take("|"):
            pieces.append(self.sequence())
        return either(pieces)

    def sequence(self) -> Piece:
        whole = EMPTY
        while self.peek() not in ("", "|", ")"):
            piece = self.atom()
            while (counts := self.quantifier()) is not None:
                if not piece.states:
                    raise SchemaFault("has a pattern that repeats nothing")
                piece = repeated(piece, *counts)
            whole = joined(whole, piece)
        return whole

    def atom(self) -> Piece:
        if words := _WORDS.match(self.text, self.at):
            self.at = words.end()
            return literal(words[0])
        mark = self.next()
        if mark == "(":
            return self.group()
        if mark in "*+?{":
            raise SchemaFault("has a pattern that repeats nothing")
        if mark == "$" and self.at == len(self.text):
            return EMPTY
        return character(self.one_of(mark)) if mark in "[\\." else literal(mark)

    def one_of(self, mark: str) -> int:
        """The characters that a single place of the pattern stands for."""
        if mark == "[":
            return self.members()
        if mark == "\\":
            return self.escape()
        return ANY

    def group(self) -> Piece:
        self.depth += 1
        if self.depth > MAX_GROUPS:
            raise SchemaFault(f"has a pattern with groups nested deeper than {MAX_GROUPS} levels")
        begins, is_plain = self.at, not self.take("?") or self.take(":")
        if not is_plain:
            while self.peek() and self.peek() in "=!<>P":
                self.at += 1
        inner = self.alternatives()
        if not self.take(")"):
            raise SchemaFault("has a pattern with a '(' too many")
        self.depth -= 1
        if is_plain:
            return inner
        if self.at != _engine_skips_to(self.text, begins):
            raise SchemaFault("has a pattern with a bracket inside a lookaround")
        return EMPTY  # a lookaround takes no character; llama.cpp leaves it out

    def quantifier(self) -> tuple[int, int | None] | None:
        if simple := _SIMPLE_COUNTS.get(self.peek()):
            self.at += 1
            return simple
        if not self.take("{"):
            return None
        counts = _COUNTS.match(self.text, self.at)
        if counts is None:
            raise SchemaFault("has a pattern with a '{' that is no repetition")
        self.at = counts.end()
        least = int(counts["least"] or 0)
        most = least if not counts["comma"] else int(counts["most"]) if counts["most"] else None
        if max(least, most or 0) > MAX_REPEATS:
            raise SchemaFault(f"has a pattern with a repetition above {MAX_REPEATS}")
        if most == 0:
            raise SchemaFault("has a pattern that repeats nothing")
        if most is not None and most < least:
            raise SchemaFault("has a pattern whose repetition ends before it begins")
        return least, most

    def members(self) -> int:
        """The characters of a class in square brackets."""
        is_negated, found = self.take("^"), 0
        while (mark := self.next()) != "]":
            found |= self.escape() if mark == "\\" else self.range(mark)
        if not found:
            raise SchemaFault("has a pattern with empty square brackets")
        return ANY & ~found | OTHER_CHARACTERS if is_negated else found

    def range(self, low: str) -> int:
        high = self.text[self.at + 1 : self.at + 2]
        if self.peek() != "-" or high in ("", "]", "\\"):
            return bit_of(low)
        self.at += 2
        if high < low:
            raise SchemaFault("has a pattern with a range that ends before it begins")
        bits = (2 << min(ord(high), 255)) - (1 << min(ord(low), 255))
        return bits | (OTHER_CHARACTERS if ord(high) > 255 else 0)

    def escape(self) -> int:
        mark = self.next()
        if mark in _CLASSES:
            return _CLASSES[mark]
        if mark in "123456789k":
            raise SchemaFault("has a pattern that refers back to a group")
        if digits := _HEX_DIGITS.get(mark):
            code = self.text[self.at : self.at + digits]
            if len(code) == digits and all(digit in "0123456789abcdefABCDEF" for digit in code):
                self.at += digits
                return bit_of(chr(int(code, 16)))
        return bit_of(_CONTROLS.get(mark, mark))

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def take(self, mark: str) -> bool:
        is_next = self.peek() == mark
        self.at += is_next
        return is_next

    def next(self) -> str:
        mark = self.peek()
        if not mark:
            raise SchemaFault("has a pattern that ends too early")
        self.at += 1
        return mark


def _engine_skips_to(text: str, at: int) -> int:
    """Where a lookaround ends for llama.cpp: it counts round brackets, also those inside square ones."""
    depth = 1
    while at < len(text) and depth:
        if text[at] == "\\":
            at += 1
        else:
            depth += {"(": 1, ")": -1}.get(text[at], 0)
        at += 1
    return at
