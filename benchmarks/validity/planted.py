"""Planted truth: thirteen kinds of fault, each found and named, and nothing said of an engine without one."""

import math
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.progress import Progress

from benchmarks.validity.planting import MISTAKEN, plant
from benchmarks.validity.said import said_of
from benchmarks.validity.table import SHORT, Row, Table
from benchmarks.validity.truths import CLEAN, TRUTHS
from viewfinder.bench.suite import SUITES

CLEAN_RUNS = 2 if SHORT else 60
MOST_FALSE_ALARMS = 1
TOGETHER = 10
"""Clean models that one reference stands beside; more would be too far apart in time."""
FULL = replace(
    SUITES["quick"],
    processes=6,
    images=6,
    texts=3,
    short=3,
    repeats=3,
    vision=60,
    text=8,
    follow_up=6,
    budget_s=120.0,
    soak=100,
    soak_s=120.0,
    context=10,
    context_s=120.0,
    context_half_width=0.0,
    throughput_processes=0,
    again=0,
    anchor=0,
)
BOUNDED = replace(
    FULL, processes=3, images=4, texts=2, vision=16, follow_up=2, soak=0, context=0, stability_references=0
)
SUITE = BOUNDED if SHORT else FULL
REFERENCE = "reference"


def prove() -> Table:
    with Progress(transient=True) as progress:
        truths = [truth for truth in TRUTHS if truth.short or not SHORT]
        faults = {truth.fault: truth.fault for truth in truths}
        said = _said(faults, progress)
        rows = [
            Row(truth.what, truth.due, _told(said[truth.fault]), truth.is_named(said[truth.fault]))
            for truth in truths
        ]
        alarms: list[str] = []
        for group in range(math.ceil(CLEAN_RUNS / TOGETHER)):
            names = [
                f"clean-{n + 1}" for n in range(group * TOGETHER, min(CLEAN_RUNS, (group + 1) * TOGETHER))
            ]
            said = _said(dict.fromkeys(names, CLEAN), progress)
            alarms += [f"{name}: {_told(words)}" for name, words in said.items() if words]
    rows.append(
        Row(
            f"{CLEAN_RUNS} clean runs",
            f"at most {MOST_FALSE_ALARMS} with anything said",
            f"{len(alarms)}: {'; '.join(alarms)}" if alarms else "0",
            len(alarms) <= MOST_FALSE_ALARMS,
        )
    )
    return Table(
        "planted",
        "Planted truth",
        "Real runs of `bench` on the tests' faulty engine (`tests/faults/plugin`), one model a fault, beside "
        f"a reference without one that takes turns with them; each is {SUITE.processes + 1} fresh server "
        f"processes or more. All of them answer {100 * MISTAKEN:.0f} % of the questions wrong. A fault "
        "counts as found when what is due is said, and nothing that does not follow from it.",
        tuple(rows),
    )


def _said(faults: dict[str, str], progress: Progress) -> dict[str, Sequence[str]]:
    task = progress.add_task("Planted")
    with tempfile.TemporaryDirectory(prefix="vf-") as folder:
        models = {REFERENCE: CLEAN, **faults}
        ran = plant(models, SUITE, Path(folder), lambda words: progress.update(task, description=words))
    progress.remove_task(task)
    return {name: said_of(ran[name], ran[REFERENCE]) for name in faults}


def _told(said: Sequence[str]) -> str:
    return "; ".join(said) or "not found"
