"""`bench --ray`: each model on every kind of node of a Ray cluster, one at a time on a node, in one store.

Each model on each kind of node is a run of its own, with the node's machine and fingerprint; the runs of one
command share a group, by which they are resumed.
"""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from viewfinder.api.bench_node import measure_job
from viewfinder.api.bench_progress import ProgressOfNodes
from viewfinder.api.interruption import interruptible
from viewfinder.api.measured import measured_here
from viewfinder.api.models import models
from viewfinder.api.setup import card_of, check_settings, open_catalog, own_folders
from viewfinder.catalog.hashes import Hashes
from viewfinder.catalog.uncarded import is_reference
from viewfinder.cluster.bench_job import BenchJob, MeasureJob
from viewfinder.cluster.bench_plan import BenchPlan, NodeJob
from viewfinder.cluster.installed import require_ray
from viewfinder.cluster.messages import Failed, KnownFiles
from viewfinder.cluster.node_files import known_files
from viewfinder.core import paths
from viewfinder.core.config import Settings, load_settings
from viewfinder.core.errors import BadRequest, ViewfinderError
from viewfinder.fleet.choice import choose_variant
from viewfinder.measure import results as stored
from viewfinder.measure.measures.registry import require_loadable
from viewfinder.measure.progress import Progress
from viewfinder.measure.results import ModelResult
from viewfinder.measure.runner import alone, in_progress
from viewfinder.measure.store.rows import Run, RunRequest
from viewfinder.measure.store.sent import StoreWrite, rows_of
from viewfinder.measure.store.store import Store
from viewfinder.measure.suite import suite_named

if TYPE_CHECKING:
    from viewfinder.cluster.bench_nodes import BenchNode

RESUME_DIFFERS = "resume_differs"


@dataclass(frozen=True, slots=True)
class ClusterBench:
    """The results, in the order of the kinds of nodes and of the models; and what no node could measure, as
    sentences."""

    results: list[ModelResult]
    unmeasured: list[str]


@dataclass(slots=True)
class _Group:
    """The runs of one command: `settings` are those of the nodes, `files` what is known of the models'."""

    request: RunRequest
    suite: dict[str, object]
    settings: Settings
    files: dict[str, KnownFiles | None]
    fresh: set[NodeJob] = field(default_factory=set)
    """What is measured from the start, because it cannot be continued."""

    def runs(self, store: Store) -> dict[NodeJob, Run]:
        """The newest run of each model on each kind of node."""
        mine = [run for run in store.runs() if run.request and run.request.group == self.request.group]
        return newest_runs(mine)

    def job(self, what: NodeJob, store: Store, file: Path) -> BenchJob:
        """What a node is to do: continue an unfinished run, or begin one."""
        store.flush()
        run = self.runs(store).get(what)
        return BenchJob(
            what.model,
            self.suite,
            self.settings,
            self.request.model_copy(update={"names": (what.model,)}),
            self.files.get(what.model),
            rows_of(file, run.run) if run and not run.finished_at and what not in self.fresh else None,
        )


def bench_on_cluster(
    names: Sequence[str] = (),
    *,
    address: str = "auto",
    suite: str = "quick",
    settings: Settings | None = None,
    resume: bool = False,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    on_note: Callable[[str], None] = lambda note: None,
    measure: MeasureJob = measure_job,
) -> ClusterBench:
    """MeasureJob models on the nodes of the Ray cluster at `address`, and keep every sample here.

    Each model is measured once on every kind of node, the models of a kind are spread over its nodes, and a
    node measures one model at a time. Without `names`, every model that runs on this computer. `resume`
    continues the newest group of runs of which something is left. `on_note` is told what a person should
    know: nodes that are left out or lost. `measure` runs on the nodes. Raises EngineMissing without Ray, and
    what `bench` raises; ViewfinderError where no cluster answers, or no node is free.
    """
    require_ray()
    require_loadable()
    settings = settings or load_settings()
    with own_folders() as folders, Store(paths.results_file()) as store:
        request, counts = _interrupted(store, folders.state) if resume else _asked(names, suite, settings)
        group = _prepared(request, counts, settings)
        with alone(folders.state, request.group):
            work = _Bench(group, store, on_progress, on_note)
            return interruptible(work.run(address, measure), store)


class _Bench:
    """One command's work."""

    def __init__(
        self,
        group: _Group,
        store: Store,
        on_progress: Callable[[Progress], None],
        on_note: Callable[[str], None],
    ) -> None:
        self._group, self._store, self._note = group, store, on_note
        self._on_progress = on_progress
        self._changed = asyncio.Event()

    async def run(self, address: str, measure: MeasureJob) -> ClusterBench:
        from viewfinder.cluster.bench_nodes import bench_nodes

        async with bench_nodes(address, measure, self._note) as nodes:
            kinds = {node.name: node.facts.machine.kind for node in nodes}
            done = [what for what, run in self._group.runs(self._store).items() if run.finished_at]
            plan = BenchPlan(kinds, self._group.request.group_names, done)
            progress = ProgressOfNodes(plan.jobs, done, str(self._group.suite["name"]), self._on_progress)
            try:
                async with asyncio.TaskGroup() as tasks:
                    for node in nodes:
                        tasks.create_task(self._node(node, plan, progress))
            except BaseExceptionGroup as group:
                raise group.exceptions[0] from None
            progress.finish()
        runs = self._group.runs(self._store)
        finished = [runs[what] for what in plan.jobs if what in runs and runs[what].finished_at]
        results = [one for run in finished for one in stored.readable(self._store.results_of(run.run))]
        return ClusterBench(results, [_sentence(what, why) for what, why in plan.unmeasured().items()])

    async def _node(self, node: "BenchNode", plan: BenchPlan, progress: ProgressOfNodes) -> None:
        """Everything that one node measures."""
        from viewfinder.cluster.bench_nodes import NodeLost

        while True:
            what = plan.take(node.name)
            if what is None:
                if not plan.may_come(node.name):
                    return
                self._changed.clear()
                await self._changed.wait()
                continue
            try:
                failed = await self._measured(node, what, progress)
            except NodeLost as lost:
                plan.lost(node.name, f"{lost}")
                self._note(f"Node {node.name} was lost; another one of its kind measures '{what.model}'.")
                return
            finally:
                self._changed.set()
            if failed is None:
                plan.finished(node.name)
                progress.finished(what)
            else:
                plan.refused(node.name, f"{node.name}: {failed.message}")
                self._note(f"Node {node.name} cannot measure '{what.model}': {failed.error()}")

    async def _measured(self, node: "BenchNode", what: NodeJob, progress: ProgressOfNodes) -> Failed | None:
        def tell(step: Progress) -> None:
            progress.tell(what, node.name, step)

        for _ in range(2):
            job = self._group.job(what, self._store, paths.results_file())
            failed = await node.measure(job, self._write, tell)
            self._store.flush()
            if failed is None or job.rows is None or failed.error().reason != RESUME_DIFFERS:
                return failed
            self._group.fresh.add(what)  # another program or file than before: never pooled
        return failed

    def _write(self, write: StoreWrite) -> None:
        write.repeat(self._store)


def _sentence(what: NodeJob, why: str) -> str:
    return f"'{what.model}' was not measured on {what.kind[0]}: {why}"


def _asked(names: Sequence[str], suite: str, settings: Settings) -> tuple[RunRequest, dict[str, object]]:
    words = tuple(names) or tuple(line.name for line in models(settings=settings) if line.ready)
    if not words:
        raise BadRequest("No model is on this computer.", hint="Name models: viewfinder bench MODEL... --ray")
    words = tuple(dict.fromkeys(map(_for_nodes, words)))
    request = RunRequest(group=secrets.token_hex(6), group_names=words, variants=settings.variants)
    return request, asdict(suite_named(suite))


def _for_nodes(word: str) -> str:
    """A file or folder here by its whole path, as nodes need it; anything else as it is."""
    place = paths.expanded(word).absolute()
    return str(place) if is_reference(word) and place.exists() else word


def _interrupted(store: Store, state: Path) -> tuple[RunRequest, dict[str, object]]:
    """What the newest group of which something is left was to do, and its suite."""
    busy = in_progress(state)
    groups: dict[str, list[Run]] = {}
    for run in store.runs():
        if run.request is not None and run.request.group not in ("", *busy):
            groups.setdefault(run.request.group, []).append(run)
    for runs in reversed(groups.values()):
        if (request := runs[-1].request) is not None and _is_left(runs, request):
            return request, runs[-1].counts
    raise ViewfinderError(
        "There is no interrupted run on nodes to resume.",
        hint="Run: viewfinder bench --ray",
        code="nothing_to_resume",
    )


def _is_left(runs: Sequence[Run], request: RunRequest) -> bool:
    """Whether a model is not measured to the end on a kind of node that measured another one."""
    newest = newest_runs(runs)
    kinds = {what.kind for what in newest}
    wanted = [NodeJob(name, kind) for kind in kinds for name in request.group_names]
    return not all(what in newest and newest[what].finished_at for what in wanted)


def newest_runs(runs: Sequence[Run]) -> dict[NodeJob, Run]:
    """The newest of these runs of each model on each kind of node."""
    return {NodeJob(run.request.names[0], run.machine.kind): run for run in runs if run.request is not None}


def _prepared(request: RunRequest, suite: dict[str, object], settings: Settings) -> _Group:
    """Everything that the nodes need; hashes files that are new. Raises what the catalog raises."""
    settings = settings.model_copy(update={"variants": request.variants})
    catalog = open_catalog(settings)
    hashes = Hashes(paths.home() / "hashes.json", paths.pulled_file())
    files: dict[str, KnownFiles | None] = {}
    for name in request.group_names:
        card = card_of(catalog, name)
        try:
            variant, _ = choose_variant(card, measured_here(), settings.fleet)
        except ViewfinderError:  # it may run on a node
            files[name] = None
        else:
            files[name] = known_files(catalog, hashes, variant)
    check_settings(catalog, settings)
    sent = settings.model_copy(update={"api_key": None, "endpoints": {}, "store_url": None})
    return _Group(request, suite, sent, files)
