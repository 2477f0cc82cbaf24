"""Which timed server processes are measured once more, and which of the two measurements counts; pure, called
by `session`.

The choice never depends on how fast a process was: the second measurement counts unless it was disturbed too;
then the first one does. To take the faster of the two would make every model look better than it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from viewfinder.measure.process_log import ProcessLog


@dataclass(frozen=True, slots=True)
class TimedProcess:
    """A process log, and why its times are spoiled, in a clause; empty: they are not."""

    log: ProcessLog
    disturbed: str


Timed = Mapping[int, TimedProcess]
"""By number, in the order in which they were measured."""


@dataclass(frozen=True, slots=True)
class Counted:
    """The numbers of the processes that count, in the order of measurement; the numbers of those that are
    `set_aside`; sentences that explain it."""

    numbers: tuple[int, ...]
    set_aside: tuple[int, ...]
    notes: tuple[str, ...]


def disturbed(processes: Timed) -> list[int]:
    """The numbers of the first measurements whose times were spoiled."""
    return [number for number, one in processes.items() if not one.log.repeats and one.disturbed]


def count(processes: Timed) -> Counted:
    """Which of the processes count."""
    second = {one.log.repeats: number for number, one in processes.items() if one.log.repeats}
    once = [number for number in disturbed(processes) if number not in second]
    replaced = [number for number, again in second.items() if not processes[again].disturbed]
    twice = [number for number in second if number not in replaced]
    set_aside = (*replaced, *(second[number] for number in twice))
    outcomes = (
        (replaced, "measured once more after the others; the second measurement counts"),
        (twice, "measured once more, which was disturbed, too; the first measurement counts"),
        (once, "not measured once more"),
    )
    measures = dict.fromkeys(one.log.measure for one in processes.values())
    notes = (
        _note(those, processes, then)
        for measure in measures
        for numbers, then in outcomes
        if (those := [number for number in numbers if processes[number].log.measure == measure])
    )
    return Counted(tuple(number for number in processes if number not in set_aside), set_aside, tuple(notes))


def _note(numbers: Sequence[int], processes: Timed, then: str) -> str:
    """What was done about the disturbed processes of one measure, with the reason of the first of them."""
    why, is_one = processes[numbers[0]].disturbed, len(numbers) == 1
    which = "Process" if is_one else "Processes"
    if measure := processes[numbers[0]].log.measure:
        which += f" {', '.join(str(processes[number].log.nth + 1) for number in numbers)} of '{measure}'"
    else:
        which = f"Timed {which.lower()} {', '.join(map(str, numbers))}"
    if is_one:
        return f"{which} was disturbed ({why}) and {then}."
    return f"{which} were disturbed (the first: {why}) and {then}."
