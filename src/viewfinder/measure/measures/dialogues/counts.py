"""The number of dialogues."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DialogueCounts:
    """At most `dialogues` of ten turns; none begins after `budget_s`, nor once the headline is known within
    `half_width` points (0: it is never known well enough)."""

    dialogues: int
    budget_s: float
    half_width: float = 0.0


COUNTS = {
    "quick": DialogueCounts(dialogues=6, budget_s=10.0, half_width=5.0),
    "standard": DialogueCounts(dialogues=154, budget_s=1_800.0, half_width=5.0),
    "thorough": DialogueCounts(dialogues=300, budget_s=14_400.0),
}
