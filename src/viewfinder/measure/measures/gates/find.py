"""From graded answers to passed gates; pure."""

from collections.abc import Sequence

from viewfinder.catalog.card import Variant
from viewfinder.measure.figures import NO_VISION, NOT_REACHED, Gate, Measured, Missing
from viewfinder.measure.measures.base import Facts
from viewfinder.measure.measures.gates.ask import FOLLOW_UP_TURNS, GATE_DONE, LEAST_GATE_QUESTIONS
from viewfinder.measure.measures.gates.counts import GateCounts
from viewfinder.measure.measures.gates.result import Gates
from viewfinder.measure.metrics import answered, percent
from viewfinder.measure.process_log import ProcessLog
from viewfinder.measure.prompts import GUESSING
from viewfinder.measure.statistics.intervals import wilson
from viewfinder.measure.store.rows import Sample

PASS = 0.5
IMAGE_ANSWERS, TEXT_ANSWERS = "right image answers", "right text answers"
FOLLOW_UPS = "right follow-up answers"


def gates(logs: Sequence[ProcessLog], counts: GateCounts, variant: Variant) -> Gates:
    """The gates; one that was not finished is missing."""
    log = next(log for log in logs if not log.nth)

    def gate(scenario: str, samples: Sequence[Sample], note: str = "") -> Gate | Missing:
        return judge(samples, note) if f"{scenario} {GATE_DONE}" in log.series else NOT_REACHED

    seen = gate("vision", log.of("vision"), f"; guessing gives {100 * GUESSING:.0f} %")
    note = f"; turn {FOLLOW_UP_TURNS} of a conversation that repeats the image and the model's own answers"
    return Gates(
        vision=seen if variant.vision else NO_VISION,
        text=gate("text", log.of("text")),
        follow_up=gate("follow-up", _last_of_each(log.of("follow-up")), note)
        if variant.vision
        else NO_VISION,
    )


def judge(samples: Sequence[Sample], note: str = "") -> Gate:
    """The gate by these samples; `note` is added to the rule."""
    right = sum(bool(one.right) and answered(one.exchange) for one in samples)
    low, _ = wilson(right, len(samples))
    return Gate(
        passed=low > PASS,
        right=right,
        asked=len(samples),
        answered=sum(answered(one.exchange) for one in samples),
        rule=f"more than half right with 95 % confidence (Wilson's lower bound {100 * low:.0f} %); "
        f"a failed or empty answer is not right{note}",
    )


def facts(found: Gates | Missing) -> Facts:
    each = Gates(vision=found, text=found, follow_up=found) if isinstance(found, Missing) else found
    names = {IMAGE_ANSWERS: each.vision, TEXT_ANSWERS: each.text, FOLLOW_UPS: each.follow_up}
    return Facts(gates=dict(each), figures={name: share_of(gate) for name, gate in names.items()})


def is_blind(gate: Gate | Missing) -> bool:
    """Whether the vision gate was surely not passed; with too few questions nothing is sure."""
    return isinstance(gate, Gate) and not gate.passed and gate.asked >= LEAST_GATE_QUESTIONS


def share_of(gate: Gate | Missing) -> Measured:
    """The share of right answers in percent, with Wilson's 95 % interval."""
    if isinstance(gate, Missing):
        return gate
    if gate.asked < 1:
        return Missing(missing="no question was asked")
    low, high = wilson(gate.right, gate.asked)
    return percent((gate.right / gate.asked, low, high), gate.asked, gate.rule)


def _last_of_each(samples: Sequence[Sample]) -> list[Sample]:
    """One graded answer a conversation, so that answers do not depend on each other."""
    return list({sample.scene: sample for sample in samples}.values())
