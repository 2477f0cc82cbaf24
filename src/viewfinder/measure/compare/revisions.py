"""Two runs of one variant: which figures surely changed, by tests on their samples; pure, called by
`report/changes`.

Times and sizes are compared over processes, answers by the questions that both runs were asked. All figures
are tested together, so that at most 5 % of the changes reported are false on average.
"""

import math
from contextlib import suppress
from dataclasses import dataclass, replace

from viewfinder.measure.compare import machine_speed
from viewfinder.measure.compare.evidence import Evidence, readers
from viewfinder.measure.measures.base import RightAnswers
from viewfinder.measure.statistics import contrasts, over_processes, pairs
from viewfinder.measure.statistics.contrasts import LEAST_CHANGE, Contrast
from viewfinder.measure.statistics.intervals import TooFew
from viewfinder.measure.statistics.ranking import MARGIN_SHARE

_ENGINES_OWN = ("engine", "engine_version", "libraries", "files", "flags")
"""The fields of a fingerprint that decide how fast the anchor is, beside the machine."""


@dataclass(frozen=True, slots=True)
class Change:
    """One figure of both runs: now minus then; times and sizes are differences of logarithms."""

    contrast: Contrast
    is_share: bool
    higher_is_better: bool
    changed: bool = False

    @property
    def better(self) -> bool:
        """Whether it is better now, by this figure alone."""
        return (self.contrast.value > 0) == self.higher_is_better

    @property
    def is_relevant(self) -> bool:
        """Whether a difference as large as the one seen is worth a report."""
        if self.is_share:
            return abs(self.contrast.value) >= MARGIN_SHARE
        return abs(math.expm1(self.contrast.value)) >= LEAST_CHANGE

    @property
    def is_same(self) -> bool:
        """Whether the two surely differ by less than that."""
        return self.contrast.is_equivalent(MARGIN_SHARE if self.is_share else math.log1p(LEAST_CHANGE))


def compare(now: Evidence, then: Evidence, *, timings: bool = True) -> dict[str, Change]:
    """Every figure that both have, by name; without `timings`, those that a disturbed run does not spoil."""
    found: dict[str, Change] = {}
    for name, reader in readers().items():
        with suppress(TooFew):
            if isinstance(reader, RightAnswers):
                contrast = pairs.compare(now.answers(name), then.answers(name))
                found[name] = Change(contrast, is_share=True, higher_is_better=True)
            elif timings or not reader.is_timing:
                ours, theirs = (list(one.values(name).values()) for one in (now, then))
                contrast = over_processes.compare(ours, theirs, side_by_side=False)
                found[name] = Change(contrast, is_share=False, higher_is_better=reader.higher_is_better)
    surely = contrasts.changed({name: one.contrast for name, one in found.items()})
    return {name: replace(one, changed=name in surely and one.is_relevant) for name, one in found.items()}


def machine(now: Evidence, then: Evidence) -> Contrast | str:
    """The anchor's times in the two runs, or why they cannot be compared, in a clause."""
    if not (now.anchor and then.anchor and now.anchored and then.anchored):
        return "not timed in both runs"
    ours, theirs = (one.model_dump(include=set(_ENGINES_OWN)) for one in (now.anchored, then.anchored))
    if ours != theirs:
        return "the engine or the model that it is timed with changed"
    times = (list(machine_speed.of_processes(one.anchor).values()) for one in (now, then))
    return machine_speed.compare(*times) or "too few of its measurements succeeded"
