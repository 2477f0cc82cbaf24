"""Where files are kept, and who may read them."""

import os
from pathlib import Path

import pytest

from viewfinder.core import paths
from viewfinder.core.errors import BadRequest


def test_home_is_the_chosen_folder_and_private(home: Path) -> None:
    assert paths.home() == home
    assert home.stat().st_mode & 0o777 == 0o700


def test_the_run_folder_is_this_processs_and_private(home: Path) -> None:
    folder = paths.run_folder()
    assert folder.name == str(os.getpid())
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_long_home_still_gives_short_sockets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """macOS refuses a socket path of more than 103 bytes, Linux of more than 107."""
    deep = tmp_path / ("deep" * 30)
    monkeypatch.setenv("VIEWFINDER_HOME", str(deep))
    folder = paths.run_folder()
    try:
        assert len(os.fsencode(folder / "0000000000.sock")) <= paths.SOCKET_PATH_LIMIT
        assert folder.parent.stat().st_mode & 0o777 == 0o700
    finally:
        folder.rmdir()
        folder.parent.rmdir()


def test_a_folder_of_another_user_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else may have made the folder in /tmp first, to read what we put there."""
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000)
    with pytest.raises(BadRequest, match="belongs to another user"):
        paths.private(tmp_path)
