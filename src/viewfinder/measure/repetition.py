"""Which timed server processes are measured once more, and which of the two measurements counts; pure,
called by `trial`.

What counts never depends on how quick a restart was: the second measurement counts when nothing disturbed it,
else the first one does. Taking the quicker of the two would make every model look better than it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from viewfinder.measure import disturbance, metrics
from viewfinder.measure.store.outcome import Found
from viewfinder.measure.store.rows import Asked


@dataclass(frozen=True, slots=True)
class Restart:
    """A server process; `again` is the one that it is the second measurement of, 0: none.

    With a `stage`, it is the `part`-th that had it to itself; what a stage does not time is never disturbed.
    """

    found: Found
    asked: Sequence[Asked]
    again: int = 0
    stage: str = ""
    part: int = 0

    @property
    def disturbed(self) -> str:
        """What spoiled its times, in a clause; empty: nothing."""
        if self.stage:  # it is asked more and more on purpose
            return disturbance.verdict(self.found.foreign_s, self.found.available_s)
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
    came_of_it = (
        (replaced, "measured once more after the others; the second measurement counts"),
        (twice, "measured once more, which was disturbed, too; the first measurement counts"),
        (once, "not measured once more"),
    )
    stages = dict.fromkeys(restart.stage for restart in restarts.values())
    notes = (
        _note([number for number in numbers if restarts[number].stage == stage], stage, restarts, then)
        for stage in stages
        for numbers, then in came_of_it
    )
    counted = tuple(number for number in restarts if number not in set_aside)
    return Count(counted, set_aside, tuple(filter(None, notes)))


def _note(numbers: Sequence[int], stage: str, restarts: Mapping[int, Restart], then: str) -> str:
    """What became of some that were disturbed; the reason of the first stands for all."""
    if not numbers:
        return ""
    why, is_one = restarts[numbers[0]].disturbed, len(numbers) == 1
    if stage:
        many = ", ".join(str(restarts[number].part + 1) for number in numbers)
        which = f"Process{'' if is_one else 'es'} {many} of the scenario '{stage}'"
    else:
        which = f"Timed start{'' if is_one else 's'} {', '.join(map(str, numbers))}"
    if is_one:
        return f"{which} was disturbed ({why}) and {then}."
    return f"{which} were disturbed (the first: {why}) and {then}."
