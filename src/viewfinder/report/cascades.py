"""What cascades save and cost, in sentences for the guide; called by `document`."""

from collections.abc import Sequence

from viewfinder.measure.compare.cascades import CascadeWorth
from viewfinder.report.facts import label

MOST_CASCADES = 3


def worthwhile(some: Sequence[CascadeWorth]) -> list[CascadeWorth]:
    """Those that take less time than the second model alone and are surely right more often than the first
    alone; those that save most first."""
    able = [one for one in some if one.time < 1 and one.gain.low > 0]
    return sorted(able, key=lambda one: one.time)[:MOST_CASCADES]


def cascade_line(one: CascadeWorth) -> str:
    """`cascade:glimpse,qwen (glimpse (q8), then qwen (q4)): of 480 questions ...`"""
    low, high = (100 * bound for bound in one.kept_between)
    lost = -100 * one.loss.value
    word = "less" if lost >= 0 else "more"
    between = f"{-100 * one.loss.high:.1f} to {-100 * one.loss.low:.1f} points less"
    return (
        f"cascade:{one.first.model},{one.second.model} ({label(one.first)}, then {label(one.second)}): "
        f"{100 * one.kept / one.asked:.0f} % ({low:.0f} to {high:.0f}) of {one.asked} questions need only "
        f"the first; {one.time:.2f} times the time of the second alone; right {abs(lost):.1f} points {word} "
        f"often than it ({between})"
    )
