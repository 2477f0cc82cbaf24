"""The folder that pictures are sorted into: copies or moves them, and overwrites nothing; called by `run`.

A picture is written whole under another name and then gets its own by a link, which fails where something has
that name already: it is numbered then. What a kill leaves is a file by that other name, which the next run
uses again, or a moved picture with both its names, of which the next run removes the first.
"""

import errno
import hashlib
import os
import shutil
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Self

from viewfinder.api.sorting.table import lock
from viewfinder.core.errors import BadRequest, ViewfinderError

DRAFT = ".viewfinder-sort.part"
_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})
"""What a file system without hard links says, or one with too many."""
_OF_ONE_NAME = frozenset({errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL})
"""What is wrong with one name only."""
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_HASHED_AT_ONCE = 1024 * 1024


class PictureLeft(ViewfinderError):
    """One picture stays where it is; the others need not."""

    code = "picture_left"


class SortTarget:
    """Used by one run at a time; a context manager."""

    def __init__(self, folder: Path, descriptor: int, made: list[Path]) -> None:
        self.folder = folder
        self._descriptor, self._made = descriptor, made
        self._draft = folder / DRAFT

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Make the folder, and see that it can be written to. Raises BadRequest, AlreadyRunning, OSError."""
        made = [one for one in (folder, *folder.parents) if not one.exists()]
        if folder.exists() and not folder.is_dir():
            raise BadRequest(f"{folder} is no folder.", hint="Name another one: --to DIR", param="to")
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            lock(descriptor, folder)
            target = cls(folder, descriptor, made)
            target._write_draft(b"")
            target._draft.unlink()
        except BaseException:
            os.close(descriptor)
            raise
        return target

    def copy(
        self, picture: Path, content: bytes, into: str, relative: Path, others: Collection[str] = ()
    ) -> Path:
        """Write what was asked about, with the picture's times and rights; the path that it has now.

        One that lies there with the same content is that copy; one in a folder of the `others` is given its
        new place. Raises PictureLeft and OSError.
        """
        with _explained(picture, self.folder / into / relative):
            before = [self.folder / other / relative for other in others if other != into]
            copied = next((one for one in before if _has(one, content) and not _is_same(one, picture)), None)
            for place in self._places(into, relative):
                if not os.path.lexists(place) and self._named(copied or self._copy(picture, content), place):
                    return place
                if _has(place, content):
                    return place
        raise AssertionError

    def move(self, picture: Path, seen: os.stat_result, content: bytes, into: str, relative: Path) -> Path:
        """Give the picture its place in the target; on another disk, copy it, read it again, and remove it.

        `seen` is what it was when its content was read. Raises PictureLeft and OSError.
        """
        with _explained(picture, self.folder / into / relative):
            _require_unchanged(picture, seen)
            for place in self._places(into, relative):
                if _is_same_entry(place, picture):
                    return place  # it is sorted into the folder that it is in
                if _is_same(place, picture) or _has(place, content):
                    self._remove(picture, seen)  # a run was killed before it did
                    return place
                if self._linked(picture, content, place):
                    self._remove(picture, seen, made=place)
                    return place
        raise AssertionError

    def _places(self, into: str, relative: Path) -> Iterator[Path]:
        """Where it may be, in turn: by its own name, or numbered."""
        place = self.folder / into / relative
        place.parent.mkdir(parents=True, exist_ok=True)
        yield place
        for number in count(2):
            yield place.with_name(f"{place.stem}-{number}{place.suffix}")

    def _linked(self, picture: Path, content: bytes, place: Path) -> bool:
        """Whether the picture has this name now, too, or a copy on another disk."""
        if os.path.lexists(place):
            return False
        try:
            return self._named(picture, place, keep=True)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
        if not self._named(self._copy(picture, content), place):
            return False
        for folder in place.parents[: len(place.parents) - len(self.folder.parents)]:
            _settle(folder)
        if _hash_of(place) != hashlib.sha256(content).digest():
            place.unlink()
            raise PictureLeft(f"Its copy {place} does not have what was written.", hint="Check that disk.")
        return True

    def _named(self, file: Path, place: Path, *, keep: bool = False) -> bool:
        """Give a file of this disk a name that nothing has; False when something has it."""
        try:
            os.link(file, place, follow_symlinks=False)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            if os.path.lexists(place):
                return False
            file.rename(place)  # no other run writes here
            return True
        if not keep:
            file.unlink()
        return True

    def _remove(self, picture: Path, seen: os.stat_result, *, made: Path | None = None) -> None:
        """Remove the first name of a picture that has its place, or else the name that was just `made`."""
        try:
            if picture.exists():  # else it was renamed
                _require_unchanged(picture, seen)
                picture.unlink()
        except BaseException:
            if made is not None and picture.exists():
                made.unlink(missing_ok=True)
            raise

    def _copy(self, picture: Path, content: bytes) -> Path:
        """The draft, with the content and what else is known of the picture."""
        self._write_draft(content)
        with suppress(OSError):  # not all file systems have all of it
            shutil.copystat(picture, self._draft)
        return self._draft

    def _write_draft(self, content: bytes) -> None:
        """A file that is whole on the disk, and ours."""
        self._draft.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self._draft, flags, 0o666)
        try:
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            os.fsync(descriptor)
        except OSError as error:
            self._draft.unlink(missing_ok=True)
            raise OSError(error.errno, error.strerror, str(self.folder)) from None
        finally:
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._draft.unlink(missing_ok=True)
        for folder in self._made:  # nothing was sorted into it
            with suppress(OSError):
                folder.rmdir()
        os.close(self._descriptor)


@contextmanager
def _explained(picture: Path, place: Path) -> Iterator[None]:
    """What the system says of one picture's name or rights is that picture's error."""
    try:
        yield
    except OSError as error:
        if error.errno in _OF_ONE_NAME:
            raise PictureLeft(f"It cannot get the name {place}: {error.strerror}.") from None
        if error.errno in _FORBIDDEN and str(error.filename) == str(picture):
            raise PictureLeft(f"It cannot be moved away: {error.strerror}.") from None
        raise


def _require_unchanged(picture: Path, seen: os.stat_result) -> None:
    now = picture.lstat()
    if stat.S_ISLNK(now.st_mode):
        raise PictureLeft("It is a link, which is not moved.", hint="Without --move its content is copied.")
    if (now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns) != (
        seen.st_dev,
        seen.st_ino,
        seen.st_size,
        seen.st_mtime_ns,
    ):
        raise PictureLeft("It was changed while the model was asked.", hint="Sort it again.")


def _has(place: Path, content: bytes) -> bool:
    """Whether it is a file with this content; a link to one is not."""
    try:
        there = place.lstat()
    except OSError:
        return False
    is_alike = stat.S_ISREG(there.st_mode) and there.st_size == len(content)
    return is_alike and _hash_of(place) == hashlib.sha256(content).digest()


def _hash_of(file: Path) -> bytes:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").digest()


def _settle(folder: Path) -> None:
    """See that the names in a folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_same(place: Path, picture: Path) -> bool:
    with suppress(OSError):
        return os.path.samestat(place.lstat(), picture.lstat())
    return False


def _is_same_entry(place: Path, picture: Path) -> bool:
    """Whether it is one name of one file, on a disk that ignores the case of letters, too."""
    return (
        _is_same(place, picture)
        and os.path.samestat(place.parent.stat(), picture.parent.stat())
        and place.name.casefold() == picture.name.casefold()
    )
