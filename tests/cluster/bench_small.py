"""`python -m tests.cluster.bench_small WORDS`: `viewfinder bench` with a small suite, on nodes of which
NODE_KIND says what they are. Its functions run on the nodes, too.
"""

import os
import sys
from collections.abc import Callable
from functools import partial

from tests.measure.suites import small
from viewfinder.api import bench_cluster
from viewfinder.api.bench_node import measure_job
from viewfinder.cluster import bench_job
from viewfinder.cluster.bench_job import BenchJob
from viewfinder.host.hardware import Machine, this_machine
from viewfinder.measure import runner
from viewfinder.measure.progress import Progress
from viewfinder.measure.store.sent import StoreWrite

NODE_KIND = "TESTS_NODE_KIND"


def machine_of_node() -> Machine:
    """This computer, with the processor that the variable names."""
    machine = this_machine()
    return machine.model_copy(update={"cpu": os.environ.get(NODE_KIND) or machine.cpu})


class OtherKinds:
    """Makes `this_machine` of a node what its variable says, as soon as it arrives there."""

    def __call__(
        self, job: BenchJob, send: Callable[[StoreWrite], None], tell: Callable[[Progress], None]
    ) -> None:
        measure_job(job, send, tell)

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return _on_node, ()


def _on_node() -> OtherKinds:
    bench_job.this_machine = runner.this_machine = machine_of_node  # type: ignore[assignment]
    return OtherKinds()


def main() -> None:
    """The command, with what is quick enough for tests."""
    from viewfinder.__main__ import main as viewfinder

    bench_cluster.suite_named = lambda name: small(name, processes=2, images=3, vision=6, text=3)
    bench_cluster.bench_on_cluster = partial(bench_cluster.bench_on_cluster, measure=OtherKinds())
    sys.argv = ["viewfinder", "bench", *sys.argv[1:]]
    viewfinder()


if __name__ == "__main__":
    main()
