"""Which timed restarts are measured once more, and which of the two measurements counts; pure, called by
`trial`.

What counts never depends on how quick a restart was: the second measurement counts when nothing disturbed it,
else the first one does. Taking the quicker of the two would make every model look better than it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from viewfinder.bench.readings import metrics
from viewfinder.bench.results.turns import Found
from viewfinder.bench.storage.rows import Asked
from viewfinder.bench.trials import disturbance


@dataclass(frozen=True, slots=True)
class Restart:
    """A timed server process; `again` is the one that it is the second measurement of, 0: none."""

    found: Found
    asked: Sequence[Asked]
    again: int = 0

    @property
    def disturbed(self) -> str:
        """What spoiled its times, in a clause; empty: nothing."""
        timed = [one.exchange for one in self.asked if one.scenario == "images"] or [
            one.exchange for one in self.asked if one.scenario == "texts"
        ]
        return disturbance.verdict(self.found.foreign_s, self.found.available_s) or metrics.slowdown(timed)


@dataclass(frozen=True, slots=True)
class Count:
    """The restarts that count, in the order in which they were measured; those `set_aside`; what to tell."""

    counted: tuple[int, ...]
    set_aside: tuple[int, ...]
    notes: tuple[str, ...]


def disturbed(restarts: Mapping[int, Restart]) -> list[int]:
    """The numbers of the first measurements whose times were spoiled."""
    return [number for number, restart in restarts.items() if not restart.again and restart.disturbed]


def count(restarts: Mapping[int, Restart]) -> Count:
    """Which of the restarts, given in the order in which they were measured, count."""
    second = {restart.again: number for number, restart in restarts.items() if restart.again}
    once = [number for number in disturbed(restarts) if number not in second]
    replaced = [number for number in second if not restarts[second[number]].disturbed]
    twice = [number for number in second if restarts[second[number]].disturbed]
    set_aside = (*replaced, *(second[number] for number in twice))
    notes = (
        _note(replaced, restarts, "measured once more after the others; the second measurement counts"),
        _note(twice, restarts, "measured once more, which was disturbed, too; the first measurement counts"),
        _note(once, restarts, "not measured once more"),
    )
    counted = tuple(number for number in restarts if number not in set_aside)
    return Count(counted, set_aside, tuple(filter(None, notes)))


def _note(numbers: Sequence[int], restarts: Mapping[int, Restart], then: str) -> str:
    """What became of some that were disturbed; the reason of the first stands for all."""
    if not numbers:
        return ""
    why = restarts[numbers[0]].disturbed
    if len(numbers) == 1:
        return f"Timed start {numbers[0]} was disturbed ({why}) and {then}."
    many = ", ".join(map(str, numbers))
    return f"Timed starts {many} were disturbed (the first: {why}) and {then}."
