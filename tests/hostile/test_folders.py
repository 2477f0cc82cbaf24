"""What another user put in our way on this computer is never followed (row 9).

A state folder with a long path has its sockets in the temporary folder, where every user may write.
"""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from viewfinder.core import paths
from viewfinder.core.errors import BadRequest
from viewfinder.host.leftovers import sweep
from viewfinder.host.ownership import OwnerLock, control_socket, run_folders

SOMEBODY = 4_000_000


@pytest.fixture
def deep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home whose own path is too long for a socket; the temporary folder is one of the test's own."""
    shared = Path("/tmp") / f"vf-{os.getpid()}"
    shared.mkdir()
    shared.chmod(0o1777)
    monkeypatch.setattr(paths.tempfile, "gettempdir", lambda: str(shared))
    home = tmp_path / ("deep" * 30)
    monkeypatch.setenv("VIEWFINDER_HOME", str(home))
    yield home
    for item in sorted(shared.rglob("*"), reverse=True):
        item.rmdir() if item.is_dir() and not item.is_symlink() else item.unlink()
    shared.rmdir()


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A folder of ours that is open to others, with files by the names that we use."""
    folder = tmp_path / "victim"
    (folder / "123456").mkdir(parents=True)
    folder.chmod(0o755)
    for name in ("control.sock", "owner.json", "owner.lock", "123456/x.json"):
        (folder / name).write_text("kept")
    return folder


def state_of(folder: Path) -> dict[str, tuple[int, str]]:
    """Every file in it with its mode and content, and its own mode."""
    files = {
        str(file): (file.stat().st_mode, file.read_text() if file.is_file() else "")
        for file in folder.rglob("*")
    }
    return files | {".": (folder.stat().st_mode, "")}


def planted_by_somebody(monkeypatch: pytest.MonkeyPatch, link: Path) -> None:
    """Make a link look like that of another user, which only an administrator could really do."""
    real = Path.lstat

    def lstat(self: Path) -> os.stat_result:
        seen = real(self)
        return os.stat_result((*seen[:4], SOMEBODY, *seen[5:])) if self == link else seen

    monkeypatch.setattr(Path, "lstat", lstat)


def takes_the_control_socket(home: Path) -> None:
    lock = OwnerLock.acquire(home)
    try:
        with control_socket(lock):
            pass
    finally:
        lock.release()


def makes_the_run_folder(home: Path) -> None:
    paths.run_folder()


@pytest.mark.parametrize("uses", [takes_the_control_socket, makes_the_run_folder])
@pytest.mark.parametrize("really", [True, False], ids=["as the administrator", "as it looks"])
def test_another_users_link_is_refused_and_what_it_leads_to_is_not_touched(
    deep: Path, victim: Path, monkeypatch: pytest.MonkeyPatch, uses: Callable[[Path], None], really: bool
) -> None:
    """It was followed: the folder it led to became 0700, and a file in it was deleted."""
    link = paths.run_places(deep)[1]
    link.symlink_to(victim)
    if not really:
        planted_by_somebody(monkeypatch, link)
    elif os.getuid() == 0:
        os.lchown(link, SOMEBODY, SOMEBODY)
    else:
        pytest.skip("only an administrator can give a link away")
    before = state_of(victim)
    with pytest.raises(BadRequest, match="is a link that another user made") as refused:
        uses(deep)
    assert refused.value.reason == "unsafe_folder"
    assert "VIEWFINDER_HOME" in refused.value.hint
    assert run_folders(deep) == []
    sweep(deep)
    assert state_of(victim) == before


def test_a_link_to_nowhere_creates_nothing(deep: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link, wanted = paths.run_places(deep)[1], deep.parent / "made"
    link.symlink_to(wanted)
    planted_by_somebody(monkeypatch, link)
    with pytest.raises(BadRequest, match="is a link that another user made"):
        paths.run_folder()
    assert not wanted.exists()


@pytest.mark.parametrize("kind", ["file", "pipe", "socket", "device"])
def test_anything_but_a_folder_is_refused(deep: Path, kind: str) -> None:
    place = paths.run_places(deep)[1]
    if kind == "file":
        place.write_text("kept")
    elif kind == "pipe":
        os.mkfifo(place)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(str(place))
    else:
        place.symlink_to("/dev/null")
    with pytest.raises(BadRequest, match="is not a folder"):
        paths.run_folder()
    assert place.exists()


def test_a_folder_of_another_user_is_refused(deep: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, "getuid", lambda: SOMEBODY)
        place = paths.run_places(deep)[1]
        place.mkdir()
        with pytest.raises(BadRequest, match="belongs to another user"):
            paths.private(place)
    assert place.stat().st_mode & 0o777 != 0o700


def test_a_temporary_folder_in_which_others_could_replace_ours_is_refused(deep: Path) -> None:
    shared = paths.run_places(deep)[1].parent
    shared.chmod(0o777)  # without the sticky bit
    with pytest.raises(BadRequest, match="lets other users replace"):
        paths.run_folder()


def test_a_folder_that_others_could_enter_becomes_private(deep: Path) -> None:
    place = paths.run_places(deep)[1]
    place.mkdir(mode=0o777)
    place.chmod(0o777)
    assert paths.run_folder().parent == place
    assert place.stat().st_mode & 0o777 == 0o700


def test_a_link_of_our_own_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many people keep their state on another disk that way."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    monkeypatch.setenv("VIEWFINDER_HOME", str(tmp_path / "link" / "state"))
    takes_the_control_socket(paths.home())
    assert (tmp_path / "disk" / "state").stat().st_mode & 0o777 == 0o700
