"""Records of running processes: written atomically, and never mistaken for another process."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from pydantic import ValidationError

from viewfinder.host.records import MARK, Identity, RunRecord, identity_of, mark_of, this_process, write


def test_a_process_is_itself_and_no_later_one() -> None:
    me = this_process()
    assert me.pid == os.getpid()
    assert me.is_alive()
    assert not me.model_copy(update={"started": me.started + 1}).is_alive()
    assert not me.model_copy(update={"boot": "another"}).is_alive()


def test_a_process_that_has_ended_has_no_identity_reaped_or_not() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    identity = identity_of(process.pid)
    assert identity is not None
    assert identity.is_alive()
    process.kill()
    while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.005)
    assert not identity.is_alive()
    process.communicate()
    assert not identity.is_alive()


def test_without_proc_it_is_known_by_its_start_on_the_wall_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    me = this_process()
    assert me == Identity(pid=os.getpid(), started=psutil.Process().create_time())
    assert me.is_alive()
    assert not me.model_copy(update={"started": 1.0}).is_alive()
    assert identity_of(4_194_305) is None


def test_a_start_does_not_move_with_the_wall_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    me = this_process()
    monkeypatch.setattr(psutil, "boot_time", lambda: 0.0)
    monkeypatch.setattr(time, "time", lambda: 86_400.0)
    assert this_process() == me


def test_a_mark_is_read_from_the_process_itself() -> None:
    process = subprocess.Popen(["sleep", "60"], env={**os.environ, MARK: "0123456789abcdef"})
    try:
        while not psutil.Process(process.pid).environ():  # it is becoming another program just now
            time.sleep(0.001)
        assert mark_of(process.pid) == "0123456789abcdef"
    finally:
        process.kill()
        process.wait()
    assert mark_of(process.pid) == ""


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    record = RunRecord(runs="glimpse", mark="0123456789abcdef", owner=this_process())
    write(tmp_path / "1.json", record)
    assert RunRecord.model_validate_json((tmp_path / "1.json").read_bytes()) == record
    assert [file.name for file in tmp_path.iterdir()] == ["1.json"]


def test_a_full_disk_costs_the_record_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(file: Path, text: str) -> None:
        file.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    write(tmp_path / "1.json", this_process())
    assert list(tmp_path.iterdir()) == []
    assert "No space left" in caplog.text


@pytest.mark.parametrize("mark", ["", "0123", "0123456789ABCDEF", "0123456789abcdef\n"])
def test_a_mark_that_could_be_anybodys_is_none(mark: str) -> None:
    with pytest.raises(ValidationError):
        RunRecord(runs="glimpse", mark=mark, owner=this_process())


def test_no_process_has_pid_0() -> None:
    with pytest.raises(ValidationError):
        Identity(pid=0, started=1)
