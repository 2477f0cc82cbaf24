"""False alarms: the reports on an engine without a fault, beside another one without."""

import math

from rich.progress import Progress

from benchmarks.validity.planted import HOW, found_beside_a_reference, listed
from benchmarks.validity.table import SHORT, Row, Table
from benchmarks.validity.truths import CLEAN

RUNS = 2 if SHORT else 60
MOST_ALARMS = 1
TOGETHER = 10
"""Models that are measured beside one reference; with more, they would be too far apart in time."""


def prove() -> Table:
    alarms: list[str] = []
    with Progress(transient=True) as progress:
        for group in range(math.ceil(RUNS / TOGETHER)):
            numbers = range(group * TOGETHER, min(RUNS, (group + 1) * TOGETHER))
            names = [f"clean-{number + 1}" for number in numbers]
            each = found_beside_a_reference(dict.fromkeys(names, CLEAN), progress)
            alarms += [f"{name}: {listed(one.reports)}" for name, one in each.items() if one.reports]
    return Table(
        "clean",
        "False alarms",
        "The same engine without a fault, each model beside a reference that takes turns with it and is the "
        f"same; each is {HOW}",
        (
            Row(
                f"{RUNS} clean runs",
                f"at most {MOST_ALARMS} with any report",
                f"{len(alarms)}: {'; '.join(alarms)}" if alarms else "0",
                len(alarms) <= MOST_ALARMS,
            ),
        ),
    )
