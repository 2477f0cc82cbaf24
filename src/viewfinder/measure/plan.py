"""The order in which a run measures: each model's gates, then the timed processes of all models in turn, then
the measures with processes of their own, and disturbed processes once more; pure, called by `runner`. What
must not be lost when the time ends comes before all of that.

A computer drifts while it is measured (it warms up, other programs begin to work). If models were measured
one after the other, the last one would seem slow; so each round of timed processes contains every model once,
and the order changes from round to round.
"""

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

T = TypeVar("T")

FIRST_PROCESS = 0
"""The number of every model's first process."""


@dataclass(frozen=True, slots=True)
class PlannedProcess:
    """One fresh server process of `model`; `number` is its own within the run and model.

    `measure` has it to itself, as the `nth` of its processes, from 0; empty: the timed measures share it.
    `repeats` is the number of the disturbed process that this one measures again; 0: none.
    """

    number: int
    model: str
    measure: str = ""
    nth: int = 0
    repeats: int = 0


def plan(
    models: Sequence[str],
    timed: int,
    seed: int,
    first: str = "",
    apart: Sequence[tuple[str, int]] = (),
    early: Collection[str] = (),
) -> list[PlannedProcess]:
    """Every process of a run, in order; the same seed gives the same plan.

    The measure `first` gets each model's first process: it finds models that do not work, and it brings the
    files into memory. Then come the `timed` processes of each model. In a cycle of as many rounds as there
    are models (twice as many if that number is odd), each model is equally often at each place, and equally
    often right after each other one (Williams, Aust. J. Sci. Res. A 2 (1949) 149): neither a drift nor the
    state that a model leaves behind favors any of them. Last come the measures `apart`, each with its number
    of processes for every model; those of them that are `early` come before everything else, under the same
    numbers. Raises ValueError for a model that is named twice.
    """
    if len(set(models)) < len(models):
        raise ValueError("a model can be in a run only once")
    rng = random.Random(seed)
    planned = (
        [PlannedProcess(FIRST_PROCESS, model, first) for model in _shuffled(models, rng)] if first else []
    )
    waiting: list[list[str]] = []
    for number in range(FIRST_PROCESS + 1, FIRST_PROCESS + 1 + timed) if models else ():
        waiting = waiting or _shuffled(_design(_shuffled(models, rng)), rng)
        planned += [PlannedProcess(number, model) for model in waiting.pop()]
    own = [(measure, nth) for measure, processes in apart for nth in range(processes)]
    for number, (measure, nth) in enumerate(own, start=FIRST_PROCESS + 1 + timed):
        planned += [PlannedProcess(number, model, measure, nth) for model in _shuffled(models, rng)]
    return sorted(planned, key=lambda one: one.measure not in early)


def second_measurements(
    planned: Sequence[PlannedProcess], disturbed: Mapping[str, Collection[int]], most: int
) -> list[PlannedProcess]:
    """Each model's `disturbed` processes once more, the first `most` of each, in the order of the plan.

    Their numbers follow all numbers of the plan, so that a disturbed process keeps its own.
    """
    last = max((one.number for one in planned), default=FIRST_PROCESS)
    wanted = {model: sorted(numbers)[:most] for model, numbers in disturbed.items()}
    return [
        replace(one, number=last + one.number, repeats=one.number)
        for one in planned
        if one.number != FIRST_PROCESS and one.number in wanted.get(one.model, ())
    ]


def _design(models: Sequence[str]) -> list[list[str]]:
    """The rows of a Williams design: 0, 1, k-1, 2, k-2 ... and its rotations; for odd k reversed too."""
    k = len(models)
    first = [(place + 1) // 2 if place % 2 else (k - place // 2) % k for place in range(k)]
    rows = [[models[(number + shift) % k] for number in first] for shift in range(k)]
    return rows + [row[::-1] for row in rows] if k % 2 and k > 1 else rows


def _shuffled(things: Sequence[T], rng: random.Random) -> list[T]:
    return rng.sample(things, len(things))
