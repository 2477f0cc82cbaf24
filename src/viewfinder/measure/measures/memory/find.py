"""From memory readings at each phase to the memory that a model takes; pure."""

import statistics
import sys
from collections.abc import Mapping, Sequence

from viewfinder.catalog.card import Variant
from viewfinder.fleet.record.measured_costs import MEMORY_COSTS
from viewfinder.fleet.record.measured_file import MeasuredSpan
from viewfinder.measure import metrics
from viewfinder.measure.figures import Memory, Missing, Phase, in_unit
from viewfinder.measure.measures import to_files
from viewfinder.measure.measures.base import Facts, NoCounts, ResultHeader
from viewfinder.measure.measures.memory.result import MemoryUse
from viewfinder.measure.process_log import ProcessLog

_FOOTPRINT = (
    "physical footprint; mapped weights are not in it"
    if sys.platform == "darwin"
    else "anonymous + swap + mapped model bytes"
)
DIFFERENCE = "memory difference"
Readings = Mapping[Phase, Memory]
"""The readings of one process, by phase."""


def memory_use(logs: Sequence[ProcessLog], counts: NoCounts, variant: Variant) -> MemoryUse:
    """Steady minus spawned of the same process tree.

    Never clamped: a negative difference shows that the method failed, and gives no figure.
    """
    known = [log.outcome.memory for log in logs if {"spawned", "steady"} <= log.outcome.memory.keys()]
    if not known:
        return MemoryUse(difference=Missing(missing="no process reached its steady state"))
    known.sort(key=_difference_bytes)
    shown = dict(known[(len(known) - 1) // 2])
    how = (
        f"median of {len(known)} fresh server processes: steady minus spawned footprint of the same tree "
        f"({_FOOTPRINT})"
    )
    found = [float(_difference_bytes(readings)) for readings in known]
    negative = sum(difference < 0 for difference in found)
    if statistics.median(found) < 0:
        return MemoryUse(difference=Missing(missing=_negative(shown, negative, len(known))), phases=shown)
    if negative:
        how += f"; in {negative} of them it was negative"
    if any(readings["steady"].shared for readings in known):
        how += "; another process mapped the model's files too"
    return MemoryUse(difference=metrics.middle(found, "bytes", how), phases=shown)


def facts(found: MemoryUse | Missing) -> Facts:
    if isinstance(found, Missing):
        return Facts(figures={DIFFERENCE: found})
    steady = found.phases.get("steady")
    return Facts(
        figures={DIFFERENCE: in_unit(found.difference, "GB")},
        steady_bytes=steady.footprint_bytes if steady else 0,
    )


def files(found: MemoryUse, header: ResultHeader) -> dict[str, bytes]:
    """The most that the server's process tree held, with the spread of the difference over processes."""
    peak = max((one.footprint_bytes for one in found.phases.values()), default=0)
    difference = to_files.span(found.difference)
    if not peak or difference is None:
        return {}
    below, above = difference.value - difference.low, difference.high - difference.value
    span = MeasuredSpan(value=peak, low=max(0, peak - below), high=peak + above, n=difference.n)
    return to_files.cost_file(header, MEMORY_COSTS, {"peak_bytes": span})


def differences(logs: Sequence[ProcessLog]) -> dict[int, float]:
    """Steady minus spawned in bytes, by process; without processes whose difference is negative."""
    return {
        log.number: float(difference)
        for log in logs
        if log.samples
        and {"spawned", "steady"} <= log.outcome.memory.keys()
        and (difference := _difference_bytes(log.outcome.memory)) > 0
    }


def _difference_bytes(readings: Readings) -> int:
    return readings["steady"].footprint_bytes - readings["spawned"].footprint_bytes


def _negative(readings: Readings, negative: int, processes: int) -> str:
    """Why a difference is invalid: the part of the tree's memory that shrank."""
    spawned, steady = readings["spawned"], readings["steady"]
    parts = {
        "anonymous": steady.anonymous_bytes - spawned.anonymous_bytes,
        "swapped": steady.swap_bytes - spawned.swap_bytes,
        "mapped": steady.mapped_bytes - spawned.mapped_bytes,
    }
    least = min(parts, key=parts.__getitem__)
    return (
        f"invalid: in {negative} of {processes} processes the tree held less when steady than when it had "
        f"just been spawned ({least} memory shrank by {-parts[least] / 1e6:.1f} MB), so the memory taken "
        "while loading was hidden by memory that was freed"
    )
