"""A chart as the guide gets it: a picture to draw, the same in words, and the numbers behind it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Chart:
    """`name` is unique in a guide and safe as a file's name; `title` says what the chart shows, as a
    statement where it can; `alt` is the alternative text, with the numbers that matter.

    `spec` is the Vega-Lite chart that `drawing` draws; `header` and `rows` are the table behind it. Texts may
    hold words from outside: they are plain text, to be escaped where they are printed.
    """

    name: str
    title: str
    alt: str
    spec: Mapping[str, Any]
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
