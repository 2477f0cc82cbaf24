"""The decoder processes: one for small images, and one for each core for all others; called by `intake`.

`fairness` decides whose image is next. A process starts with the first image that needs it, and those for
large images stop when nothing was decoded for a while.
"""

import asyncio
import itertools
import time
from dataclasses import dataclass, field

from viewfinder.core.config import Limits
from viewfinder.host.hardware import this_machine
from viewfinder.media import fairness
from viewfinder.media.fairness import NOBODY, Client, Job, Lanes, Usage
from viewfinder.media.frames import AnyOrder
from viewfinder.media.worker import Decoded, DecoderLost, DecoderTimeout, DecoderWorker

MOST_DECODERS = 8
LARGE_AT_ONCE = 2
"""The number of images of the largest size that may be in memory at once."""
IMAGE_S, MEGAPIXEL_S = 2.0, 0.4
"""Processor time that an image may take: ten times what honest ones need on a slow computer."""
SMALL_S = 0.5
"""The same for an image that looks small; one that takes longer continues as a large one."""
REST_S = 60.0
"""Decoders for large images stop after this long without an image: each keeps about 35 MB."""


@dataclass(eq=False, slots=True)
class _Waiting(Job):
    start: asyncio.Future[DecoderWorker] = field(kw_only=True)


class DecoderPool:
    """Decodes images as `fairness` orders them; its processes are started when they are needed."""

    def __init__(self, limits: Limits, *, niceness: int = 0, resident: int = 1) -> None:
        """`resident`: how many processes stay when nothing was decoded for a while."""
        large = limits.decoders or min(this_machine().cores_logical, MOST_DECODERS)
        self._limits, self._resident = limits, resident
        self._workers = [
            DecoderWorker(max_pixels=limits.pixels, timeout_s=limits.decode_timeout_s, niceness=niceness)
            for _ in range(large + 1)
        ]
        self._free = list(self._workers)
        self._waiting: list[_Waiting] = []
        self._running: list[Job] = []
        self._usage = Usage()
        self._arrivals = itertools.count()
        self._rest: asyncio.TimerHandle | None = None
        self._stopping: set[asyncio.Task[None]] = set()

    @property
    def pids(self) -> tuple[int, ...]:
        """The running processes; the first is the one for small images, if it runs."""
        return tuple(worker.pid for worker in self._workers if worker.pid is not None)

    @property
    def pixels(self) -> int:
        """Those of all images that wait or are being decoded."""
        return sum(job.pixels for job in (*self._waiting, *self._running))

    def limit(self, limits: Limits) -> None:
        """Use other limits from the next image on; the number of decoders stays."""
        self._limits = limits
        for worker in self._workers:
            worker.limit(max_pixels=limits.pixels, timeout_s=limits.decode_timeout_s)

    @property
    def waiting(self) -> int:
        """How many images wait."""
        return len(self._waiting)

    async def decode(
        self,
        payload: str | memoryview,
        order: AnyOrder,
        *,
        pixels: int = 0,
        client: Client = NOBODY,
        most_s: float | None = None,
    ) -> Decoded:
        """The reply to one image in base64; `pixels` are those that its header declares. `most_s` is the
        processor time for what is surely large; None: that of an image.

        Raises DecoderLost when its process died or made no progress, DecoderTimeout when the image needs too
        much time.
        """
        is_small = most_s is None and fairness.is_small(pixels, len(payload))
        job = _Waiting(client, pixels, is_small, next(self._arrivals), start=_future())
        if most_s is None:
            most_s = min(self._limits.decode_timeout_s, IMAGE_S + MEGAPIXEL_S * pixels / 1e6)
        if job.is_small:
            try:
                return await self._decode(job, payload, order, min(SMALL_S, most_s))
            except DecoderTimeout:
                job.is_small, job.start = False, _future()
        return await self._decode(job, payload, order, most_s)

    async def _decode(
        self, job: _Waiting, payload: str | memoryview, order: AnyOrder, most_s: float
    ) -> Decoded:
        worker = await self._turn(job)
        began_s = time.monotonic()
        try:
            return await worker.decode(payload, order, cpu_s=most_s)
        finally:
            now_s = time.monotonic()
            self._usage.add(job.client, now_s - began_s, now_s)
            self._give_back(job, worker)

    async def _turn(self, job: _Waiting) -> DecoderWorker:
        """Wait for a decoder."""
        self._waiting.append(job)
        self._start_next()
        try:
            return await job.start
        except asyncio.CancelledError:
            if job in self._waiting:
                self._waiting.remove(job)
            elif job in self._running:  # it was given a decoder at the same moment
                self._give_back(job, job.start.result())
            raise

    def _start_next(self) -> None:
        limits = self._limits
        lanes = Lanes(len(self._workers) - 1, LARGE_AT_ONCE * limits.pixels, limits.decode_budget_s)
        while self._free:
            waiting = [job for job in self._waiting if not job.start.done()]  # the rest are being cancelled
            job = fairness.next_job(waiting, self._running, lanes, self._usage, time.monotonic())
            if job is None:
                break
            self._waiting.remove(job)
            self._running.append(job)
            job.start.set_result(self._take_worker(job))
        self._rest_later()

    def _take_worker(self, job: Job) -> DecoderWorker:
        """A free one, if possible one whose process runs; a large image leaves the first to small ones."""

        def rank(worker: DecoderWorker) -> tuple[bool, bool, int]:
            at = self._workers.index(worker)
            return (at == 0 and not job.is_small, worker.pid is None, at)

        best = min(self._free, key=rank)
        self._free.remove(best)
        return best

    def _give_back(self, job: Job, worker: DecoderWorker) -> None:
        self._running.remove(job)
        self._free.append(worker)
        self._start_next()

    def _rest_later(self) -> None:
        """Stop the decoders for large images, unless an image comes before that."""
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None
        if not self._running and sum(worker.pid is not None for worker in self._workers) > self._resident:
            self._rest = asyncio.get_running_loop().call_later(REST_S, self._stop_resting)

    def _stop_resting(self) -> None:
        resting = [worker for worker in self._workers if worker in self._free and worker.pid is not None]
        for worker in resting[self._resident :]:
            self._free.remove(worker)
            task = asyncio.create_task(self._stop(worker))
            self._stopping.add(task)
            task.add_done_callback(self._stopping.discard)

    async def _stop(self, worker: DecoderWorker) -> None:
        await worker.close()
        self._free.append(worker)
        self._start_next()

    async def close(self) -> None:
        """Kill every process, even while it decodes; the images are lost."""
        if self._rest is not None:
            self._rest.cancel()
        for job in self._waiting:
            if not job.start.done():
                job.start.set_exception(DecoderLost())
        self._waiting.clear()
        await asyncio.gather(*(worker.close() for worker in self._workers), *self._stopping)


def _future() -> asyncio.Future[DecoderWorker]:
    return asyncio.get_running_loop().create_future()
