"""From results to the files that the fleet and the gateway read; called by the measures that write some."""

from typing import Any

from viewfinder.fleet.record.measured_costs import StoredCosts, cost_path
from viewfinder.fleet.record.measured_file import MeasuredSpan, machine_digest
from viewfinder.measure.figures import Figure, Measured
from viewfinder.measure.measures.base import ResultHeader


def conditions(header: ResultHeader) -> dict[str, Any]:
    """The fields of `StoredHere`."""
    return {
        "model": header.model,
        "variant": header.variant,
        "engine": header.engine,
        "engine_version": header.engine_version,
        "machine": machine_digest(header.machine),
        "measured_at": header.measured_at,
    }


def span(figure: Measured | None, up_to: Measured | None = None) -> MeasuredSpan | None:
    """A figure with its interval, or with the range to another one; None where it is missing."""
    if not isinstance(figure, Figure):
        return None
    high = max(figure.high, up_to.value) if isinstance(up_to, Figure) else figure.high
    return MeasuredSpan(value=figure.value, low=figure.low, high=high, n=figure.n)


def cost_file(header: ResultHeader, measure: str, costs: dict[str, MeasuredSpan | None]) -> dict[str, bytes]:
    """The file with those of the costs that were measured."""
    known = {name: one for name, one in costs.items() if one is not None}
    if not known:
        return {}
    stored = StoredCosts(**conditions(header), costs=known)
    return {cost_path(header.model, header.variant, measure): stored.model_dump_json().encode()}
