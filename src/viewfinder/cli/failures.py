"""What a person reads of an error: a code, a sentence and what to do; called by `main`."""

import errno
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from typer.exceptions import TyperException

from viewfinder.core import paths
from viewfinder.core.errors import ViewfinderError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
_OTHER = {
    errno.EISDIR: "Name a file in it.",
    errno.ENOTDIR: "A part of that path is a file, not a folder.",
    errno.ENAMETOOLONG: "Use a shorter name.",
    errno.ELOOP: "The links in that path lead in a circle.",
    errno.EMFILE: "Allow more open files: ulimit -n 4096",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as it is shown."""

    code: str
    message: str
    hint: str
    exit_code: int = 1


def failure_of(error: Exception) -> Failure:
    """How to show an error; what nobody foresaw is an error of ours, and says how to report it."""
    if isinstance(error, ViewfinderError):
        return Failure(error.reason, error.message, error.hint, error.exit_code)
    if isinstance(error, TyperException):
        return Failure("usage", " ".join(error.format_message().split()), _usage(error), error.exit_code)
    if isinstance(error, OSError) and error.strerror is not None:
        where = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes | Path) else ""
        return Failure("system", f"{where}{error.strerror}.", _hint(error))
    if isinstance(error, UnicodeEncodeError):
        name = ascii(error.object[:100])
        said = f"{name} has letters that this shell's encoding, {error.encoding}, does not have."
        return Failure("encoding", said, "Set LC_ALL=C.UTF-8, and unset PYTHONUTF8.", 2)
    if isinstance(error, MemoryError):
        return Failure("system", "There is no memory left.", "Close other programs, or use a smaller model.")
    said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return Failure(
        "internal_error",
        f"Something failed that should not: {said}.",
        "Report it, with what `viewfinder -v` adds.",
    )


def _usage(error: TyperException) -> str:
    """How the command is typed."""
    context = getattr(error, "ctx", None)
    if context is None:
        return "All commands: viewfinder --help"
    return f"{' '.join(context.get_usage().split())} (more: {context.command_path} --help)"


def _hint(error: OSError) -> str:
    """What to do about an error of the system, which may concern the user's file or our own folder."""
    file = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes | Path) else None
    is_ours = file is None or _is_in_home(file)
    if error.errno in _FULL:
        other = ", or set VIEWFINDER_HOME to a folder on another one" if is_ours else ""
        return f"Free space on its disk{other}."
    if error.errno in _FORBIDDEN:
        return "Set VIEWFINDER_HOME to a folder that you may write to." if is_ours else "Choose another path."
    if error.errno == errno.ENOENT and file is not None:
        with suppress(OSError):  # its parents may be closed to us
            if not file.parent.is_dir():
                return f"There is no folder {file.parent}: create it."
        return "Check the path."
    return _OTHER.get(error.errno or 0, "")


def _is_in_home(file: Path) -> bool:
    try:
        home = paths.home()
    except (ViewfinderError, OSError):
        return True  # it is the home that fails
    return home == file or home in file.parents or file in home.parents
