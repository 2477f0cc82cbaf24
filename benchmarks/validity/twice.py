"""Two runs of the same thing, many times: how often is it said that something changed?"""

import math
import tempfile
from dataclasses import replace
from pathlib import Path

from rich.progress import Progress

from benchmarks.validity.cells import cells, contrasts
from benchmarks.validity.running import Ran, run
from benchmarks.validity.table import SHORT, Row, Table
from viewfinder.bench.statistics.contrasts import LEAST_CHANGE, changed
from viewfinder.bench.suite import SUITES
from viewfinder.catalog.catalog import Catalog

PAIRS = 1 if SHORT else 20
MOST = 1
SUITE = replace(SUITES["quick"], processes=6, images=4, texts=3, vision=1, text=1, follow_up=1)
NAMES = ("glimpse-once", "glimpse-again")


def prove() -> Table:
    said: list[str] = []
    widest: dict[str, list[float]] = {}
    count = 0
    with Progress(transient=True) as progress:
        task = progress.add_task("Twice", total=PAIRS)
        for number in range(PAIRS):
            found = contrasts(*(cells(one) for one in pair().values()))
            count += len(found)
            for name, contrast in found.items():
                widest.setdefault(name, []).append(abs(math.expm1(contrast.value)))
            said += [
                f"pair {number + 1}, {name}: {100 * math.expm1(found[name].value):+.0f} %"
                for name in sorted(changed(found))
            ]
            progress.advance(task)
    return Table(
        "twice",
        "The same thing measured twice",
        f"{PAIRS} pairs of runs of glimpse on llama.cpp, each of {SUITE.processes} fresh server processes; "
        "the two of a pair take turns. Compared block by block, Benjamini-Hochberg over the cells of a pair, "
        f"and changes below {100 * LEAST_CHANGE:.0f} % left unsaid.",
        (
            Row(
                f'"changed", of {count} cells',
                f"at most {MOST}",
                f"{len(said)}: {'; '.join(said)}" if said else "0",
                len(said) <= MOST and count > 0,
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
