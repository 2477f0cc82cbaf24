"""The number of clips."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VideoCounts:
    """At most `clips` of all kinds together; none begins after `budget_s` once there were `least`."""

    clips: int
    least: int
    budget_s: float


COUNTS = {
    "standard": VideoCounts(clips=160, least=24, budget_s=120.0),
    "thorough": VideoCounts(clips=400, least=80, budget_s=600.0),
}
