"""A program that we start, whose whole process tree is killed when we exit, even by SIGKILL.

Called by `fleet/process` for engines. `host/warden` runs between us and the program and stops it; this is the
side that starts the warden, reads its reports, and takes over when the warden itself is killed.
"""

import asyncio
import errno
import logging
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import psutil

from viewfinder.core.errors import EngineDied, EngineError, EngineMissing
from viewfinder.host import records, warden
from viewfinder.host.oom import MemoryKills, counter_file
from viewfinder.host.output import Output
from viewfinder.host.records import RunRecord, identity_of, mark_of
from viewfinder.host.warden_process import WardenProcess, ready

_LISTS_CHILDREN = Path("/proc/thread-self/children").exists()
"""Whether the kernel lists a thread's children; otherwise every process of the computer is looked at."""
KILL_S = 2.0
"""How long we try to kill what a killed warden left."""
TEMPORARY = frozenset({errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE})
"""Errors of the system that may be gone a moment later."""
FEED_REST_S = 0.05
FEED_AT_ONCE_BYTES = 4096
"""An engine that prints this much, as while it loads, would fill its pipe of 64 KiB and wait."""
DRAIN_S = 2.0
"""How long we keep reading after the tree's end: only a process that escaped (macOS) still holds the pipe."""


@dataclass(frozen=True)
class ChildSpec:
    """What to start. `env` is the complete environment; `grace_s` is the time between TERM and KILL.

    `record` is a file that exists as long as any process of the tree does; `runs` is the model's name in it.
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
    """How a program ended; `code` and `signal` are both None when its warden was killed before it."""

    code: int | None
    signal: int | None
    stopped: bool = False
    """Whether it ended because we stopped it."""
    for_memory: bool | None = None
    """Whether the system killed it because memory ran out; None when that is not known."""

    @classmethod
    def of(cls, returncode: int, *, stopped: bool) -> "Exit":
        """From a return code as in `subprocess`: negative for a signal."""
        if returncode >= 0:
            return cls(returncode, None, stopped)
        killed = returncode == -signal.SIGKILL and not stopped
        return cls(None, -returncode, stopped, memory_kills.happened() if killed else None)

    @property
    def explanation(self) -> str:
        """What happened, in one sentence that a person can act on."""
        if self.stopped:
            return "It was stopped."
        if self.signal is not None:
            name = signal.Signals(self.signal).name if self.signal in set(signal.Signals) else "unnamed"
            meaning = SIGNAL_MEANINGS.get(self.signal, "It was killed by a signal from outside")
            if self.for_memory is not None:
                meaning = KILLED_FOR_MEMORY if self.for_memory else KILLED_FROM_OUTSIDE
            return f"{meaning} (signal {self.signal}, {name})."
        if self.code is None:
            return "It was killed because its warden was killed."
        if self.code == 0:
            return "It exited by itself, without an error."
        return f"It exited with code {self.code}."


SIGNAL_MEANINGS: dict[int, str] = {
    signal.SIGILL: "It used an instruction that this processor lacks: this build needs another CPU",
    signal.SIGKILL: "It was killed, most often because memory ran out",
    signal.SIGSEGV: "It crashed: it touched memory that is not its own",
    signal.SIGBUS: "It crashed: a file that it had mapped shrank or could not be read",
    signal.SIGABRT: "It aborted on an internal error; see its last lines",
    signal.SIGFPE: "It crashed on an arithmetic error",
}
KILLED_FOR_MEMORY = "The system killed it because memory ran out"
KILLED_FROM_OUTSIDE = "Another program killed it: not Viewfinder, and memory had not run out"

memory_kills = MemoryKills(counter_file())
"""Those of this process's cgroup, which its children are in as well."""


class Child:
    """One running program. Make it with `start`; then `stop` it, or `wait` for its end."""

    def __init__(self, spec: ChildSpec) -> None:
        self.spec = spec
        self.pid = 0
        """The program's own pid."""
        self.exit: Exit | None = None
        """Set once nothing of the tree is left."""
        self._record: RunRecord
        self._output = Output(spec.log_file)
        self._printed = asyncio.Event()
        self._process: subprocess.Popen[bytes]
        self._warden: psutil.Process
        self._control: socket.socket
        self._started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ending: asyncio.Task[Exit]

    @classmethod
    async def start(cls, spec: ChildSpec) -> "Child":
        """Start the program; returns when it runs, which is before it is ready.

        Raises EngineMissing when there is no such program, EngineError when it cannot be started, EngineDied
        when a later attempt may succeed.
        """
        child = cls(spec)
        child._ending = asyncio.create_task(child._follow(child._take_warden()))
        try:
            await child._started
        except BaseException:  # a cancelled start leaves nothing running either
            await child.stop(0)
            raise
        return child

    @property
    def warden_pid(self) -> int:
        return self._process.pid

    @property
    def last_output_s(self) -> float:
        """When the program last printed something, on the monotonic clock; at first, when it started."""
        return self._output.last_s

    @property
    def output_bytes(self) -> int:
        return self._output.total_bytes

    async def prints(self, within_s: float) -> None:
        """Return when the program has printed something since the last call, or after `within_s`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._printed.wait()
        self._printed.clear()

    def tail(self, lines: int = 20) -> str:
        return self._output.tail(lines)

    def keep_only(self, kept: Callable[[str], str]) -> None:
        """From now on, keep of each line of output only what `kept` returns; see `Output.keep_only`."""
        self._output.keep_only(kept)

    def pids(self) -> list[int]:
        """The tree: the program and every process below it, without the warden; callable from any thread."""
        if _LISTS_CHILDREN:
            return list(_below(self.warden_pid))
        try:
            return [process.pid for process in self._warden.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    async def wait(self) -> Exit:
        """Wait until the program and every process below it have ended."""
        return await asyncio.shield(self._ending)

    async def stop(self, grace_s: float | None = None) -> Exit:
        """Stop the tree: TERM, `grace_s` (the spec's when None), KILL. May be called again at any time;
        a second call with a shorter grace hurries the first. Returns when no process is left."""
        grace_s = self.spec.grace_s if grace_s is None else grace_s
        with suppress(psutil.Error):
            self._warden.resume()  # somebody may have stopped it
        with suppress(OSError):  # the warden is gone: the processes that it left are being killed
            self._control.send(b"stop %f\n" % grace_s)
        done, _ = await asyncio.wait([self._ending], timeout=grace_s + warden.GIVE_UP_S + DRAIN_S)
        if not done:
            self._kill_warden()  # it hangs; once it is dead, `_follow` kills the tree
        return await self.wait()

    def _take_warden(self) -> WardenProcess:
        try:
            taken = ready.take()
        except OSError as error:
            self._output.close()
            raise _refusal(self.spec.argv[0], error) from None
        self._process, self._control = taken.process, taken.control
        self._warden = psutil.Process(taken.process.pid)
        self._record = RunRecord(runs=self.spec.runs, mark=taken.mark, owner=records.this_process())
        self._write_record()
        return taken

    def _write_record(self) -> None:
        """Record on disk what runs, for the next Viewfinder in case both we and the warden are killed."""
        if self.spec.record is not None:
            records.write(self.spec.record, self._record)

    def _remove_record(self) -> None:
        if self.spec.record is not None:
            with suppress(OSError):
                self.spec.record.unlink()

    async def _follow(self, taken: WardenProcess) -> Exit:
        """Give the warden its order, read its reports until it is gone, then make sure that the tree is."""
        feed = _Feed(self._output, self._printed)
        loop = asyncio.get_running_loop()
        pipe, _ = await loop.connect_read_pipe(lambda: feed, taken.output)
        spec = self.spec
        try:
            await taken.send_order(spec.argv, spec.env, str(spec.cwd or ""), spec.grace_s)
            ended = await self._read_reports()
            feed.hurry()
            if ended is not None or await asyncio.to_thread(self._sweep):
                self._remove_record()
            await asyncio.wait([feed.closed], timeout=DRAIN_S)
            await asyncio.to_thread(self._process.wait)
        finally:
            self._control.close()  # should this task be cancelled: end of file, and the warden acts
            pipe.close()
            self._output.close()
            self._resolve(EngineDied(f"The warden of '{self.spec.argv[0]}' died at once. {self.tail()}"))
        self.exit = ended or Exit(None, None)
        return self.exit

    async def _read_reports(self) -> Exit | None:
        """Read the warden's reports until it is gone; None when it went without reporting an end."""
        loop = asyncio.get_running_loop()
        ended = None
        rest = b""
        while True:
            try:
                data = await loop.sock_recv(self._control, 4096)
            except ConnectionResetError:  # it went before it had read all that we sent
                data = b""
            if not data:
                return ended
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                event, number = line.split()
                if event == b"started":
                    self.pid = int(number)
                    here = {"warden": identity_of(self.warden_pid), "engine": identity_of(self.pid)}
                    self._record = self._record.model_copy(update=here)
                    self._write_record()
                    self._resolve(None)
                elif event in (b"failed", b"nowhere"):
                    self._resolve(_failure(self.spec, event == b"nowhere", int(number)))
                    ended = Exit(127, None)  # as shells report it
                else:
                    ended = Exit.of(int(number), stopped=event == b"stopped")

    def _resolve(self, failure: EngineError | None) -> None:
        """Let `start` return or raise; only the first call counts."""
        if self._started.done():
            return
        if failure is None:
            self._started.set_result(None)
        else:
            self._started.set_exception(failure)

    def _sweep(self) -> bool:
        """Kill the processes that a killed warden left; True when none remains. Its pid cannot be reused
        before we reap it, so the processes of its session are ours, and those that carry our mark are too."""
        self._kill_warden()
        give_up_s = time.monotonic() + KILL_S
        # Twice: one look misses a process that starts meanwhile and whose parent exits before it is looked
        # at, as in a daemon's double fork.
        while (left := self._left() or self._left()) and time.monotonic() < give_up_s:
            for process in left:
                with suppress(psutil.Error):
                    process.kill()
            psutil.wait_procs(left, timeout=0.1)
        if left:
            logging.getLogger(__name__).error(
                "Processes %s could not be killed: they hang in the system.", left
            )
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
    """Carries a pipe's bytes into an Output; `closed` is done at end of file.

    While it serves, it rests after each piece: what an engine prints about an answer waits in the pipe, and
    not the answer. Before that it reads at once, so that the last lines of a start are kept whole.
    """

    def __init__(self, output: Output, printed: asyncio.Event) -> None:
        self.output, self._printed = output, printed
        self._loop = asyncio.get_running_loop()
        self.closed = self._loop.create_future()
        self._pipe: asyncio.ReadTransport
        self._is_hurrying = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._pipe = cast("asyncio.ReadTransport", transport)

    def data_received(self, data: bytes) -> None:
        self.output.feed(data)
        self._printed.set()
        if self.output.is_filtered and not self._is_hurrying and len(data) < FEED_AT_ONCE_BYTES:
            self._pipe.pause_reading()
            self._loop.call_later(FEED_REST_S, self._pipe.resume_reading)

    def hurry(self) -> None:
        """Rest no more: what is left is read at once."""
        self._is_hurrying = True
        self._pipe.resume_reading()

    def connection_lost(self, _: Exception | None) -> None:
        self.closed.set_result(None)


def _failure(spec: ChildSpec, is_folder: bool, number: int) -> EngineError:
    """The error for an exec, or a folder, that failed with this errno."""
    program = spec.argv[0]
    if is_folder:
        return _refusal(program, OSError(number, os.strerror(number), str(spec.cwd)))
    if number == errno.ENOENT:
        return EngineMissing(
            f"The program '{program}' was not found.", hint="Install it, or give its full path."
        )
    if number == errno.EACCES:
        return EngineError(f"The file '{program}' is not executable.", hint=f"Run: chmod +x {program}")
    if number == errno.ENOEXEC:
        return EngineError(
            f"'{program}' is not a program that this computer can run.",
            hint="Get the build for this system and processor.",
        )
    return _refusal(program, OSError(number, os.strerror(number)))


def _refusal(program: str, error: OSError) -> EngineError:
    """The error for a start that the system refused: EngineDied when a later attempt may succeed."""
    why = ": ".join(str(part) for part in (error.filename, error.strerror) if part)
    kind = EngineDied if error.errno in TEMPORARY else EngineError
    return kind(f"The program '{program}' could not be started: {why}.")


def _below(pid: int) -> Iterator[int]:
    """Every process below this one, by the lists that the kernel keeps of each thread's children."""
    with suppress(FileNotFoundError, ProcessLookupError):  # it has ended
        for thread in Path(f"/proc/{pid}/task").iterdir():
            children = ""
            with suppress(FileNotFoundError, ProcessLookupError):
                children = thread.joinpath("children").read_text()
            for child in map(int, children.split()):
                yield child
                yield from _below(child)
