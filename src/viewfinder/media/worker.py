"""Our side of the decoder process: started for the first image, replaced when it is lost.

Called by `intake`. One image at a time: decoding uses a whole core, and engines need the others.
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any, Self, cast

import orjson

from viewfinder.media.frames import MAX_HEAD_BYTES, SIZES, Frame, pack_head

START_TIMEOUT_S = 30.0
MAX_BYTES_PER_PIXEL = 8
"""Limit on a reply; a PNG of noise in base64 needs a little more than 4."""

KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME")
"""The decoder reads clients' bytes, so it does not get the keys and tokens in our environment."""


class DecoderLost(Exception):
    """The process could not start, or exited before it replied."""


class DecoderTimeout(Exception):
    """The process did not reply in time, and was killed."""


class DecoderWorker:
    """At most one decoder process; `decode` queues."""

    def __init__(self, *, max_pixels: int, timeout_s: float) -> None:
        self._max_pixels = max_pixels
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

    async def decode(self, payload: bytes, *, longest_edge: int | None, is_thumbnail: bool = False) -> Frame:
        """The process's reply to one image in base64.

        Raises DecoderLost or DecoderTimeout for this image; the next one gets a new process. A cancelled call
        kills the process too: it stops using a core, and its reply cannot reach another caller.
        """
        async with self._lock:
            try:
                process = await self._ready_process()
                async with asyncio.timeout(self._timeout_s):
                    order = {"longest_edge": longest_edge, "is_thumbnail": is_thumbnail}
                    return await process.ask(order, payload)
            except BaseException as error:
                await self._end()
                if isinstance(error, TimeoutError):
                    raise DecoderTimeout from None
                if isinstance(error, OSError | EOFError | ValueError):
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
            self._process = await DecoderProcess.start(self._max_pixels, self._timeout_s)
            async with asyncio.timeout(START_TIMEOUT_S):
                await self._process.read()  # its first reply says that it is ready
        return self._process

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            await process.end()


class DecoderProcess:
    """One run of `decoder`, and its two pipes."""

    def __init__(self, process: asyncio.subprocess.Process, max_reply_bytes: int) -> None:
        self._process = process
        self._orders = cast(asyncio.StreamWriter, process.stdin)
        self._replies = cast(asyncio.StreamReader, process.stdout)
        self._max_reply_bytes = max_reply_bytes
        self.pid = process.pid

    @classmethod
    async def start(cls, max_pixels: int, cpu_s: float) -> Self:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-P", "-B", "-m", "viewfinder.media.decoder", str(max_pixels), str(cpu_s)),
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

    async def ask(self, head: dict[str, Any], payload: bytes) -> Frame:
        self._orders.writelines((pack_head(head, len(payload)), payload))
        await self._orders.drain()
        return await self.read()

    async def read(self) -> Frame:
        """The next reply. Its size is bounded: a compromised decoder must not fill our memory."""
        head_bytes, payload_bytes = SIZES.unpack(await self._replies.readexactly(SIZES.size))
        if head_bytes > MAX_HEAD_BYTES or payload_bytes > self._max_reply_bytes:
            raise ValueError("the decoder's reply is too large")
        head = orjson.loads(await self._replies.readexactly(head_bytes))
        return head, await self._replies.readexactly(payload_bytes)

    async def end(self) -> None:
        """Kill it and wait until it is gone; it has nothing to save."""
        self.kill()
        self._orders.close()
        while await self._replies.read(MAX_HEAD_BYTES):
            pass  # `wait` needs the end of the pipe, which asyncio does not see while the buffer is full
        await self._process.wait()

    def kill(self) -> None:
        if self._process.returncode is None:
            self._process.kill()


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    root = str(Path(__file__).parents[2])
    inherited = os.environ.get("PYTHONPATH")
    return kept | {
        "PYTHONPATH": os.pathsep.join((root, inherited)) if inherited else root,
        "MALLOC_ARENA_MAX": "1",  # a second arena would use 64 MiB of the memory limit
    }
