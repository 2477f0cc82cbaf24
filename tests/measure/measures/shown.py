"""What the tests of pages read: a measure's values as the guide's cells show them."""

from collections.abc import Iterable

from viewfinder.measure.measures.base import CellContent, Row, Table
from viewfinder.measure.results import ModelResult
from viewfinder.report.cells import cell
from viewfinder.report.tables import every_figure

DISTURBED = " (disturbed)"
"""Ends every timing of a disturbed run."""


def shown(value: CellContent, *, is_disturbed: bool = False) -> str:
    """A figure with its interval and n; or the reason why there is none."""
    made = cell(value, is_disturbed=is_disturbed)
    n = f", n={made.figure.n}" if made.figure else ""
    return made.why or f"{made.text}{n}{DISTURBED if made.is_disturbed else ''}"


def shown_rows(rows: Iterable[Row]) -> list[tuple[str, str]]:
    return [(item, shown(value)) for item, value in rows]


def shown_lines(table: Table, *, is_disturbed: bool = False) -> list[list[str]]:
    return [[shown(value, is_disturbed=is_disturbed) for value in line] for line in table.rows]


def items(result: ModelResult) -> dict[str, tuple[str, str]]:
    """What the guide shows of each item of a model: its cell, and its number of samples."""
    first, *_ = every_figure(result)
    return {item.text: (made.text, n.text) for item, made, n in first.rows}


def intros(result: ModelResult) -> list[str]:
    """The sentences before the tables below that."""
    return [grid.intro for grid in every_figure(result)[1:]]
