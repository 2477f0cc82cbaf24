"""A whole run on the faulty engine: the fault is named, and nothing is reported of the reference."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.validity.planted import BOUNDED, REFERENCE, first_screen
from benchmarks.validity.planting import plant
from benchmarks.validity.reports import SOUND, reports_of
from benchmarks.validity.truths import CLEAN, TRUTHS
from viewfinder.measure.measures.gates.counts import GateCounts
from viewfinder.measure.measures.latency.counts import LatencyCounts

FAULT = "text-fails"
GATES = GateCounts(vision=10, text=8, follow_up=1, budget_s=120.0)
LATENCY = LatencyCounts(images=2, texts=2, budget_s=120.0, short=1, repeats=1)
TINY = replace(BOUNDED, processes=2).with_counts("gates", GATES).with_counts("latency", LATENCY)


def test_a_planted_fault_is_named() -> None:
    shown: list[str] = []
    with TemporaryDirectory(prefix="vf-") as folder:
        ran = plant({REFERENCE: CLEAN, FAULT: FAULT}, TINY, Path(folder), shown.append)
    (truth,) = (one for one in TRUTHS if one.fault == FAULT)
    reports, screen = reports_of(ran[FAULT], ran[REFERENCE]), first_screen(ran[FAULT], ran[REFERENCE])
    # Other tests have the same weights open, share their memory, and take the cores from a first image.
    by_others = ("changed: memory", "first image: ", "after a pause of ")
    reports = [line for line in reports if not line.startswith(by_others)]
    assert truth.is_reported(reports), reports
    assert truth.is_named(reports, screen), screen
    assert ran[REFERENCE].result.status in SOUND
    assert ran[REFERENCE].result.issues == ()
    assert any(words.startswith(FAULT) for words in shown)
