"""How the threads of an engine share the computer's cores; called by the engines, for their environment.

OpenMP's threads meet at a barrier after each of a model's many operations. What they do there decides how
long an answer takes (measured in benchmarks/notes.md).
"""

import os
import sys
from collections.abc import Mapping

from viewfinder.host.hardware import Machine

SHARES_CORES = {"GOMP_SPINCOUNT": "300"}
"""Threads that wait spin for a moment, then sleep. By default they spin on and take the cores from each other
as soon as anything else needs one; if they slept at once, they would wake too late on an idle machine."""
ONE_A_CORE = {"OMP_PROC_BIND": "close", "OMP_PLACES": "threads"}
_PLACED_BY = ("OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY", "KMP_AFFINITY")


def environment(threads: int, machine: Machine, kept: Mapping[str, str]) -> dict[str, str]:
    """For an engine that computes with `threads` (0: one for each physical core); `kept` is what it has of
    ours, in which a user may have placed the threads.

    With as many threads as cores, each gets a core of its own. After a pause the kernel wakes them on one and
    leaves them there, since they wait for each other by turns: a picture took twice as long. With fewer
    threads, a core that is busy with something else must be left to that. The engines of a graphics card
    compute with one thread, and all of theirs would get the first core.
    """
    bound = sys.platform == "linux" and not machine.gpu and not any(name in kept for name in _PLACED_BY)
    takes_all = (threads or machine.cores_physical) >= len(os.sched_getaffinity(0)) if bound else False
    return SHARES_CORES | (ONE_A_CORE if takes_all else {}) | dict(kept)
