"""The two consoles of the commands: answers and tables go to stdout, everything else to stderr."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

output = Console(soft_wrap=True)
errors = Console(stderr=True, soft_wrap=True)


def print_json(value: Any) -> None:
    """Print one JSON document on stdout, for other programs."""
    print(json.dumps(value, indent=2, default=str))


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


def duration(seconds: float | None) -> str:
    """Seconds in s, m, h or d; "-" when there are none."""
    if seconds is None:
        return "-"
    for unit, unit_s in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * unit_s:
            return f"{seconds / unit_s:.0f} {unit}"
    return f"{seconds:.0f} s"
