"""Whether a model answers as before, and as fast, since its engine or its files changed; pure.

`upgrade_checks` asks, `upgrade_notes` keeps what is compared here. What an interval is over, and why: see
`docs/decisions/014-an-upgrade-is-compared-with-the-past.md`.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median, stdev
from typing import Annotated, Literal

from pydantic import Field

UpgradeFinding = Literal["as before", "slower", "faster", "not clear", "other answers"]

FEWEST_TIMED = 2
"""Requests that two mini-benches must have in common for their times to be compared."""
SLOWER = 1.1
"""A model is slower (or faster) if the whole interval is beyond this ratio of the times."""
EQUAL = 1.0
"""With an interval that begins above this ratio it is slower, if only a little."""
UNCLEAR = 1.5
"""With an interval beyond this ratio a slowdown that everybody notices is not excluded."""
ASSUMED_SD, ASSUMED_DF = 0.08, 4
"""How much the same engine's logarithmic times differ from one mini-bench to the next, before that was seen
here: as if five had been made. Measured with glimpse on two shared cores: 0.02 while little else ran."""
_T_95 = {4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262, 10: 2.228}
"""Student's t for 95 %, by degrees of freedom."""
_MEDIAN_SE = 1.2533
"""The standard error of a median in those of a mean, for a normal distribution."""

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class MiniBench:
    """What one process answered: by request, the hash of the answer and how long it took. `machine_s` is how
    long this computer took for work of its own meanwhile."""

    answers: Mapping[str, str] = field(default_factory=dict)
    times_s: Mapping[str, Seconds] = field(default_factory=dict)
    machine_s: Seconds = 1.0


@dataclass(frozen=True, slots=True)
class UpgradeVerdict:
    """`same` of `compared` answers are as before; `ratio` is how many times as long an answer takes, between
    `low` and `high` with 95 % confidence. None: too few answers could be compared."""

    same: int
    compared: int
    ratio: float | None = None
    low: float = 0.0
    high: float = math.inf

    @property
    def verdict(self) -> UpgradeFinding:
        if self.same < self.compared:
            return "other answers"
        return self.speed

    @property
    def speed(self) -> UpgradeFinding:
        """The verdict on the times alone."""
        if self.ratio is None or not self.compared:
            return "not clear"
        if self.low > SLOWER:
            return "slower"
        if self.high < 1 / SLOWER:
            return "faster"
        return "as before" if self.low <= EQUAL and self.high <= UNCLEAR else "not clear"

    def __str__(self) -> str:
        said = []
        if self.same < self.compared:
            said = [f"other answers to {self.compared - self.same} of {self.compared} known requests"]
        if self.ratio is None:
            return "; ".join((*said, "not clear: too few requests could be timed"))
        between = f"{self.low:.2f} to {self.high:.2f} times as long"
        if self.speed in ("slower", "faster"):
            low, middle, high = (abs(100 * (one - 1)) for one in (self.low, self.ratio, self.high))
            ends = f"{min(low, high):.0f} to {max(low, high):.0f} %"
            said.append(f"{self.speed} by {middle:.0f} % ({ends})")
        elif self.speed == "not clear":
            said.append(f"not clear whether it is slower ({between})")
        elif said:
            said.append(f"as fast as before ({between})")
        else:
            said.append(f"as before (the same {self.same} answers, {between})")
        return "; ".join(said)


def judge(before: Sequence[MiniBench], now: MiniBench) -> UpgradeVerdict:
    """Compare a mini-bench with those of the former engine or files.

    An answer is as before if one of those gave it. The times are paired by request and corrected by the
    machine's own speed. Each of `before` is one process at one time, so the interval is over processes: how
    much they differ among each other, together with what is assumed before that was seen.
    """
    known = {name: {one.answers[name] for one in before if name in one.answers} for name in now.answers}
    compared = [name for name in now.answers if known[name]]
    same = [name for name in compared if now.answers[name] in known[name]]
    pairs = [_log_ratios(one, now, same) for one in before]
    enough = [ratios for ratios in pairs if len(ratios) >= FEWEST_TIMED]
    if not enough:
        return UpgradeVerdict(len(same), len(compared))
    medians = [median(ratios) for ratios in enough]
    middle, spread = fmean(medians), _spread(medians, enough)
    bounds = (math.exp(middle - spread), math.exp(middle), math.exp(middle + spread))
    low, ratio, high = bounds
    return UpgradeVerdict(len(same), len(compared), ratio, low, high)


def digest(text: str) -> str:
    """What is kept of an answer: enough to compare it, and none of its words."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _log_ratios(before: MiniBench, now: MiniBench, names: Sequence[str]) -> list[float]:
    machine = math.log(now.machine_s / before.machine_s)
    return [
        math.log(now.times_s[name] / before.times_s[name]) - machine
        for name in names
        if name in before.times_s and name in now.times_s
    ]


def _spread(medians: Sequence[float], ratios: Sequence[Sequence[float]]) -> float:
    """Half of the 95 % interval of the logarithmic ratio."""
    seen = len(medians) - 1
    squares = ASSUMED_DF * ASSUMED_SD**2 + (seen * stdev(medians) ** 2 if seen else 0.0)
    between = squares / (ASSUMED_DF + seen) * (1 + 1 / len(medians))
    within = fmean((_MEDIAN_SE * stdev(one)) ** 2 / len(one) for one in ratios)
    return _T_95[min(ASSUMED_DF + seen, max(_T_95))] * math.sqrt(between + within)
