"""Our side of one decoder process: started for its first image, replaced when it is lost.

Called by `pool`. One image at a time.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from time import monotonic as now_s
from typing import Any, Self, cast

import orjson
import psutil

from viewfinder.core.errors import Busy
from viewfinder.host.descriptors import is_shortage
from viewfinder.host.records import OWNED_BY, this_process
from viewfinder.media.frames import MAX_HEAD_BYTES, SIZES, AnyOrder, pack_head
from viewfinder.wire.long_text import LongText

START_TIMEOUT_S = 30.0
MAX_BYTES_PER_PIXEL = 8
"""Limit on a reply; a PNG of noise in base64 needs a little more than 4."""
PIECE_CHARS = 1024 * 1024
"""An image is sent and taken in pieces of this size: no second copy of it is made, and none takes long."""
LOOK_S = 0.25
"""How often a process that decodes is looked at."""
STILL_S = 5.0
"""A process that has an image and uses no processor time for this long makes no progress: it is frozen, or it
gets no processor."""

KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME")
"""The decoder reads clients' bytes, so it does not get the keys and tokens in our environment."""


Decoded = tuple[dict[str, Any], LongText]
"""A reply of the process: its head and its payload."""


class DecoderLost(Exception):
    """The process could not start, exited before it replied, or made no progress: not the image's fault."""


class DecoderTimeout(Exception):
    """The image needs too much time; the process was killed."""


class DecoderWorker:
    """At most one decoder process; `decode` queues."""

    def __init__(self, *, max_pixels: int, timeout_s: float, niceness: int = 0) -> None:
        self._max_pixels = max_pixels
        self._niceness = niceness
        self._timeout_s = timeout_s
        self._lock = asyncio.Lock()
        self._process: DecoderProcess | None = None
        self._is_outdated = False

    @property
    def pid(self) -> int | None:
        """The running process; None before the first image and after a loss."""
        return None if self._process is None or self._process.gone else self._process.pid

    def limit(self, *, max_pixels: int, timeout_s: float) -> None:
        """Set the limits for every image that is not being decoded yet; the next one gets a new process."""
        self._is_outdated |= (max_pixels, timeout_s) != (self._max_pixels, self._timeout_s)
        self._max_pixels, self._timeout_s = max_pixels, timeout_s

    async def decode(self, payload: str | memoryview, order: AnyOrder, *, cpu_s: float) -> Decoded:
        """The process's reply to one image in base64, which may take `cpu_s` of processor time.

        Raises DecoderLost or DecoderTimeout for this image; the next one gets a new process. A cancelled call
        kills the process too: it stops using a core, and its reply cannot reach another caller. Raises Busy
        when no process can be started now.
        """
        async with self._lock:
            process = self._process
            try:
                process = await self._ready_process()
                asking = process.ask(order, payload, cpu_s)
                return await watched(process.pid, asking, cpu_s=cpu_s, timeout_s=self._timeout_s)
            except BaseException as error:
                await self._end()
                if is_shortage(error):
                    raise Busy.short_of_descriptors() from None
                if isinstance(error, OSError | EOFError | ValueError):
                    if process is not None and process.used_up_its_time:
                        raise DecoderTimeout from None
                    raise DecoderLost from None
                raise

    async def close(self) -> None:
        """Kill the process, if there is one, even while it decodes an image."""
        if self._process is not None:
            self._process.kill()
        async with self._lock:
            await self._end()

    async def _ready_process(self) -> "DecoderProcess":
        if self._process is None or self._process.gone or self._is_outdated:
            await self._end()
            self._is_outdated = False
            self._process = await DecoderProcess.start(self._max_pixels, self._timeout_s, self._niceness)
            ready = self._process.read()  # its first reply says that it is ready
            await watched(self._process.pid, ready, cpu_s=START_TIMEOUT_S, timeout_s=START_TIMEOUT_S)
        return self._process

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            await process.end()


async def watched(pid: int, work: Coroutine[Any, Any, Decoded], *, cpu_s: float, timeout_s: float) -> Decoded:
    """The result of `work`, which the process does. Raises DecoderLost when it makes no progress meanwhile,
    DecoderTimeout when it takes too long."""
    vigil = Vigil(pid, cpu_s=cpu_s, timeout_s=timeout_s)
    working = asyncio.create_task(work)
    try:
        while not working.done():
            await asyncio.wait([working], timeout=LOOK_S)
            if not working.done():
                vigil.look()
        return working.result()
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


class Vigil:
    """Looks at a process that has an image, and tells one that is frozen from an image that takes long."""

    def __init__(self, pid: int, *, cpu_s: float, timeout_s: float) -> None:
        self._cpu_s, self._timeout_s = cpu_s, timeout_s
        self._began_s = self._moved_s = now_s()
        self._pid = pid
        self._process: psutil.Process | None = None
        self._used_s = 0.0
        self._first_s: float | None = None

    def look(self) -> None:
        """Raises DecoderLost or DecoderTimeout when it is time to kill the process."""
        at_s = now_s()
        with suppress(psutil.Error):  # it has ended: its pipe says so
            self._process = self._process or psutil.Process(self._pid)
            if self._process.status() == psutil.STATUS_STOPPED:
                raise DecoderLost
            used_s = _used_s(self._process)
            if self._first_s is None:
                self._first_s = used_s
            if used_s > self._used_s:
                self._used_s, self._moved_s = used_s, at_s
        if self._first_s is not None and self._used_s - self._first_s >= self._cpu_s:
            raise DecoderTimeout
        if at_s - self._moved_s >= min(STILL_S, self._timeout_s):
            raise DecoderLost
        if at_s - self._began_s >= self._timeout_s:
            raise DecoderTimeout


def most_encoded(size_bytes: int) -> int:
    """The length of this many bytes in base64."""
    return -(-size_bytes // 3) * 4


def _used_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


class DecoderProcess:
    """One run of `decoder`, and its two pipes."""

    def __init__(self, process: asyncio.subprocess.Process, max_reply_bytes: int) -> None:
        self._process = process
        self._orders = cast(asyncio.StreamWriter, process.stdin)
        self._replies = cast(asyncio.StreamReader, process.stdout)
        self._max_reply_bytes = max_reply_bytes
        self.pid = process.pid
        self._victim: psutil.Process | None = None
        with suppress(psutil.Error):  # it has ended already
            self._victim = psutil.Process(process.pid)

    @classmethod
    async def start(cls, max_pixels: int, cpu_s: float, niceness: int = 0) -> Self:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-P", "-B", "-m", "viewfinder.media.decoder"),
            *(str(max_pixels), str(cpu_s), str(os.getpid()), str(niceness)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=_environment(),
            start_new_session=True,  # Ctrl-C reaches only us; the process exits at the end of its stdin
        )
        return cls(process, MAX_BYTES_PER_PIXEL * max_pixels + MAX_HEAD_BYTES)

    @property
    def gone(self) -> bool:
        return self._process.returncode is not None or self._replies.at_eof()

    @property
    def used_up_its_time(self) -> bool:
        """Whether it has ended because it reached its own limit of processor time."""
        return self._process.returncode == -signal.SIGXCPU

    async def ask(self, order: AnyOrder, payload: str | memoryview, cpu_s: float) -> Decoded:
        if order.most_bytes is not None:
            self._max_reply_bytes = most_encoded(order.most_bytes) + MAX_HEAD_BYTES
        self._orders.write(pack_head(asdict(order) | {"cpu_s": cpu_s}, len(payload)))
        for at in range(0, len(payload), PIECE_CHARS):
            piece = payload[at : at + PIECE_CHARS]
            self._orders.write(piece.encode("ascii") if isinstance(piece, str) else piece)
            await self._orders.drain()
        return await self.read()

    async def read(self) -> Decoded:
        """The next reply. Its size is bounded: a compromised decoder must not fill our memory."""
        head_bytes, payload_bytes = SIZES.unpack(await self._replies.readexactly(SIZES.size))
        if head_bytes > MAX_HEAD_BYTES or payload_bytes > self._max_reply_bytes:
            raise ValueError("the decoder's reply is too large")
        head = orjson.loads(await self._replies.readexactly(head_bytes))
        sizes = (min(PIECE_CHARS, payload_bytes - at) for at in range(0, payload_bytes, PIECE_CHARS))
        return head, LongText(tuple([await self._replies.readexactly(size) for size in sizes]))

    async def end(self) -> None:
        """Kill it and wait until it is gone; it has nothing to save."""
        self.kill()
        self._orders.close()
        while await self._replies.read(MAX_HEAD_BYTES):
            pass  # `wait` needs the end of the pipe, which asyncio does not see while the buffer is full
        await self._process.wait()

    def kill(self) -> None:
        if self._process.returncode is None and self._victim is not None:
            with suppress(psutil.Error):
                self._victim.kill()  # not asyncio's, which may reap it, and asyncio then knows no return code


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    root = str(Path(__file__).parents[2])
    inherited = os.environ.get("PYTHONPATH")
    return kept | {
        OWNED_BY: this_process().model_dump_json(),  # for the next start, if we are killed
        "PYTHONPATH": os.pathsep.join((root, inherited)) if inherited else root,
        "MALLOC_ARENA_MAX": "1",  # a second arena would use 64 MiB of the memory limit
    }
