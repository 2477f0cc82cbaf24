"""The results file: nothing is lost, nothing is written in between, others may read."""

import itertools
import json
import multiprocessing
import os
import signal
import sqlite3
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from viewfinder.client.exchange import Exchange
from viewfinder.core.errors import ViewfinderError
from viewfinder.host.hardware import Machine
from viewfinder.measure import results
from viewfinder.measure.figures import Figure, Gate, Missing
from viewfinder.measure.measures.gates.result import Gates
from viewfinder.measure.measures.load.result import LoadTimes
from viewfinder.measure.results import ModelResult
from viewfinder.measure.store import schema
from viewfinder.measure.store.rows import ANCHOR, ProcessOutcome, Run, Sample
from viewfinder.measure.store.store import Store

MACHINE = Machine(cpu="a", cores_physical=1, cores_logical=2, memory_bytes=3, os="o", python="3", gpu="")
RUN = Run("run1", "quick", "2026-01-01T00:00:00+00:00", "", MACHINE)
OUTCOME = ProcessOutcome(series={"load/ready_s": (0.2,)}, foreign_s=0.5, available_s=9.0)
NONE = Missing(missing="why not")
EXCHANGE = Exchange(
    started_s=1.0,
    first_byte_s=1.1,
    first_token_s=1.25,
    last_token_s=1.75,
    finished_s=2.0,
    token_times_s=(1.25, 1.5),
    text="réd \0 \u2028",
    prompt_tokens=9,
    completion_tokens=2,
    finish_reason="stop",
    timings={"predicted_n": 2, "nested": {"a": [1.5]}},
)


def sample(model: str = "glimpse", **more: Any) -> Sample:
    fields: dict[str, Any] = {"process": 1, "scenario": "vision", "question": "What?", "exchange": EXCHANGE}
    return Sample(run="run1", model=model, **(fields | more))


def result(model: str = "glimpse", run: str = "run1", **more: Any) -> ModelResult:
    words = ("title", "model_id", "variant", "engine", "engine_version", "quantization")
    fields: dict[str, Any] = dict.fromkeys(words, "x")
    fields |= {
        "endpoint": "x",
        "suite": "quick",
        "measured_at": "2026-01-01T00:00:00+00:00",
        "machine": MACHINE,
        "status": "verified",
        "found": {
            "gates": Gates(vision=NONE, text=Gate(passed=True, right=9, asked=9, rule="all"), follow_up=NONE),
            "load": LoadTimes(
                listening=NONE,
                ready=Figure(value=1.0, low=0.5, high=1.5, n=7, unit="s", how="median"),
                first_token=NONE,
                first_correct=NONE,
            ),
            "soak": NONE,
        },
    }
    return ModelResult(model=model, run=run, **(fields | more))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "results.sqlite"


@pytest.fixture
def store(file: Path) -> Iterator[Store]:
    with Store(file) as opened:
        opened.begin(RUN)
        yield opened


def rows(file: Path, table: str) -> int:
    database = sqlite3.connect(file)
    try:
        count: int = database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
        return count
    finally:
        database.close()


def test_exchanges_come_back_as_they_were(store: Store) -> None:
    kept = [
        sample(),
        sample(scene="bench/vision/3", expected="Red.", right=True, process=0),
        sample(
            right=False, exchange=Exchange(started_s=1.0, finished_s=1.5, error="engine_died: It is gone.")
        ),
        sample(model="other"),
    ]
    for one in kept:
        store.add(one)
    assert store.samples("run1", "glimpse") == kept[:3]
    assert store.samples("run1", "other") == kept[3:]
    assert store.samples("run2", "glimpse") == []


def test_the_file_speaks_plain_sql(store: Store, file: Path) -> None:
    store.add(sample(right=True))
    store.flush()
    database = sqlite3.connect(file)
    row = database.execute(
        "SELECT stamps ->> '$.first_token_s', is_right, stamps ->> '$.completion_tokens' FROM exchanges"
    ).fetchone()
    database.close()
    assert row == (1.25, 1, 2)


def test_exchanges_are_written_in_batches(file: Path) -> None:
    now_s = itertools.count(0.0, 0.5)
    with Store(file, clock=lambda: next(now_s)) as store:
        store.begin(RUN)
        written = []
        for _ in range(9):
            store.add(sample())
            written.append(rows(file, "exchanges"))
    assert written == [0, 0, 0, 4, 4, 4, 4, 8, 8], "every 2 s"
    assert rows(file, "exchanges") == 9, "closing writes the rest"


def test_a_result_brings_its_exchanges_with_it(store: Store, file: Path) -> None:
    store.add(sample())
    results.add(store, result())
    assert (rows(file, "exchanges"), rows(file, "results")) == (1, 1)


def test_latest_is_one_for_each_variant(store: Store) -> None:
    for model, variant, title in (
        ("b", "x", "old"),
        ("a", "x", "only"),
        ("b", "x", "new"),
        ("b", "w", "other"),
    ):
        results.add(store, result(model, variant=variant, title=title))
    assert [(one.model, one.title) for one in results.readable(store.latest())] == [
        ("a", "only"),
        ("b", "other"),
        ("b", "new"),
    ]
    assert [one.title for one in results.readable(store.history("b", "x"))] == ["new", "old"]
    assert store.history("b", "y") == []


def test_results_come_back_as_they_were(store: Store) -> None:
    results.add(store, result())
    assert results.readable(store.latest()) == [result()]


def test_runs_know_whether_they_ended(store: Store) -> None:
    assert store.runs() == [RUN]
    store.finish("run1", "2026-01-01T00:01:00+00:00")
    assert store.runs()[0].finished_at == "2026-01-01T00:01:00+00:00"


def test_a_result_of_another_version_is_left_out_and_said(
    store: Store, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    results.add(store, result("a"))
    results.add(store, result("b"))
    database = sqlite3.connect(file)
    with database:
        database.execute("UPDATE results SET result = json_remove(result, '$.status') WHERE model = 'a'")
    database.close()
    assert [one.model for one in results.readable(store.latest())] == ["b"]
    assert "Ignored the result of 'a' from run run1: written by another version" in caplog.text
    assert "Run: viewfinder bench a" in caplog.text


def test_an_exchange_needs_its_run(file: Path) -> None:
    with Store(file) as store:
        store.add(sample())
        with pytest.raises(ViewfinderError, match="FOREIGN KEY"):
            store.flush()
        store.begin(RUN)
        store.flush()
        assert len(store.samples("run1", "glimpse")) == 1, "what could not be written still waits"


def test_a_file_of_a_newer_version_is_left_alone(file: Path) -> None:
    with Store(file):
        pass
    database = sqlite3.connect(file)
    database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(ViewfinderError, match="newer Viewfinder"):
        Store(file)


def test_a_file_that_is_none_of_ours(file: Path, tmp_path: Path) -> None:
    file.write_text("this is no database, and it is long enough to be looked at as one" * 20)
    with pytest.raises(ViewfinderError, match="Move it away"):
        Store(file)
    with pytest.raises(ViewfinderError, match="cannot be opened"):
        Store(tmp_path / "no" / "such" / "folder.sqlite")


def _write(file: Path, pipe: Connection) -> None:
    with Store(file) as store:
        store.begin(RUN)
        for number in itertools.count(1):
            store.add(sample(process=number))
            store.flush()
            pipe.send(number)
            pipe.recv()


def test_another_process_reads_while_one_writes_and_a_kill_loses_nothing_written(file: Path) -> None:
    with Store(file):
        pass
    ours, theirs = multiprocessing.Pipe()
    writer = multiprocessing.get_context("spawn").Process(target=_write, args=(file, theirs))
    writer.start()
    try:
        with Store(file) as reader:
            for _ in range(20):
                written = ours.recv()
                assert len(reader.samples("run1", "glimpse")) == written
                ours.send("go on")
            written = ours.recv()
            assert writer.pid
            os.kill(writer.pid, signal.SIGKILL)
            writer.join()
            assert len(reader.samples("run1", "glimpse")) == written
            assert reader.runs()[0].finished_at == ""
    finally:
        writer.kill()
        writer.join()
        ours.close()
        theirs.close()


def test_a_file_of_the_first_version_is_brought_up_and_read(file: Path) -> None:
    """Written by the tables of 0.1.0 as they were; its results stay readable and its exchanges count."""
    exchange = {"started_s": 1.0, "finished_s": 2.0, "token_times_s": [], "error": "timeout: too late"}
    gone = NONE.model_dump()
    figures = (
        "average_inference",
        "median_inference",
        "output_tokens",
        "ttft_image",
        "ttft_text",
        "decode_rate",
    )
    old = result("glimpse").model_dump(mode="json", exclude={"fingerprint", "found"})
    old |= dict.fromkeys(("vision", "text", "follow_up", "memory_difference", *figures), gone)
    old["load"] = dict.fromkeys(("listening", "ready", "first_token", "first_correct"), gone)
    database = sqlite3.connect(file)
    for statement in schema._SCRIPTS[0].split(";\n"):
        database.execute(statement)
    database.execute("PRAGMA user_version = 1")
    database.execute(
        "INSERT INTO runs VALUES (?, ?, ?, ?, ?)", ("run1", "quick", "then", None, MACHINE.model_dump_json())
    )
    database.execute(
        "INSERT INTO exchanges VALUES (NULL, 'run1', 'glimpse', 0, 'vision', 'What?', 's', 'Red.', 1, "
        "'Red.', 'timeout: too late', 0.5, 1.0, 3, 2, ?)",
        (json.dumps(exchange),),
    )
    database.execute("INSERT INTO results VALUES (NULL, 'run1', 'glimpse', 'then', ?)", (json.dumps(old),))
    database.commit()
    database.close()
    with Store(file) as store:
        (known,) = results.readable(store.latest())
        assert (known.model, known.fingerprint, set(known.found)) == (
            "glimpse",
            "",
            {"gates", "load", "latency", "memory"},
        )
        assert known.figures["average inference"] == NONE
        (run,) = store.runs()
        assert (run.run, run.request, run.counts) == ("run1", None, {})
        (one,) = store.samples("run1", "glimpse")
        assert (one.exchange.text, one.right, one.place) == ("Red.", True, None)
        store.add(sample(place=0))
    with Store(file) as store:
        assert len(store.samples("run1", "glimpse")) == 2
    database = sqlite3.connect(file)
    assert database.execute("PRAGMA user_version").fetchone() == (schema.FORMAT_VERSION,)
    database.close()


def test_no_exchange_is_stored_twice(store: Store) -> None:
    store.add(sample(place=0))
    store.add(sample(place=0))
    with pytest.raises(ViewfinderError, match="UNIQUE"):
        store.flush()
    store._waiting.clear()


def test_a_process_that_was_cut_short_is_set_aside(store: Store) -> None:
    assert store.begin_process("run1", "glimpse", 1) == 0
    store.add(sample(place=0))
    store.add(sample(place=1))
    assert store.begin_process("run1", "glimpse", 1) == 2
    assert store.samples("run1", "glimpse") == []
    store.add(sample(place=0))
    store.finish_process("run1", "glimpse", 1, OUTCOME)
    assert len(store.samples("run1", "glimpse")) == 1
    assert store.outcomes("run1", "glimpse") == {1: OUTCOME}


def test_a_resumable_process_keeps_its_samples(store: Store) -> None:
    store.begin_process("run1", "glimpse", 0, resumable=True)
    store.add(sample(process=0, place=0))
    assert store.begin_process("run1", "glimpse", 0, resumable=True) == 0
    assert len(store.samples("run1", "glimpse")) == 1
    assert store.outcomes("run1", "glimpse") == {}


def test_a_process_is_finished_with_all_of_its_exchanges_or_not_at_all(store: Store, file: Path) -> None:
    store.begin_process("run1", "glimpse", 1)
    store.add(sample(place=0))
    store.add(sample(place=0))
    with pytest.raises(ViewfinderError):
        store.finish_process("run1", "glimpse", 1, OUTCOME)
    assert store.outcomes("run1", "glimpse") == {}
    assert rows(file, "exchanges") == 0
    store._waiting.clear()


def test_a_locked_file_says_so_and_keeps_what_waits(store: Store, file: Path) -> None:
    with Store(file, lock_patience_s=0.05) as impatient:
        impatient.add(sample(place=0))
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(ViewfinderError, match="Another program has it locked"):
            impatient.flush()
        other.execute("ROLLBACK")
        other.close()
        impatient.flush()
    assert rows(file, "exchanges") == 1


def test_a_full_disk_says_so_and_keeps_what_was_written(store: Store, file: Path) -> None:
    store.add(sample(place=0))
    store.flush()
    store._database.execute("PRAGMA max_page_count = 1")  # SQLite's own word for a disk without room
    for place in range(1, 400):
        store.add(sample(place=place))
    with pytest.raises(ViewfinderError, match="Free space on its disk"):
        store.flush()
    assert rows(file, "exchanges") == 1
    store._waiting.clear()


def test_what_a_result_sets_aside_stays_stored_and_counts_nowhere(store: Store, file: Path) -> None:
    for process in (1, 2):
        store.add(sample(process=process))
    store.add(sample("other", process=2))
    results.add(store, result(), set_aside=(2,))
    assert [one.process for one in store.samples("run1", "glimpse")] == [1]
    assert len(store.samples("run1", "other")) == 1
    store.close()
    assert rows(file, "exchanges") == 3


def test_the_anchor_is_no_model(store: Store) -> None:
    for model in (ANCHOR, "b", "a"):
        store.add(sample(model))
    store.flush()
    assert store.models_of("run1") == ["b", "a"]
    assert len(store.samples("run1", ANCHOR)) == 1


def test_nothing_is_written_while_requests_overlap(file: Path) -> None:
    now_s = itertools.count(0.0, 60.0)
    with Store(file, clock=lambda: next(now_s)) as store:
        store.begin(RUN)
        with store.held():
            store.add(sample(place=0))
            store.add(sample(place=1))
            assert rows(file, "exchanges") == 0
        store.add(sample(place=2))
        assert rows(file, "exchanges") == 3
