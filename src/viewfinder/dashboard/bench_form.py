"""What the page says of measuring before a bench is started; used by `results`."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

from viewfinder.dashboard.render import seconds
from viewfinder.fleet.listing import FirstChoice, ModelLine
from viewfinder.measure.measures.base import DEPTHS
from viewfinder.measure.suite import suite_named

SMALL_S, LARGE_S = (0.5, 0.3), (10.0, 3.0)
"""Seconds of a start and of an answer: of a small model on this kind of computer, and of a large one."""
_WHAT = {
    "quick": "right answers, times and memory",
    "standard": "also many requests, several clients, long contexts and image sizes: decides what is "
    "production ready",
    "thorough": "as standard, with more of each: narrower intervals",
}


@dataclass(frozen=True, slots=True)
class SuiteChoice:
    """A suite to choose: what it measures, and how long one model takes about."""

    name: str
    what: str
    takes: str


@functools.cache
def suites() -> tuple[SuiteChoice, ...]:
    """The shortest first."""
    return tuple(SuiteChoice(name, _WHAT[name], _takes(name)) for name in DEPTHS)


def ticked(models: Sequence[ModelLine], first: Sequence[FirstChoice]) -> frozenset[str]:
    """The models that are chosen at first: those that were not measured yet, else the one to try first."""
    unmeasured = frozenset(one.name for one in models if not one.measured)
    return unmeasured or frozenset({proposed(models, first)})


def proposed(models: Sequence[ModelLine], first: Sequence[FirstChoice]) -> str:
    """The one to measure first, of those that can be loaded; empty if there is none."""
    names = [one.name for one in models]
    return next((one.model for one in first if one.model in names), next(iter(names), ""))


def _takes(name: str) -> str:
    low, high = (seconds(suite_named(name).likely_s(*times)) for times in (SMALL_S, LARGE_S))
    return f"about {low} for a small model, {high} for a large one"
