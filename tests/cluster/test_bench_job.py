"""A node measures, and the store of another computer has every row: without Ray, in this process."""

import sqlite3
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.measure.suites import small
from viewfinder.api.bench_cluster import newest_runs
from viewfinder.api.bench_node import measure_job
from viewfinder.api.bench_progress import ProgressOfNodes
from viewfinder.cluster.bench_job import BenchJob, NodeBench
from viewfinder.cluster.bench_plan import NodeJob
from viewfinder.cluster.messages import KnownFiles
from viewfinder.core.config import Settings
from viewfinder.core.errors import ViewfinderError
from viewfinder.host.hardware import this_machine
from viewfinder.measure import results
from viewfinder.measure.progress import Progress
from viewfinder.measure.runner import interrupted
from viewfinder.measure.store.rows import RunRequest
from viewfinder.measure.store.sent import rows_of
from viewfinder.measure.store.store import Store

TABLES = ("runs", "fingerprints", "processes", "exchanges", "results")
REQUEST = RunRequest(names=("glimpse",), group="g", group_names=("glimpse",))
SUITE = small(vision=4, text=2, images=2)
STEPS = 6


def job(**named: object) -> BenchJob:
    return BenchJob("glimpse", asdict(SUITE), Settings(), REQUEST, **named)  # type: ignore[arg-type]


def contents(file: Path, run: str) -> dict[str, list[dict[str, object]]]:
    """The rows of a run, without the numbers that a file gives to its rows."""
    rows = rows_of(file, run)
    return {
        table: [{name: value for name, value in row.items() if name != "number"} for row in rows[table]]
        for table in TABLES
    }


class Cut(Exception):
    """Stands for a node that is lost."""


def test_the_rows_of_a_node_arrive_and_a_lost_one_is_continued(home: Path, tmp_path: Path) -> None:
    """The node is lost after some answers; another one continues the run from the rows that had arrived."""
    file, told = tmp_path / "here.sqlite", []

    def cut(progress: Progress) -> None:
        told.append(progress)
        if progress.done >= STEPS:
            raise Cut

    with Store(file) as store:
        with pytest.raises(Cut):
            measure_job(job(), lambda write: write.repeat(store), cut)
        store.flush()
        (run,) = store.runs()
        assert (run.finished_at, run.request) == ("", REQUEST)
        before = len(store.samples(run.run, "glimpse"))
        assert before >= STEPS - 1
        with pytest.raises(ViewfinderError) as caught:
            interrupted(store, home)
        assert "--ray --resume" in caught.value.hint

        node = NodeBench(measure_job)
        assert node.run(job(rows=rows_of(file, run.run))) is None
        writes, progress = node.news()
        assert progress is not None
        assert progress.is_done
        assert node.news()[0] == []
        for write in writes:
            write.repeat(store)
        store.flush()
        assert [one.run for one in store.runs()] == [run.run]
        (result,) = results.readable(store.results_of(run.run))
        assert result.status not in ("failed", "incomplete")
        assert result.fingerprint == store.fingerprints(run.run)["glimpse"].digest
        assert newest_runs(store.runs())[NodeJob("glimpse", this_machine().kind)].finished_at
    with closing(sqlite3.connect(file)) as database:
        (twice,) = database.execute(
            "SELECT count(*) - count(DISTINCT process || scenario || place) FROM exchanges "
            "WHERE set_aside = 0 AND place IS NOT NULL AND model = 'glimpse'"
        ).fetchone()
    assert twice == 0


def test_a_node_with_other_files_says_so_and_measures_nothing(home: Path) -> None:
    node = NodeBench(measure_job)
    failed = node.run(job(files=KnownFiles("llama.cpp-f16", "0" * 64)))
    assert failed is not None
    assert (failed.error().reason, failed.unfit) == ("files_differ", "files")
    assert node.news() == ([], None)
    unknown = node.run(BenchJob("nope", asdict(SUITE), Settings(), REQUEST))
    assert unknown is not None
    assert (unknown.error().reason, unknown.unfit) == ("model_not_found", "")


def test_the_progress_of_all_nodes_is_one() -> None:
    kind, other = ("slow", 2, 4, 16, ""), ("fast", 2, 4, 16, "")
    jobs = [NodeJob("x", kind), NodeJob("y", kind), NodeJob("x", other), NodeJob("y", other)]
    shown: list[Progress] = []
    progress = ProgressOfNodes(jobs, [jobs[3]], "quick", shown.append)
    progress.tell(jobs[0], "a", Progress("x", "loading", 10, 100, left_s=None, spent_s=1))
    assert (shown[-1].left_s, shown[-1].total, shown[-1].done) == (None, 300, 10)
    progress.tell(jobs[0], "a", Progress("x", "texts", 20, 100, left_s=8.0, spent_s=2))
    assert shown[-1].left_s == pytest.approx(8 + 2 * 10), "one node measures, and two models wait"
    progress.tell(jobs[2], "b", Progress("x", "texts", 50, 100, left_s=4.0, spent_s=6))
    assert shown[-1].left_s == pytest.approx(8 + 10)
    assert shown[-1].doing == "texts, b"
    assert [one.model for one in shown[-1].models] == ["x (1)", "y (1)", "x (2)", "y (2)"]
    assert [one.doing for one in shown[-1].models] == ["texts, a", "waiting", "texts, b", "done"]
    progress.finished(jobs[0])
    progress.finish()
    assert shown[-1].is_done
    assert shown[-1].models[0].doing == "done"
