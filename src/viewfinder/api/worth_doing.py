"""What `doctor` ends with: the few things that are worth doing, the most useful first; pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from viewfinder.core.check import Check

MOST_STEPS = 3
_ORDER = (
    "engines",
    "models",
    "keys",
    "graphics",
    "photographs",
    "engine",
    "disk",
    "memory",
    "processor",
    "known issues",
    "measured",
    "model hub",
)
"""Beginnings of `Check.about`: first what gains most. Others come last."""


@dataclass(frozen=True, slots=True)
class WorthDoing:
    """One thing to do, in a sentence, with its command if there is one."""

    step: str
    command: str


def worth_doing(checks: Sequence[Check]) -> list[WorthDoing]:
    """At most three: what is broken first, then what is better than it is."""
    useful = [check for check in checks if check.step or (check.state == "fix" and check.command)]
    useful.sort(key=_place)  # stable: of one subject, in the order of the checks
    steps = [WorthDoing(check.step or check.says, check.command) for check in useful]
    return list(dict.fromkeys(steps))[:MOST_STEPS]


def _place(check: Check) -> tuple[bool, int]:
    places = (place for place, about in enumerate(_ORDER) if check.about.startswith(about))
    return check.state != "fix", next(places, len(_ORDER))
