import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from viewfinder.core import paths
from viewfinder.core.errors import AlreadyRunning
from viewfinder.host.ownership import Owner, OwnerLock, running_owner, sweep_run_folders

HOLDER = Path(__file__).parents[1] / "children" / "holds_the_lock.py"
URL = "http://127.0.0.1:8080"


@contextmanager
def holder(home: Path, *url: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that tries to own the folder; its first line is "won" or "lost"."""
    with subprocess.Popen(
        [sys.executable, str(HOLDER), str(home), *url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_second_owner_learns_who_the_first_is(tmp_path):
    with holder(tmp_path, URL) as first:
        assert first.stdout.readline() == "won\n"
        assert running_owner(tmp_path) == Owner(first.pid, URL)
        with pytest.raises(AlreadyRunning) as caught:
            OwnerLock.acquire(tmp_path)
    assert f"(process {first.pid})" in caught.value.message
    assert f"listens at {URL}." in caught.value.message
    assert caught.value.exit_code == 3


def test_the_kernel_frees_what_a_killed_owner_held(tmp_path):
    with holder(tmp_path, URL) as first:
        first.stdout.readline()
        first.kill()
        first.wait()
        assert (tmp_path / "owner.json").exists()
        assert running_owner(tmp_path) is None
        OwnerLock.acquire(tmp_path).release()


def test_of_many_at_once_exactly_one_wins(tmp_path):
    contexts = [holder(tmp_path) for _ in range(6)]
    processes = [context.__enter__() for context in contexts]
    try:
        said = sorted(process.stdout.readline() for process in processes)
    finally:
        for context in contexts:
            context.__exit__(None, None, None)
    assert said == ["lost\n"] * 5 + ["won\n"]


def test_release_gives_the_folder_up(tmp_path):
    lock = OwnerLock.acquire(tmp_path / "new")
    lock.announce(URL)
    assert running_owner(tmp_path / "new") == Owner(os.getpid(), URL)
    lock.release()
    lock.release()
    assert running_owner(tmp_path / "new") is None
    assert not (tmp_path / "new" / "owner.json").exists()


def test_looking_does_not_keep_others_from_owning(tmp_path):
    assert running_owner(tmp_path / "nowhere") is None
    assert not (tmp_path / "nowhere").exists()
    assert running_owner(tmp_path) is None
    OwnerLock.acquire(tmp_path).release()


def test_an_owner_that_has_not_announced_is_just_starting(tmp_path):
    lock = OwnerLock.acquire(tmp_path)
    try:
        with pytest.raises(AlreadyRunning, match="is just starting"):
            OwnerLock.acquire(tmp_path)
    finally:
        lock.release()


@pytest.mark.parametrize(
    "record", ["", "{}", "[]", '{"pid": "x", "url": 1}', '{"pid": %d, "url": "http://old"}']
)
def test_a_record_that_is_not_the_holders_is_not_believed(tmp_path, record):
    lock = OwnerLock.acquire(tmp_path)
    try:
        (tmp_path / "owner.json").write_text(record.replace("%d", str(dead_pid())))
        assert running_owner(tmp_path) == Owner(0, "")
    finally:
        lock.release()


def test_folders_of_dead_processes_are_swept_and_others_kept(tmp_path):
    dead = tmp_path / "run" / str(dead_pid())
    alive = tmp_path / "run" / str(os.getpid())
    foreign = tmp_path / "run" / "notes"
    for folder in (dead, alive, foreign):
        folder.mkdir(parents=True)
        (folder / "a.sock").touch()
    assert sweep_run_folders(tmp_path) == [str(dead)]
    assert (alive / "a.sock").exists()
    assert (foreign / "a.sock").exists()
    assert not dead.exists()
    assert sweep_run_folders(tmp_path / "nowhere") == []


def test_the_short_folder_of_a_long_home_is_swept_too(tmp_path, monkeypatch):
    home = tmp_path / ("x" * 100)
    monkeypatch.setenv("VIEWFINDER_HOME", str(home))
    ours = paths.run_folder()
    assert home not in ours.parents
    dead = ours.parent / str(dead_pid())
    dead.mkdir()
    try:
        assert sweep_run_folders(home) == [str(dead)]
        assert ours.exists()
    finally:
        ours.rmdir()
        ours.parent.rmdir()


def test_a_link_is_not_followed(tmp_path):
    precious = tmp_path / "precious"
    (precious / str(dead_pid())).mkdir(parents=True)
    home = tmp_path / "home"
    home.mkdir()
    (home / "run").symlink_to(precious)
    assert sweep_run_folders(home) == []
    assert list(precious.iterdir())
