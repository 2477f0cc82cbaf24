"""The process of a warden, as its owner sees it: started, given its order, and one kept ready for the next.

Called by `host/child`, and by `api/serving`, which keeps one ready: an interpreter starts in 20 ms, which a
person who asks a model that is not up would wait for.
"""

import asyncio
import functools
import os
import secrets
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import BinaryIO

from viewfinder.host import warden
from viewfinder.host.records import MARK

READY_AGAIN_S = 0.25
"""From one start until the next warden is made ready: not while a small engine loads."""
_WOKEN = ("--pdeathsig", "CONT")
"""For util-linux's `setpriv`: a warden that is stopped (SIGSTOP) in the 20 ms in which its interpreter starts
would not notice that we are killed, and stay. A fork that asks for this would hold up all else for 5 ms."""
_LOADER = ("LD_", "DYLD_")
"""Variables without which an interpreter may not find its own libraries."""


@dataclass(frozen=True)
class WardenProcess:
    """A warden that runs, and waits for its order or has it.

    `control` is the socket on which it takes orders and reports, `output` is what its program will print.
    """

    process: "subprocess.Popen[bytes]"
    control: socket.socket
    output: BinaryIO
    mark: str
    """Of every process of its tree, in the environment variable `records.MARK`."""

    @classmethod
    def start(cls, before: Sequence[str] = ()) -> "WardenProcess":
        """With the words `before` its command. Raises OSError when the system has no room for a process."""
        mark = secrets.token_hex(8)
        control, theirs = socket.socketpair()
        control.setblocking(False)
        receive, send = os.pipe()
        output, printed = os.fdopen(receive, "rb", 0), os.fdopen(send, "wb", 0)
        try:
            process = subprocess.Popen(
                [*before, sys.executable, "-I", "-S", warden.__file__, str(os.getpid())],
                env=_environment() | {MARK: mark},
                stdin=theirs.fileno(),
                stdout=printed,
                stderr=printed,
                start_new_session=True,  # Ctrl-C reaches us alone, and we stop the tree in order
            )
        except OSError:
            control.close()
            output.close()
            raise
        finally:
            theirs.close()
            printed.close()
        return cls(process, control, output, mark)

    async def send_order(
        self, argv: Sequence[str], environment: Mapping[str, str], folder: str, grace_s: float
    ) -> None:
        """What to start; it reports how that went. A warden that is gone is noticed by its silence."""
        variables = [f"{name}={value}" for name, value in (dict(environment) | {MARK: self.mark}).items()]
        fields = (str(grace_s), folder, str(len(argv)), *argv, *variables)
        order = b"\0".join(os.fsencode(field) for field in fields)
        with suppress(OSError):
            await asyncio.get_running_loop().sock_sendall(self.control, b"%d\n" % len(order) + order)

    def end(self) -> None:
        """Let one go that has no order: it exits when its socket is closed."""
        self.control.close()
        self.output.close()
        self.process.kill()  # somebody may have stopped it
        self.process.wait()


class _Ready:
    """At most one warden that waits."""

    def __init__(self) -> None:
        self.waiting: WardenProcess | None = None
        self._is_kept = False

    def take(self) -> WardenProcess:
        """The one that waits, else a new one. Raises OSError."""
        taken, self.waiting = self.waiting, None
        if self._is_kept:
            asyncio.get_running_loop().call_later(READY_AGAIN_S, self._fill)
        if taken is not None and taken.process.poll() is None:
            return taken
        if taken is not None:
            taken.end()
        return WardenProcess.start()

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Meanwhile, one waits for the next start; within a running event loop."""
        self._is_kept = True
        self._fill()
        try:
            yield
        finally:
            self._is_kept = False
            if self.waiting is not None:
                self.waiting.end()
                self.waiting = None

    def _fill(self) -> None:
        if self._is_kept and self.waiting is None:
            with suppress(OSError):  # the next start says so, if it still holds then
                self.waiting = WardenProcess.start(_early_words())


ready = _Ready()
"""Of this process."""


@functools.cache
def _early_words() -> tuple[str, ...]:
    """What starts a program so that our death wakes it from its first moment; none where there is no such."""
    found = shutil.which("setpriv") if sys.platform == "linux" else None
    if found is None:
        return ()
    works = subprocess.run([found, *_WOKEN, "true"], check=False, capture_output=True).returncode == 0
    return (found, *_WOKEN) if works else ()


def _environment() -> dict[str, str]:
    """A warden's own: its engine gets what its order says."""
    return {name: value for name, value in os.environ.items() if name == "PATH" or name.startswith(_LOADER)}
