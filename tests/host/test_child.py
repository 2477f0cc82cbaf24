import asyncio
import json
import os
import signal
import sys
import time

import psutil
import pytest

from tests.processes import alive, left_of
from viewfinder.core.errors import EngineError, EngineMissing
from viewfinder.host import child as child_module
from viewfinder.host import warden
from viewfinder.host.child import Child, ChildSpec, Exit
from viewfinder.host.oom import MemoryKills
from viewfinder.host.records import MARK, RunRecord, this_process


def processes_of(child: Child) -> list[psutil.Process]:
    return [psutil.Process(pid) for pid in (child.warden_pid, *child.pids())]


class StubbornProcess(psutil.Process):
    """A process that cannot be killed, as when it hangs in a driver."""

    def kill(self) -> None:
        return None


def children() -> set[psutil.Process]:
    """The children of this process, without a resource tracker from other tests."""
    return set(psutil.Process().children(recursive=True))


def open_files() -> int:
    return psutil.Process().num_fds()


async def test_reports_the_code_it_exited_with(start):
    child = await start("exits_with_code", 3, ready=False)
    assert await child.wait() == Exit(3, None)
    assert child.exit == Exit(3, None)
    assert child.exit.explanation == "It exited with code 3."
    assert child.tail() == "no such model"


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (signal.SIGILL, "this build needs another CPU"),
        (signal.SIGKILL, "was killed, most often because memory ran out"),
        (signal.SIGSEGV, "crashed"),
        (signal.SIGUSR1, "by a signal from outside (signal 10, SIGUSR1)"),
    ],
)
async def test_explains_the_signal_it_died_by(start, number, words, monkeypatch):
    monkeypatch.setattr(child_module, "memory_kills", MemoryKills(None))
    child = await start("dies_by_signal", int(number), ready=False)
    ended = await child.wait()
    assert ended == Exit(None, number)
    assert words in ended.explanation
    assert child.tail() == "about to die"


def test_explains_every_end():
    assert "without an error" in Exit(0, None).explanation
    assert "stopped" in Exit(None, signal.SIGTERM, stopped=True).explanation
    assert "warden was killed" in Exit(None, None).explanation
    assert "signal 99" in Exit(None, 99).explanation


def test_a_kill_that_was_not_ours_says_whether_it_was_for_memory():
    """Where the kernel's count can be read, "most often" is not needed."""
    assert "The system killed it because memory ran out" in Exit(None, 9, for_memory=True).explanation
    assert "Another program killed it" in Exit(None, 9, for_memory=False).explanation
    assert Exit(None, 9, stopped=True).explanation == "It was stopped."


async def test_the_kernels_count_is_read_when_it_was_killed(start, tmp_path, monkeypatch):
    count = tmp_path / "memory.events"
    count.write_text("oom_kill 1\n")
    monkeypatch.setattr(child_module, "memory_kills", MemoryKills(count))
    child = await start("sleeps")
    os.kill(child.pid, signal.SIGKILL)
    assert await child.wait() == Exit(None, signal.SIGKILL, for_memory=False)
    child = await start("sleeps")
    count.write_text("oom_kill 2\n")
    os.kill(child.pid, signal.SIGKILL)
    assert await child.wait() == Exit(None, signal.SIGKILL, for_memory=True)


async def test_a_record_exists_until_the_tree_has_ended(start, tmp_path):
    file = tmp_path / "1.json"
    child = await start("describes_itself", ready=False, record=file, runs="glimpse")
    before = RunRecord.model_validate_json(file.read_bytes())
    await child.wait()
    assert before.runs == "glimpse"
    assert before.owner == this_process()
    assert before.warden.pid == child.warden_pid
    assert before.engine.pid == child.pid
    assert before.mark == json.loads(child.tail())["env"][MARK]
    assert not file.exists()


async def test_a_record_is_removed_when_a_killed_wardens_tree_was_swept(start, tmp_path):
    child = await start("forks_three", record=tmp_path / "1.json")
    os.kill(child.warden_pid, signal.SIGKILL)
    await child.wait()
    assert not (tmp_path / "1.json").exists()


async def test_a_record_stays_while_a_process_cannot_be_killed(start, tmp_path, monkeypatch):
    monkeypatch.setattr(child_module, "KILL_S", 0.1)
    child = await start("sleeps", record=tmp_path / "1.json")
    monkeypatch.setattr(Child, "_left", lambda _: [StubbornProcess(os.getpid())])
    os.kill(child.warden_pid, signal.SIGKILL)
    await child.wait()
    assert (tmp_path / "1.json").exists()


async def test_a_program_that_was_not_started_leaves_no_record(spec, tmp_path):
    for argv, cwd in (("no-such-engine",), None), (("sleep",), tmp_path / "nowhere"):
        with pytest.raises(EngineError):
            await Child.start(ChildSpec(argv, {}, tmp_path / "log", cwd=cwd, record=tmp_path / "1.json"))
        assert not (tmp_path / "1.json").exists()


async def test_a_full_disk_costs_the_record_and_not_the_engine(start, tmp_path):
    child = await start("sleeps", record=tmp_path / "nowhere" / "1.json")
    assert (await child.stop()).stopped


async def test_pids_are_the_tree_without_the_warden(start, shape):
    child = await start(shape)
    pids = child.pids()
    assert child.pid in pids
    assert child.warden_pid not in pids
    assert len(pids) == {"forks_three": 4, "escapes": 2}.get(shape, 1)
    await child.stop(0)
    assert child.pids() == []


async def test_pids_are_the_same_where_the_kernel_lists_no_children(start, shape, monkeypatch):
    child = await start(shape)
    listed = child.pids()
    monkeypatch.setattr("viewfinder.host.child._LISTS_CHILDREN", False)
    assert sorted(child.pids()) == sorted(listed)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists a thread's children")
async def test_the_tree_is_listed_without_a_look_at_any_other_process(start, monkeypatch):
    """Every silent request had all processes of the computer walked through, four times a second."""
    child = await start("forks_three")

    def all_of_them(*_: object) -> object:
        raise AssertionError("looked at every process of the computer")

    monkeypatch.setattr(psutil, "pids", all_of_them)
    monkeypatch.setattr(psutil, "_ppid_map", all_of_them)
    assert len(child.pids()) == 4


async def test_stop_leaves_nothing(start, shape):
    child = await start(shape, grace_s=0.3)
    processes = processes_of(child)
    ended = await child.stop()
    assert ended.stopped
    assert ended.signal == (signal.SIGKILL if shape == "ignores_term" else signal.SIGTERM)
    assert alive(processes) == []


async def test_stop_may_be_called_any_number_of_times(start):
    child = await start("sleeps")
    first = await asyncio.gather(child.stop(), child.stop(), child.wait())
    assert set(first) == {await child.stop()} == {child.exit}


async def test_stop_after_the_end_reports_that_end(start):
    child = await start("exits_with_code", 3, ready=False)
    await child.wait()
    assert await child.stop() == Exit(3, None)


async def test_a_second_stop_hurries_the_first(start):
    child = await start("ignores_term", grace_s=60)
    patient = asyncio.create_task(child.stop())
    await asyncio.sleep(0)
    started_s = time.monotonic()
    await child.stop(0)
    assert (await patient).signal == signal.SIGKILL
    assert time.monotonic() - started_s < 5


async def test_cancelling_a_wait_leaves_the_program_alone(start):
    child = await start("sleeps")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(child.wait(), 0.01)
    assert psutil.pid_exists(child.pid)
    assert child.exit is None


async def test_a_killed_warden_leaves_nothing(start, shape):
    child = await start(shape)
    processes = processes_of(child)
    os.kill(child.warden_pid, signal.SIGKILL)
    ended = await child.wait()
    assert left_of(processes) == []
    assert ended == Exit(None, None)


async def test_what_one_look_misses_is_ended_too(start, monkeypatch):
    """A daemon's double fork during a look: the new process is not in its list, and its parent is gone.

    One of a thousand kills, of the warden of an engine that was just leaving its session, left a process.
    """
    child = await start("forks_three")
    processes = processes_of(child)
    missed, look = iter([True]), Child._left
    monkeypatch.setattr(Child, "_left", lambda self: [] if next(missed, False) else look(self))
    os.kill(child.warden_pid, signal.SIGKILL)
    await child.wait()
    assert left_of(processes) == []


async def test_a_frozen_warden_is_continued_to_stop_its_tree(start):
    child = await start("escapes")
    processes = processes_of(child)
    os.kill(child.warden_pid, signal.SIGSTOP)
    async with asyncio.timeout(5):
        assert (await child.stop(0)).stopped
    assert alive(processes) == []


async def test_a_warden_that_hangs_is_given_up(start, monkeypatch):
    monkeypatch.setattr(psutil.Process, "resume", lambda self: None)
    monkeypatch.setattr(warden, "GIVE_UP_S", 0.1)
    monkeypatch.setattr(child_module, "DRAIN_S", 0.1)
    child = await start("forks_three")
    processes = processes_of(child)
    os.kill(child.warden_pid, signal.SIGSTOP)
    assert await child.stop(0) == Exit(None, None)
    assert alive(processes) == []


async def test_a_missing_program_is_an_error_that_says_so(tmp_path):
    files, before = open_files(), children()
    with pytest.raises(EngineMissing) as caught:
        await Child.start(ChildSpec(("no-such-engine",), dict(os.environ), tmp_path / "log"))
    assert "'no-such-engine' was not found" in caught.value.message
    assert caught.value.hint
    assert open_files() == files
    assert children() == before


@pytest.mark.parametrize(
    ("content", "mode", "words"), [("", 0o600, "is not executable"), ("?", 0o700, "not a program")]
)
async def test_a_program_that_cannot_run_is_an_error_that_says_why(tmp_path, content, mode, words):
    program = tmp_path / "engine"
    program.write_text(content)
    program.chmod(mode)
    with pytest.raises(EngineError, match=words):
        await Child.start(ChildSpec((str(program),), {}, tmp_path / "log"))


async def test_a_missing_folder_is_an_error_that_names_it(spec, tmp_path):
    files = open_files()
    with pytest.raises(EngineError, match="nowhere"):
        await Child.start(spec("sleeps", cwd=tmp_path / "nowhere"))
    assert open_files() == files


async def test_a_cancelled_start_leaves_nothing(spec):
    before = children()
    starting = asyncio.create_task(Child.start(spec("forks_three")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert children() == before


async def test_the_program_gets_what_was_specified_and_nothing_else(start, tmp_path):
    inherited = os.open(os.devnull, os.O_RDONLY)
    os.set_inheritable(inherited, True)
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        child = await start("describes_itself", "-x", "a b", ready=False, env={"COLOR": "1"}, cwd=tmp_path)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        os.close(inherited)
    assert await child.wait() == Exit(0, None)
    told = json.loads(child.tail())
    environment = {name for name in told["env"] if name != "LC_CTYPE"}  # Python's own addition
    assert environment == {"COLOR", MARK}
    assert told["cwd"] == str(tmp_path)
    assert told["argv"] == ["-x", "a b"]
    assert told["stdin"] == ""
    assert told["files"] == [0, 1, 2]
    assert told["group"] is True
    assert told["blocked"] == 0
    assert told["oom_score_adj"] >= 500


async def test_a_flood_is_bounded_in_memory_and_on_disk(start, tmp_path):
    child = await start("floods_stdout", 24, ready=False)
    await child.wait()
    sizes = [file.stat().st_size for file in tmp_path.iterdir()]
    assert child.output_bytes == 24 * 1024 * 1024
    assert len(sizes) == 2
    assert sum(sizes) < child.output_bytes
    assert max(sizes) <= 10_000_000
    assert child.tail(1).startswith("    23.1023")
    assert len(child.tail(10**6)) <= 64 * 1024


async def test_what_was_printed_before_it_serves_is_kept_whole(tmp_path):
    said = tmp_path / "said"
    program = (
        "import pathlib, signal, time; print('loading', flush=True); time.sleep(0.02); "
        f"print('listening', flush=True); pathlib.Path({str(said)!r}).touch(); signal.pause()"
    )
    child = await Child.start(
        ChildSpec((sys.executable, "-c", program), env=dict(os.environ), log_file=tmp_path / "log")
    )
    async with asyncio.timeout(10):
        while not said.exists():  # noqa: ASYNC110
            await asyncio.sleep(0.002)
    await asyncio.sleep(0.01)
    child.keep_only(lambda line: "")
    await child.stop(0)
    assert child.tail() == "loading\nlistening"


async def test_knows_when_the_program_last_printed(start):
    before_s = time.monotonic()
    child = await start("sleeps")
    assert before_s < child.last_output_s < time.monotonic()


async def test_files_stay_flat_over_many_starts(start):
    async def once() -> None:
        child = await start("exits_with_code", 0, ready=False)
        await child.wait()

    await once()
    files = open_files()
    for _ in range(10):
        await once()
    assert open_files() == files
