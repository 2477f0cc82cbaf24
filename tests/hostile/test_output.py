"""Where the output goes: closed pipes, full disks, missing streams, odd files (rows 13 and 19)."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from viewfinder.cli.failures import failure_of
from viewfinder.cli.streams import PIPE_CLOSED
from viewfinder.core.errors import BadRequest, ViewfinderError
from viewfinder.core.files import read_file

VIEWFINDER = (sys.executable, "-m", "viewfinder")


@pytest.mark.parametrize("words", [("models",), ("models", "--json"), ("--help",)], ids=" ".join)
def test_a_closed_pipe_is_no_error(words: tuple[str, ...]) -> None:
    """`viewfinder models | head -1` said "Broken pipe. Set VIEWFINDER_HOME" and exited with 1."""
    receive, send = os.pipe()
    os.close(receive)
    done = subprocess.run(
        [*VIEWFINDER, *words], stdout=send, stderr=subprocess.PIPE, text=True, timeout=60, check=False
    )
    os.close(send)
    assert (done.returncode, done.stderr) == (PIPE_CLOSED, "")


def test_a_reader_that_leaves_in_the_middle_of_an_answer_is_no_error(home: Path) -> None:
    (home / "viewfinder.toml").write_text("".join(f"[models.m{n}]\nmodel = '/{n}'\n" for n in range(400)))
    with subprocess.Popen([*VIEWFINDER, "models"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(1)
        process.stdout.close()
        assert (process.stderr.read(), process.wait(30)) == (b"", PIPE_CLOSED)


@pytest.mark.parametrize("closed", [(0, 1, 2)], ids=str)
def test_streams_that_are_closed_are_no_error(closed: tuple[int, ...]) -> None:
    def close() -> None:
        for number in closed:
            os.close(number)

    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    done = subprocess.run(
        [*VIEWFINDER, "results"],
        **streams,  # type: ignore[call-overload]
        preexec_fn=close,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has it")
def test_a_full_disk_below_the_output_is_named() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*VIEWFINDER, "models"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False
        )
    assert done.returncode == 1
    assert done.stderr.startswith("error (system) No space left on device.")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (FileNotFoundError(errno.ENOENT, "No such file", "/no/dir/guide.md"), "There is no folder /no/dir"),
        (PermissionError(errno.EACCES, "Denied", "/root/x.md"), "Choose another path."),
        (OSError(errno.ENOSPC, "No space", "/mnt/x.md"), "Free space on its disk."),
        (IsADirectoryError(errno.EISDIR, "Is a directory", "/tmp"), "Name a file in it."),
        (OSError(errno.EMFILE, "Too many", "/x"), "ulimit"),
        (OSError(errno.EIO, "Broken disk", b"/x"), ""),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_hint_is_about_the_file_that_failed(error: OSError, said: str) -> None:
    """`guide -o /no/dir/guide.md` said: set VIEWFINDER_HOME."""
    shown = failure_of(error)
    assert said in shown.hint
    assert "VIEWFINDER_HOME" not in shown.hint
    assert (shown.code, shown.exit_code) == ("system", 1)


def test_a_hint_about_our_own_folder_names_its_variable(home: Path) -> None:
    for number in (errno.ENOSPC, errno.EROFS, errno.EACCES):
        assert "VIEWFINDER_HOME" in failure_of(OSError(number, "it", str(home / "logs" / "x.log"))).hint
        assert "VIEWFINDER_HOME" in failure_of(OSError(number, "it")).hint


def test_what_nobody_foresaw_is_an_error_of_ours() -> None:
    for error, said in (
        (KeyError("x"), "KeyError: 'x'"),
        (OSError("odd"), "OSError: odd"),
        (MemoryError(), ""),
    ):
        shown = failure_of(error)
        assert said in shown.message
        assert shown.code == ("system" if isinstance(error, MemoryError) else "internal_error")
    assert failure_of(BadRequest("a", hint="b")).exit_code == 2
    assert failure_of(ViewfinderError("a", code="c")).code == "c"


def _pipe(place: Path) -> None:
    os.mkfifo(place)


def _grows(place: Path) -> None:
    with place.open("wb") as file:
        file.truncate(10**12)


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (Path.mkdir, "not_a_file"),
        (_pipe, "not_a_file"),
        (lambda place: place.symlink_to("/dev/zero"), "not_a_file"),
        (lambda place: place.symlink_to(place), "file_unreadable"),
        (_grows, "file_too_large"),
        (lambda place: place.write_bytes(b"x" * 1001), "file_too_large"),
        (lambda place: None, "file_unreadable"),
    ],
    ids=["folder", "pipe", "device", "loop", "a terabyte", "a byte too many", "nothing"],
)
def test_what_is_no_file_or_too_large_is_refused_unopened(
    tmp_path: Path, make: Callable[[Path], object], code: str
) -> None:
    """`ask` read /dev/zero until memory ran out, and waited for ever for a pipe."""
    place = tmp_path / "x"
    make(place)
    with pytest.raises(BadRequest) as refused:
        read_file(place, 1000)
    assert refused.value.reason == code


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="only Linux has it")
def test_a_file_that_hides_its_size_is_read_up_to_the_limit() -> None:
    assert Path("/proc/self/environ").stat().st_size == 0
    with pytest.raises(BadRequest, match="larger than 10 bytes"):
        read_file(Path("/proc/self/environ"), 10)
    with pytest.raises(BadRequest, match="cannot be read"):
        read_file(Path("a\0b"), 10)
