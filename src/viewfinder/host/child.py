"""A program that we start, whose whole process tree ends when we end, even by SIGKILL.

Called by `fleet/server` for engines. `host/warden` stands between us and the program and does the ending;
here is the side that starts it, hears its reports, and takes over when the warden itself is killed.
"""

import asyncio
import errno
import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import psutil

from viewfinder.core.errors import EngineDied, EngineError, EngineMissing
from viewfinder.host import records, warden
from viewfinder.host.oom import MemoryKills, counter_file
from viewfinder.host.output import Output
from viewfinder.host.records import MARK, RunRecord, identity_of, mark_of

SWEEP_S = 2.0
"""How long we try to kill what a killed warden left."""
PASSING = frozenset({errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE})
"""What the system refuses now, and may grant in a moment."""
DRAIN_S = 2.0
"""How long we read on after the tree's end: only a process that escaped (macOS) still holds the pipe."""


@dataclass(frozen=True)
class ChildSpec:
    """What to start. `env` is the complete environment; `grace_s` lies between TERM and KILL.

    `record` is the file that says who runs as long as anything of it does; `runs` is the model's name in it.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str]
    log_file: Path
    cwd: Path | None = None
    grace_s: float = 2.0
    record: Path | None = None
    runs: str = ""


@dataclass(frozen=True)
class Exit:
    """How a program ended; neither `code` nor `signal` when its warden was killed and nobody saw."""

    code: int | None
    signal: int | None
    stopped: bool = False
    """Whether it ended because it was told to."""
    for_memory: bool | None = None
    """Whether the system killed it because memory ran out; None when that is not known."""

    @classmethod
    def of(cls, returncode: int, *, stopped: bool) -> "Exit":
        """From a return code as `subprocess` has it: negative for a signal."""
        if returncode >= 0:
            return cls(returncode, None, stopped)
        killed = returncode == -signal.SIGKILL and not stopped
        return cls(None, -returncode, stopped, memory_kills.happened() if killed else None)

    @property
    def explanation(self) -> str:
        """One sentence that says what happened in words a person can act on."""
        if self.stopped:
            return "It was stopped."
        if self.signal is not None:
            name = signal.Signals(self.signal).name if self.signal in set(signal.Signals) else "unnamed"
            meaning = SIGNAL_MEANINGS.get(self.signal, "It was ended by a signal from outside")
            if self.for_memory is not None:
                meaning = KILLED_FOR_MEMORY if self.for_memory else KILLED_FROM_OUTSIDE
            return f"{meaning} (signal {self.signal}, {name})."
        if self.code is None:
            return "It was ended because its warden was killed."
        if self.code == 0:
            return "It ended by itself, without an error."
        return f"It exited with code {self.code}."


SIGNAL_MEANINGS: dict[int, str] = {
    signal.SIGILL: "It met an instruction that this processor lacks: this build needs another CPU",
    signal.SIGKILL: "It was killed, most often because memory ran out",
    signal.SIGSEGV: "It crashed: it touched memory that is not its own",
    signal.SIGBUS: "It crashed: a file that it had mapped shrank or could not be read",
    signal.SIGABRT: "It gave up on an error of its own; its last lines say which",
    signal.SIGFPE: "It crashed on an arithmetic error",
}
KILLED_FOR_MEMORY = "The system killed it because memory ran out"
KILLED_FROM_OUTSIDE = "Somebody killed it; it was not Viewfinder, and memory had not run out"

memory_kills = MemoryKills(counter_file())
"""Of this process and its children, which are in one cgroup."""


class Child:
    """One running program. Make it with `start`; then `stop` it, or `wait` for its end."""

    def __init__(self, spec: ChildSpec) -> None:
        self.spec = spec
        self.pid = 0
        """The program's own pid."""
        self.exit: Exit | None = None
        """Set once nothing of the tree is left."""
        self._record = RunRecord(runs=spec.runs, mark=secrets.token_hex(8), owner=records.this_process())
        self._output = Output(spec.log_file)
        self._process: subprocess.Popen[bytes]
        self._warden: psutil.Process
        self._control: socket.socket
        self._started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ending: asyncio.Task[Exit]

    @classmethod
    async def start(cls, spec: ChildSpec) -> "Child":
        """Start the program; returns when it runs, which is not when it is ready.

        Raises EngineMissing when there is no such program, EngineError when it cannot be started, EngineDied
        when it cannot be started now.
        """
        child = cls(spec)
        output = child._spawn()
        child._ending = asyncio.create_task(child._follow(output))
        try:
            await child._started
        except BaseException:  # a cancelled start, too, leaves nothing
            await child.stop(0)
            raise
        return child

    @property
    def warden_pid(self) -> int:
        return self._process.pid

    @property
    def last_output_s(self) -> float:
        """When the program last printed something, on the monotonic clock; before that, its start."""
        return self._output.last_s

    @property
    def output_bytes(self) -> int:
        """How much the program has printed."""
        return self._output.total_bytes

    def tail(self, lines: int = 20) -> str:
        """The last lines that the program printed."""
        return self._output.tail(lines)

    def pids(self) -> list[int]:
        """The tree: the program and all that it started, without the warden; callable from any thread."""
        try:
            return [process.pid for process in self._warden.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    async def wait(self) -> Exit:
        """Wait until the program has ended and nothing that it started is left."""
        return await asyncio.shield(self._ending)

    async def stop(self, grace_s: float | None = None) -> Exit:
        """End the tree: TERM, `grace_s` (the spec's when None), KILL. Any number of times, at any time;
        a second call with a shorter grace hurries the first. Returns when nothing is left."""
        grace_s = self.spec.grace_s if grace_s is None else grace_s
        with suppress(OSError):  # the warden is gone: what it left is being swept
            self._control.send(b"stop %f\n" % grace_s)
        done, _ = await asyncio.wait([self._ending], timeout=grace_s + warden.GIVE_UP_S + DRAIN_S)
        if not done:
            self._kill_warden()  # it hangs; its death makes us sweep
        return await self.wait()

    def _spawn(self) -> BinaryIO:
        """Start the warden; the end of the pipe that the program's output comes from."""
        self._control, warden_stdin = socket.socketpair()
        self._control.setblocking(False)
        receive, send = os.pipe()
        output, warden_stdout = os.fdopen(receive, "rb", 0), os.fdopen(send, "wb", 0)
        owner = (str(os.getpid()), str(self.spec.grace_s))
        self._note()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", warden.__file__, *owner, *self.spec.argv],
                env={**self.spec.env, MARK: self._record.mark},
                cwd=self.spec.cwd,
                stdin=warden_stdin.fileno(),
                stdout=warden_stdout,
                stderr=warden_stdout,
                start_new_session=True,  # Ctrl-C reaches us alone, and we end the tree in order
            )
        except OSError as error:
            self._control.close()
            self._output.close()
            output.close()
            self._forget()
            raise _refusal(self.spec.argv[0], error) from None
        finally:
            warden_stdin.close()
            warden_stdout.close()
        self._warden = psutil.Process(self._process.pid)
        return output

    def _note(self) -> None:
        """Say on disk what runs: for whoever comes after us, should both we and the warden be killed."""
        if self.spec.record is not None:
            records.write(self.spec.record, self._record)

    def _forget(self) -> None:
        if self.spec.record is not None:
            with suppress(OSError):
                self.spec.record.unlink()

    async def _follow(self, output: BinaryIO) -> Exit:
        """The program's life: hear the warden until it is gone, then make sure that all is."""
        feed = _Feed(self._output)
        loop = asyncio.get_running_loop()
        pipe, _ = await loop.connect_read_pipe(lambda: feed, output)
        try:
            ended = await self._hear()
            if ended is not None or await asyncio.to_thread(self._sweep):
                self._forget()
            await asyncio.wait([feed.closed], timeout=DRAIN_S)
            await asyncio.to_thread(self._process.wait)
        finally:
            self._control.close()  # should this task be cancelled: end of file, and the warden acts
            pipe.close()
            self._output.close()
            self._resolve(EngineDied(f"The warden of '{self.spec.argv[0]}' died at once. {self.tail()}"))
        self.exit = ended or Exit(None, None)
        return self.exit

    async def _hear(self) -> Exit | None:
        """Take the warden's reports until it is gone; None when it went without reporting the end."""
        loop = asyncio.get_running_loop()
        ended = None
        heard = b""
        while True:
            try:
                words = await loop.sock_recv(self._control, 4096)
            except ConnectionResetError:  # it went with words of ours unread
                words = b""
            if not words:
                return ended
            *lines, heard = (heard + words).split(b"\n")
            for line in lines:
                event, number = line.split()
                if event == b"started":
                    self.pid = int(number)
                    here = {"warden": identity_of(self.warden_pid), "engine": identity_of(self.pid)}
                    self._record = self._record.model_copy(update=here)
                    self._note()
                    self._resolve(None)
                elif event == b"failed":
                    self._resolve(_failure(self.spec.argv[0], int(number)))
                    ended = Exit(127, None)  # as a shell says it
                else:
                    ended = Exit.of(int(number), stopped=event == b"stopped")

    def _resolve(self, failure: EngineError | None) -> None:
        """Tell `start` how it went; the first word counts."""
        if self._started.done():
            return
        if failure is None:
            self._started.set_result(None)
        else:
            self._started.set_exception(failure)

    def _sweep(self) -> bool:
        """Kill what a killed warden left; whether nothing is. Its pid cannot be reused before we reap it, so
        the processes of its session are ours, and so are those that carry our mark."""
        self._kill_warden()
        give_up_s = time.monotonic() + SWEEP_S
        # Twice: one look misses a process that is born during it, and whose parent is gone when its turn
        # comes, as those of a daemon's double fork are.
        while (left := self._left() or self._left()) and time.monotonic() < give_up_s:
            for process in left:
                with suppress(psutil.Error):
                    process.kill()
            psutil.wait_procs(left, timeout=0.1)
        if left:
            logging.getLogger(__name__).error("These cannot be ended; the system holds them: %s", left)
        return not left

    def _kill_warden(self) -> None:
        with suppress(psutil.Error):
            self._warden.kill()  # not Popen.kill, which would reap it and so free its pid

    def _left(self) -> list[psutil.Process]:
        left = []
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):  # gone, or another user's
                ours = os.getsid(process.pid) == self.warden_pid or mark_of(process.pid) == self._record.mark
                if ours and process.status() != psutil.STATUS_ZOMBIE:
                    left.append(process)
        return left


class _Feed(asyncio.Protocol):
    """Carries a pipe's bytes into an Output; `closed` is done at end of file."""

    def __init__(self, output: Output) -> None:
        self.output = output
        self.closed = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        self.output.feed(data)

    def connection_lost(self, _: Exception | None) -> None:
        self.closed.set_result(None)


def _failure(program: str, number: int) -> EngineError:
    """The error for an exec that failed with this errno."""
    if number == errno.ENOENT:
        return EngineMissing(
            f"The program '{program}' was not found.", hint="Install it, or give the path where it is."
        )
    if number == errno.EACCES:
        return EngineError(f"The program '{program}' may not be run.", hint=f"Try: chmod +x {program}")
    if number == errno.ENOEXEC:
        return EngineError(
            f"'{program}' is not a program that this computer can run.",
            hint="Get the build for this system and processor.",
        )
    return _refusal(program, OSError(number, os.strerror(number)))


def _refusal(program: str, error: OSError) -> EngineError:
    """The error for what the system refused: EngineDied where it may be granted in a moment."""
    why = ": ".join(str(part) for part in (error.filename, error.strerror) if part)
    kind = EngineDied if error.errno in PASSING else EngineError
    return kind(f"The program '{program}' could not be started: {why}.")
