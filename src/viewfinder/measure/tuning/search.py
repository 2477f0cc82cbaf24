"""The search itself: one setting after the other, each value in pairs against the best so far; asks nothing
itself, so that tests own what is measured. Called by `api/tuning`.

A value is taken when it is surely faster and its answers are as good as those of the settings as they are
now. Nothing else moves the best: no gain, a gain too small, a worse answer, a start that fails.
"""

import math
import statistics
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from viewfinder.measure.deadline import TimeIsUp
from viewfinder.measure.tuning import judging
from viewfinder.measure.tuning.axes import TuneAxis, short_prompts
from viewfinder.measure.tuning.candidate import Candidate, ProcessPair
from viewfinder.measure.tuning.judging import AnswerVerdict, Gain

SPEED_QUESTIONS, ANSWER_QUESTIONS = 12, 50
"""Of each process: while speed is compared, and while answers are."""
CONFIRMS_FROM = 1_000
"""The number of the first pair that confirms the result: none of the search had its questions."""
ANSWERS_FROM = 100
Outcome = Literal[
    "taken", "no gain", "not shown", "worse answers", "answers not judged", "failed", "time is up"
]
NOW = Candidate()
"""The settings as they are."""
Doing = Literal["speed", "answers", "confirming"]


class MeasurePair(Protocol):
    """One pair of fresh processes, asked the same questions in turns; raises TimeIsUp."""

    def __call__(
        self, one: Candidate, other: Candidate, nth: int, questions: int
    ) -> Awaitable[ProcessPair]: ...


JudgeAnswers = Callable[..., AnswerVerdict]
"""As `judging.answers`."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One value that was tried: against what, and what became of it."""

    candidate: Candidate
    against: Candidate
    outcome: Outcome
    says: str
    gain: Gain | None = None
    answers: AnswerVerdict | None = None


@dataclass(frozen=True, slots=True)
class SearchStep:
    """What is being done now: `number` of at most `most` pairs or questions; `tried` of `values` are done.
    `best` is the best so far."""

    doing: Doing
    candidate: Candidate
    number: int
    most: int
    tried: int = 0
    values: int = 0
    best: Candidate = NOW


@dataclass(slots=True)
class Findings:
    """What the search found.

    `gain` is that of `best` against the settings as they are now; None: nothing was taken. `unconfirmed` is
    more than that, of which the gain was not confirmed. `left_out`: why an axis was not tried with what was
    taken before it.
    """

    best: Candidate = NOW
    gain: Gain | None = None
    trials: list[Trial] = field(default_factory=list)
    not_tried: list[Candidate] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    unconfirmed: Candidate | None = None
    is_complete: bool = True


class Search:
    """One search; `images`: whether pictures decide about speed."""

    def __init__(
        self,
        measure: MeasurePair,
        *,
        images: bool,
        on_step: Callable[[SearchStep], None] = lambda step: None,
        judge: JudgeAnswers = judging.answers,
        left_s: Callable[[], float] = lambda: math.inf,
    ) -> None:
        self._measure, self._images, self._on_step, self._judge = measure, images, on_step, judge
        self._left_s = left_s
        self.answers: defaultdict[Candidate, dict[tuple[str, str], tuple[str, bool]]] = defaultdict(dict)
        self.pairs: defaultdict[tuple[Candidate, Candidate], list[ProcessPair]] = defaultdict(list)
        self.measured: list[tuple[Candidate, Candidate, ProcessPair]] = []
        """All pairs, in their order, with the two that were compared."""
        self._found, self._values = Findings(), 0

    async def run(self, axes: tuple[TuneAxis, ...]) -> Findings:
        """Try everything, and confirm what was taken. When the time is up, what was found by then is
        confirmed as far as it was measured."""
        found = self._found
        self._values = sum(len(axis.values) for axis in axes)
        pending = [(axis, branch) for axis in axes for branch in axis.branches]
        for place, (axis, branch) in enumerate(pending):
            if axis.name in dict(found.best.changes):  # a value in the other direction was taken
                continue
            tokens = self._prompt_tokens(found.best)
            usable = axis.usable(branch, tokens)
            if not any(axis.usable(each, tokens) for each in axis.branches):
                found.left_out[axis.name] = short_prompts(tokens)
            if not await self._walk(axis, usable, found):
                left = [
                    found.best.changed(one.name, value)
                    for one, rest in pending[place + 1 :]
                    for value in rest
                ]
                found.not_tried += left
                found.is_complete = False
                break
        await self._confirm(found)
        return found

    async def _walk(self, axis: TuneAxis, branch: tuple[object, ...], found: Findings) -> bool:
        """One direction of an axis; False: the time is up."""
        start = found.best
        for place, value in enumerate(branch):
            candidate = start.changed(axis.name, value)
            trial = await self._try(candidate, found.best, axis)
            found.trials.append(trial)
            if trial.outcome == "taken":
                found.best = candidate
                if axis.is_budget:
                    break
            elif trial.outcome == "time is up":
                found.not_tried += [start.changed(axis.name, later) for later in branch[place:]]
                return False
            elif not self._leads_on(trial, axis):
                break
        return True

    async def _try(self, candidate: Candidate, best: Candidate, axis: TuneAxis) -> Trial:
        try:
            measured = self.pairs[best, candidate]
            while (speed := self._speed(best, candidate)) == "more":
                number = len(measured)
                self._tell("speed", candidate, number + 1, judging.MOST_PAIRS)
                pair = await self._pair(best, candidate, number, SPEED_QUESTIONS)
                if pair.failure:
                    return Trial(candidate, best, "failed", pair.failure)
            so_far = self._gain(measured)
            if speed != "faster":
                says = "no gain that is worth it" if speed == "no gain" else "a gain is not shown"
                return Trial(candidate, best, speed, says, so_far)
            verdict = await self._judged(candidate, best, axis)
        except TimeIsUp:
            return Trial(candidate, best, "time is up", "the time is up")
        if verdict.is_good:
            return Trial(candidate, best, "taken", verdict.says, so_far, verdict)
        outcome: Outcome = "worse answers" if verdict.kind == "worse" else "answers not judged"
        return Trial(candidate, best, outcome, verdict.says, so_far, verdict)

    def _speed(self, best: Candidate, candidate: Candidate) -> judging.Speed:
        measured = self.pairs[best, candidate]
        if not measured:
            return "more"
        return judging.speed(measured, images=self._images, others=self._logs_beside(best, candidate))

    def _logs_beside(self, one: Candidate, other: Candidate) -> list[list[float]]:
        """What the pairs of all others say, which tells how much pairs differ here."""
        every = self.pairs.items()
        return [judging.logs_of(each, images=self._images) for both, each in every if both != (one, other)]

    def _prompt_tokens(self, candidate: Candidate) -> float:
        """Of the longest question that it was asked; without end where none is known."""
        replies = [
            reply
            for one, other, pair in self.measured
            for side, replies in ((one, pair.one), (other, pair.other))
            if side == candidate
            for reply in replies
        ]
        return max((one.prompt_tokens for one in replies if one.prompt_tokens), default=math.inf)

    async def _judged(self, candidate: Candidate, best: Candidate, axis: TuneAxis) -> AnswerVerdict:
        """Against the settings as they are now: small losses must not add up over several settings."""
        same = self._judge(self.answers[candidate], self.answers[best], is_exact=axis.is_exact)
        if axis.is_exact and same.kind == "same":
            return same
        number = 0
        while (verdict := self._verdict(candidate, axis)).kind == "more":
            needed_s = self._needed_s(candidate, verdict.n)
            if number == 0 and needed_s > self._left_s():
                says = f"that its answers are as good takes about {needed_s / 60:.0f} minutes more to show"
                return AnswerVerdict("not shown", says)
            self._tell("answers", candidate, verdict.n, judging.QUESTIONS_AT_LOOKS[-1])
            pair = await self._pair(NOW, candidate, ANSWERS_FROM + number, ANSWER_QUESTIONS)
            number += 1
            if pair.failure or not pair.other:
                return AnswerVerdict("not shown", pair.failure or "it answered nothing")
        return verdict

    def _needed_s(self, candidate: Candidate, known: int) -> float:
        """About how long both are asked until answers are looked at first."""
        replies = [
            reply.e2e_s
            for one, other, pair in self.measured
            if (one, other) == (NOW, candidate)
            for reply in (*pair.one, *pair.other)
            if reply.has_image is self._images
        ]
        questions = judging.QUESTIONS_AT_LOOKS[0] - known
        return 2 * questions * statistics.fmean(replies) if replies else 0.0

    def _verdict(self, candidate: Candidate, axis: TuneAxis) -> AnswerVerdict:
        return self._judge(self.answers[candidate], self.answers[NOW], is_exact=axis.is_exact)

    async def _confirm(self, found: Findings) -> None:
        """The gain of all that was taken together, in new pairs against the settings as they are now, because
        the best of many tries looks better than it is. Of a single change with a large gain it is known."""
        taken = [trial for trial in found.trials if trial.outcome == "taken"]
        if not taken:
            return
        first, sure = taken[0], self._pooled(taken[0])
        is_sure = sure.low > judging.SURE_GAIN
        if len(taken) == 1 and is_sure:
            found.gain = sure
            return
        measured = list[ProcessPair]()
        try:
            while not measured or judging.needs_more(measured, images=self._images):
                number = len(measured)
                self._tell("confirming", found.best, number + 1, judging.MOST_PAIRS)
                measured.append(await self._pair(NOW, found.best, CONFIRMS_FROM + number, SPEED_QUESTIONS))
        except TimeIsUp:
            found.is_complete = False
        if measured and judging.speed(measured, images=self._images) == "faster":
            found.gain = self._gain(measured)
        else:  # the first one alone was compared with the settings as they are now
            found.unconfirmed = found.best
            found.best, found.gain = (first.candidate, sure) if is_sure else (NOW, None)

    def _leads_on(self, trial: Trial, axis: TuneAxis) -> bool:
        """Whether a value in the same direction may still be a gain: this one is not surely slower. A larger
        budget than one that answers worse may answer as well; than one that is no faster, it is no use."""
        if axis.is_budget:
            return trial.outcome in ("worse answers", "answers not judged", "failed")
        if trial.outcome not in ("no gain", "not shown") or trial.gain is None:
            return False
        pairs = self.pairs[trial.against, trial.candidate]
        return not judging.is_slower_at_once(pairs, images=self._images) and self._pooled(trial).high >= 1

    def _pooled(self, trial: Trial) -> Gain:
        """Its gain, with what other trials say of how much pairs differ."""
        own = judging.logs_of(self.pairs[trial.against, trial.candidate], images=self._images)
        return judging.pooled_gain(own, self._logs_beside(trial.against, trial.candidate))

    def _tell(self, doing: Doing, candidate: Candidate, number: int, most: int) -> None:
        found = self._found
        self._on_step(SearchStep(doing, candidate, number, most, len(found.trials), self._values, found.best))

    def _gain(self, measured: list[ProcessPair]) -> Gain | None:
        logs = judging.logs_of(measured, images=self._images)
        return judging.gain(logs) if logs else None

    async def _pair(self, one: Candidate, other: Candidate, nth: int, questions: int) -> ProcessPair:
        pair = await self._measure(one, other, nth, questions)
        self.measured.append((one, other, pair))
        if nth < ANSWERS_FROM:
            self.pairs[one, other].append(pair)
        for candidate, replies in ((one, pair.one), (other, pair.other)):
            self.answers[candidate] |= {
                (reply.scene, reply.question): (reply.text, bool(reply.right))
                for reply in replies
                if reply.has_image is self._images and not reply.error
            }
        return pair
