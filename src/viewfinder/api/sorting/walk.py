"""The pictures in a folder and the folders below it, one by one; called by `run`.

Hidden files and folders are left out, and links to folders are not followed. Only the names of one folder at
a time are held.
"""

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from viewfinder.api.question import IMAGE_SUFFIXES, OTHER_IMAGE_SUFFIXES

FolderId = tuple[int, int]
"""Device and inode."""


@dataclass(frozen=True, slots=True)
class PictureBelow:
    """A picture, by its path below the folder; or, with a `problem`, a folder that cannot be read."""

    path: Path
    relative: Path
    problem: str = ""


def pictures_below(folder: Path, left_out: Collection[FolderId]) -> Iterator[PictureBelow]:
    """In the order of their names, each folder before those in it."""
    waiting = [Path()]
    while waiting:
        here = waiting.pop()
        names: list[str] = []
        below: list[str] = []
        try:
            with os.scandir(folder / here) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        below.append(entry.name)
                    elif Path(entry.name).suffix.lower() in (*IMAGE_SUFFIXES, *OTHER_IMAGE_SUFFIXES):
                        names.append(entry.name)
        except OSError as error:
            yield PictureBelow(folder / here, here, f"The folder cannot be read: {error.strerror}.")
        names.sort()
        for name in names:
            yield PictureBelow(folder / here / name, here / name)
        below.sort(reverse=True)
        waiting += [here / name for name in below if folder_id(folder / here / name) not in left_out]


def count_below(folder: Path, left_out: Collection[FolderId]) -> int:
    """The number of pictures, for a progress bar."""
    return sum(1 for _ in pictures_below(folder, left_out))


def folder_id(folder: Path) -> FolderId | None:
    """None where there is no such folder."""
    try:
        seen = folder.stat()
    except OSError:
        return None
    return seen.st_dev, seen.st_ino
