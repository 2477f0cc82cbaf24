"""How true a model's probabilities are, as it reads in the guide: a row and a table."""

import math

from viewfinder.measure.figures import Missing
from viewfinder.measure.measures.base import CellContent, Row, Table
from viewfinder.measure.measures.decisions.result import DecisionsResult, KindOfDecision, SureAnswer

METHOD = (
    "**Decisions**: questions about scenes as /v1/decisions puts them, in both orders of their answers. A "
    "curve from the model's probabilities to the share that turned out so is made of half of the questions "
    "and judged on the other half; the one that is used is made of all. A promise holds with 95 % confidence "
    "for questions like these (exact binomial bounds, the surest answers first).",
)
KIND_NAMES = {"predicate": "yes or no", "choice": "choices", "score": "counts"}


def rows(found: DecisionsResult | Missing) -> list[Row]:
    title = "Decisions"
    if isinstance(found, Missing):
        return [(title, found)]
    known = [one for one in found.kinds if isinstance(one, KindOfDecision)]
    if not known:
        return [(title, next(one for one in found.kinds if isinstance(one, Missing)))]
    sure = [sentence(one) for kind in known for one in kind.sure]
    return [(title, "; ".join(sure) or "no probability is surely right in 9 of 10 cases")]


def sentence(sure: SureAnswer) -> str:
    says = f"say {sure.says}" if sure.says in ("yes", "no") else "choose"
    above = math.ceil(1000 * sure.above) / 1000  # never down: less was not shown
    return f"{says} above {above:g}: wrong in at most {100 * sure.most_wrong:g} % (95 %)"


def section(found: DecisionsResult) -> list[Table]:
    lines: list[dict[str, CellContent]] = [
        {
            "Question": KIND_NAMES[one.kind],
            "Asked": str(one.asked),
            "Undecided": str(one.undecided),
            "Calibration error": one.error_raw,
            "After calibration": one.error_calibrated,
            "Brier score": one.brier_calibrated,
            "Promise": "; ".join(
                f"{sentence(sure)}, {sure.answered} of {sure.asked} answers" for sure in one.sure
            )
            or "none was shown",
        }
        for one in found.kinds
        if isinstance(one, KindOfDecision)
    ]
    return [Table("How true the probabilities of /v1/decisions are:", lines)] if lines else []
