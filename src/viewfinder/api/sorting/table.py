"""The table of `sort --csv`: a row for each picture; called by `run`.

It is written under another name and gets its own at the end, so that a table is always a whole one.
"""

import csv
import fcntl
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Self

from viewfinder.core.errors import AlreadyRunning, BadRequest

if TYPE_CHECKING:
    from viewfinder.api.sorting.run import SortedPicture

TABLE_COLUMNS = ("path", "status", "answer", "raw", "calibrated", "error")
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet would calculate a name that begins so."""


def csv_line(cells: "tuple[str, ...]") -> str:
    """One row, with its line end."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


def csv_row(picture: "SortedPicture") -> str:
    """The row of a picture. `status` is sorted, sure, unsure or failed."""
    path = f"./{picture.file}" if picture.file.startswith(_FORMULAS) else picture.file
    raw = "" if picture.raw is None else f"{picture.raw:.4f}"
    calibrated = "" if picture.calibrated is None else f"{picture.calibrated:.4f}"
    return csv_line((path, picture.status, picture.answer, raw, calibrated, picture.error))


class SortTable:
    """The file while it is written; a context manager that keeps it only after `finish`."""

    def __init__(self, path: Path, draft: Path, descriptor: int) -> None:
        self._path, self._draft = path, draft
        self._file = os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape", newline="")
        self._file.write(csv_line(TABLE_COLUMNS))

    @classmethod
    def open(cls, path: Path) -> Self:
        """Raises BadRequest for a file that is no table of `sort`, AlreadyRunning, and OSError."""
        _require_ours(path)
        draft = path.with_name(f".{path.name}.part")
        while True:
            descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
            try:
                lock(descriptor, path)
                if draft.exists() and os.path.samestat(draft.stat(), os.fstat(descriptor)):
                    os.ftruncate(descriptor, 0)
                    return cls(path, draft, descriptor)
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)  # another run has just finished with it

    def add(self, picture: "SortedPicture") -> None:
        """Add its row."""
        self._file.write(csv_row(picture))

    def finish(self) -> None:
        """Give the table its name."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._draft.replace(self._path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            self._draft.unlink(missing_ok=True)
        self._file.close()


def lock(descriptor: int, what: Path) -> None:
    """Until it is closed. On a file system without locks, nothing keeps two runs apart.

    Raises AlreadyRunning.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise AlreadyRunning(
            f"Another `viewfinder sort` writes to {what}.", hint="Wait for it, or choose another name."
        ) from None
    except OSError:
        return


def _require_ours(path: Path) -> None:
    if path.is_dir():
        raise BadRequest(f"{path} is a folder.", hint="Name a file in it.", param="csv")
    try:
        with path.open("rb") as opened:
            first = opened.readline(200)
    except FileNotFoundError:
        return
    if first.strip() != ",".join(TABLE_COLUMNS).encode():
        raise BadRequest(
            f"{path} has other things than a table of `viewfinder sort`.",
            hint="Name another file with --csv; this one was not changed.",
            param="csv",
        )
