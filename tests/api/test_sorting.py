"""Where sorted pictures lie: nothing is lost, overwritten or moved unasked, whatever lies there already."""

import os
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from viewfinder.api.sorting.decided import KeptDecision, KeptDecisions, task_key
from viewfinder.api.sorting.plan import sort_plan
from viewfinder.api.sorting.run import SortedPicture, Sorting
from viewfinder.api.sorting.table import SortTable
from viewfinder.api.sorting.target import DRAFT, PictureLeft, SortTarget
from viewfinder.api.sorting.walk import pictures_below
from viewfinder.core import paths
from viewfinder.core.errors import AlreadyRunning, BadRequest, ViewfinderError

NAME = Path("trip/a.png")
RIGHTS_S = 1_000_000_000


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    file = tmp_path / "photos" / NAME
    file.parent.mkdir(parents=True)
    file.write_bytes(b"a picture")
    file.chmod(0o640)
    os.utime(file, (RIGHTS_S, RIGHTS_S))
    return file


@pytest.fixture
def target(tmp_path: Path) -> Iterator[SortTarget]:
    with SortTarget.open(tmp_path / "photos-sorted") as target:
        yield target


def copied(target: SortTarget, picture: Path, into: str = "cats", others: tuple[str, ...] = ()) -> Path:
    return target.copy(picture, picture.read_bytes(), into, NAME, others)


def moved(target: SortTarget, picture: Path, into: str = "cats") -> Path:
    return target.move(picture, picture.lstat(), picture.read_bytes(), into, NAME)


def files(folder: Path) -> list[str]:
    found = (one for one in folder.rglob("*") if not one.is_dir() and one.name != DRAFT)
    return sorted(str(one.relative_to(folder)) for one in found)


def test_a_copy_has_the_times_and_the_rights_and_is_made_once(target: SortTarget, picture: Path) -> None:
    place = copied(target, picture)
    assert copied(target, picture) == place == target.folder / "cats" / NAME
    seen = place.stat()
    assert (place.read_bytes(), seen.st_mtime, seen.st_mode & 0o777) == (b"a picture", RIGHTS_S, 0o640)
    assert (files(target.folder), picture.stat().st_nlink) == ([f"cats/{NAME}"], 1)


def test_what_has_the_name_already_stays(target: SortTarget, picture: Path) -> None:
    there = target.folder / "cats" / NAME
    there.parent.mkdir(parents=True)
    there.write_bytes(b"another's")
    there.with_name("a-2.png").symlink_to(picture)
    assert copied(target, picture).name == "a-3.png"
    assert moved(target, picture).name == "a-3.png"
    assert not picture.exists()
    assert (there.read_bytes(), there.with_name("a-3.png").read_bytes()) == (b"another's", b"a picture")


def test_a_copy_follows_an_answer_that_became_sure(target: SortTarget, picture: Path) -> None:
    copied(target, picture, "unsure")
    copied(target, picture, "cats", ("cats", "dogs", "unsure"))
    assert files(target.folder) == [f"cats/{NAME}"]


def test_a_move_that_was_killed_is_completed(target: SortTarget, picture: Path) -> None:
    place = target.folder / "cats" / NAME
    place.parent.mkdir(parents=True)
    os.link(picture, place)  # the moment before its first name is removed
    assert moved(target, picture) == place
    picture.write_bytes(b"a picture")  # and on another disk
    assert moved(target, picture) == place
    assert (picture.exists(), files(target.folder)) == (False, [f"cats/{NAME}"])


def test_a_picture_that_is_in_its_place_stays_there(target: SortTarget, picture: Path) -> None:
    place = moved(target, picture)
    assert moved(target, place) == place
    assert copied(target, place) == place
    (target.folder / "dogs").symlink_to(target.folder / "cats")
    assert moved(target, target.folder / "dogs" / NAME).samefile(place)
    assert place.read_bytes() == b"a picture"


def test_what_changed_or_is_a_link_is_not_moved(target: SortTarget, picture: Path) -> None:
    seen = picture.lstat()
    picture.write_bytes(b"another picture")
    with pytest.raises(PictureLeft, match="changed"):
        target.move(picture, seen, b"a picture", "cats", NAME)
    link = picture.with_name("link.png")
    link.symlink_to(picture)
    with pytest.raises(PictureLeft, match="link"):
        moved(target, link)
    with pytest.raises(PictureLeft, match="cannot get the name"):
        target.copy(picture, b"a picture", "cats", Path("n" * 300))
    assert files(target.folder) == []


def test_a_move_that_cannot_remove_the_first_name_leaves_the_picture(
    target: SortTarget, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlink = Path.unlink

    def refused(file: Path, **options: bool) -> None:
        if file == picture:
            raise PermissionError(13, "Permission denied", str(file))
        unlink(file, **options)

    monkeypatch.setattr(Path, "unlink", refused)
    with pytest.raises(PictureLeft, match="cannot be moved away: Permission denied"):
        moved(target, picture)
    assert (picture.read_bytes(), files(target.folder)) == (b"a picture", [])


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="only Linux has another disk for everybody")
def test_a_move_to_another_disk(picture: Path) -> None:
    there = Path("/dev/shm") / f"viewfinder-sort-{os.getpid()}"
    assert there.parent.stat().st_dev != picture.stat().st_dev
    try:
        with SortTarget.open(there) as target:
            place = moved(target, picture)
            assert (place.read_bytes(), place.stat().st_mtime) == (b"a picture", RIGHTS_S)
            assert (picture.exists(), files(there)) == (False, [f"cats/{NAME}"])
            place.unlink()
            for folder in (place.parent, place.parent.parent):
                folder.rmdir()
    finally:
        assert not there.exists(), "a folder into which nothing was sorted is removed again"


def test_a_disk_without_links(target: SortTarget, picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    assert copied(target, picture) == target.folder / "cats" / NAME
    assert moved(target, picture, "dogs").read_bytes() == b"a picture"
    assert (picture.exists(), files(target.folder)) == (False, [f"cats/{NAME}", f"dogs/{NAME}"])


def test_a_full_disk_leaves_nothing_half_written(target: SortTarget, picture: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OSError, match="File too large") as full:
            target.copy(picture, b"p" * 5000, "cats", NAME)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert full.value.filename == str(target.folder)
    assert files(target.folder) == []


def test_two_runs_do_not_share_a_target(target: SortTarget, tmp_path: Path) -> None:
    with pytest.raises(AlreadyRunning, match="Another `viewfinder sort`"):
        SortTarget.open(target.folder)
    with SortTable.open(tmp_path / "a.csv"), pytest.raises(AlreadyRunning, match=r"a\.csv"):
        SortTable.open(tmp_path / "a.csv")


def test_what_a_kill_left_is_used_again(target: SortTarget, picture: Path) -> None:
    (target.folder / DRAFT).write_bytes(b"half")
    copied(target, picture)
    assert not (target.folder / DRAFT).exists()
    assert files(target.folder) == [f"cats/{NAME}"]


def test_the_pictures_of_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    for name in (
        "b/c.PNG",
        "b/.hidden.png",
        ".git/d.png",
        "b/notes.txt",
        "a\nb.jpeg",
        "z.heic",
        "sorted/e.png",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    (folder / "b" / "round").symlink_to(folder)
    (folder / os.fsdecode(b"\xff.gif")).touch()
    seen = (folder / "sorted").stat()
    found = [os.fsencode(one.relative) for one in pictures_below(folder, {(seen.st_dev, seen.st_ino)})]
    assert found == [b"a\nb.jpeg", b"z.heic", b"\xff.gif", b"b/c.PNG"]


def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "closed").mkdir()
    (tmp_path / "open.png").touch()
    scandir = os.scandir

    def refused(folder: Path) -> object:
        if folder.name == "closed":
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refused)
    assert [(one.relative, one.problem) for one in pictures_below(tmp_path, ())] == [
        (Path("open.png"), ""),
        (Path("closed"), "The folder cannot be read: Permission denied."),
    ]


def test_a_folder_is_sorted_into_itself_without_what_is_sorted(tmp_path: Path) -> None:
    for name in ("a.png", "cats/b.png", "more/c.png", "unsure/d.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert Sorting(sort_plan(tmp_path, ["cats", "dogs"], to=tmp_path)).count() == 2
    assert Sorting(sort_plan(tmp_path / "unsure", ["cats", "dogs"], to=tmp_path)).count() == 1


@pytest.mark.parametrize(
    ("typed", "to"),
    [("photos", "photos-sorted"), ("photos/", "photos-sorted"), ("photos/.", "photos-sorted")],
)
def test_it_is_sorted_beside_the_folder(
    typed: str, to: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    assert sort_plan(typed, ["a", "b"]).to == Path(to)
    monkeypatch.chdir("photos")
    assert sort_plan(".", ["a", "b"]).to == tmp_path / to
    with pytest.raises(BadRequest, match="root of a disk"):
        sort_plan("/", ["a", "b"])


@pytest.mark.parametrize("name", ["a/b", "..", ".x", "\\", "n" * 250, "Unsure", "a\x1bb"])
def test_an_answer_that_is_no_folder_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match=r"folder") as refused:
        sort_plan(tmp_path, [name, "b"])
    assert "\x1b" not in str(refused.value)


def test_a_table_is_a_whole_one_and_harmless_in_a_spreadsheet(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    with pytest.raises(KeyboardInterrupt), SortTable.open(file):
        raise KeyboardInterrupt
    assert [*tmp_path.iterdir()] == []
    for _ in range(2):  # its own may be written again
        with SortTable.open(file) as table:
            table.add(SortedPicture("=cmd|'/c calc'!A0.png", "sure", "cats", 0.98765, 0.9, 1.0))
            table.add(SortedPicture(os.fsdecode(b"\xff,\n.png"), error="No.", code="no"))
            table.finish()
    assert file.read_bytes() == (
        b"path,status,answer,raw,calibrated,error\n"
        b"./=cmd|'/c calc'!A0.png,sure,cats,0.9877,0.9000,\n"
        b'"\xff,\n.png",failed,,,,No.\n'
    )
    file.write_text("mine")
    with pytest.raises(BadRequest, match="other things"):
        SortTable.open(file)
    assert file.read_text() == "mine"


def test_answers_are_kept_for_one_task_and_a_broken_file_is_told(home: Path) -> None:
    told = KeptDecision("cats", 0.9, None, "not calibrated", 0.5)
    with KeptDecisions.open(task_key("m", "Which?")) as kept:
        kept.add(b"1", told)
        kept.add(b"1", told)
    with KeptDecisions.open(task_key("m", "Which?")) as again, KeptDecisions.open(task_key("m")) as other:
        assert (again.get(b"1"), again.get(b"2"), other.get(b"1")) == (told, None, None)
    assert paths.sorted_file().stat().st_mode & 0o777 == 0o600
    paths.sorted_file().write_bytes(b"no database" * 100)
    with pytest.raises(ViewfinderError, match="cannot be kept in") as refused:
        KeptDecisions.open(task_key("m"))
    assert "all pictures are asked again" in refused.value.hint


@pytest.mark.skipif(sys.platform != "linux", reason="bytes of names that are no text")
def test_names_keep_their_bytes(target: SortTarget, picture: Path) -> None:
    odd = picture.with_name(os.fsdecode(b"\xff\n.png"))
    picture.rename(odd)
    place = target.copy(odd, b"a picture", "cats", Path(odd.name))
    assert os.fsencode(place.name) == b"\xff\n.png"
