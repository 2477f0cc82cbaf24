"""Markdown: escaped text, code, tables and footnotes; called by `tables`, `document` and the template.

Names and failures come from outside: none of them may break a table or become a link.
"""

import re
from collections.abc import Iterable, Sequence

_SPECIAL = re.compile(r"([\\`*\[\]<>|~#])|(?<!\w)(_)|(_)(?!\w)")


def text(words: str) -> str:
    """One line of plain text that Markdown shows as it is."""
    return _SPECIAL.sub(lambda found: f"\\{found.group()}", " ".join(words.split()))


def code(words: str) -> str:
    """A code span; its fence is longer than any run of backticks inside."""
    line = " ".join(words.split()).replace("|", "\\|")
    if not line:
        return ""
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", line)), default=0))
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown already."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


class Notes:
    """Footnotes, numbered as they are first used; the same words get the same number."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def mark(self, words: str) -> str:
        return f"[^{self._numbers.setdefault(words, len(self._numbers) + 1)}]"

    def definitions(self) -> list[str]:
        return [f"[^{number}]: {text(words)}" for words, number in self._numbers.items()]
