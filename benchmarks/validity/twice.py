"""The same model measured twice, many times: how often is a change reported?"""

import math
import tempfile
from pathlib import Path

from rich.progress import Progress

from benchmarks.validity.running import Ran, run
from benchmarks.validity.table import SHORT, Row, Table
from viewfinder.catalog.catalog import Catalog
from viewfinder.measure.compare import revisions
from viewfinder.measure.measures.gates.counts import GateCounts
from viewfinder.measure.measures.latency.counts import LatencyCounts
from viewfinder.measure.statistics.contrasts import LEAST_CHANGE
from viewfinder.measure.suite import Suite, suite_named

PAIRS = 2 if SHORT else 20
MOST = 1
SUITE = Suite(
    "quick",
    processes=6,
    counts={name: suite_named("quick").counts[name] for name in ("load", "memory")}
    | {
        "gates": GateCounts(vision=8, text=8, follow_up=2, budget_s=5.0),
        "latency": LatencyCounts(images=4, texts=3, budget_s=5.0),
    },
)
NAMES = ("glimpse-once", "glimpse-again")


def prove() -> Table:
    reports: list[str] = []
    widest: dict[str, list[float]] = {}
    count = 0
    with Progress(transient=True) as progress:
        task = progress.add_task("Twice", total=PAIRS)
        for number in range(PAIRS):
            changes = revisions.compare(*(one.evidence for one in pair().values()))
            count += len(changes)
            for name, change in changes.items():
                off = change.contrast.value if change.is_share else math.expm1(change.contrast.value)
                widest.setdefault(name, []).append(abs(off))
                reports += [f"pair {number + 1}, {name}: {100 * off:+.0f} %"] if change.changed else []
            progress.advance(task)
    return Table(
        "twice",
        "The same thing measured twice",
        f"{PAIRS} pairs of runs of glimpse on llama.cpp, each of {SUITE.processes} fresh server processes; "
        "the two of a pair take turns. Compared as the guide compares runs (`measure/compare`): by "
        "processes and by questions, Benjamini-Hochberg over the figures of a pair, and changes of times and "
        f"sizes below {100 * LEAST_CHANGE:.0f} % not reported.",
        (
            Row(
                f'"changed", of {count} figures',
                f"at most {MOST}",
                f"{len(reports)}: {'; '.join(reports)}" if reports else "0",
                len(reports) <= MOST and count > 0,
            ),
        ),
        "By how much the two of a pair differed, at most: "
        + "; ".join(f"{name} {100 * max(values):.0f} %" for name, values in sorted(widest.items()))
        + ".",
    )


def pair() -> Ran:
    catalog = Catalog()
    card = catalog.card("glimpse")
    ours = card.narrowed(variant for variant in card.variants if variant.engine == "llama.cpp")
    with tempfile.TemporaryDirectory(prefix="vf-") as folder:
        cards = [ours.model_copy(update={"name": name}) for name in NAMES]
        return run(cards, SUITE, catalog, Path(folder), lambda words: None)
