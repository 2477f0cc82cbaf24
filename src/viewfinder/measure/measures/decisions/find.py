"""From the log-probabilities of first tokens to calibrations and their worth; pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from viewfinder.catalog.card import Variant
from viewfinder.measure.calibrating.files import calibration_files
from viewfinder.measure.calibrating.fit import Graded
from viewfinder.measure.calibrating.graded import QuestionInOrders, graded
from viewfinder.measure.calibrating.worth import worth_of
from viewfinder.measure.figures import Missing
from viewfinder.measure.measures.base import ResultHeader
from viewfinder.measure.measures.decisions.ask import ANSWERS_OF, COUNT_LEVELS, DECISIONS_PREFIX
from viewfinder.measure.measures.decisions.counts import DecisionCounts
from viewfinder.measure.measures.decisions.result import DecisionsResult
from viewfinder.measure.process_log import ProcessLog
from viewfinder.measure.store.rows import Sample
from viewfinder.wire.decisions.wording import YES_NO, DecisionKind

DECISION_KINDS: tuple[DecisionKind, ...] = ("predicate", "choice", "score")
NO_LOGPROBS = Missing(missing="its engine tells no log-probabilities")


def decisions(
    logs: Sequence[ProcessLog], counts: DecisionCounts, variant: Variant
) -> DecisionsResult | Missing:
    """All kinds; Missing where the engine tells no log-probabilities."""
    samples = [one for log in logs for one in log.samples if one.scenario.startswith(DECISIONS_PREFIX)]
    if not any(one.exchange.top_tokens for one in samples):
        return NO_LOGPROBS
    return DecisionsResult(kinds=tuple(worth_of(kind, *graded_of(kind, samples)) for kind in DECISION_KINDS))


def graded_of(kind: DecisionKind, samples: Iterable[Sample]) -> tuple[Graded, int]:
    """What is calibrated of each question of a kind, and how many were not decided."""
    by_scene: defaultdict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        if sample.scenario.startswith(f"{DECISIONS_PREFIX}{kind}/"):
            by_scene[sample.scene].append(sample)
    return graded(
        kind,
        (
            QuestionInOrders(orders, _answers_to(kind, orders[0].expected), orders[0].expected)
            for orders in by_scene.values()
        ),
    )


def _answers_to(kind: DecisionKind, expected: str) -> tuple[str, ...]:
    if kind == "predicate":
        return YES_NO
    if kind == "score":
        return COUNT_LEVELS
    return next(answers for answers in ANSWERS_OF.values() if expected in answers)


def files(found: DecisionsResult, header: ResultHeader) -> dict[str, bytes]:
    """The file from which the gateway calibrates."""
    return calibration_files(found.kinds, header, "scenes")
