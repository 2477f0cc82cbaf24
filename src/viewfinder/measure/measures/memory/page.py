"""How memory reads in the guide."""

from typing import get_args

from viewfinder.measure.figures import Missing, Phase, in_unit
from viewfinder.measure.measures.base import NO_FIGURE, Row, Table
from viewfinder.measure.measures.memory.result import MemoryUse

METHOD = (
    "**Memory** is that of the server's process tree, never of the client: anonymous and swapped bytes, and "
    "mapped bytes of model files with each file counted once. The **memory difference** is steady minus just "
    "spawned, of the same tree; it is never clamped: a negative one shows "
    "that the method failed, and is not given.",
)


def rows(found: MemoryUse | Missing) -> list[Row]:
    measured = found if isinstance(found, Missing) else found.difference
    return [("Memory difference (GB)", in_unit(measured, "GB"))]


def section(result: MemoryUse) -> list[Table]:
    """Megabytes (10^6 bytes) of the server's process tree.

    The kernel's peak is the sum of the most that each process ever had in memory, pages of libraries
    included; the phase "peak" is the highest reading between requests. Graphics cards have a column if their
    driver reports them.
    """
    on_cards = any(reading.graphics_bytes is not None for reading in result.phases.values())
    lines = [
        {
            "Phase": phase.replace("_", " "),
            "Footprint (MB)": _mb(reading.footprint_bytes),
            "Anonymous (MB)": _mb(reading.anonymous_bytes),
            "Swap (MB)": _mb(reading.swap_bytes),
            "Mapped model (MB)": _mb(reading.mapped_bytes),
            "PSS (MB)": f"{_mb(reading.pss_bytes)}{' (shared)' if reading.shared else ''}",
            "Kernel's peak (MB)": _mb(reading.kernel_peak_bytes),
            **({"Graphics cards (MB)": _mb(reading.graphics_bytes)} if on_cards else {}),
        }
        for phase in get_args(Phase)
        if (reading := result.phases.get(phase))
    ]
    intro = (
        "Memory of the process tree of one fresh server process at each phase (single readings, no interval):"
    )
    return [Table(intro, lines)] if lines else []


def _mb(size_bytes: int | None) -> str:
    return NO_FIGURE if size_bytes is None else f"{size_bytes / 1e6:,.1f}"
