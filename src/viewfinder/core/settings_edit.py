"""Changes single settings of a TOML text and takes them back, line by line, so that comments and everything
else stay as they are; pure, called by `api/tuning`.

It only knows settings that stand on a line of their own in a table with a header. Every result is read again
by `tomllib`, and must say exactly what was to be changed: a file that is written in another way (an inline
table, dotted keys, a header within a long string) is refused, never damaged. The undo needs the lines, which
a library that edits TOML does not give.
"""

import copy
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_BOM = "\ufeff"


class NotEditable(Exception):
    """The text has the settings in a form that is left to a person."""


@dataclass(frozen=True, slots=True)
class LineChange:
    """One setting: its line before (None: there was none) and after."""

    key: str
    before: str | None
    after: str


@dataclass(frozen=True, slots=True)
class TextEdit:
    """The new text and what was changed; `block` are the lines of a table that is new, header and remark."""

    text: str
    changes: tuple[LineChange, ...]
    block: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TakenBack:
    """The text without the changes; `left` are settings that were changed again since, and stay."""

    text: str
    left: tuple[str, ...] = field(default=())


def toml_lines(table: tuple[str, ...], values: Mapping[str, Any]) -> list[str]:
    """The table as a person would write it."""
    return [_header(table), *(_line(key, value) for key, value in values.items())]


def with_values(text: str, table: tuple[str, ...], values: Mapping[str, Any], remark: str) -> TextEdit:
    """The text with these values in the table; where there is none, it is added at the end, below a remark.
    Raises NotEditable."""
    mark, end, lines = _split(text)
    wanted = _data(text)
    inner = wanted
    for name in table:
        inner = inner.setdefault(name, {})
        if not isinstance(inner, dict):
            raise NotEditable
    inner.update(values)
    place = _place(lines, table)
    block: tuple[str, ...] = ()
    changes: list[LineChange] = []
    if place is None:
        gap = [""] if any(line.strip() for line in lines) else []
        block = (*gap, f"# {remark}", _header(table))
        if lines[-1] == "":
            lines.pop()
        changes = [LineChange(key, None, _line(key, value)) for key, value in values.items()]
        lines += [*block, *(change.after for change in changes), ""]
    else:
        for key, value in values.items():
            changes.append(_set(lines, place, key, value))
    result = mark + end.join(lines)
    _require(result, wanted)
    return TextEdit(result, tuple(changes), block)


def taken_back(text: str, table: tuple[str, ...], edit: TextEdit) -> TakenBack:
    """The text with the lines of an edit as they were before, where they are still what the edit made of
    them. Raises NotEditable."""
    mark, end, lines = _split(text)
    wanted = _data(text)
    place, left = _place(lines, table), []
    for change in edit.changes:
        at = None if place is None else _line_of(lines, place, change.key)
        if at is None or lines[at].rstrip("\r") != change.after:
            left.append(change.key)
        elif change.before is None:
            del lines[at]
            _without(wanted, table, change.key)
        else:
            lines[at] = change.before
            _at(wanted, table)[change.key] = tomllib.loads(change.before)[change.key]
    if edit.block and place is not None and not left:
        _drop_block(lines, place, edit.block, wanted, table)
    result = mark + end.join(lines)
    _require(result, wanted)
    return TakenBack(result, tuple(left))


def _drop_block(
    lines: list[str], place: int, block: tuple[str, ...], wanted: dict[str, Any], table: tuple[str, ...]
) -> None:
    """Remove the header that an edit added, and its remark, where nothing else stands below it."""
    if any(line.strip() for line in lines[place + 1 : _end(lines, place)]):
        return
    first = place - len(block) + 1
    if first < 0 or lines[first : place + 1] != list(block):
        first = place
    del lines[first : place + 1]
    for length in range(len(table), 0, -1):
        outer = _at(wanted, table[: length - 1])
        if not outer[table[length - 1]]:
            del outer[table[length - 1]]


def _split(text: str) -> tuple[str, str, list[str]]:
    """The byte order mark, the line end, and the lines without it; other line ends in between stay."""
    mark = _BOM if text.startswith(_BOM) else ""
    end = "\r\n" if "\r\n" in text and "\n" not in text.replace("\r\n", "") else "\n"
    return mark, end, text.removeprefix(_BOM).split(end)


def _data(text: str) -> dict[str, Any]:
    return copy.deepcopy(tomllib.loads(text.removeprefix(_BOM)))


def _require(text: str, wanted: dict[str, Any]) -> None:
    try:
        if _data(text) == wanted:
            return
    except tomllib.TOMLDecodeError:
        pass
    raise NotEditable


def _place(lines: list[str], table: tuple[str, ...]) -> int | None:
    """The line of the table's header."""
    wanted: dict[str, Any] = {}
    for name in reversed(table):
        wanted = {name: wanted}
    return next((at for at, line in enumerate(lines) if _is_header(line) and _parsed(line) == wanted), None)


def _is_header(line: str) -> bool:
    return line.lstrip(" \t").startswith("[")


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(line.rstrip("\r"))
    except tomllib.TOMLDecodeError:
        return None


def _end(lines: list[str], place: int) -> int:
    return next((at for at in range(place + 1, len(lines)) if _is_header(lines[at])), len(lines))


def _line_of(lines: list[str], place: int, key: str) -> int | None:
    found = range(place + 1, _end(lines, place))
    return next((at for at in found if [*(_parsed(lines[at]) or {})] == [key]), None)


def _set(lines: list[str], place: int, key: str, value: object) -> LineChange:
    at = _line_of(lines, place, key)
    if at is None:
        last = place
        for number in range(place + 1, _end(lines, place)):
            last = number if lines[number].strip() else last
        ending = "\r" if lines[place].endswith("\r") else ""
        lines.insert(last + 1, _line(key, value) + ending)
        return LineChange(key, None, _line(key, value))
    before = lines[at]
    indent = before[: len(before) - len(before.lstrip(" \t"))]
    lines[at] = indent + _line(key, value) + _comment(before)
    return LineChange(key, before, lines[at].rstrip("\r"))


def _comment(line: str) -> str:
    """What follows the value, with the blanks before it."""
    whole = _parsed(line)
    for at, letter in enumerate(line):
        if letter == "#" and _parsed(line[:at]) == whole:
            return line[len(line[:at].rstrip(" \t")) :]
    return "\r" if line.endswith("\r") else ""


def _at(data: dict[str, Any], table: tuple[str, ...]) -> dict[str, Any]:
    for name in table:
        data = data[name]
    return data


def _without(data: dict[str, Any], table: tuple[str, ...], key: str) -> None:
    del _at(data, table)[key]


def _header(table: tuple[str, ...]) -> str:
    names = (name if _BARE.fullmatch(name) else json.dumps(name, ensure_ascii=False) for name in table)
    return f"[{'.'.join(names)}]"


def _line(key: str, value: object) -> str:
    return f"{key} = {json.dumps(value, ensure_ascii=False)}"
