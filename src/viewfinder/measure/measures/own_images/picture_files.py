"""The file of an image that a table names; called by `questions`."""

import unicodedata
from pathlib import Path, PurePosixPath

from viewfinder.core.errors import InvalidImage


def file_in(folder: Path, name: str) -> Path:
    """The file of this name, relative to the folder. Raises InvalidImage.

    Where there is no such file, the parts of the name are compared as other systems do it: with \\ between
    them, in any case, and with letters and accents apart. A file outside the folder is refused: the questions
    may come from another person than the one who measures, and the server under measurement from a third.
    """
    try:
        for one in dict.fromkeys((name, name.replace("\\", "/"))):
            file = (folder / one).resolve()
            if not file.is_relative_to(folder.resolve()):
                raise InvalidImage("The image is outside the folder.")
            if not file.is_file():
                file = _alike(folder, PurePosixPath(one)).resolve()
            if file.is_relative_to(folder.resolve()) and file.is_file():
                return file
    except (OSError, ValueError):  # a name too long, or with a null
        pass
    raise InvalidImage("There is no such image in the folder.")


def elsewhere(folder: Path, name: str) -> str:
    """A hint when an image is in another folder than its table says; empty if it is not."""
    wanted = _plain(PurePosixPath(name.replace("\\", "/")).name)
    for file in sorted(folder.rglob("*")):
        if _plain(file.name) == wanted and file.is_file():
            found = file.relative_to(folder).as_posix()
            return f"Names are relative to the folder: write {found!r}." if found != name else ""
    return ""


def _alike(folder: Path, name: PurePosixPath) -> Path:
    """The one file whose name differs only in what other systems ignore; else the name as it is."""
    found = folder
    for part in name.parts:
        same = [one for one in found.iterdir() if _plain(one.name) == _plain(part)] if part != ".." else []
        found = same[0] if len(same) == 1 else found / part
    return found


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
