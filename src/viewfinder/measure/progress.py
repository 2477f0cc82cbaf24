"""How far a run is, and how long the rest will take; counted by `runner`, `session` and `subject`, shown by
the CLI."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from viewfinder.measure.forecast import Forecast, Past, RequestKind, Work

LEAST_SHOWN_S = 1.0
"""As long as a run is not done, this much is left of it."""
_SETTLE_SHARE, _LEAST_SETTLE_S = 0.03, 4.0
"""A new estimate is approached in about this share of the time that is left, or in these seconds."""

_RISES_SLOWER, _MUCH_LONGER = 3.0, 1.15


@dataclass(frozen=True, slots=True)
class SoFar:
    """What is known of one model in the middle of a run: `right` of `graded` gate questions, typical seconds
    of an answer and of a load, None where nothing is known; `failure` says why it is measured no further."""

    model: str
    doing: str = "waiting"
    right: int = 0
    graded: int = 0
    answer_s: float | None = None
    load_s: float | None = None
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` of `total` requests of a run; `doing` is a short phrase for the phase of `model`, which has
    `asked` of at most `needed` samples.

    `left_s` is what the rest of the run will likely take, None while that is not known; it changes as more
    is known: to show it, use `Steady`. `spent_s` is what the run took so far, before an interruption, too.
    `models` are all of the run, in the order of the request; `run` is its id.
    """

    model: str
    doing: str
    done: int
    total: int
    suite: str = ""
    asked: int = 0
    needed: int = 0
    left_s: float | None = None
    spent_s: float = 0.0
    models: tuple[SoFar, ...] = ()
    run: str = ""

    @property
    def is_done(self) -> bool:
        return self.doing == "done"


@dataclass(frozen=True, slots=True)
class ShownTime:
    """What a person sees: the share of the run's time that is over, and the seconds that are left, None while
    nothing is known."""

    share: float = 0.0
    left_s: float | None = None


class Steady:
    """Makes estimates fit to be shown; a pure function of what it is given.

    The share never falls. The end approaches a new estimate gradually; when the run turns out to be longer,
    the time left first stays, and rises, more slowly, only when it is much too short.
    """

    def __init__(self) -> None:
        self._shown = ShownTime()
        self._now_s = 0.0

    def show(self, now_s: float, spent_s: float, left_s: float | None, *, is_done: bool = False) -> ShownTime:
        """At `now_s` of any clock, with what the run took until now and the newest estimate of the rest."""
        passed_s, self._now_s = max(0.0, now_s - self._now_s), max(now_s, self._now_s)
        before_s = self._shown.left_s
        if is_done:
            self._shown = ShownTime(1.0, 0.0)
        elif left_s is not None or before_s is not None:
            wanted_s = max(LEAST_SHOWN_S, left_s if left_s is not None else before_s or 0.0)
            if before_s is not None:
                settle_s = max(_LEAST_SETTLE_S, _SETTLE_SHARE * before_s)
                least_s = before_s * math.exp(-passed_s / settle_s) - passed_s
                most_s = before_s * math.exp(min(9.0, passed_s / settle_s / _RISES_SLOWER))
                longer_s = min(most_s, max(before_s, wanted_s / _MUCH_LONGER))
                wanted_s = min(longer_s, max(wanted_s, least_s))
            share = max(0.0, spent_s) / (max(0.0, spent_s) + wanted_s)
            self._shown = ShownTime(max(self._shown.share, share), wanted_s)
        return self._shown


class Steps:
    """Counts the requests of a run; a phase that ends early counts as done when the next begins.

    `most_s` gives the time until the run's budget is spent. `models` are named in the order of the request.
    """

    def __init__(
        self,
        total: int,
        report: Callable[[Progress], None],
        suite: str = "",
        *,
        models: Sequence[str] = (),
        run: str = "",
        past: Past | None = None,
        most_s: Callable[[], float] = lambda: math.inf,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._now = Progress("", "", 0, total, suite, run=run)
        self._report, self._most_s, self._clock = report, most_s, clock
        self._models = {model: SoFar(model) for model in models}
        self.forecast = Forecast(past)
        self.planned = 0
        """The steps of all phases so far, done or left out."""
        self.fills_budget = False
        """Whether the run continues until its budget is spent."""
        self.after: Sequence[Work] = ()
        """What is measured even when the budget is spent."""
        self._work: Work | None = None
        """The process in progress, the requests that it answered, and when it began."""
        self._answered = 0
        self._is_graded = False
        self._begun_s = self._started_s = clock()

    def earlier(self, took_s: float) -> None:
        """The run took this time before an interruption."""
        self._started_s -= took_s

    def begin_process(self, work: Work, *, is_graded: bool = False) -> None:
        """A process is started; if `is_graded`, its right answers are counted."""
        self._is_graded = is_graded
        self._work, self._answered, self._begun_s = work, 0, self._clock()
        self._show()

    def end_process(self) -> None:
        """The process in progress was measured to its end."""
        if self._work is not None:
            self.forecast.process(self._work, self._clock() - self._begun_s)
        self._work = None

    def break_off(self) -> None:
        """Nothing more comes of the process in progress: its time says nothing of others."""
        self._work = None

    def so_far(self, model: str, **known: object) -> None:
        """More is known of a model: fields of `SoFar`."""
        if model in self._models:
            self._models[model] = replace(self._models[model], **known)  # type: ignore[arg-type]

    def begin(self, model: str, doing: str, steps: int) -> None:
        """The next phase, of at most this number of steps with one model."""
        self._pass(self.planned)
        self.planned += steps
        if self._now.model != model:
            self.so_far(self._now.model, doing="waiting")
        self.so_far(model, doing=doing)
        self._now = replace(self._now, model=model, doing=doing, asked=0, needed=steps)
        self._show()

    def skip_to(self, done: int) -> None:
        """The next phase begins after this number of steps of the run; those before it were not done now."""
        self.planned = max(self.planned, done)
        self._pass(self.planned)

    def extend(self, steps: int) -> None:
        """The run does this number of steps more than was planned."""
        self._now = replace(self._now, total=self._now.total + steps)

    def step(
        self,
        model: str = "",
        kind: RequestKind | None = None,
        took_s: float = 0.0,
        *,
        right: bool | None = None,
    ) -> None:
        """One request was answered; with a `kind`, if it had the server to itself."""
        self._answered += 1
        if self._is_graded and right is not None and (known := self._models.get(model)):
            self.so_far(model, right=known.right + right, graded=known.graded + 1)
        if kind is not None:
            self.forecast.request(model, kind, took_s)
        if self._now.done < self.planned:
            self._pass(self._now.done + 1)
            self._now = replace(self._now, asked=self._now.asked + 1)
        self._show()

    def finish(self) -> None:
        """The run is done, however it went."""
        for model, known in self._models.items():
            self.so_far(model, doing="failed" if known.failure else "done")
        self._now = replace(self._now, doing="done", done=self._now.total)
        self._show()

    def _pass(self, done: int) -> None:
        self._now = replace(self._now, done=done)

    def _show(self) -> None:
        spent_s, models = self._clock() - self._started_s, tuple(self._models.values())
        left_s = 0.0 if self._now.is_done else self._left_s()
        self._report(replace(self._now, left_s=left_s, spent_s=spent_s, models=models))

    def _left_s(self) -> float | None:
        """Of the process in progress and of the rest, as far as the budget goes, and of what comes after."""
        forecast, most_s = self.forecast, self._most_s()
        left_s = most_s
        if not (self.fills_budget and most_s < math.inf):
            if not forecast.is_sure() and most_s == math.inf:
                return None
            left_s = min(most_s, forecast.rest_s() + self._left_of_process_s())
        return left_s + math.fsum(forecast.likely_s(work) for work in self.after)

    def _left_of_process_s(self) -> float:
        if self._work is None:
            return 0.0
        needed = sum(batch.most for batch in self._work.batches)
        share = min(1.0, self._answered / needed) if needed else 0.0
        return self.forecast.left_s(self._work, self._clock() - self._begun_s, share)
