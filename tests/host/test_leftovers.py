"""Processes that a killed Viewfinder left: killed when they are proven to be ours, else left alone."""

import base64
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from PIL import Image

from tests.processes import alive, left_of
from viewfinder.host import leftovers as leftovers_module
from viewfinder.host.child import Child, ChildSpec
from viewfinder.host.leftovers import Stray, leftovers, sweep
from viewfinder.host.ownership import claim
from viewfinder.host.records import MARK, OWNED_BY, Identity, RunRecord, identity_of, this_process, write

CHILDREN = Path(__file__).parent.parent / "children"
OURS, OTHER = "0123456789abcdef", "fedcba9876543210"
DEAD = 4_194_305
"""A pid that no system assigns."""


def red() -> str:
    data = io.BytesIO()
    Image.new("RGB", (32, 32), "red").save(data, "PNG")
    return "data:image/png;base64," + base64.b64encode(data.getvalue()).decode()


Start = Callable[[str], Identity]


@pytest.fixture
def process() -> Iterator[Start]:
    """Starts a process that carries a mark."""
    started: list[subprocess.Popen[bytes]] = []

    def start(mark: str) -> Identity:
        started.append(subprocess.Popen(["sleep", "60"], env={**os.environ, MARK: mark}))
        while not psutil.Process(started[-1].pid).environ():  # it is becoming another program just now
            time.sleep(0.001)
        identity = identity_of(started[-1].pid)
        assert identity is not None
        return identity

    yield start
    for one in started:
        one.kill()
        one.wait()


def dead_owner() -> Identity:
    return this_process().model_copy(update={"pid": DEAD, "started": 1.0})


def recorded(home: Path, engine: Identity | None, **changes: object) -> Path:
    """The record of an engine in the run folder of an owner, which is dead unless one is given."""
    record = RunRecord(runs="glimpse", mark=OURS, owner=dead_owner(), engine=engine)
    record = record.model_copy(update=changes)
    folder = home / "run" / str(record.owner.pid)
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "owner.json", record.owner)
    write(folder / "1.json", record)
    return folder / "1.json"


def test_an_engine_whose_owner_is_dead_is_killed_and_its_record_removed(
    home: Path, process: Start, caplog: pytest.LogCaptureFixture
) -> None:
    engine, fork = process(OURS), process(OURS)
    record = recorded(home, engine)
    assert {one.identity for one in leftovers(home).processes} == {engine, fork}
    assert engine.is_alive()
    sweep(home)
    assert not engine.is_alive()
    assert not fork.is_alive()
    assert not record.parent.exists()
    assert f"Killed processes [{engine.pid}, {fork.pid}]" in caplog.text
    assert sweep(home) == leftovers_module.Leftovers()


def test_an_owner_that_was_killed_before_its_engine_had_started_left_its_mark(
    home: Path, process: Start
) -> None:
    engine = process(OURS)
    recorded(home, None)
    sweep(home)
    assert not engine.is_alive()


def test_the_engine_of_a_living_owner_is_not_touched(home: Path, process: Start) -> None:
    engine = process(OURS)
    record = recorded(home, engine, owner=this_process())
    sweep(home)
    assert engine.is_alive()
    assert record.exists()


def test_an_owner_whose_pid_means_another_process_is_dead(home: Path, process: Start) -> None:
    engine = process(OURS)
    record = recorded(home, engine, owner=this_process().model_copy(update={"started": 1.0}))
    sweep(home)
    assert not engine.is_alive()
    assert not record.exists()


def test_a_process_that_got_the_engines_pid_is_not_touched(
    home: Path, process: Start, caplog: pytest.LogCaptureFixture
) -> None:
    """Even with the same mark, which only our own engines should have."""
    later = process(OURS)
    recorded(home, later.model_copy(update={"started": later.started - 1}))
    assert later.pid in leftovers(home).doubtful
    sweep(home)
    assert later.is_alive()
    assert "not proven to be ours" in caplog.text


def test_a_process_that_is_older_than_the_engine_is_not_touched(home: Path, process: Start) -> None:
    older = process(OURS)
    recorded(home, Identity(pid=DEAD, started=older.started + 1, boot=older.boot))
    sweep(home)
    assert older.is_alive()


def test_a_process_of_another_boot_is_not_touched(home: Path, process: Start) -> None:
    older = process(OURS)
    recorded(home, Identity(pid=DEAD, started=1, boot="the one before"))
    sweep(home)
    assert older.is_alive()


@pytest.mark.parametrize("mark", ["", OTHER])
def test_an_engine_without_our_mark_is_reported_and_not_touched(
    home: Path, process: Start, caplog: pytest.LogCaptureFixture, mark: str
) -> None:
    engine = process(mark)
    record = recorded(home, engine)
    sweep(home)
    assert engine.is_alive()
    assert str(engine.pid) in caplog.text
    assert record.exists()  # for the next sweep, which may know more


def test_what_came_to_mean_another_process_since_it_was_seen_is_not_killed(process: Start) -> None:
    now = process(OURS)
    Stray(now.model_copy(update={"started": now.started - 1}), OURS).kill()
    Stray(now, OTHER).kill()
    Stray(now.model_copy(update={"pid": DEAD}), OURS).kill()
    assert now.is_alive()
    Stray(now, OURS).kill()
    assert psutil.Process(now.pid).wait(5) is not None


def test_without_pidfds_it_is_looked_at_and_killed_too(
    process: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = process(OURS)
    with monkeypatch.context() as changed:
        changed.delattr(os, "pidfd_open", raising=False)
        Stray(now, OTHER).kill()
        assert now.is_alive()
        Stray(now, OURS).kill()
    assert psutil.Process(now.pid).wait(5) is not None


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"mark": ""}', "\x00" * 4096])
def test_a_record_that_cannot_be_read_is_reported_and_moved_aside(
    home: Path, process: Start, caplog: pytest.LogCaptureFixture, content: str
) -> None:
    engine = process(OURS)
    record = recorded(home, engine)
    record.write_text(content)
    assert leftovers(home).corrupt == (record,)
    sweep(home)
    assert engine.is_alive()
    assert f"{record}, cannot be read" in caplog.text
    assert str(engine.pid) in caplog.text
    assert not record.parent.exists()
    assert [file.read_text() for file in (home / "run").iterdir()] == [content]
    caplog.clear()
    sweep(home)
    assert caplog.text == ""


def test_a_record_that_a_living_owner_is_about_to_rewrite_is_left_alone(home: Path) -> None:
    record = recorded(home, None, owner=this_process())
    record.write_text("{")
    sweep(home)
    assert record.exists()


def test_a_warden_at_work_is_given_its_time(
    home: Path, process: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(leftovers_module, "WARDEN_S", 60.0)
    warden = process("")
    with subprocess.Popen(["sleep", "0.3"], env={**os.environ, MARK: OURS}) as engine:
        recorded(home, identity_of(engine.pid), warden=warden)
        sweep(home)
        assert engine.wait() == 0
    assert "Killed" not in caplog.text


def test_what_the_system_holds_is_tried_again_at_the_next_start(
    home: Path, process: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    engine = process(OURS)
    record = recorded(home, engine)
    with monkeypatch.context() as changed:
        changed.setattr(leftovers_module, "SWEEP_S", 0.1)
        changed.setattr(Stray, "kill", lambda _: None)
        sweep(home)
    assert "could not be killed" in caplog.text
    assert record.exists()
    sweep(home)
    assert not engine.is_alive()


def test_no_process_is_looked_at_when_nothing_was_left(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = home / "run" / str(os.getpid())
    folder.mkdir(parents=True)
    claim(folder)
    monkeypatch.setattr(psutil, "pids", lambda: pytest.fail("it looked"))
    sweep(home)
    assert folder.exists()


def test_a_marked_process_without_a_warden_is_found(home: Path, process: Start) -> None:
    stray = process(OURS)
    assert stray.pid in leftovers(home).doubtful
    assert stray.is_alive()


async def test_an_engine_under_its_warden_is_not(home: Path, tmp_path: Path) -> None:
    program = (sys.executable, str(CHILDREN / "sleeps.py"))
    child = await Child.start(ChildSpec(program, dict(os.environ), tmp_path / "log"))
    try:
        found = leftovers(home)
        seen = {*found.doubtful, *(stray.identity.pid for stray in found.processes)}
        assert not {child.pid, child.warden_pid, *child.pids()} & seen
    finally:
        await child.stop(0)


def test_folders_of_the_dead_are_found_and_swept_and_others_kept(home: Path) -> None:
    dead, alive, foreign = (home / "run" / name for name in (str(DEAD), str(os.getpid()), "notes"))
    for folder in (dead, alive, foreign):
        folder.mkdir(parents=True)
        (folder / "1.sock").touch()
    assert leftovers(home).folders == (dead,)
    assert dead.is_dir()
    assert sweep(home).folders == (dead,)
    assert not dead.exists()
    assert (alive / "1.sock").exists()
    assert (foreign / "1.sock").exists()
    shutil.rmtree(home / "run")
    assert sweep(home) == leftovers_module.Leftovers()


@pytest.mark.parametrize("shape", ["forks_three", "escapes"])
def test_forks_of_an_owner_and_a_warden_that_were_killed_at_once_are_swept(
    home: Path, tmp_path: Path, shape: str
) -> None:
    """The only gap that the warden leaves; see test_warden for those it closes."""
    owner = subprocess.Popen(
        [sys.executable, CHILDREN / "owns_a_child.py", tmp_path, sys.executable, CHILDREN / f"{shape}.py"],
        stdout=subprocess.PIPE,
    )
    assert owner.stdout is not None
    owner.stdout.readline()
    folder = home / "run" / str(owner.pid)
    record = RunRecord.model_validate_json((folder / "1.json").read_bytes())
    assert record.warden is not None
    assert record.engine is not None
    tree = psutil.Process(record.warden.pid).children(recursive=True)
    owner.send_signal(signal.SIGSTOP)  # it cannot step in
    psutil.Process(record.warden.pid).kill()
    owner.kill()
    owner.communicate()
    deadline_s = time.monotonic() + 5
    while record.engine.is_alive() and time.monotonic() < deadline_s:
        time.sleep(0.005)
    assert alive(tree) != []
    sweep(home)
    assert alive(tree) == []
    assert not folder.exists()


WITHOUT_SIGNALS = """
import ctypes, sys

class NoSystem:
    def prctl(self, *_):
        pass

ctypes.CDLL = lambda *_: NoSystem()
from viewfinder.host import warden
warden.__file__ = {warden!r}
"""
"""Makes a Linux where an owner's death sends no signal, as on macOS: in decoders and a copy of the warden."""


def without_signals(folder: Path) -> dict[str, str]:
    """An environment in which processes start like that."""
    copy = folder / "viewfinder" / "host" / "warden.py"
    copy.parent.mkdir(parents=True)
    source = Path(leftovers_module.warden.__file__).read_text()
    changed = source.replace('LINUX = sys.platform == "linux"', "LINUX = False")
    assert changed != source
    copy.write_text(changed)
    (folder / "sitecustomize.py").write_text(WITHOUT_SIGNALS.format(warden=str(copy)))
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join((str(folder), str(Path(__file__).parents[2] / "src"))),
    }


@pytest.mark.parametrize("kind", ["warden", "decoder"])
def test_what_was_frozen_when_its_owner_was_killed_is_swept(home: Path, tmp_path: Path, kind: str) -> None:
    """On Linux the owner's death wakes or kills it; on macOS it outlives `serve` until the next start."""
    script, words = "owns_an_intake.py", [red()]
    if kind == "warden":
        script, words = "owns_a_child.py", [str(tmp_path), sys.executable, str(CHILDREN / "forks_three.py")]
    owner = subprocess.Popen(
        [sys.executable, CHILDREN / script, *words],
        stdout=subprocess.PIPE,
        env=without_signals(tmp_path / "x"),
    )
    assert owner.stdout is not None
    line = owner.stdout.readline()
    claimed = home / "run" / str(owner.pid)
    if kind == "warden":
        pids = json.loads(line)["tree"]
    else:
        pids = [int(line)]
        claimed.mkdir(parents=True)  # as every Viewfinder has it
    tree = [psutil.Process(pid) for pid in pids]
    tree[0].suspend()
    while tree[0].status() != psutil.STATUS_STOPPED:  # its threads stop one after another
        time.sleep(0.001)
    owner.kill()
    owner.communicate()
    try:
        assert left_of(tree, within_s=0.5) == tree
        assert {one.identity.pid for one in leftovers(home).processes} >= {one.pid for one in tree}
        sweep(home)
        assert alive(tree) == []
        assert not claimed.exists()
    finally:
        for one in alive(tree):
            one.kill()


def test_a_helper_whose_owner_lives_is_left_alone(home: Path) -> None:
    (home / "run" / str(DEAD)).mkdir(parents=True)
    named = {**os.environ, OWNED_BY: this_process().model_dump_json()}
    with subprocess.Popen(["sleep", "60"], env=named) as helper:
        other = subprocess.Popen(["sleep", "60"], env={**named, OWNED_BY: "no identity"})
        assert leftovers(home).processes == ()
        assert len(sweep(home).folders) == 1
        assert helper.poll() is other.poll() is None
        for one in (helper, other):
            one.kill()
            one.wait()
