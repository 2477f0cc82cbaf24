"""From the log-probabilities of a question that was asked in all orders to a graded probability; pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from viewfinder.measure.calibrating.fit import Graded
from viewfinder.measure.store.rows import Sample
from viewfinder.wire.decisions.probabilities import Mass, of_first_token, together
from viewfinder.wire.decisions.wording import DecisionKind

NEEDED_FIELD = "logprobs"
"""The field of a request that an engine must have."""


@dataclass(frozen=True, slots=True)
class QuestionInOrders:
    """One question: a sample for each order of its answers, and which of these is right."""

    samples: Sequence[Sample]
    answers: Sequence[str]
    right: str


def graded(kind: DecisionKind, questions: Iterable[QuestionInOrders]) -> tuple[Graded, int]:
    """What is calibrated of each question (the probability of yes, or of the likeliest answer) with whether
    it turned out so; and how many questions were not decided."""
    found, undecided = [], 0
    for one in questions:
        masses = [mass for sample in one.samples if (mass := _mass(sample, one.answers)) is not None]
        if len(masses) < 2:
            undecided += 1
            continue
        shares = together(masses)
        best = 0 if kind == "predicate" else max(range(len(shares)), key=shares.__getitem__)
        found.append((shares[best], one.answers[best] == one.right))
    return found, undecided


def _mass(sample: Sample, answers: Sequence[str]) -> Mass | None:
    tops = [{"token": token, "logprob": logprob} for token, logprob in sample.exchange.top_tokens]
    return of_first_token([{"top_logprobs": tops}], answers) if tops else None
