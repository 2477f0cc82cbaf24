"""Which node measures which model next: each model once on every kind of node.

Decides, and measures nothing: asked by `api/bench_cluster`. The models are spread over the nodes of a kind.
What a node cannot measure, or was lost with, another node of its kind measures.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from viewfinder.host.hardware import HardwareKind


@dataclass(frozen=True, slots=True)
class NodeJob:
    """One model on one kind of node."""

    model: str
    kind: HardwareKind


class BenchPlan:
    """`kinds` are the nodes with their hardware, `done` what was measured before an interruption."""

    def __init__(
        self, kinds: Mapping[str, HardwareKind], models: Iterable[str], done: Collection[NodeJob] = ()
    ) -> None:
        self._kinds = dict(kinds)
        every = [NodeJob(model, kind) for kind in dict.fromkeys(kinds.values()) for model in models]
        self.jobs = tuple(every)
        self._waiting = [job for job in every if job not in done]
        self._running: dict[str, NodeJob] = {}
        self._refused: dict[NodeJob, dict[str, str]] = {}

    def take(self, node: str) -> NodeJob | None:
        """What the node measures next; None: nothing, for now."""
        for job in self._waiting:
            if job.kind == self._kinds.get(node) and node not in self._refused.get(job, {}):
                self._waiting.remove(job)
                self._running[node] = job
                return job
        return None

    def finished(self, node: str) -> None:
        """The node has measured its model."""
        del self._running[node]

    def refused(self, node: str, reason: str) -> None:
        """The node cannot measure its model: others may."""
        job = self._running.pop(node)
        self._refused.setdefault(job, {})[node] = reason
        self._waiting.append(job)

    def lost(self, node: str, reason: str) -> None:
        """The node is gone; what it measured, others of its kind measure first."""
        self._kinds.pop(node, None)
        if (job := self._running.pop(node, None)) is not None:
            self._refused.setdefault(job, {})[node] = reason
            self._waiting.insert(0, job)

    def may_come(self, node: str) -> bool:
        """Whether a node that has nothing to do may get something, because another one is lost."""
        kind = self._kinds.get(node)
        return any(job.kind == kind for job in self._running.values())

    def unmeasured(self) -> dict[NodeJob, str]:
        """What is left when no node has anything to do, with the reasons."""
        return {
            job: "; ".join(self._refused.get(job, {}).values()) or "no node of this kind is left"
            for job in self._waiting
        }
