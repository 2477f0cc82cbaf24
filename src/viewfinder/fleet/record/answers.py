"""Which answers can be trusted: the next canary after an answer confirms it or makes it suspect.

Noted by `gateway/relay` through its lease, changed by `canary_checks` after each check, shown by
`gateway/answers`.

    note       > unconfirmed
    confirm    unconfirmed > confirmed    the canary passed, so the process was good since the one before
    suspect    unconfirmed > suspect      the canary failed
    ended      unconfirmed, for good      the process ended before its next canary

An answer of two models (a cascade) is confirmed when both were good, and suspect when one was not.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

AnswerStatus = Literal["unconfirmed", "confirmed", "suspect"]

KEPT_ANSWERS = 10_000
"""The number of answers, of all models together, that are remembered; the oldest are dropped first."""

_ENDED = ""
"""In place of a model: the answers that another one has given, too, and whose process here has ended."""


@dataclass(frozen=True, slots=True)
class NotedAnswer:
    """One answer that a client got; `reason` says why it is suspect."""

    id: str
    model: str
    status: AnswerStatus = "unconfirmed"
    reason: str = ""


class Answers:
    """The answers of one fleet."""

    def __init__(self, kept: int = KEPT_ANSWERS) -> None:
        self._kept = kept
        self._answers: dict[str, NotedAnswer] = {}
        self._open: defaultdict[str, dict[str, int]] = defaultdict(dict)
        """By model, in order: the ids of unconfirmed answers, each with its number."""
        self._noted = 0
        self._elsewhere: dict[tuple[str, str], str] = {}
        """By the gateway that made it and its id there: our id of an unconfirmed answer."""

    def note(self, model: str, answer_id: str) -> None:
        """Note that a client got an answer, whole or in part."""
        self._noted += 1
        self._answers[answer_id] = NotedAnswer(answer_id, model)
        self._open[model][answer_id] = self._noted
        if len(self._answers) > self._kept:
            oldest = self._answers.pop(next(iter(self._answers)))
            for ids in self._open.values():
                ids.pop(oldest.id, None)

    def mark(self, model: str) -> int:
        """The number of the model's latest answer, for `confirm`: later ones come after the canary began."""
        return max(self._open[model].values(), default=0)

    def confirm(self, model: str, mark: int | None = None) -> None:
        """The canary passed: confirm the answers since the one before, up to the mark (None: all)."""
        self._close(model, "confirmed", "", self._noted if mark is None else mark)

    def suspect(self, model: str, reason: str = "") -> list[str]:
        """The canary failed: mark the answers since the last good one; returns their ids, oldest first."""
        return self._close(model, "suspect", reason, self._noted)

    def settle(self, answer_id: str, status: str, reason: str = "") -> str:
        """The canary of another node said this of one answer; returns its model when it is suspect now."""
        known = self._answers.get(answer_id)
        if known is None or known.status == "suspect":
            return ""
        for ids in self._open.values():
            ids.pop(answer_id, None)
        is_wrong = status == "suspect"
        self._answers[answer_id] = replace(
            known, status="suspect" if is_wrong else "confirmed", reason=reason
        )
        return known.model if is_wrong else ""

    def ended(self, model: str) -> None:
        """The process ended: the canary of the next one proves nothing about its answers."""
        ids = self._open.pop(model, {})
        self._open[_ENDED] |= {one: number for one, number in ids.items() if self._is_open(one)}

    def get(self, answer_id: str) -> NotedAnswer | None:
        """An answer by its id; None when there was none, or it is too old to be remembered."""
        return self._answers.get(answer_id)

    def suspects(self) -> list[NotedAnswer]:
        """The suspect answers, oldest first."""
        return [answer for answer in self._answers.values() if answer.status == "suspect"]

    def given_by(self, peer: str, theirs: str, ours: str) -> None:
        """Note that another gateway made an answer, and which id it has there."""
        self._elsewhere[peer, theirs] = ours
        if len(self._elsewhere) > self._kept:
            del self._elsewhere[next(iter(self._elsewhere))]

    def open_at(self, peer: str) -> list[str]:
        """The ids at another gateway of its unconfirmed answers, oldest first."""
        return [theirs for name, theirs in self._elsewhere if name == peer]

    def learn(self, peer: str, theirs: Iterable[str], status: AnswerStatus, reason: str) -> list[str]:
        """What another gateway says of its answers, once and for all; returns the ids of those that were
        given here."""
        found = [self._elsewhere.pop((peer, one), "") for one in theirs]
        ours = [one for one in found if one in self._answers]
        for one in ours:
            self._answers[one] = replace(self._answers[one], status=status, reason=reason)
            for ids in self._open.values():
                ids.pop(one, None)
        return ours

    def _close(self, model: str, status: AnswerStatus, reason: str, mark: int) -> list[str]:
        unconfirmed = self._open[model]
        ids = [one for one, number in unconfirmed.items() if number <= mark]
        for one in ids:
            del unconfirmed[one]
            known = self._answers[one]
            if known.status == "suspect" or (status == "confirmed" and self._is_open(one)):
                continue
            self._answers[one] = replace(known, model=model, status=status, reason=reason)
        return ids

    def _is_open(self, answer_id: str) -> bool:
        """Whether another model has given a part of this answer, which nothing confirmed yet."""
        return any(answer_id in ids for ids in self._open.values())
