"""Models' names and measured numbers, short enough for a chart; called by every chart."""

import hashlib
import math
import re
import unicodedata
from collections.abc import Sequence

from viewfinder.measure.figures import Figure, Measured, Missing, in_unit
from viewfinder.measure.measures.base import NO_FIGURE
from viewfinder.measure.results import ModelResult
from viewfinder.report.facts import label, same_machine
from viewfinder.report.figures import brief

_SLUG_LETTERS = 40


def printable(text: str) -> str:
    """Without control characters, half characters and marks that turn the direction of writing: SVG forbids
    the first, and the last would reach into the words after them."""
    kept = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(kept.split())


def shortened(text: str, columns: int) -> str:
    """At most that many columns wide: the middle is cut, for names differ at the end as well."""
    text = printable(text)
    if _columns(text) <= columns:
        return text
    half = (columns - 1) // 2
    return f"{_cut(text, columns - 1 - half)}…{_cut(text[::-1], half)[::-1]}"


def names(results: Sequence[ModelResult], columns: int) -> list[str]:
    """The name of each result, at most that many columns wide, no two alike; with the variant where one model
    has several."""
    titles = [printable(result.title) for result in results]
    are_models = len({title.casefold() for title in titles}) == len(titles)
    taken: set[str] = set()
    unique = []
    for full in titles if are_models else map(full_name, results):
        name, number = shortened(full, columns), 1
        while name in taken:
            number += 1
            name = f"{shortened(full, columns - 5)} #{number}"
        taken.add(name)
        unique.append(name)
    return unique


def full_name(result: ModelResult) -> str:
    return printable(label(result))


def file_name(kind: str, result: ModelResult) -> str:
    """Of a chart of one result; models whose names differ in odd characters only have charts of their own."""
    slug = re.sub(r"[^a-z0-9]+", "-", result.model.lower()).strip("-")[:_SLUG_LETTERS].strip("-")
    digest = hashlib.sha256(f"{result.model}\0{result.variant}".encode(errors="replace")).hexdigest()[:6]
    return "-".join(part for part in (kind, slug, digest) if part)


def remarks(result: ModelResult, newest: ModelResult) -> tuple[str, ...]:
    """Why its times are not like those of the others."""
    elsewhere = () if same_machine(result, newest) else ("another computer",)
    return (*elsewhere, *(("disturbed",) if result.contaminated else ()))


def known(measured: Measured | None, unit: str) -> Figure | None:
    """The figure in `unit`, if it was measured and can be drawn."""
    if measured is None or isinstance(found := in_unit(measured, unit), Missing):
        return None
    return found if math.isfinite(found.value) else None


def value(figure: Figure) -> str:
    """`0.321 s`, `97 %`: without the interval, which is drawn."""
    number = percent(figure.value) if figure.unit == "%" else three_digits(figure.value)
    return f"{number} {figure.unit}"


def span(least: Figure, most: Figure) -> str:
    """`0.321 s to 1.4 s`, or once what reads the same."""
    return value(least) if value(least) == value(most) else f"{value(least)} to {value(most)}"


def percent(number: float) -> str:
    """Whole, but close to 0 and 100: 99.6 % is not all."""
    return three_digits(number) if 0 < number < 1 or 99 < number < 100 else f"{number:.0f}"


def cell(figure: Figure | None) -> str:
    """The figure with its interval, for the table behind a chart."""
    return brief(figure) if figure else NO_FIGURE


def three_digits(number: float) -> str:
    """Three digits that count; whole numbers with all of theirs."""
    return f"{float(f'{number:.3g}'):,g}" if abs(number) < 1000 else f"{number:,.0f}"


def _columns(text: str) -> int:
    """Chinese characters and most emoji are twice as wide as others."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _cut(text: str, columns: int) -> str:
    while _columns(text) > columns:
        text = text[:-1]
    return text
