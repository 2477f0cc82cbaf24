"""From the probabilities of a question's answers to OpenAI's reply; called by the gateway."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from viewfinder.wire.decisions.calibration import Curve
from viewfinder.wire.decisions.probabilities import Mass, order_difference, together
from viewfinder.wire.decisions.request import ChoiceQuestion, PredicateQuestion, ScoreQuestion
from viewfinder.wire.decisions.translate import TranslatedDecisions
from viewfinder.wire.decisions.wording import DecisionKind
from viewfinder.wire.dialect import Answer


@dataclass(frozen=True, slots=True)
class Decided:
    """One question, asked in all orders; `masses` are by order."""

    masses: tuple[Mass, ...]
    is_whole: bool
    """Whether whole answers were taken instead of the first token."""
    requests: int
    by_head: bool = False
    """Whether the model's decision head gave the probabilities, in one order alone."""


@dataclass(frozen=True, slots=True)
class CalibratedBy:
    """What a curve was made of: questions about drawn scenes or the user's own, and how many; None: its file
    does not say."""

    questions: Literal["scenes", "own"]
    samples: int | None


@dataclass(frozen=True, slots=True)
class Calibrations:
    """The curves by kind of question, and what each was made of; without one, `why` says the reason. `right`
    is the share of right answers that was measured with it."""

    curves: Mapping[DecisionKind, Curve] = field(default_factory=dict)
    why: str = ""
    by: Mapping[DecisionKind, CalibratedBy] = field(default_factory=dict)
    right: Mapping[DecisionKind, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AnsweredBy:
    """The model that gave an answer, and why it was that one of a cascade; empty: the request named it."""

    model: str
    why: str = ""


class DecisionAnswer(Answer):
    """The reply to one request."""

    id_prefix = "decision-"

    def __init__(self, asked: TranslatedDecisions) -> None:
        self.asked = asked

    def confidence(self, at: int, decided: Decided, calibrations: Calibrations) -> float:
        """The probability of the likeliest answer to a question: what `threshold` is compared with."""
        kind = self.asked.put[at].kind
        _, sure = _raw_and_sure(kind, together(decided.masses), calibrations)
        return max(sure, 1 - sure) if kind == "predicate" else sure

    def decided(
        self, at: int, decided: Decided, calibrations: Calibrations, who: AnsweredBy
    ) -> dict[str, Any]:
        """The answer to one question."""
        question = self.asked.request.questions[at]
        kind = self.asked.put[at].kind
        shares = together(decided.masses)
        raw, sure = _raw_and_sure(kind, shares, calibrations)
        curve = calibrations.curves.get(kind)
        by = calibrations.by.get(kind)
        details = {
            "model": who.model,
            "chosen_because": who.why or None,
            "raw": raw,
            "calibrated": None if curve is None else sure,
            "not_calibrated": calibrations.why if curve is None else None,
            "calibrated_by": None if by is None else {"questions": by.questions, "samples": by.samples},
            "mass": sum(mass.together for mass in decided.masses) / len(decided.masses),
            "order_difference": order_difference(decided.masses),
            "method": _method(decided),
            "requests": decided.requests,
        }
        least = self.asked.request.threshold
        if least is not None and self.confidence(at, decided, calibrations) < least:
            return {"type": "refusal", "name": question.name, "viewfinder": details}
        return {**_answer(question, rescaled(shares, sure), sure), "viewfinder": details}

    def reply(
        self, id: str, answers: Sequence[Mapping[str, Any]], usage: Mapping[str, Any]
    ) -> dict[str, Any]:
        """All answers, in the order of the questions."""
        sent, said = usage.get("prompt_tokens", 0), usage.get("completion_tokens", 0)
        cached = usage.get("prompt_tokens_details", {}).get("cached_tokens", 0)
        return {
            "id": id,
            "model": self.asked.request.model,
            "answers": [*answers],
            "usage": {
                "input_tokens": sent,
                "input_tokens_details": {"cached_tokens": cached, "cache_write_tokens": 0},
                "output_tokens": said,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": sent + said,
            },
        }


def _method(decided: Decided) -> str:
    if decided.by_head:
        return "decision head"
    return "whole answers" if decided.is_whole else "first token"


def _raw_and_sure(
    kind: DecisionKind, shares: Sequence[float], calibrations: Calibrations
) -> tuple[float, float]:
    """The probability of yes, or of the likeliest answer: as the model gives it, and calibrated."""
    raw = shares[0] if kind == "predicate" else max(shares)
    curve = calibrations.curves.get(kind)
    return raw, raw if curve is None else curve.at(raw)


def rescaled(shares: Sequence[float], sure: float) -> tuple[float, ...]:
    """The probabilities, the likeliest one calibrated and the others in the same proportion."""
    best = max(range(len(shares)), key=shares.__getitem__)
    rest = 1 - shares[best]
    even = (1 - sure) / (len(shares) - 1)
    return tuple(
        sure if at == best else (share * (1 - sure) / rest if rest > 0 else even)
        for at, share in enumerate(shares)
    )


def _answer(
    question: PredicateQuestion | ChoiceQuestion | ScoreQuestion, shares: Sequence[float], sure: float
) -> dict[str, Any]:
    known = {"type": question.type, "name": question.name}
    if isinstance(question, PredicateQuestion):
        return {**known, "probability": sure}
    best = max(range(len(shares)), key=shares.__getitem__)
    if isinstance(question, ChoiceQuestion):
        pairs = zip(question.choices, shares, strict=True)
        return {
            **known,
            "choice": question.choices[best].value,
            "confidence": sure,
            "probabilities": [{"value": one.value, "probability": share} for one, share in pairs],
        }
    numbered = zip(question.levels, range(len(shares)), shares, strict=True)
    return {
        **known,
        "score": sum(at * share for at, share in enumerate(shares)),
        "confidence": sure,
        "probabilities": [
            {"label": one.label, "value": at, "probability": share} for one, at, share in numbered
        ],
    }
