"""When the canary is checked, and what follows: verified, or quarantine and suspect answers. A part of
`fleet`.

    a check runs                     meanwhile                    when it fails
    after an error of the engine     the process is not leased    quarantine: answers in progress are cut off,
    after `canary_requests` answers  requests continue            those since the last good check are suspect,
    when idle for `canary_idle_s`    requests continue            and the next process must pass before it is
    after a load                     requests continue            ready
    after a quarantine, before the
      next process is ready          it is not ready yet          the next process, if `restart` allows one

Where `canary_requests` is not set, it is time for a check after 50 answers, but it waits until it takes
at most a share of a busy model's time, or nobody asks: 50 texts may take less time than its known images.

For a model without a canary, only its health endpoint is checked, and only after an error.
"""

import asyncio
import functools
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from viewfinder.catalog.card import Variant
from viewfinder.core.config import FleetSettings
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.core.errors import (
    EngineDied,
    EngineError,
    EngineQuarantined,
    ModelFilesError,
    ViewfinderError,
)
from viewfinder.fleet.health.canary import Canary, CanaryResult, CanaryStore, canary_key, candidates
from viewfinder.fleet.health.entry import ModelEntry
from viewfinder.fleet.health.slots import SpareSlot
from viewfinder.fleet.health.stall import LEAST_LOOK_S, is_working
from viewfinder.fleet.process.lease import Lease
from viewfinder.fleet.process.life import Life
from viewfinder.fleet.process.server import ServerProcess
from viewfinder.fleet.record.answers import Answers
from viewfinder.fleet.record.events import Events
from viewfinder.host.activity import read_activity
from viewfinder.host.child import Child

CANARY_TIMEOUT_S = 120.0
"""The time limit of one answer about a known image."""
EXIT_S = 0.5
"""How long to wait for the end of a process whose connection broke."""
DUE_ANSWERS, SHARE = 50, 0.04
"""Where the settings do not say: of the model's time, as much as two of 50 answers that take as long."""
FRESH_IDLE_S = 1.0
"""After this time without a request a fresh process is checked, and one whose check has waited."""

_log = logging.getLogger(__name__)


class CanaryChecks:
    """The canary checks of one fleet.

    `hash_of` returns the hash of a variant's files; it is called in a thread and may raise ModelFilesError.
    """

    def __init__(
        self,
        settings: Callable[[], FleetSettings],
        *,
        events: Events,
        answers: Answers,
        store: CanaryStore,
        hash_of: Callable[[Variant], str],
    ) -> None:
        self._settings, self.hash_of = settings, hash_of
        self._events, self._answers, self._store = events, answers, store

    def tick(self, entry: ModelEntry) -> None:
        """Begin a check after a load or when the model is idle; called every quarter of a second or so."""
        settings, checks = self._settings(), entry.checks
        if not settings.canary or checks.running or entry.upgrade.running or entry.is_unloading:
            return
        if self._is_fresh(entry):
            # A model that is never idle is checked, too.
            must_check = entry.idle_s >= FRESH_IDLE_S or self._is_time(entry)
        else:
            is_idle = entry.idle_s >= settings.canary_idle_s and (checks.checked_s or 0.0) < entry.used_s
            must_check = is_idle or self._is_time(entry)
        if must_check:
            self._begin(entry)

    def answered(self, entry: ModelEntry, answer_id: str) -> None:
        """Note an answer; after enough of them a check begins."""
        self._answers.note(entry.name, answer_id)
        entry.checks.answers_since += 1
        if self._settings().canary and self._is_time(entry):
            self._begin(entry)

    async def after_error(self, entry: ModelEntry, lease: Lease, error: ViewfinderError) -> None:
        """Check the process after an error; it is not leased until the result is known."""
        server = entry.server.watched
        if server is None:
            return
        if isinstance(error, EngineDied):
            await _dying(server.life)
        if server.state != "ready" or server.client is not lease.client:
            return  # its end was noted, or it was restarted already
        entry.checks.is_held = True
        try:
            if entry.checks.running is not None:  # it began before the error
                await asyncio.shield(entry.checks.running)
            self._begin(entry, error)
            if entry.checks.running is not None:
                await asyncio.shield(entry.checks.running)
        finally:
            entry.checks.is_held = False
            server.on_change()

    async def verify(self, entry: ModelEntry, life: Life) -> str:
        """Check a process that follows a quarantine; returns the fault, empty when it passed."""
        if entry.checks.canary is None:
            return ""
        result = await entry.checks.canary.check(
            functools.partial(life.client.exchange, timeout_s=CANARY_TIMEOUT_S)
        )
        self._emit(entry, result)
        return result.fault if result.good is False else ""

    def _is_time(self, entry: ModelEntry) -> bool:
        wanted, checks = self._settings().canary_requests, entry.checks
        if wanted is not None or checks.answers_since < DUE_ANSWERS:
            return wanted is not None and checks.answers_since >= wanted
        if self._is_fresh(entry) or entry.idle_s >= FRESH_IDLE_S or checks.checked_s is None:
            return True
        return time.monotonic() - checks.checked_s >= checks.took_s / SHARE

    def _is_fresh(self, entry: ModelEntry) -> bool:
        ready_s = entry.server.ready_at_s or 0.0
        return entry.checks.checked_s is None or entry.checks.checked_s < ready_s

    def _begin(self, entry: ModelEntry, error: ViewfinderError | None = None) -> None:
        server = entry.server.watched
        if server is None or server.state != "ready" or entry.checks.running is not None:
            return

        def done(task: asyncio.Task[None]) -> None:
            entry.checks.running = None
            if not task.cancelled() and (failure := task.exception()):
                _log.error("%s: the canary check failed: %r", entry.name, failure)

        entry.checks.running = asyncio.create_task(
            self._check(entry, server, error), name=f"canary {entry.name}"
        )
        entry.checks.running.add_done_callback(done)

    async def _check(self, entry: ModelEntry, server: ServerProcess, error: ViewfinderError | None) -> None:
        life, mark = server.life, self._answers.mark(entry.name)
        entry.checks.answers_since = 0
        result, begun_s = CanaryResult(None), time.monotonic()
        if self._settings().canary:
            result = await self._ask(entry, server, life, after_error=error is not None)
            if result.fault == "error":  # a death is no corruption, and `server` reports it
                await _dying(life)
        if server.state != "ready" or server.life is not life or server.is_ending:
            return  # it ended meanwhile; the next process has its own checks
        entry.checks.checked_s = time.monotonic()
        entry.checks.took_s = entry.checks.checked_s - begun_s
        if result.timed_out and await _is_working(server.child):
            return  # too slow because of other requests: that proves nothing
        if result.good is None:
            entry.checks.verified = None
            if error is not None and not await _is_healthy(life):
                server.kill(error if isinstance(error, EngineError) else EngineDied(error.message))
            return
        self._emit(entry, result)
        entry.checks.verified = result.good
        if result.good:
            self._answers.confirm(entry.name, mark)
        else:
            self._quarantine(entry, server, result)

    async def _ask(
        self, entry: ModelEntry, server: ServerProcess, life: Life, *, after_error: bool
    ) -> CanaryResult:
        ask = functools.partial(life.client.exchange, timeout_s=CANARY_TIMEOUT_S)
        if entry.checks.canary is None and server.variant.vision:
            with suppress(ModelFilesError):
                variant = server.variant
                weights = await asyncio.to_thread(self.hash_of, variant)
                await asyncio.to_thread(candidates)  # they are painted once, which takes 45 ms
                options = decisive_options(server.settings)
                key = canary_key(weights, variant.engine, server.engine_version, variant.name, options)
                entry.checks.canary = Canary(self._store, key, model=entry.card.name)
        if entry.checks.canary is None:
            return CanaryResult(None)
        if not entry.checks.canary.is_chosen and not after_error:
            await entry.checks.canary.choose(ask)
        if after_error:  # any slot may be corrupt
            return await entry.checks.canary.check(
                ask, slots=await SpareSlot(life.client, life.launch.slots_path).all()
            )
        spare = life.slots.spare() if life.slots is not None else None
        if spare is not None:
            return await entry.checks.canary.check(ask, slots=[spare])
        slots = entry.checks.slots
        if slots is None or slots.client is not life.client:  # of the process before
            slots = entry.checks.slots = SpareSlot(life.client, life.launch.slots_path)
        slot = await slots.take()
        result = await entry.checks.canary.check(ask, slots=[slot])
        await slots.leave(slot)
        return result

    def _quarantine(self, entry: ModelEntry, server: ServerProcess, result: CanaryResult) -> None:
        """Cut off the answers of the process, mark those since the last good check, and restart it."""
        self._events.emit("quarantine", entry.card.name, fault=result.fault, evidence=result.evidence)
        if result.fault != "error":  # an engine that fails openly gave no wrong answers before
            suspects = self._answers.suspect(entry.name, result.fault)
            self._events.emit("suspect", entry.card.name, answers=suspects, fault=result.fault)
        error = EngineQuarantined(
            f"'{entry.card.name}' got a known image wrong ({result.fault}); its answer was cut off.",
            hint="Retry: a new process is being loaded.",
        )
        for lease in entry.leases:
            lease.revoke(error)
        server.quarantine(result.fault)

    def _emit(self, entry: ModelEntry, result: CanaryResult) -> None:
        if result.good is not None:
            scenes = [one["scene"] for one in result.evidence]
            self._events.emit("canary", entry.card.name, good=result.good, fault=result.fault, scenes=scenes)


async def _dying(life: Life) -> None:
    """Wait a moment for the end of a process whose connection broke."""
    with suppress(TimeoutError):
        await asyncio.wait_for(life.child.wait(), EXIT_S)


async def _is_working(child: Child) -> bool:
    before = await asyncio.to_thread(read_activity, child)
    await asyncio.sleep(LEAST_LOOK_S)
    return is_working(before, await asyncio.to_thread(read_activity, child))


async def _is_healthy(life: Life) -> bool:
    try:
        status, _ = await life.client.get(life.launch.health, timeout_s=5.0)
    except ViewfinderError:
        return False
    return status == 200


def decisive_options(settings: EngineSettings) -> dict[str, Any]:
    """The options that an engine's answers depend on: what it sees of an image is up to its budget, too."""
    tokens = settings.image_tokens
    return settings.chosen_options() | ({"image_tokens": tokens} if tokens else {})
