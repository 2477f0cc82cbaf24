"""How many processes, requests and seconds the throughput takes."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ThroughputCounts:
    """Each of `processes` is asked `requests` at each level, and for `level_s` seconds at most once every
    client had its turn."""

    processes: int
    requests: int
    level_s: float


COUNTS: Mapping[str, ThroughputCounts] = {
    "quick": ThroughputCounts(processes=3, requests=4, level_s=1.0),
    "standard": ThroughputCounts(processes=6, requests=40, level_s=15.0),
    "thorough": ThroughputCounts(processes=12, requests=72, level_s=60.0),
}
