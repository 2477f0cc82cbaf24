"""How often memory is read; as often as the suite has timed processes."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MemoryCounts:
    """Nothing to choose: every timed process is read at each phase."""


COUNTS: Mapping[str, MemoryCounts] = dict.fromkeys(("quick", "standard", "thorough"), MemoryCounts())
