"""In which order a run measures: restarts x models x cells, interleaved at random, what was disturbed once
more, then what has processes of its own; pure, called by `runner`.

A computer drifts while it is measured (it warms up, others begin to work). Measured one after the other, the
last model would pay for all of it; so every block of restarts holds each model once, in an order of its own.
"""

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

T = TypeVar("T")

GATES = 0
"""The block in which every model's process answers the graded questions; nothing is timed in it."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One fresh server process of `model`, the `block`-th; `cells` are what is timed on it, in this order.

    A `stage` has the process to itself; `part` numbers the processes that it asked for, from 0. `again` is
    the block that is measured once more by this one. `questions` other than 0 is so many times further into
    the graded image questions, and nothing else.
    """

    block: int
    model: str
    cells: tuple[str, ...] = ()
    stage: str = ""
    part: int = 0
    again: int = 0
    questions: int = 0


def plan(
    models: Sequence[str],
    cells: Sequence[str],
    restarts: int,
    seed: int,
    stages: Sequence[tuple[str, int]] = (),
) -> list[Turn]:
    """Every turn of a run, in order; the same seed gives the same plan.

    First each model's gates, which find what cannot work and bring the files into memory. Then `restarts`
    blocks. Over so many blocks as there are models (twice as many when that is odd) each model is equally
    often at each place, and comes equally often right after each other one (Williams, Aust. J. Sci. Res. A 2
    (1949) 149): neither a drift nor what a model leaves behind favors one. Last the `stages`, each so many
    processes of every model. Raises ValueError for a model that is named twice.
    """
    if len(set(models)) < len(models):
        raise ValueError("a model can be in a run only once")
    rng = random.Random(seed)
    turns = [Turn(GATES, model) for model in _shuffled(models, rng)]
    waiting: list[list[str]] = []
    for block in range(GATES + 1, GATES + 1 + restarts) if models else ():
        waiting = waiting or _shuffled(_design(_shuffled(models, rng)), rng)
        turns += [Turn(block, model, tuple(_shuffled(cells, rng))) for model in waiting.pop()]
    parts = [(stage, part) for stage, processes in stages for part in range(processes)]
    for block, (stage, part) in enumerate(parts, start=GATES + 1 + restarts):
        turns += [Turn(block, model, stage=stage, part=part) for model in _shuffled(models, rng)]
    return turns


def second_measurements(
    turns: Sequence[Turn], disturbed: Mapping[str, Collection[int]], most: int
) -> list[Turn]:
    """Each model's `disturbed` blocks once more, the first `most` of each, in the order of the plan.

    They are numbered after everything in the plan, so that what was disturbed keeps its own number.
    """
    last = max((turn.block for turn in turns), default=GATES)
    wanted = {model: sorted(blocks)[:most] for model, blocks in disturbed.items()}
    return [
        replace(turn, block=last + turn.block, again=turn.block)
        for turn in turns
        if turn.block != GATES and turn.block in wanted.get(turn.model, ())
    ]


def _design(models: Sequence[str]) -> list[list[str]]:
    """The rows of a Williams design: 0, 1, k-1, 2, k-2 ... and its rotations; for odd k reversed too."""
    k = len(models)
    first = [(place + 1) // 2 if place % 2 else (k - place // 2) % k for place in range(k)]
    rows = [[models[(number + shift) % k] for number in first] for shift in range(k)]
    return rows + [row[::-1] for row in rows] if k % 2 and k > 1 else rows


def _shuffled(things: Sequence[T], rng: random.Random) -> list[T]:
    return rng.sample(things, len(things))
