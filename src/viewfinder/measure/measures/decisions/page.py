"""How true a model's probabilities are, as it reads in the guide: a row and two tables."""

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
from viewfinder.measure.measures.decisions.result import DecisionsResult

METHOD = (
    "**Decisions**: questions about scenes as /v1/decisions puts them, in both orders of their answers. A "
    "curve from the model's probabilities to the share that turned out so is made of half of the questions "
    "and judged on the other half; the one that is used is made of all. Of five kinds of curve it is the "
    "simplest that is not surely worse in cross-validation; of a model that is right already, none. The "
    "calibration error is that of about 15 bins of equal numbers, which is above 0 even of perfect "
    "probabilities. A promise holds with 95 % confidence for questions like these (exact binomial bounds, "
    "the surest answers first).",
)


def rows(found: DecisionsResult | Missing) -> list[Row]:
    title = "Decisions"
    if isinstance(found, Missing):
        return [(title, found)]
    known = decided_kinds(found.kinds)
    if not known:
        return [(title, next(one for one in found.kinds if isinstance(one, Missing)))]
    return [(title, sentences(known))]


def section(found: DecisionsResult) -> list[Table]:
    known = decided_kinds(found.kinds)
    if not known:
        return []
    return [Table(f"{WORTH}:", worth_lines(known)), Table(f"{RELIED_ON}:", [*sure_lines(known)])]
