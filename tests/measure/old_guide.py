"""Reads the tables of a guide of version 1704ae8: each figure with its n, and what its footnotes said."""

import re
from dataclasses import dataclass

_FOOTNOTE = re.compile(r"\[\^(\d+)\]")
_FIGURE = re.compile(r"([^(]+ \(.+), n=(\d+)\)")
_GATE = re.compile(r"(?:yes|no): \d+ of (\d+) right")


@dataclass(frozen=True)
class OldCell:
    """`text` without n and the footnotes. `how` a figure was measured, `why` there is none, `said`
    every footnote."""

    text: str
    n: int | None
    how: str
    why: str
    is_disturbed: bool
    said: tuple[str, ...]


@dataclass(frozen=True)
class OldTable:
    header: tuple[str, ...]
    rows: tuple[tuple[OldCell, ...], ...]


def part(guide: str, start: str) -> str:
    """What stands below a heading, up to the next one of its level or above."""
    level = start.partition(" ")[0]
    below = guide[guide.index(f"{start}\n") + len(start) :]
    return re.split(rf"\n#{{1,{len(level)}}} ", below)[0]


def tables(guide: str, heading: str) -> list[OldTable]:
    """Those below a heading."""
    notes = dict(re.findall(r"^\[\^(\d+)\]: (.*)$", guide, re.MULTILINE))
    found = []
    for lines in re.findall(r"(?:^\|.*\n?)+", part(guide, heading), re.MULTILINE):
        header, _, *rows = [_split(line) for line in lines.splitlines()]
        found.append(OldTable(tuple(header), tuple(tuple(_cell(one, notes) for one in row) for row in rows)))
    return found


def _split(line: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def _cell(written: str, notes: dict[str, str]) -> OldCell:
    said = tuple(notes[number] for number in _FOOTNOTE.findall(written))
    text = _FOOTNOTE.sub("", written)
    figure, gate = _FIGURE.fullmatch(text), _GATE.match(text)
    why = [note.removeprefix("Not measured: ") for note in said if note.startswith("Not measured: ")]
    return OldCell(
        text=f"{figure[1]})" if figure else text,
        n=int(figure[2]) if figure else int(gate[1]) if gate else None,
        how=said[0] if figure and said else "",
        why=why[0] if why else "",
        is_disturbed=any(note.startswith("Disturbed: ") for note in said),
        said=said,
    )
