"""The two consoles of the commands: answers and tables go to stdout, everything else to stderr.

Whatever is shown may be the words of a model, an engine or a server, so every way to a terminal is here, and
lets nothing through that would control it.
"""

import errno
import json
import logging
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from viewfinder.core.terminal import harmless

SCREEN = Path("-")
"""What `--out` calls stdout."""


class Screen(Console):
    """A console on which only our own styles control the terminal."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        # COLUMNS=0: the size is not known. Rich would show nothing at all.
        self._width, self._height = self._width or None, self._height or None

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(harmless(segment.text), segment.style)

    def on_broken_pipe(self) -> NoReturn:
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))  # `main` knows what to do


class PlainFormatter(logging.Formatter):
    """For lines of the log, which hold the words of others, too."""

    def format(self, record: logging.LogRecord) -> str:
        return harmless(super().format(record))


output = Screen(soft_wrap=True, emoji=False)
errors = Screen(stderr=True, soft_wrap=True, emoji=False)


def say(text: str) -> None:
    """Write text on stdout as it is, neither wrapped nor coloured, and show it at once."""
    sys.stdout.write(harmless(text))
    sys.stdout.flush()


def write_data(text: str) -> None:
    """Write to stdout what another program may read exactly; only a terminal gets it made harmless."""
    sys.stdout.write(harmless(text) if sys.stdout.isatty() else text)


def file_of(out: Path | None) -> Path | None:
    """The file that `--out` names; None for stdout, which is also called "-"."""
    return None if out == SCREEN else out


def print_json(value: Any) -> None:
    """Print one JSON document on stdout, for other programs."""
    print(json.dumps(value, indent=2, default=str))


def report_json(value: Any) -> None:
    """Print one JSON document as a line on stderr, for other programs, and show it at once."""
    sys.stderr.write(json.dumps(value, default=str) + "\n")  # all beyond ASCII is escaped, so it is harmless
    sys.stderr.flush()


def columns(header: Sequence[str], rows: Iterable[Sequence[str]], reasons: Iterable[str]) -> Text:
    """A table with columns as wide as their widest cell, and the reason of each row below it."""
    table = [header, *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    below = ["", *reasons]
    lines = []
    for row, reason in zip(table, below, strict=True):
        words = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        lines.append(Text(words.rstrip(), style="bold" if row is header else ""))
        if reason:
            lines.append(Text(f"    {reason}", style="dim"))
    return Text("\n").join(lines)


def size(size_bytes: int | None) -> str:
    """Bytes in MB or GB; "?" when not known."""
    if size_bytes is None:
        return "?"
    return f"{size_bytes / 1e9:.2f} GB" if size_bytes >= 1e9 else f"{size_bytes / 1e6:.1f} MB"


def rough(size_bytes: int | None, *, measured: bool = False) -> str:
    """Memory in few digits, with "~" for an estimate; "?" when not known."""
    if size_bytes is None:
        return "?"
    digits = f"{size_bytes / 1e9:.1f} GB" if size_bytes >= 950_000_000 else f"{size_bytes / 1e6:.0f} MB"
    return digits if measured else f"~{digits}"


def duration(seconds: float | None) -> str:
    """Seconds in s, m, h or d; "-" when there are none."""
    if seconds is None:
        return "-"
    for unit, unit_s in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * unit_s:
            return f"{seconds / unit_s:.0f} {unit}"
    return f"{seconds:.0f} s"
