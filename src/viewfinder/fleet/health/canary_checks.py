"""Asks the canary where it is due and draws the conclusions: verified, quarantine, suspect.

A part of `fleet`.

    due                              meanwhile                    it goes wrong
    after an error of the engine     the process is not leased    it is quarantined: what is still being
    after so many answers            it goes on                   answered is not delivered, answers since the
    when it is idle for so long      it goes on                   last good canary are suspect, and a fresh
    after a load                     it goes on                   process must pass before it is ready
    before a fresh one is ready,
    after a quarantine               it is not ready yet          the next fresh process, if `restart` allows

A model without a canary of its own is only asked for its health after an error.
"""

import asyncio
import functools
import logging
import time
from collections.abc import Callable
from contextlib import suppress

from viewfinder.catalog.card import Variant
from viewfinder.core.config import FleetSettings
from viewfinder.core.errors import (
    EngineDied,
    EngineError,
    EngineQuarantined,
    ModelFilesError,
    ViewfinderError,
)
from viewfinder.fleet.health.canary import Canary, CanaryStore, Finding, canary_key
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

PATIENCE_S = 120.0
"""How long one answer about a known image may take."""
EXIT_S = 0.5
"""How long the end of a process may come after its broken connection."""
QUIET_S = 1.0
"""So long without a request, and the canary of a model that is fresh is asked."""

_log = logging.getLogger(__name__)


class CanaryChecks:
    """The canaries of one fleet.

    `hash_of` gives the hash of a variant's files; it is called in a thread, and may raise ModelFilesError.
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
        self._settings, self._hash_of = settings, hash_of
        self._events, self._answers, self._store = events, answers, store

    def tick(self, entry: ModelEntry) -> None:
        """Begin an examination that is due because of a load or of idleness."""
        if not self._settings().canary or entry.canary.check or entry.is_unloading:
            return
        quiet_s = entry.idle_s
        if self._is_fresh(entry):
            # A model that is never quiet is asked all the same.
            due = quiet_s >= QUIET_S or entry.canary.answers_since >= self._settings().canary_requests
        else:
            due = quiet_s >= self._settings().canary_idle_s and (entry.canary.checked_s or 0.0) < entry.used_s
        if due:
            self._begin(entry)

    def became_ready(self, entry: ModelEntry) -> None:
        """A fresh process has its slots to itself."""
        entry.canary.slots = None

    def answered(self, entry: ModelEntry, answer_id: str) -> None:
        """Note an answer, and begin an examination when so many were given."""
        self._answers.note(entry.name, answer_id)
        entry.canary.answers_since += 1
        if self._settings().canary and entry.canary.answers_since >= self._settings().canary_requests:
            self._begin(entry)

    async def after_error(self, entry: ModelEntry, lease: Lease, error: ViewfinderError) -> None:
        """Find out whether the process is still any good; it is not leased until that is known."""
        server = entry.server.watched
        if server is None:
            return
        if isinstance(error, EngineDied):
            await _dying(server.life)
        if server.state != "ready" or server.client is not lease.client:
            return  # its end was noted, or was mended already
        entry.canary.holds = True
        try:
            if entry.canary.check is not None:  # begun before the error
                await asyncio.shield(entry.canary.check)
            self._begin(entry, error)
            if entry.canary.check is not None:
                await asyncio.shield(entry.canary.check)
        finally:
            entry.canary.holds = False
            server.on_change()

    async def prove(self, entry: ModelEntry, life: Life) -> str:
        """What is wrong with a life that follows a quarantine; empty when its canary is right."""
        if entry.canary.canary is None:
            return ""
        finding = await entry.canary.canary.examine(
            functools.partial(life.client.exchange, timeout_s=PATIENCE_S)
        )
        self._tell(entry, finding)
        return finding.fault if finding.good is False else ""

    def _is_fresh(self, entry: ModelEntry) -> bool:
        ready_s = entry.server.ready_at_s or 0.0
        return entry.canary.checked_s is None or entry.canary.checked_s < ready_s

    def _begin(self, entry: ModelEntry, error: ViewfinderError | None = None) -> None:
        server = entry.server.watched
        if server is None or server.state != "ready" or entry.canary.check is not None:
            return

        def done(task: asyncio.Task[None]) -> None:
            entry.canary.check = None
            if not task.cancelled() and (failure := task.exception()):
                _log.error("%s: its examination failed: %r", entry.name, failure)

        entry.canary.check = asyncio.create_task(
            self._examine(entry, server, error), name=f"examine {entry.name}"
        )
        entry.canary.check.add_done_callback(done)

    async def _examine(self, entry: ModelEntry, server: ServerProcess, error: ViewfinderError | None) -> None:
        life, mark = server.life, self._answers.mark(entry.name)
        entry.canary.answers_since = 0
        finding = Finding(None)
        if self._settings().canary:
            finding = await self._find(entry, server, life, after_error=error is not None)
            if finding.fault == "error":  # a death is no corruption, and is told elsewhere
                await _dying(life)
        if server.state != "ready" or server.life is not life or server.is_ending:
            return  # it ended meanwhile, and the next one begins anew
        entry.canary.checked_s = time.monotonic()
        if finding.timed_out and await _is_working(server.child):
            return  # slow, and at other work: that proves nothing
        if finding.good is None:
            entry.canary.verified = None
            if error is not None and not await _is_healthy(life):
                server.kill(error if isinstance(error, EngineError) else EngineDied(error.message))
            return
        self._tell(entry, finding)
        entry.canary.verified = finding.good
        if finding.good:
            self._answers.confirm(entry.name, mark)
        else:
            self._quarantine(entry, server, finding)

    async def _find(
        self, entry: ModelEntry, server: ServerProcess, life: Life, *, after_error: bool
    ) -> Finding:
        ask = functools.partial(life.client.exchange, timeout_s=PATIENCE_S)
        if entry.canary.canary is None and server.variant.vision:
            with suppress(ModelFilesError):
                variant = server.variant
                weights = await asyncio.to_thread(self._hash_of, variant)
                key = canary_key(weights, variant.engine, server.engine_version, variant.name)
                entry.canary.canary = Canary(self._store, key, model=entry.card.name)
        if entry.canary.canary is None:
            return Finding(None)
        if not entry.canary.canary.is_chosen and not after_error:
            await entry.canary.canary.choose(ask)
        if after_error:  # whatever the slots hold, it may be wrong
            return await entry.canary.canary.examine(
                ask, slots=await SpareSlot(life.client, life.slots_path).all()
            )
        slots = entry.canary.slots = entry.canary.slots or SpareSlot(life.client, life.slots_path)
        slot = await slots.take()
        finding = await entry.canary.canary.examine(ask, slots=[slot])
        await slots.leave(slot)
        return finding

    def _quarantine(self, entry: ModelEntry, server: ServerProcess, finding: Finding) -> None:
        """From this moment nothing of the process is delivered; what was is marked."""
        self._events.tell("quarantine", entry.card.name, fault=finding.fault, evidence=finding.evidence)
        if finding.fault != "error":  # who fails openly did not answer wrongly before
            suspects = self._answers.suspect(entry.name, finding.fault)
            self._events.tell("suspect", entry.card.name, answers=suspects)
        error = EngineQuarantined(
            f"'{entry.card.name}' got a known image wrong ({finding.fault}); what it said is not passed on.",
            hint="Ask again: a fresh process is being loaded.",
        )
        for lease in entry.leases:
            lease.revoke(error)
        server.quarantine(finding.fault)

    def _tell(self, entry: ModelEntry, finding: Finding) -> None:
        if finding.good is not None:
            scenes = [one["scene"] for one in finding.evidence]
            self._events.tell(
                "canary", entry.card.name, good=finding.good, fault=finding.fault, scenes=scenes
            )


async def _dying(life: Life) -> None:
    """Give the end of a process, whose connection broke, time to be seen."""
    with suppress(TimeoutError):
        await asyncio.wait_for(life.wait(), EXIT_S)


async def _is_working(child: Child) -> bool:
    before = await asyncio.to_thread(read_activity, child)
    await asyncio.sleep(LEAST_LOOK_S)
    return is_working(before, await asyncio.to_thread(read_activity, child))


async def _is_healthy(life: Life) -> bool:
    try:
        status, _ = await life.client.get(life.health, timeout_s=5.0)
    except ViewfinderError:
        return False
    return status == 200
