"""All proofs by name, in the order in which they are made; called by `make validate` and `page`."""

from collections.abc import Callable

from benchmarks.validity import cost, coverage, memory, peer, planted, timing, twice
from benchmarks.validity.table import Table

PROOFS: dict[str, Callable[[], Table]] = {
    "timing": timing.prove,
    "memory": memory.prove,
    "coverage": coverage.prove,
    "cost": cost.prove,
    "peer": peer.prove,
    "twice": twice.prove,
    "planted": planted.prove,
}
