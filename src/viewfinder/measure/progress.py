"""How far a run is, and how long it will take; made by the scenarios as they go, shown by the CLI."""

import math
import time
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass

AT_LEAST = 5
"""Steps before anything is said about the time left."""


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` of `total` steps of a run; `doing` is a short phrase of what is measured now of `model`.

    Of that, `asked` samples of `needed` at most are there. `left_s` is what the rest of the run will likely
    take, None while that cannot be told.
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
    """Counts the steps of a run; a phase that ends early counts as done when the next begins."""

    def __init__(
        self,
        total: int,
        tell: Callable[[Progress], None],
        suite: str = "",
        *,
        most_s: Callable[[], float] = lambda: math.inf,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._total, self._tell, self._suite = total, tell, suite
        self._model = self._doing = ""
        self._done = self._end = self._asked = self._needed = 0
        self._passed = 0
        self._pace, self._most_s = Pace(clock), most_s

    def begin(self, model: str, doing: str, steps: int) -> None:
        """The next phase, of at most so many steps with one model."""
        self._model, self._doing = model, doing
        self._pass(self._end)
        self._pace.begin(self._passed)
        self._end += steps
        self._asked, self._needed = 0, steps
        self._show()

    @property
    def planned(self) -> int:
        """The steps of all phases so far, done or left out."""
        return self._end

    def skip_to(self, done: int) -> None:
        """The next phase begins after so many steps of the run; those between were not made now."""
        self._pass(self._end)
        self._done = self._end = max(self._end, done)

    def extend(self, steps: int) -> None:
        """The run makes so many more steps than was planned."""
        self._total += steps

    def step(self) -> None:
        """One request was answered."""
        if self._done < self._end:
            self._asked += 1
            self._pass(self._done + 1)
        self._show()

    def finish(self) -> None:
        """The run is done, however it went."""
        self._doing, self._done = "done", self._total
        self._show()

    def _pass(self, done: int) -> None:
        self._passed += done - self._done
        self._done = done

    def _show(self) -> None:
        left_s, most_s = self._pace.needs_s(self._total - self._done, self._passed), self._most_s()
        if most_s < math.inf:  # a run with a budget goes on until that is spent
            left_s = most_s
        self._tell(
            Progress(
                self._model,
                self._doing,
                self._done,
                self._total,
                self._suite,
                self._asked,
                self._needed,
                left_s,
            )
        )


class Pace:
    """How fast a run is: as fast as the later half of its steps, in whole phases. It begins with what is
    quickest (known answers are short), and later asks each model in turn."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._passed: list[int] = []
        self._times_s: list[float] = []

    def begin(self, passed: int) -> None:
        """A phase begins with so many steps behind us, made or left out because it was time to go on."""
        self._passed.append(passed)
        self._times_s.append(self._clock())

    def needs_s(self, steps: int, passed: int) -> float | None:
        """Seconds that so many steps will likely take; None when too few were passed to tell."""
        if passed < AT_LEAST:
            return None
        half = bisect_right(self._passed, passed // 2) - 1
        return steps * (self._clock() - self._times_s[half]) / (passed - self._passed[half])
