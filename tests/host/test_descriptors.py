"""The limit of open files: raised as far as it goes, and its lack told from other errors."""

import errno
import subprocess
import sys

import pytest

from viewfinder.host.descriptors import WANTED, is_shortage

RAISE = "from viewfinder.host.descriptors import raise_limit, limit; print(raise_limit() == limit(), limit())"


@pytest.mark.parametrize(
    ("limits", "raised"),
    [
        ("ulimit -Sn 256; ulimit -Hn 4096", 4096),
        ("ulimit -n 256", 256),
        ("ulimit -Sn 256", None),
    ],
    ids=["raised", "as high as it goes", "no lower than it was"],
)
def test_the_soft_limit_is_raised(limits: str, raised: int | None) -> None:
    command = f"{limits}; exec {sys.executable} -c '{RAISE}'"
    is_limit, limit = subprocess.check_output(["sh", "-c", command], text=True).split()
    assert is_limit == "True"
    assert 256 <= int(limit) <= WANTED
    assert raised in (None, int(limit))


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (OSError(errno.EMFILE, "Too many open files"), True),
        (OSError(errno.ENFILE, ""), True),
        (ConnectionRefusedError(errno.ECONNREFUSED, ""), False),
        (FileNotFoundError(errno.ENOENT, ""), False),
        (ValueError("x"), False),
    ],
    ids=str,
)
def test_a_shortage_is_told_from_other_errors(error: Exception, answer: bool) -> None:
    assert is_shortage(error) is answer
