"""How the user's own questions read in the guide: rows of a model's table, and what decisions are worth."""

from viewfinder.measure.calibrating.shown import (
    RELIED_ON,
    WORTH,
    decided_kinds,
    sentences,
    sure_lines,
    worth_lines,
)
from viewfinder.measure.figures import Missing
from viewfinder.measure.measures.base import Row, Table
from viewfinder.measure.measures.own_images.result import OwnImages

_OWN = "about your own pictures"


def rows(found: OwnImages | Missing) -> list[Row]:
    accuracy, exact = (found, found) if isinstance(found, Missing) else (found.accuracy, found.exact)
    known: list[Row] = [
        ("Own questions, VQA v2 accuracy (%)", accuracy),
        ("Own questions, strict exact match (%)", exact),
    ]
    if isinstance(found, OwnImages) and found.decisions:
        decided = decided_kinds(found.decisions)
        missing = next((one for one in found.decisions if isinstance(one, Missing)), None)
        known.append(
            ("Decisions about own pictures", missing if missing and not decided else sentences(decided))
        )
    return known


def section(found: OwnImages) -> list[Table]:
    """Of the decisions; the answers are in a section of all models."""
    known = decided_kinds(found.decisions)
    if not known:
        return []
    return [
        Table(f"{WORTH} {_OWN}:", worth_lines(known)),
        Table(f"{RELIED_ON}, {_OWN}:", [*sure_lines(known)]),
    ]
