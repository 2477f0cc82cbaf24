"""The processes, requests and seconds of the throughput measure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ThroughputCounts:
    """Each of `processes` gets `requests` at each level; no request begins after `level_s` seconds, once
    every client has had one."""

    processes: int
    requests: int
    level_s: float


COUNTS = {
    "quick": ThroughputCounts(processes=3, requests=4, level_s=1.0),
    "standard": ThroughputCounts(processes=6, requests=40, level_s=15.0),
    "thorough": ThroughputCounts(processes=12, requests=72, level_s=60.0),
}
