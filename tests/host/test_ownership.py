import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from viewfinder.core import paths
from viewfinder.core.errors import AlreadyRunning, BadRequest
from viewfinder.host.owner import Owner, running_owner
from viewfinder.host.ownership import (
    OwnerLock,
    claim,
    control_path,
    control_socket,
    give_up,
    is_abandoned,
    run_folders,
)
from viewfinder.host.records import this_process, write

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


def test_a_run_folder_is_abandoned_when_its_owner_is_dead(tmp_path):
    ours = tmp_path / "run" / str(os.getpid())
    ours.mkdir(parents=True)
    claim(ours)
    assert run_folders(tmp_path) == [ours]
    assert not is_abandoned(ours)
    dead = this_process().model_copy(update={"started": 1})
    write(ours / "owner.json", dead)  # its pid is ours by now
    assert is_abandoned(ours)


@pytest.mark.parametrize("word", [None, "", "{}", '{"pid": 0, "started": 1}'])
def test_without_the_owners_word_its_pid_counts(tmp_path, word):
    ours, dead = (tmp_path / "run" / str(pid) for pid in (os.getpid(), dead_pid()))
    for folder in (ours, dead):
        folder.mkdir(parents=True)
        if word is not None:
            (folder / "owner.json").write_text(word)
    assert not is_abandoned(ours)
    assert is_abandoned(dead)


def test_only_folders_named_by_a_pid_and_no_links_are_run_folders(tmp_path):
    precious = tmp_path / "precious"
    (precious / str(dead_pid())).mkdir(parents=True)
    home = tmp_path / "home"
    home.mkdir()
    assert run_folders(home) == []
    (home / "run").symlink_to(precious)
    assert run_folders(home) == []
    (home / "run").unlink()
    (home / "run" / "notes").mkdir(parents=True)
    assert run_folders(home) == []


def test_the_short_folder_of_a_long_home_is_found_too(tmp_path, monkeypatch):
    home = tmp_path / ("x" * 100)
    monkeypatch.setenv("VIEWFINDER_HOME", str(home))
    ours = paths.run_folder()
    try:
        assert home not in ours.parents
        assert run_folders(home) == [ours]
    finally:
        ours.rmdir()
        ours.parent.rmdir()


def test_a_folder_is_given_up_when_nothing_else_is_in_it(tmp_path):
    folder = tmp_path / "run" / "1"
    folder.mkdir(parents=True)
    claim(folder)
    (folder / "1.sock").touch()
    give_up(folder)
    assert not is_abandoned(folder)
    (folder / "1.sock").unlink()
    give_up(folder)
    assert not folder.exists()
    give_up(folder)


def test_only_its_user_reaches_it_and_it_is_gone_afterwards(tmp_path: Path) -> None:
    lock = OwnerLock.acquire(tmp_path)
    with control_socket(lock) as listener:
        path = Path(listener.getsockname())
        assert path == tmp_path / "control.sock"
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700
        with socket.socket(socket.AF_UNIX) as caller:
            caller.connect(str(path))
    assert not path.exists()
    lock.release()


def test_what_a_dead_owner_left_is_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "control.sock"))
    lock = OwnerLock.acquire(tmp_path)
    with control_socket(lock) as listener, socket.socket(socket.AF_UNIX) as caller:
        caller.connect(listener.getsockname())
    lock.release()


def test_a_long_home_gets_a_short_path(tmp_path: Path) -> None:
    deep = tmp_path / ("deep" * 30)
    path = control_path(deep)
    try:
        assert len(os.fsencode(path)) <= paths.SOCKET_PATH_LIMIT
        assert path.parent == paths.run_places(deep)[1]
        assert path.parent.stat().st_mode & 0o777 == 0o700
    finally:
        path.parent.rmdir()


def test_the_owners_record_says_where_it_is(tmp_path: Path) -> None:
    lock = OwnerLock.acquire(tmp_path)
    lock.announce("http://here", "/somewhere/control.sock")
    owner = running_owner(tmp_path)
    assert owner is not None
    assert owner.control == "/somewhere/control.sock"
    lock.release()


def test_a_folder_that_another_user_made_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / ("deep" * 30)
    monkeypatch.setattr(paths.tempfile, "gettempdir", lambda: str(tmp_path))
    paths.run_places(deep)[1].mkdir()
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000)
    paths.run_places(deep)[1].mkdir()
    with pytest.raises(BadRequest, match="belongs to another user"):
        control_path(deep)
