"""How much of each list stands on the guide's first screen, so that it stays one screen; called by
`document`.

Lines are shortened, all lists alike, until the whole has at most 350 words for one model and 50 more for each
further one. What is cut stands in the models' sections.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from viewfinder.report.content import Grid, Remark

LEAST_LINES = 6
"""Issues that are listed, or one for each model if that is more."""
_WORDS, _WORDS_A_MODEL = 350, 50
_HEADINGS = 60
"""Words of the headings and of the sentences that are always there."""
_LENGTHS = range(48, 7, -4)
"""Words of a line, as many as fit."""


@dataclass(frozen=True, slots=True)
class Lists:
    """The lists of the first screen."""

    recommendations: tuple[Remark, ...]
    issues: tuple[Remark, ...]
    changes: tuple[Remark, ...]


def fitted(lists: Lists, overview: Grid, others: Iterable[str]) -> Lists:
    """The lists beside this overview and these `others` texts, with as long lines as fit."""
    models = len(overview.rows)
    taken = _HEADINGS + sum(map(_count, others)) + _size(overview)
    whole = Lists(lists.recommendations, _few(lists.issues, models), lists.changes)
    most = _WORDS + _WORDS_A_MODEL * max(0, models - 1)
    cut = whole
    for length in _LENGTHS:
        cut = Lists(*(_cut(some, length) for some in (whole.recommendations, whole.issues, whole.changes)))
        lines = (*cut.recommendations, *cut.issues, *cut.changes)
        if taken + sum(_count(f"- {one.about} {one.text} {one.command}") for one in lines) <= most:
            break
    return cut


def _few(issues: Sequence[Remark], models: int) -> tuple[Remark, ...]:
    """As many as the first screen holds, one of each model first."""
    by_model: dict[str, list[Remark]] = {}
    for issue in issues:
        by_model.setdefault(issue.about, []).append(issue)
    depth = max(map(len, by_model.values()), default=0)
    turns = [of[turn] for turn in range(depth) for of in by_model.values() if turn < len(of)]
    most = max(LEAST_LINES, models)
    more = len(turns) - most
    end = [Remark(text=f"And {more} more, in the models' sections.")] if more > 0 else []
    return (*turns[:most], *end)


def _cut(lines: Iterable[Remark], length: int) -> tuple[Remark, ...]:
    return tuple(one.model_copy(update={"text": _shortened(one.text, length)}) for one in lines)


def _shortened(text: str, most: int) -> str:
    words = text.split()
    return " ".join(words) if len(words) <= most else f"{' '.join(words[:most])} …"


def _size(table: Grid) -> int:
    """The words of a table in Markdown, its rules among them."""
    rows = [table.header, *([cell.text for cell in row] for row in table.rows)]
    return sum(len(row) + 1 + sum(map(_count, row)) for row in rows) + 2 * len(table.header) + 1


def _count(text: str) -> int:
    return len(text.split())
