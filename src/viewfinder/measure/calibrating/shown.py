"""What a calibration is worth, as lines of two tables in the guide; called by the measures' `page`."""

import math
from collections.abc import Iterable, Iterator

from viewfinder.measure.calibrating.worth import KindOfDecision, SureAnswer
from viewfinder.measure.figures import Figure, Measured, Missing
from viewfinder.measure.statistics.intervals import wilson

KIND_NAMES = {"predicate": "yes or no", "choice": "choices", "score": "counts"}
NOTHING_SURE = "no probability is surely right in 9 of 10 cases"
WORTH = "How true the probabilities of /v1/decisions are"
RELIED_ON = "From which probability on an answer can be relied on"
WorthLine = dict[str, str | Measured]
_OLDER = Missing(missing="the version that measured this did not note it")


def decided_kinds(found: Iterable[KindOfDecision | Missing]) -> list[KindOfDecision]:
    """Those of which enough was decided."""
    return [one for one in found if isinstance(one, KindOfDecision)]


def sentence(sure: SureAnswer) -> str:
    says = f"say {sure.says}" if sure.says in ("yes", "no") else "choose"
    above = math.ceil(1000 * sure.above) / 1000  # never down: less was not shown
    return f"{says} above {above:g}: wrong in at most {100 * sure.most_wrong:g} % (95 %)"


def sentences(found: Iterable[KindOfDecision]) -> str:
    """All promises."""
    return "; ".join(sentence(sure) for kind in found for sure in kind.sure) or NOTHING_SURE


def worth_lines(found: Iterable[KindOfDecision]) -> list[WorthLine]:
    return [
        {
            "Question": KIND_NAMES[one.kind],
            "Asked": str(one.asked),
            "Undecided": str(one.undecided),
            "Right (%)": one.right or _OLDER,
            "Calibration error": one.error_raw,
            "After calibration": one.error_calibrated,
            "Brier score": one.brier_raw or _OLDER,
            "Brier score after": one.brier_calibrated,
            "Curve": one.family or "isotonic or Platt's",
        }
        for one in found
    ]


def sure_lines(found: Iterable[KindOfDecision]) -> Iterator[WorthLine]:
    for one in found:
        for sure in one.sure:
            yield {
                "Question": KIND_NAMES[one.kind],
                "Promise": sentence(sure),
                "Answers above it (%)": coverage(sure),
                "Wrong among them": "—" if sure.wrong is None else str(sure.wrong),
            }
        if not one.sure:
            yield {"Question": KIND_NAMES[one.kind], "Promise": NOTHING_SURE}


def coverage(sure: SureAnswer) -> Figure:
    """The share of questions that have an answer above the promised probability, in %."""
    low, high = (100 * share for share in wilson(sure.answered, sure.asked))
    how = f"answers above that probability, of {sure.asked} questions; Wilson's interval"
    value = 100 * sure.answered / sure.asked
    return Figure(value=value, low=low, high=high, n=sure.asked, unit="%", how=how)
