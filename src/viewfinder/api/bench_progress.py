"""How far `bench --ray` is: one progress made of those of all nodes; called by `bench_cluster`."""

import math
import statistics
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from viewfinder.cluster.bench_plan import NodeJob
from viewfinder.measure.progress import Progress, SoFar


class ProgressOfNodes:
    """`jobs` are all, in their order, and `done` those that were measured before an interruption."""

    def __init__(
        self,
        jobs: Sequence[NodeJob],
        done: Collection[NodeJob],
        suite: str,
        report: Callable[[Progress], None],
    ) -> None:
        kinds = list(dict.fromkeys(job.kind for job in jobs))
        several = len(kinds) > 1
        self._names = {
            job: f"{job.model} ({kinds.index(job.kind) + 1})" if several else job.model for job in jobs
        }
        self._known = {
            job: SoFar(name, doing="done" if job in done else "waiting") for job, name in self._names.items()
        }
        self._steps: dict[NodeJob, Progress] = {}
        self._nodes: dict[NodeJob, str] = {}
        self._over = set(done)
        self._suite, self._report = suite, report

    def tell(self, job: NodeJob, node: str, step: Progress) -> None:
        """A node has measured more of a job."""
        self._steps[job], self._nodes[job] = step, node
        one = next((so_far for so_far in step.models), SoFar(job.model))
        doing = step.doing if one.doing == "waiting" else one.doing
        self._known[job] = replace(one, model=self._names[job], doing=f"{doing}, {node}")
        self._tell(job, step)

    def finished(self, job: NodeJob) -> None:
        """A job is measured."""
        self._over.add(job)
        known = self._known[job]
        self._known[job] = replace(known, doing="failed" if known.failure else "done")

    def finish(self) -> None:
        """All is measured that can be."""
        total = sum(step.total for step in self._steps.values())
        models = tuple(self._known.values())
        self._report(Progress("", "done", total, total, self._suite, models=models, left_s=0.0))

    def _tell(self, job: NodeJob, step: Progress) -> None:
        typical = statistics.fmean(one.total for one in self._steps.values())
        unknown = len(self._known) - len(self._over | {*self._steps})
        self._report(
            replace(
                step,
                model=self._names[job],
                doing=f"{step.doing}, {self._nodes[job]}" if not step.is_done else "finishing",
                done=sum(one.done for one in self._steps.values()),
                total=round(typical * unknown) + sum(one.total for one in self._steps.values()),
                suite=self._suite,
                left_s=self._left_s(unknown),
                spent_s=max(one.spent_s for one in self._steps.values()),
                models=tuple(self._known.values()),
            )
        )

    def _left_s(self, unknown: int) -> float | None:
        """The longest of the jobs in progress, and the share of a node in what nobody has begun."""
        running = [step for job, step in self._steps.items() if job not in self._over]
        lefts = [step.left_s for step in running]
        if None in lefts:
            return None
        times = [step.spent_s + (step.left_s or 0.0) for step in self._steps.values()]
        later_s = statistics.fmean(times) * math.ceil(unknown / max(1, len(running))) if times else 0.0
        return max((left for left in lefts if left is not None), default=0.0) + later_s
