"""How many dialogues are held."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DialogueCounts:
    """`dialogues` of ten turns at most; none begins after `budget_s`, and no more are held once their
    headline is known within `half_width` points (0: all of them are held)."""

    dialogues: int
    budget_s: float
    half_width: float = 0.0


COUNTS: Mapping[str, DialogueCounts] = {
    "quick": DialogueCounts(dialogues=6, budget_s=10.0, half_width=5.0),
    "standard": DialogueCounts(dialogues=154, budget_s=1_800.0, half_width=5.0),
    "thorough": DialogueCounts(dialogues=300, budget_s=14_400.0),
}
