"""Says what the first replica waits for, when no node has room for it; called by `deployment`.

It is no error: Ray may add a node, or others may give back what they use.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

TELL_AFTER_S = 10.0
_NAMES = {"CPU": "{:g} CPUs", "GPU": "{:g} GPUs", "memory": "{:.1f} GB of memory"}
_GB = 1e9
_log = logging.getLogger(__name__)


@contextmanager
def told_while_waiting(
    wanted: Mapping[str, float], nodes: Callable[[], Sequence[Mapping[str, Any]]]
) -> Iterator[None]:
    """Within the block a replica is waited for that needs `wanted` of Ray's resources; `nodes` as
    `ray.nodes`."""
    timer = threading.Timer(TELL_AFTER_S, lambda: _log.warning("%s", waits_for(wanted, nodes())))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def waits_for(wanted: Mapping[str, float], nodes: Sequence[Mapping[str, Any]]) -> str:
    """One sentence, and the way out."""
    needed = {name: value for name, value in wanted.items() if value}
    needs = ", ".join(_words(name, value) for name, value in needed.items())
    alive = [node["Resources"] for node in nodes if node["Alive"]]
    if any(all(one.get(name, 0) >= value for name, value in needed.items()) for one in alive):
        return (
            f"Still waiting for the first replica, which needs {needs}: `ray status` shows what uses them. "
            "Ctrl-C gives up."
        )
    return (
        f"No node of the cluster has what a replica needs: {needs}. Waiting for one; add a node, or lower "
        "cluster.cpus or cluster.gpus, or name fewer models (memory). Ctrl-C gives up."
    )


def _words(name: str, value: float) -> str:
    return _NAMES[name].format(value / _GB if name == "memory" else value)
