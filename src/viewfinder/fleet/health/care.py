"""Looks after what is up: its memory, its silence, its idleness, what is learned of it; a part of `fleet`.

At every tick an engine that is stuck is ended (`stall`), a model that nobody uses is unloaded, models that
turned out larger than planned make room, and the canary is asked where it is due (`examiner`).
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import psutil

from viewfinder.core.config import FleetSettings
from viewfinder.core.errors import EngineStalled
from viewfinder.fleet.eviction import Candidate, victims
from viewfinder.fleet.health.examiner import Examiner
from viewfinder.fleet.health.profile import Profile, Profiles
from viewfinder.fleet.health.rates import Cost, Expectation
from viewfinder.fleet.health.stall import Phase, Watch
from viewfinder.fleet.lease import Lease
from viewfinder.fleet.place import Place
from viewfinder.fleet.process.server import ServerProcess
from viewfinder.fleet.record.events import Events
from viewfinder.host.activity import read_activity
from viewfinder.host.memory import high_water_bytes, measure_tree

TICK_S = 0.25
MEMORY_EVERY_S = 10.0
RETURNS_WITHIN_S, RETURNED_SHARE = 5.0, 0.75
"""How long memory may take to come back after an unload, and how much of it is enough (Ollama's figures)."""
NOISE_SHARE = 0.02
USUAL_TOKENS = 256
"""What a request without `max_tokens` is taken to be answered with."""

_log = logging.getLogger(__name__)


class Care:
    """The care of one fleet's places; `end` unloads one."""

    def __init__(
        self,
        places: Callable[[], list[Place]],
        end: Callable[[Place, str], None],
        *,
        settings: Callable[[], FleetSettings],
        budget_bytes: Callable[[], int],
        events: Events,
        profiles: Profiles,
        examiner: Examiner,
    ) -> None:
        self._places, self._end = places, end
        self._settings, self._budget_bytes = settings, budget_bytes
        self._events, self._profiles, self._examiner = events, profiles, examiner
        self._watches: dict[Lease, Watch] = {}
        self._measuring: set[asyncio.Task[None]] = set()
        self._ticking: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Start to tick; does nothing when it ticks."""
        if self._ticking is None:
            self._ticking = asyncio.create_task(self._tick_on(), name="care")

    async def close(self) -> None:
        """Stop, and keep what was learned."""
        tasks = [*self._measuring, *([self._ticking] if self._ticking else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for place in self._places():
            self._keep(place)

    def became_ready(self, place: Place) -> None:
        """Note what the load took, and what is held after it."""
        stamps = place.server.stamps
        if isinstance(place.server, ServerProcess) and "ready" in stamps:
            place.load_s = stamps["ready"] - stamps["started"]
            place.slots = None
            self._remember(place)
            self._measure(place)

    def note(self, place: Place, lease: Lease) -> None:
        """Learn from a lease that was given back."""
        self._watches.pop(lease, None)
        lasted_s = time.monotonic() - lease.granted_s
        place.request_s += 0.2 * (lasted_s - place.request_s)
        if lease.first_word_s is not None and lease.shape.stream and lease.revoked is None:
            gap_s = lease.longest_gap_s if lease.words > 1 else None
            place.rates.observe(_cost(lease), lease.first_word_s - lease.granted_s, gap_s)

    @asynccontextmanager
    async def memory_returns(self, place: Place) -> AsyncIterator[None]:
        """Around the end of a place's process: goes on when what it held can be used again.

        The system has a process's own memory at once, a graphics driver takes its time. What is little
        beside this computer's memory is not waited for: other programs take and give as much meanwhile.
        """
        self._keep(place)
        held_bytes, before = place.memory_bytes or 0, psutil.virtual_memory()
        yield
        if held_bytes < NOISE_SHARE * before.total:
            return
        deadline_s = time.monotonic() + RETURNS_WITHIN_S
        while time.monotonic() < deadline_s:
            if psutil.virtual_memory().available >= before.available + RETURNED_SHARE * held_bytes:
                return
            await asyncio.sleep(0.05)
        _log.warning("%s: its memory was not back %g s after its end.", place.name, RETURNS_WITHIN_S)

    async def _tick_on(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            try:
                self._tick()
            except Exception:
                _log.exception("The care of the fleet failed once")

    def _tick(self) -> None:
        settings = self._settings()
        for place in self._places():
            if place.server.state != "ready" or not isinstance(place.server, ServerProcess):
                continue
            for lease in tuple(place.leases):
                # Else the client is waited for, or the process that it was granted on is gone or condemned.
                is_of_this_life = lease.client is place.server.client and lease.revoked is None
                if is_of_this_life and not lease.is_delivering:
                    self._look(place, place.server, lease, settings)
            if place.memory_s + MEMORY_EVERY_S < min(time.monotonic(), place.used_s + 2 * MEMORY_EVERY_S):
                self._measure(place)
            if settings.idle_unload_s and not place.pinned and place.idle_s > settings.idle_unload_s:
                self._end(place, "idle")
            else:
                self._examiner.tick(place)
        self._shrink()

    def _look(self, place: Place, server: ServerProcess, lease: Lease, settings: FleetSettings) -> None:
        """End an engine that is stuck on this lease."""
        watch = self._watches.setdefault(lease, Watch(lambda: read_activity(server.child), settings))
        phase: Phase = "decode" if lease.words else "prefill"
        silence_s = time.monotonic() - lease.heard_s
        expectation = place.rates.expect(_cost(lease))
        if expectation is not None and not lease.shape.stream:  # all of its words come at once
            tokens = lease.shape.max_tokens or USUAL_TOKENS
            whole_s = expectation.first_s + tokens * expectation.gap_s
            expectation = Expectation(whole_s, expectation.gap_s)
        if watch.look(phase, silence_s, expectation, len(place.leases) - 1) != "stalled":
            return
        expected_s = expectation.first_s if expectation else None
        self._events.tell(
            "stall", place.card.name, phase=phase, silent_s=round(silence_s, 2), expected_s=expected_s
        )
        error = EngineStalled(
            f"The engine of '{place.card.name}' stood still for {silence_s:.1f} s and was ended.",
            hint="Ask again: a fresh one is being loaded.",
        )
        for other in place.leases:
            other.revoke(error)
        server.kill(error)

    def _shrink(self) -> None:
        """Models that turned out larger than planned make room, those first that nobody uses."""
        up = [place for place in self._places() if place.now().is_up]
        excess_bytes = sum(place.need_bytes for place in up) - self._budget_bytes()
        if excess_bytes <= 0 or len(up) < 2:
            return
        idle = [
            Candidate(place.name, place.need_bytes, place.idle_s, place.load_s)
            for place in up
            if place.server.state == "ready" and not place.leases and not place.pinned
        ]
        for name in victims(idle, excess_bytes) or ():
            self._end(next(place for place in up if place.name == name), "evicted")

    def _measure(self, place: Place) -> None:
        """Look at the memory of a place's tree, beside everything else."""
        place.memory_s = time.monotonic()
        task = asyncio.create_task(self._measured(place))
        self._measuring.add(task)
        task.add_done_callback(self._measuring.discard)

    async def _measured(self, place: Place) -> None:
        pids = place.server.pids()
        with suppress(OSError, ValueError, psutil.Error):
            sample = await asyncio.to_thread(measure_tree, pids)
            peak_bytes = await asyncio.to_thread(high_water_bytes, pids)
            if place.server.state == "ready" and sample.footprint_bytes:
                place.memory_bytes = sample.footprint_bytes
                place.memory_curve.append((time.monotonic(), sample.footprint_bytes))
                place.peak_bytes = max(place.peak_bytes, peak_bytes, sample.footprint_bytes)
                place.need_bytes = place.peak_bytes

    def _remember(self, place: Place) -> None:
        """Take what was learned of the variant before."""
        profile = self._profiles.get(place.card.name, place.server.variant.name, place.server.engine_version)
        if profile is not None and not place.is_known:
            place.rates, place.peak_bytes = profile.rates, profile.peak_bytes
        place.is_known = True

    def _keep(self, place: Place) -> None:
        if not place.is_known or place.memory_bytes is None:
            return
        profile = Profile(place.memory_bytes, place.peak_bytes, place.load_s, place.rates)
        self._profiles.put(place.card.name, place.server.variant.name, place.server.engine_version, profile)


def _cost(lease: Lease) -> Cost:
    return Cost(lease.shape.pixels, lease.shape.characters)
