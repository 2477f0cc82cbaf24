"""Planted truth: thirteen kinds of fault, each of which must be found and named; `clean` plants none."""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.progress import Progress

from benchmarks.validity.planting import MISTAKEN, plant
from benchmarks.validity.reports import reports_of
from benchmarks.validity.table import SHORT, Row, Table
from benchmarks.validity.truths import CLEAN, TRUTHS
from viewfinder.measure.measures.dialogues.counts import DialogueCounts
from viewfinder.measure.measures.gates.counts import GateCounts
from viewfinder.measure.measures.latency.counts import LatencyCounts
from viewfinder.measure.measures.soak.counts import SoakCounts
from viewfinder.measure.suite import Suite, suite_named

QUICK = suite_named("quick")
SHARED = {name: QUICK.counts[name] for name in ("load", "memory")}
FULL = Suite(
    "quick",
    processes=6,
    counts=SHARED
    | {
        "gates": GateCounts(vision=60, text=8, follow_up=6, budget_s=120.0),
        "latency": LatencyCounts(images=6, texts=3, budget_s=120.0, short=3, repeats=3),
        "dialogues": DialogueCounts(dialogues=10, budget_s=120.0),
        "stability": replace(QUICK.counts["stability"], budget_s=120.0),
        "soak": SoakCounts(requests=100, budget_s=120.0),
    },
)
BOUNDED = Suite(
    "quick",
    processes=3,
    counts=SHARED
    | {
        "gates": GateCounts(vision=16, text=8, follow_up=2, budget_s=120.0),
        "latency": LatencyCounts(images=4, texts=2, budget_s=120.0, short=3, repeats=3),
    },
)
SUITE = BOUNDED if SHORT else FULL
REFERENCE = "reference"

HOW = (
    f"{SUITE.processes + 1} fresh server processes or more. All of them answer {100 * MISTAKEN:.0f} % of the "
    "questions wrong."
)


def prove() -> Table:
    truths = [truth for truth in TRUTHS if truth.short or not SHORT]
    with Progress(transient=True) as progress:
        reports = reports_beside_a_reference({truth.fault: truth.fault for truth in truths}, progress)
    return Table(
        "planted",
        "Planted truth",
        "Real runs of `bench` on the tests' faulty engine (`tests/faults/plugin`), one model a fault, beside "
        f"a reference without one that takes turns with them; each is {HOW} A fault counts as found when "
        "what is expected is reported, and nothing that does not follow from it.",
        tuple(
            Row(truth.what, truth.due, listed(reports[truth.fault]), truth.is_named(reports[truth.fault]))
            for truth in truths
        ),
    )


def reports_beside_a_reference(faults: dict[str, str], progress: Progress) -> dict[str, Sequence[str]]:
    """The reports of models, given by name with their fault, that were measured beside a sound one."""
    task = progress.add_task("Planted")
    with tempfile.TemporaryDirectory(prefix="vf-") as folder:
        models = {REFERENCE: CLEAN, **faults}
        ran = plant(models, SUITE, Path(folder), lambda words: progress.update(task, description=words))
    progress.remove_task(task)
    return {name: reports_of(ran[name], ran[REFERENCE]) for name in faults}


def listed(reports: Sequence[str]) -> str:
    return "; ".join(reports) or "not found"
