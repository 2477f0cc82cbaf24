"""Which answers can be trusted: each is confirmed or doubted by the next canary after it.

Noted by `gateway/relay` through its lease, judged by `fleet` after each examination, told by
`gateway/answers`.

    note       > unconfirmed
    confirm    unconfirmed > confirmed    the canary was right: so was the process since the one before
    suspect    unconfirmed > suspect      it was wrong
    ended      unconfirmed, for good      the process ended before it was asked again
"""

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import Literal

Status = Literal["unconfirmed", "confirmed", "suspect"]

KEPT = 10_000
"""Answers of all models together that are remembered; the oldest go first."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer that was given; `reason` says why it is suspect."""

    id: str
    model: str
    status: Status = "unconfirmed"
    reason: str = ""


class Answers:
    """The answers of one fleet."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._answers: dict[str, Answer] = {}
        self._open: defaultdict[str, dict[str, int]] = defaultdict(dict)
        """By model, in order: the ids that no canary has judged yet, each with its number."""
        self._noted = 0

    def note(self, model: str, answer_id: str) -> None:
        """An answer was given, whole or in part."""
        self._noted += 1
        self._answers[answer_id] = Answer(answer_id, model)
        self._open[model][answer_id] = self._noted
        if len(self._answers) > self._kept:
            oldest = self._answers.pop(next(iter(self._answers)))
            self._open[oldest.model].pop(oldest.id, None)

    def mark(self, model: str) -> int:
        """The model's answers so far, for `confirm`: those noted later come after the canary's question."""
        return max(self._open[model].values(), default=0)

    def confirm(self, model: str, mark: int | None = None) -> None:
        """The canary was right: so were the answers since the one before, up to the mark (None: all)."""
        self._close(model, "confirmed", "", self._noted if mark is None else mark)

    def suspect(self, model: str, reason: str = "") -> list[str]:
        """The canary was wrong: the ids of the answers since the last good one, oldest first."""
        return self._close(model, "suspect", reason, self._noted)

    def ended(self, model: str) -> None:
        """The process ended: the canary of the next one says nothing about its answers."""
        self._open.pop(model, None)

    def status(self, answer_id: str) -> Status | None:
        """None: it was never given, or so long ago that it is forgotten."""
        answer = self._answers.get(answer_id)
        return answer.status if answer else None

    def get(self, answer_id: str) -> Answer | None:
        """All that is known of an answer; None as for `status`."""
        return self._answers.get(answer_id)

    def suspects(self) -> list[Answer]:
        """The answers that cannot be trusted, oldest first."""
        return [answer for answer in self._answers.values() if answer.status == "suspect"]

    def _close(self, model: str, status: Status, reason: str, mark: int) -> list[str]:
        waiting = self._open[model]
        ids = [one for one, number in waiting.items() if number <= mark]
        for one in ids:
            del waiting[one]
            self._answers[one] = replace(self._answers[one], status=status, reason=reason)
        return ids
