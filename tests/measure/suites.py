"""Small suites, for the tests that measure something."""

from typing import Any

from viewfinder.measure.measures.base import NoCounts
from viewfinder.measure.measures.gates.counts import GateCounts
from viewfinder.measure.measures.latency.counts import LatencyCounts
from viewfinder.measure.measures.load.counts import ColdCounts
from viewfinder.measure.suite import Suite


def small(
    name: str = "small",
    *,
    processes: int = 1,
    images: int = 1,
    texts: int = 1,
    vision: int = 1,
    text: int = 1,
    follow_up: int = 1,
    budget_s: float = 60.0,
    short: int = 0,
    repeats: int = 0,
    paused: int = 0,
    cold_starts: int = 0,
    again: int = 0,
    anchor: int = 0,
    limit_s: float = 0.0,
    request_timeout_s: float = 600.0,
    **counts: Any,
) -> Suite:
    """The measures of every suite with these counts, and others with `counts` of their own, by name."""
    common: dict[str, Any] = {
        "gates": GateCounts(vision=vision, text=text, follow_up=follow_up, budget_s=budget_s),
        "load": NoCounts(),
        "latency": LatencyCounts(images, texts, budget_s, short=short, repeats=repeats, paused=paused),
        "memory": NoCounts(),
    }
    if cold_starts:
        common["cold_load"] = ColdCounts(starts=cold_starts, budget_s=budget_s)
    return Suite(
        name,
        processes,
        common | counts,
        again=again,
        anchor=anchor,
        limit_s=limit_s,
        request_timeout_s=request_timeout_s,
    )
