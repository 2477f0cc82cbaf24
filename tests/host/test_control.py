"""The control socket of an owner: private, one at a time, and found through the owner's record."""

import os
import socket
from pathlib import Path

import pytest

from viewfinder.core import paths
from viewfinder.host.control import control_path, control_socket
from viewfinder.host.ownership import OwnerLock, running_owner


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
    with pytest.raises(PermissionError, match="belongs to another user"):
        control_path(deep)
