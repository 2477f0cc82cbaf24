"""Two runs of one variant: which figures surely changed, by tests on what was asked; pure, called by
`report/changes`.

Times and sizes are compared over processes, answers question by question: both runs were asked the same ones.
All figures are tested together, so that of the changes named at most 5 % are false on average.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from viewfinder.measure.compare import machine_speed
from viewfinder.measure.compare.evidence import Evidence, readers
from viewfinder.measure.measures.base import ProcessValues
from viewfinder.measure.statistics import contrasts, over_processes, pairs
from viewfinder.measure.statistics.contrasts import LEAST_CHANGE, Contrast
from viewfinder.measure.statistics.intervals import TooFew
from viewfinder.measure.statistics.ranking import MARGIN_SHARE
from viewfinder.measure.store import fingerprint
from viewfinder.measure.store.fingerprint import Fingerprint

ENGINES_OWN = ("engine", "engine_version", "libraries", "files", "flags")
"""What of a fingerprint decides how fast the anchor is, beside the machine."""


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
        """Whether anybody need be told of a difference as large as the one seen."""
        if self.is_share:
            return abs(self.contrast.value) >= MARGIN_SHARE
        return abs(math.expm1(self.contrast.value)) >= LEAST_CHANGE

    @property
    def is_same(self) -> bool:
        """Whether the two surely differ by less than that."""
        return self.contrast.is_equivalent(MARGIN_SHARE if self.is_share else math.log1p(LEAST_CHANGE))


def compare(now: Evidence, then: Evidence, *, timings: bool = True) -> dict[str, Change]:
    """Every figure that both have, by name; without `timings`, those that a disturbed run does not spoil."""
    found = dict(_answers(now, then))
    for name, reader in readers().items():
        if isinstance(reader, ProcessValues) and (timings or not reader.is_timing):
            found |= _values(name, reader, now, then)
    surely = contrasts.changed({name: one.contrast for name, one in found.items()}, least=0.0)
    return {name: replace(one, changed=name in surely and one.is_relevant) for name, one in found.items()}


def machine(now: Evidence, then: Evidence) -> Contrast | None:
    """The anchor's times in the two runs; None when they cannot be compared: see `why_no_machine`."""
    if why_no_machine(now, then):
        return None
    return machine_speed.compare(
        *(list(machine_speed.of_processes(one.anchor).values()) for one in (now, then))
    )


def why_no_machine(now: Evidence, then: Evidence) -> str:
    """Why the machine's own speed cannot be compared, in a clause; empty: it can be."""
    if not (now.anchor and then.anchor and now.anchored and then.anchored):
        return "not timed in both runs"
    ours, theirs = (one.model_dump(include=set(ENGINES_OWN)) for one in (now.anchored, then.anchored))
    if ours != theirs:
        return "what it is timed with changed"
    return ""


def conditions(now: Evidence, then: Evidence) -> list[str]:
    """What differs between that on and with which the two were measured, as "name: then > now"."""
    return _differences(then.fingerprint, now.fingerprint)


def _differences(then: Fingerprint | None, now: Fingerprint | None) -> list[str]:
    return fingerprint.differences(then, now) if then and now else []


def _answers(now: Evidence, then: Evidence) -> Iterable[tuple[str, Change]]:
    shares = (name for name, reader in readers().items() if not isinstance(reader, ProcessValues))
    for name in shares:
        try:
            contrast = pairs.compare(now.answers(name), then.answers(name))
        except TooFew:
            continue
        yield name, Change(contrast, is_share=True, higher_is_better=True)


def _values(name: str, reader: ProcessValues, now: Evidence, then: Evidence) -> Mapping[str, Change]:
    ours, theirs = (list(one.values(name).values()) for one in (now, then))
    try:
        contrast = over_processes.compare(ours, theirs, side_by_side=False)
    except TooFew:
        return {}
    return {name: Change(contrast, is_share=False, higher_is_better=reader.higher_is_better)}
