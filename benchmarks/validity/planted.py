"""Planted truth: fourteen kinds of fault, each of which must be found and named; `clean` plants none."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.progress import Progress

from benchmarks.validity.planting import MISTAKEN, plant
from benchmarks.validity.reports import reports_of
from benchmarks.validity.running import MeasuredModel
from benchmarks.validity.table import SHORT, Row, Table
from benchmarks.validity.truths import CLEAN, TRUTHS
from viewfinder.catalog.published import published
from viewfinder.measure.measures.dialogues.counts import DialogueCounts
from viewfinder.measure.measures.gates.counts import GateCounts
from viewfinder.measure.measures.latency.counts import LatencyCounts
from viewfinder.measure.measures.soak.counts import SoakCounts
from viewfinder.measure.suite import Suite, suite_named
from viewfinder.report.document import make_guide
from viewfinder.report.facts import key
from viewfinder.report.formats import write

QUICK = suite_named("quick")
SHARED = {name: QUICK.counts[name] for name in ("load", "memory")}
FULL = Suite(
    "quick",
    processes=6,
    counts=SHARED
    | {
        "gates": GateCounts(vision=60, text=8, follow_up=6, budget_s=120.0),
        "latency": LatencyCounts(images=6, texts=3, budget_s=120.0, short=3, repeats=3, paused=1),
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


@dataclass(frozen=True, slots=True)
class Found:
    """What `bench` reports of a model, and the first screen of its guide."""

    reports: Sequence[str]
    first_screen: str


HOW = (
    f"{SUITE.processes + 1} fresh server processes or more. All of them answer {100 * MISTAKEN:.0f} % of the "
    "questions wrong."
)


def prove() -> Table:
    truths = [truth for truth in TRUTHS if truth.short or not SHORT]
    with Progress(transient=True) as progress:
        each = found_beside_a_reference({truth.fault: truth.fault for truth in truths}, progress)
    return Table(
        "planted",
        "Planted truth",
        "Real runs of `bench` on the tests' faulty engine (`tests/faults/plugin`), one model a fault, "
        f"beside a reference without one that takes turns with them; each is {HOW} A fault counts as found "
        "when what is expected is reported, on the first screen of the guide, too, and nothing that does "
        "not follow from it.",
        tuple(
            Row(
                truth.what,
                truth.due,
                listed(found.reports),
                truth.is_named(found.reports, found.first_screen),
            )
            for truth in truths
            if (found := each[truth.fault])
        ),
    )


def found_beside_a_reference(faults: dict[str, str], progress: Progress) -> dict[str, Found]:
    """What is found of models, given by name with their fault, that were measured beside a sound one."""
    task = progress.add_task("Planted")
    with tempfile.TemporaryDirectory(prefix="vf-") as folder:
        models = {REFERENCE: CLEAN, **faults}
        ran = plant(models, SUITE, Path(folder), lambda words: progress.update(task, description=words))
    progress.remove_task(task)
    reference = ran[REFERENCE]
    return {
        name: Found(reports_of(ran[name], reference), first_screen(ran[name], reference)) for name in faults
    }


def first_screen(one: MeasuredModel, reference: MeasuredModel) -> str:
    """Of the guide of a model whose run before had no fault.

    The two took turns, so what disturbed their timings struck both: here these are compared all the same, as
    in `reports_of`.
    """
    now = one.result.model_copy(update={"contaminated": ""})
    same = {name: getattr(now, name) for name in ("model", "title", "variant", "contaminated")}
    before = reference.result.model_copy(update={**same, "run": REFERENCE, "measured_at": ""})
    evidence = {key(now): one.evidence, key(before): reference.evidence}
    guide = make_guide([now], published(), [before], evidence=evidence)
    return write(guide, "md").partition("\n## The models\n")[0]


def listed(reports: Sequence[str]) -> str:
    return "; ".join(reports) or "not found"
