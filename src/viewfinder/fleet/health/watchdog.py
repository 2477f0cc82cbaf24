"""Supervises the models that are up: stalls, idle time, memory, and what is learned of each. A part of
`fleet`.

At every tick a stalled engine is killed (`stall`), an idle model is unloaded, idle models are evicted when
others use more memory than planned, and the canary is checked when it is time for it (`canary_checks`).
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import psutil

from viewfinder.core.config import FleetSettings
from viewfinder.core.errors import EngineStalled
from viewfinder.fleet.health.canary_checks import CanaryChecks
from viewfinder.fleet.health.entry import ModelEntry
from viewfinder.fleet.health.eviction import victims
from viewfinder.fleet.health.profile import Profile, Profiles
from viewfinder.fleet.health.rates import Expectation
from viewfinder.fleet.health.stall import RequestPhase, Watch
from viewfinder.fleet.process.lease import Lease
from viewfinder.fleet.process.server import ServerProcess
from viewfinder.fleet.record.events import Events
from viewfinder.host.activity import read_activity
from viewfinder.host.memory import high_water_bytes, measure_tree

TICK_S = 0.25
MEMORY_EVERY_S = 10.0
RETURNS_WITHIN_S, RETURNED_SHARE = 5.0, 0.75
"""How long to wait for memory to become free after an unload, and which share of it is enough (as in
Ollama)."""
NOISE_SHARE = 0.02
"""Of this computer's memory: smaller amounts are not waited for."""
USUAL_TOKENS = 256
"""The assumed length of an answer to a request without `max_tokens`."""


_log = logging.getLogger(__name__)


class Watchdog:
    """The watchdog of one fleet; `end` unloads an entry."""

    def __init__(
        self,
        entries: Callable[[], list[ModelEntry]],
        end: Callable[[ModelEntry, str], None],
        *,
        settings: Callable[[], FleetSettings],
        budget_bytes: Callable[[], int],
        events: Events,
        profiles: Profiles,
        canary_checks: CanaryChecks,
    ) -> None:
        self._entries, self._end = entries, end
        self._settings, self._budget_bytes = settings, budget_bytes
        self._events, self._profiles, self._canary = events, profiles, canary_checks
        self._watches: dict[Lease, Watch] = {}
        self._measuring: set[asyncio.Task[None]] = set()
        self._ticking: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Start; does nothing when it runs."""
        if self._ticking is None:
            self._ticking = asyncio.create_task(self._tick_on(), name="watchdog")

    async def close(self) -> None:
        """Stop, and store the profiles."""
        tasks = [*self._measuring, *([self._ticking] if self._ticking else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for entry in self._entries():
            self._keep(entry)

    def became_ready(self, entry: ModelEntry) -> None:
        """Note how long the load took, and measure the memory."""
        load_s = entry.server.phases_s.get("ready")
        if load_s is not None:
            entry.vitals.load_s = load_s
            self._remember(entry)
            self._measure(entry)

    def note(self, entry: ModelEntry, lease: Lease) -> None:
        """Learn durations from a lease that was given back."""
        self._watches.pop(lease, None)
        lasted_s = time.monotonic() - lease.granted_s
        entry.vitals.request_s += 0.2 * (lasted_s - entry.vitals.request_s)
        if lease.first_chunk_s is not None and lease.shape.stream and lease.revoked is None:
            gap_s = lease.longest_gap_s if lease.chunks > 1 else None
            entry.vitals.rates.observe(lease.shape, lease.first_chunk_s - lease.granted_s, gap_s)

    @asynccontextmanager
    async def memory_returns(self, entry: ModelEntry) -> AsyncIterator[None]:
        """Around the stop of an entry's process: waits until its memory is free again.

        Main memory is free at once, but graphics drivers need time. A small amount is not waited for, because
        other programs allocate and free as much meanwhile.
        """
        self._keep(entry)
        held_bytes, before = entry.vitals.memory_bytes or 0, psutil.virtual_memory()
        yield
        if held_bytes < NOISE_SHARE * before.total:
            return
        deadline_s = time.monotonic() + RETURNS_WITHIN_S
        while time.monotonic() < deadline_s:
            if psutil.virtual_memory().available >= before.available + RETURNED_SHARE * held_bytes:
                return
            await asyncio.sleep(0.05)
        _log.warning("%s: its memory was not free %g s after its end.", entry.name, RETURNS_WITHIN_S)

    async def _tick_on(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            try:
                self._tick()
            except Exception:
                _log.exception("A tick of the watchdog failed")

    def _tick(self) -> None:
        settings = self._settings()
        for entry in self._entries():
            server = entry.server.watched
            if server is None or server.state != "ready":
                continue
            for lease in tuple(entry.leases):
                # Otherwise the client is slow, or the process of this lease is gone or about to be killed.
                is_of_this_process = lease.client is server.client and lease.revoked is None
                if is_of_this_process and not lease.is_delivering:
                    self._look(entry, server, lease, settings)
            if entry.vitals.measured_s + MEMORY_EVERY_S < min(
                time.monotonic(), entry.used_s + 2 * MEMORY_EVERY_S
            ):
                self._measure(entry)
            if settings.idle_unload_s and not entry.pinned and entry.idle_s > settings.idle_unload_s:
                self._end(entry, "idle")
            else:
                self._canary.tick(entry)
        self._shrink()

    def _look(self, entry: ModelEntry, server: ServerProcess, lease: Lease, settings: FleetSettings) -> None:
        """Kill the engine when it is stalled on this lease."""
        watch = self._watches.setdefault(lease, Watch(lambda: read_activity(server.child), settings))
        phase: RequestPhase = "decode" if lease.chunks else "prefill"
        silence_s = time.monotonic() - lease.last_chunk_s
        expectation = entry.vitals.rates.expect(lease.shape)
        if expectation is not None and not lease.shape.stream:  # its answer comes in one piece
            tokens = lease.shape.max_tokens or USUAL_TOKENS
            whole_s = expectation.first_s + tokens * expectation.gap_s
            expectation = Expectation(whole_s, expectation.gap_s)
        if watch.look(phase, silence_s, expectation, len(entry.leases) - 1) != "stalled":
            return
        expected_s = expectation.first_s if expectation else None
        self._events.emit(
            "stall", entry.card.name, phase=phase, silent_s=round(silence_s, 2), expected_s=expected_s
        )
        error = EngineStalled(
            f"The engine of '{entry.card.name}' made no progress for {silence_s:.1f} s and was killed.",
            hint="Retry: a new process is being loaded.",
        )
        for other in entry.leases:
            other.revoke(error)
        server.kill(error)

    def _shrink(self) -> None:
        """Evict idle models when all together use more memory than planned."""
        up = [entry for entry in self._entries() if entry.is_up]
        excess_bytes = sum(entry.vitals.need_bytes for entry in up) - self._budget_bytes()
        if excess_bytes <= 0 or len(up) < 2:
            return
        idle = [
            entry.snapshot()
            for entry in up
            if entry.server.state == "ready" and not entry.leases and not entry.pinned
        ]
        for name in victims(idle, excess_bytes) or ():
            self._end(next(entry for entry in up if entry.name == name), "evicted")

    def _measure(self, entry: ModelEntry) -> None:
        """Measure the memory of an entry's process tree, in a task."""
        entry.vitals.measured_s = time.monotonic()
        task = asyncio.create_task(self._measured(entry))
        self._measuring.add(task)
        task.add_done_callback(self._measuring.discard)

    async def _measured(self, entry: ModelEntry) -> None:
        pids = await asyncio.to_thread(entry.server.pids)
        with suppress(OSError, ValueError, psutil.Error):
            sample = await asyncio.to_thread(measure_tree, pids)
            peak_bytes = await asyncio.to_thread(high_water_bytes, pids)
            if entry.server.state == "ready" and sample.footprint_bytes:
                entry.vitals.memory_bytes = sample.footprint_bytes
                entry.vitals.memory_curve.append((time.monotonic(), sample.footprint_bytes))
                entry.vitals.peak_bytes = max(entry.vitals.peak_bytes, peak_bytes, sample.footprint_bytes)
                entry.vitals.need_bytes = entry.vitals.peak_bytes

    def _remember(self, entry: ModelEntry) -> None:
        profile = self._profiles.get(entry.card.name, entry.server.variant.name, entry.server.engine_version)
        if profile is not None and not entry.vitals.is_known:
            entry.vitals.rates, entry.vitals.peak_bytes = profile.rates, profile.peak_bytes
        entry.vitals.is_known = True

    def _keep(self, entry: ModelEntry) -> None:
        if not entry.vitals.is_known or entry.vitals.memory_bytes is None:
            return
        profile = Profile(
            entry.vitals.memory_bytes, entry.vitals.peak_bytes, entry.vitals.load_s, entry.vitals.rates
        )
        self._profiles.put(entry.card.name, entry.server.variant.name, entry.server.engine_version, profile)
