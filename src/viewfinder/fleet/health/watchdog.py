"""Supervises the models that are up: stalls, idle time, memory, and what is learned of each. A part of
`fleet`.

At every tick a stalled engine is killed (`stall`), and so is one that computes though no request is left, and
answers none; an idle model is unloaded, idle models are evicted when others use more memory than planned, and
the canary is checked when it is time for it (`canary_checks`), and an upgraded model compared
(`upgrade_checks`).
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
from viewfinder.fleet.health.stall import UNKNOWN_BOUND_S, RequestPhase, Rest, Watch, bound_s
from viewfinder.fleet.health.upgrade_checks import UpgradeChecks
from viewfinder.fleet.health.upgrade_notes import UpgradeNotes
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
PROBE = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1, "temperature": 0}
PROBE_TIMEOUT_S = 10.0

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
        upgrade_notes: UpgradeNotes,
    ) -> None:
        self._entries, self._end = entries, end
        self._settings, self._budget_bytes = settings, budget_bytes
        self._events, self._profiles, self._canary = events, profiles, canary_checks
        self._upgrades = UpgradeChecks(
            entries, settings, events=events, notes=upgrade_notes, hash_of=canary_checks.hash_of
        )
        self._watches: dict[Lease, Watch] = {}
        self._probes: dict[ModelEntry, asyncio.Task[None]] = {}
        self._measuring: set[asyncio.Task[None]] = set()
        self._ticking: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Start; does nothing when it runs."""
        if self._ticking is None:
            self._ticking = asyncio.create_task(self._tick_on(), name="watchdog")

    async def close(self) -> None:
        """Stop, and store the profiles."""
        tasks = [*self._measuring, *self._probes.values(), *([self._ticking] if self._ticking else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, self._upgrades.close(), return_exceptions=True)
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
        server = entry.server.watched
        if server is not None and lease.client is server.client:
            self._rest_of(entry, server).used(_stops_within_s(entry, lease, self._settings()))

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
            if server is None or server.state != "ready" or server.is_ending:
                continue
            for lease in tuple(entry.leases):
                # Otherwise the client is slow, or the process of this lease is gone or about to be killed.
                is_of_this_process = lease.client is server.client and lease.revoked is None
                if is_of_this_process and not lease.is_delivering and not lease.is_ahead:
                    self._look(entry, server, lease, settings)
            is_resting = self._look_at_rest(entry, server)
            if entry.vitals.measured_s + MEMORY_EVERY_S < min(
                time.monotonic(), entry.used_s + 2 * MEMORY_EVERY_S
            ):
                self._measure(entry)
            if settings.idle_unload_s and not entry.pinned and entry.idle_s > settings.idle_unload_s:
                self._end(entry, "idle")
            elif is_resting:
                self._canary.tick(entry)
                self._upgrades.tick(entry)
        self._shrink()

    def _look(self, entry: ModelEntry, server: ServerProcess, lease: Lease, settings: FleetSettings) -> None:
        """Kill the engine when it is stalled on this lease."""
        watch = self._watches.setdefault(lease, Watch(lambda: read_activity(server.child), settings))
        phase: RequestPhase = "decode" if lease.chunks else "prefill"
        silence_s = time.monotonic() - lease.last_chunk_s
        expectation = _expectation(entry, lease)
        if watch.look(phase, silence_s, expectation, len(entry.leases) - 1) != "stalled":
            return
        expected_s = expectation.first_s if expectation else None
        how = f"made no progress for {silence_s:.1f} s"
        self._kill(entry, server, how, phase=phase, silent_s=round(silence_s, 2), expected_s=expected_s)

    def _rest_of(self, entry: ModelEntry, server: ServerProcess) -> Rest:
        """That of the entry's present process."""
        rest = entry.vitals.rest
        if rest is None or rest.process is not server.life:
            rest = entry.vitals.rest = Rest(server.life, lambda: read_activity(server.child))
        return rest

    def _look_at_rest(self, entry: ModelEntry, server: ServerProcess) -> bool:
        """Whether the engine has nothing left to do. One that still computes is sent a small request."""
        rest = self._rest_of(entry, server)
        if entry.leases or entry.checks.running is not None or entry.upgrade.running is not None:
            rest.pause()
        elif entry not in self._probes and rest.look(entry.idle_s):
            task = asyncio.create_task(self._probe(entry, server, rest), name=f"probe {entry.name}")
            self._probes[entry] = task
            task.add_done_callback(lambda _: self._probes.pop(entry, None))
        return rest.is_resting

    async def _probe(self, entry: ModelEntry, server: ServerProcess, rest: Rest) -> None:
        """Kill an engine that computes for nobody and does not answer; some compute always, and answer."""
        life, idle_s = server.life, entry.idle_s
        exchange = await life.client.exchange(PROBE, timeout_s=PROBE_TIMEOUT_S)
        if not exchange.error.startswith("timeout:"):
            rest.rests()
        elif server.state == "ready" and server.life is life and not server.is_ending:
            busy_s = idle_s + PROBE_TIMEOUT_S
            how = f"still computed {busy_s:.0f} s after the client of its last request had left"
            self._kill(entry, server, how, phase="abandoned", silent_s=round(busy_s, 2), expected_s=None)

    def _kill(self, entry: ModelEntry, server: ServerProcess, how: str, **details: object) -> None:
        self._events.emit("stall", entry.card.name, **details)
        error = EngineStalled(
            f"The engine of '{entry.card.name}' {how} and was killed.",
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


def _expectation(entry: ModelEntry, lease: Lease) -> Expectation | None:
    """How long this request may be silent; an answer that is not streamed comes in one piece."""
    expectation = entry.vitals.rates.expect(lease.shape)
    return expectation if expectation is None or lease.shape.stream else _whole(expectation, lease)


def _whole(expectation: Expectation, lease: Lease) -> Expectation:
    tokens = lease.shape.max_tokens or USUAL_TOKENS
    return Expectation(expectation.first_s + tokens * expectation.gap_s, expectation.gap_s)


def _stops_within_s(entry: ModelEntry, lease: Lease, settings: FleetSettings) -> float:
    """How long an engine may compute after this request has left it. Some finish the answer, but a client
    must not choose for how long."""
    expectation = entry.vitals.rates.expect(lease.shape)
    prompt_s = bound_s("prefill", expectation, settings, 0)
    if expectation is None:
        return prompt_s
    return max(prompt_s, min(UNKNOWN_BOUND_S, bound_s("prefill", _whole(expectation, lease), settings, 0)))
