"""The number of known-answer questions of each gate."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GateCounts:
    """Questions of each gate; `follow_up` counts conversations. In each gate no request begins after
    `budget_s` once the smallest number was asked."""

    vision: int
    text: int
    follow_up: int
    budget_s: float


COUNTS = {
    "quick": GateCounts(vision=24, text=12, follow_up=12, budget_s=5.0),
    "standard": GateCounts(vision=100, text=40, follow_up=50, budget_s=90.0),
    "thorough": GateCounts(vision=400, text=100, follow_up=200, budget_s=300.0),
}
