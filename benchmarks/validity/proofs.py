"""All proofs by name, in the order in which they run; called by `make validate` and `page`."""

from collections.abc import Callable

from benchmarks.validity import calibration, clean, cost, coverage, memory, peer, planted, timing, twice
from benchmarks.validity.table import SHORT, Table

PROOFS: dict[str, Callable[[], Table]] = {
    "timing": timing.prove,
    "memory": memory.prove,
    "coverage": coverage.prove,
    "calibration": calibration.prove,
    "cost": cost.prove,
    "peer": peer.prove,
    "twice": twice.prove,
    "planted": planted.prove,
    "clean": clean.prove,
}


def usual() -> list[str]:
    """The proofs that run when none is named: the short form does not install AIPerf, and leaves it out."""
    return [name for name in PROOFS if not (SHORT and name == "peer" and not peer.AIPERF.exists())]
