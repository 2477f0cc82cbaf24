"""How far a run is, and how long the rest will take; counted by `session` and `subject`, shown by the CLI."""

import math
import time
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, replace

LEAST_STEPS = 5
"""Steps before the time left is estimated."""


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` of `total` steps of a run; `doing` is a short phrase for the phase of `model`, which has `asked`
    of at most `needed` samples.

    `left_s` is what the rest of the run will likely take, None while that is not known.
    """

    model: str
    doing: str
    done: int
    total: int
    suite: str = ""
    asked: int = 0
    needed: int = 0
    left_s: float | None = None


class Steps:
    """Counts the steps of a run; a phase that ends early counts as done when the next begins.

    `most_s` gives the time that the run may still take: one with a budget continues until that is spent.
    """

    def __init__(
        self,
        total: int,
        report: Callable[[Progress], None],
        suite: str = "",
        *,
        most_s: Callable[[], float] = lambda: math.inf,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._now = Progress("", "", 0, total, suite)
        self._report, self._most_s, self._clock = report, most_s, clock
        self.planned = 0
        """The steps of all phases so far, done or left out."""
        self._passed = 0
        """The steps that this process did, or left out because their phase ended early."""
        self._phases: list[tuple[int, float]] = []
        """For each phase, the steps passed before it and when it began."""

    def begin(self, model: str, doing: str, steps: int) -> None:
        """The next phase, of at most this number of steps with one model."""
        self._pass(self.planned)
        self._phases.append((self._passed, self._clock()))
        self.planned += steps
        self._now = replace(self._now, model=model, doing=doing, asked=0, needed=steps)
        self._show()

    def skip_to(self, done: int) -> None:
        """The next phase begins after this number of steps of the run; those before it were not done now."""
        self._pass(self.planned)
        self.planned = max(self.planned, done)
        self._now = replace(self._now, done=self.planned)

    def extend(self, steps: int) -> None:
        """The run does this number of steps more than was planned."""
        self._now = replace(self._now, total=self._now.total + steps)

    def step(self) -> None:
        """One request was answered."""
        if self._now.done < self.planned:
            self._pass(self._now.done + 1)
            self._now = replace(self._now, asked=self._now.asked + 1)
        self._show()

    def finish(self) -> None:
        """The run is done, however it went."""
        self._now = replace(self._now, doing="done", done=self._now.total)
        self._show()

    def _pass(self, done: int) -> None:
        self._passed += done - self._now.done
        self._now = replace(self._now, done=done)

    def _show(self) -> None:
        most_s = self._most_s()
        self._report(replace(self._now, left_s=self._left_s() if most_s == math.inf else most_s))

    def _left_s(self) -> float | None:
        """Estimated from the later half of the steps, in whole phases: a run begins with what is fastest
        (known answers are short), and later asks each model in turn."""
        if self._passed < LEAST_STEPS:
            return None
        half = bisect_right(self._phases, self._passed // 2, key=lambda phase: phase[0]) - 1
        passed, begun_s = self._phases[half]
        return (self._now.total - self._now.done) * (self._clock() - begun_s) / (self._passed - passed)
