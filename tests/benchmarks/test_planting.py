"""A whole run on the faulty engine: the fault is named, and the reference beside it is not accused."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.validity.planted import REFERENCE, SUITE
from benchmarks.validity.planting import plant
from benchmarks.validity.said import said_of
from benchmarks.validity.truths import CLEAN, TRUTHS

FAULT = "text-fails"
TINY = replace(SUITE, processes=2, images=2, texts=2, vision=10, text=8, follow_up=1)


def test_a_planted_fault_is_named() -> None:
    told: list[str] = []
    with TemporaryDirectory(prefix="vf-") as folder:
        ran = plant({REFERENCE: CLEAN, FAULT: FAULT}, TINY, Path(folder), told.append)
    (truth,) = (one for one in TRUTHS if one.fault == FAULT)
    assert truth.is_named(said_of(ran[FAULT], ran[REFERENCE])), said_of(ran[FAULT], ran[REFERENCE])
    assert ran[REFERENCE].result.status == "verified"
    assert ran[REFERENCE].result.issues == ()
    assert any(words.startswith(FAULT) for words in told)
