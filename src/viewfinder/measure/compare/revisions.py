"""Two runs of one variant: which figures surely changed, by tests on their samples; pure, called by
`report/changes`.

Times and sizes are compared over processes, answers by the questions that both runs were asked. All figures
are tested together, so that at most 5 % of the changes reported are false on average.

The machine itself may have become slower or faster. Where its speed is known in both runs, by the anchor, a
time has changed only if it changed by itself and by more than the anchor's: each of the two must be shown and
be worth a report. So a faster machine never makes a model worse that takes as long as before.
"""

import math
from contextlib import suppress
from dataclasses import dataclass, replace

from viewfinder.measure.compare import machine_speed
from viewfinder.measure.compare.evidence import Evidence, readers
from viewfinder.measure.measures.base import ProcessValues, RightAnswers
from viewfinder.measure.statistics import contrasts, over_processes, pairs
from viewfinder.measure.statistics.contrasts import LEAST_CHANGE, Contrast
from viewfinder.measure.statistics.intervals import TooFew
from viewfinder.measure.statistics.ranking import MARGIN_SHARE

_ENGINES_OWN = ("engine", "engine_version", "libraries", "files", "flags")
"""The fields of a fingerprint that decide how fast the anchor is, beside the machine."""


@dataclass(frozen=True, slots=True)
class Change:
    """One figure of both runs: now minus then; times and sizes are differences of logarithms.

    `beyond` is the difference of a time without the machine's own, None where that is not known or no matter.
    `as_machine`: it surely differs, and not surely by more than the machine does.
    """

    contrast: Contrast
    is_share: bool
    higher_is_better: bool
    changed: bool = False
    is_timing: bool = False
    beyond: Contrast | None = None
    as_machine: bool = False

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
    def exceeds_machine(self) -> bool:
        """Whether what is seen beyond the machine's own difference is worth a report, too, the same way."""
        if self.beyond is None:
            return True
        same_way = (self.beyond.value > 0) == (self.contrast.value > 0)
        return same_way and abs(math.expm1(self.beyond.value)) >= LEAST_CHANGE

    @property
    def is_same(self) -> bool:
        """Whether the two surely differ by less than that."""
        return self.contrast.is_equivalent(MARGIN_SHARE if self.is_share else math.log1p(LEAST_CHANGE))


def compare(now: Evidence, then: Evidence, *, timings: bool = True) -> dict[str, Change]:
    """Every figure that both have, by name; without `timings`, those that a disturbed run does not spoil."""
    found: dict[str, Change] = {}
    machines = None if isinstance(machine(now, then), str) else _anchors(now, then)
    for name, reader in readers().items():
        with suppress(TooFew):
            if isinstance(reader, RightAnswers):
                contrast = pairs.compare(now.answers(name), then.answers(name))
                found[name] = Change(contrast, is_share=True, higher_is_better=True)
            elif timings or not reader.is_timing:
                ours, theirs = (list(one.values(name).values()) for one in (now, then))
                found[name] = Change(
                    over_processes.compare(ours, theirs, side_by_side=False),
                    is_share=False,
                    higher_is_better=reader.higher_is_better,
                    is_timing=reader.is_timing,
                    beyond=_beyond(ours, theirs, reader, machines) if reader.is_timing and machines else None,
                )
    return _judged(found)


def _judged(found: dict[str, Change]) -> dict[str, Change]:
    """What is shown to differ, and of that what differs by more than the machine.

    Both claims must hold, so the larger p is that of their conjunction (Berger, Technometrics 24 (1982) 295).
    """
    differ = contrasts.changed({name: one.contrast for name, one in found.items()})
    both = {
        name: max((one.contrast, one.beyond or one.contrast), key=lambda contrast: contrast.p)
        for name, one in found.items()
    }
    surely = contrasts.changed(both)
    judged = {}
    for name, one in found.items():
        changed = name in surely and one.is_relevant and one.exceeds_machine
        differs = name in differ and one.is_relevant
        judged[name] = replace(
            one, changed=changed, as_machine=differs and not changed and one.beyond is not None
        )
    return judged


Anchors = tuple[list[float], list[float]]
"""The anchor's times now and then, one for each process."""


def _beyond(ours: list[float], theirs: list[float], reader: ProcessValues, machines: Anchors) -> Contrast:
    """A slower machine has longer times and lower speeds."""
    now, then = machines
    if reader.higher_is_better:
        return over_processes.compare_beyond(ours, theirs, now, then)
    return over_processes.compare_beyond(ours, theirs, then, now)


def _anchors(now: Evidence, then: Evidence) -> Anchors:
    ours, theirs = (list(machine_speed.of_processes(one.anchor).values()) for one in (now, then))
    return ours, theirs


def machine(now: Evidence, then: Evidence) -> Contrast | str:
    """The anchor's times in the two runs, or why they cannot be compared, in a clause."""
    if not (now.anchor and then.anchor and now.anchored and then.anchored):
        return "not timed in both runs"
    ours, theirs = (one.model_dump(include=set(_ENGINES_OWN)) for one in (now.anchored, then.anchored))
    if ours != theirs:
        return "the engine or the model that it is timed with changed"
    return machine_speed.compare(*_anchors(now, then)) or "too few of its measurements succeeded"
