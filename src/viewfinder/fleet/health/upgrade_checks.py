"""After its engine or its files changed, an idle model is asked known requests: does it answer as before?
A part of `fleet`.

    the model is idle for `upgrade_idle_s`     what follows
    with an engine and files seen before       a mini-bench to compare with, until there are KEPT_BENCHES
    with another engine or other files         a mini-bench, compared with those before: the report

A mini-bench takes 30 s at most. It waits while this computer is in use or on battery, gives way to any
request at once, and continues when the model is idle again. An engine or file is compared once.
"""

import asyncio
import functools
import importlib.metadata
import logging
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

from viewfinder.catalog.card import Variant
from viewfinder.client.chat import ChatClient
from viewfinder.client.exchange import Exchange
from viewfinder.core.config import FleetSettings
from viewfinder.core.errors import ModelFilesError
from viewfinder.fleet.health.entry import ModelEntry
from viewfinder.fleet.health.slots import SpareSlot
from viewfinder.fleet.health.upgrade import judge
from viewfinder.fleet.health.upgrade_notes import (
    KEPT_BENCHES,
    FileState,
    RanWith,
    UpgradeNotes,
    UpgradeReport,
    key_of,
    way_back,
    what_changed,
)
from viewfinder.fleet.health.upgrade_record import UpgradeRecord
from viewfinder.fleet.health.upgrade_requests import KnownRequest, known_requests
from viewfinder.fleet.process.life import Life
from viewfinder.fleet.process.server import ServerProcess
from viewfinder.fleet.record.events import Events
from viewfinder.host.disturbance import read_machine_s
from viewfinder.host.hardware import this_machine
from viewfinder.host.machine_speed import own_work_s
from viewfinder.host.power import read_power

MOST_S = 30.0
"""How long a mini-bench asks, all its requests together."""
LEAST_ANSWER_S = 5.0
"""The time that its last request has at least."""
GIVES_WAY_S = 0.05
"""How often it looks for a request that needs the machine."""
USE_LOOK_S = 0.5
"""How long it is watched how much of this computer is in use."""
MOST_IN_USE = 0.3
"""Share of the processors that other programs use above which this computer is in use."""
MOST_ATTEMPTS = 3
IN_USE_RETRY_S = 60.0

_log = logging.getLogger(__name__)


class UpgradeChecks:
    """The upgrade checks of one fleet; `hash_of` returns the hash of a variant's files, and is called in a
    thread."""

    def __init__(
        self,
        entries: Callable[[], Iterable[ModelEntry]],
        settings: Callable[[], FleetSettings],
        *,
        events: Events,
        notes: UpgradeNotes,
        hash_of: Callable[[Variant], str],
    ) -> None:
        self._entries, self._settings = entries, settings
        self._events, self._notes, self._hash_of = events, notes, hash_of

    def tick(self, entry: ModelEntry) -> None:
        """Begin or continue a mini-bench when the model is idle; called every quarter of a second or so."""
        settings, server, record = self._settings(), entry.server.watched, entry.upgrade
        if server is None or not settings.check_upgrades or record.running is not None:
            return
        if record.life is not server.life:  # a fresh process
            record = entry.upgrade = UpgradeRecord(server.life)
            record.report = self._notes.get(_key(server)).report
        is_time = entry.idle_s >= _idle_s(settings) and time.monotonic() >= record.wait_until_s
        if record.is_done or not is_time or entry.is_unloading or self._is_needed(entry):
            return
        if settings.canary and (entry.checks.checked_s or 0.0) < (server.ready_at_s or 0.0):
            return  # it comes first
        record.running = asyncio.create_task(self._check(entry, server), name=f"upgrade {entry.name}")
        record.running.add_done_callback(functools.partial(_ended, entry))

    async def close(self) -> None:
        """Stop what runs; it is made again from the start in the next process."""
        running = [one.upgrade.running for one in self._entries() if one.upgrade.running is not None]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _is_needed(self, entry: ModelEntry) -> bool:
        """Whether anything else needs this process, or the machine."""
        checks = entry.checks
        return checks.running is not None or checks.is_held or any(map(_is_busy, self._entries()))

    async def _check(self, entry: ModelEntry, server: ServerProcess) -> None:
        record, key = entry.upgrade, _key(server)
        with suppress(ModelFilesError, OSError):
            identity = await asyncio.to_thread(self._identify, server)
            note = self._notes.get(key)
            known = note.current if note.former(identity) is None else None
            if known is not None and len(known.benches) >= KEPT_BENCHES:
                record.is_done = True
                return
            if not await _is_free():
                record.wait_until_s = time.monotonic() + IN_USE_RETRY_S
                return
            if not await self._ask(entry, server) or self._must_repeat(record, server):
                return
            record.is_done = True
            if record.bench.answers:
                self._conclude(entry, key, identity)
            return
        record.is_done = True  # the files cannot be read: the engine has them open

    def _must_repeat(self, record: UpgradeRecord, server: ServerProcess) -> bool:
        """Whether other programs disturbed the mini-bench, and it is to be made again. At last, or where an
        engine would answer from its cache, the answers alone are kept."""
        if record.disturbance.share <= MOST_IN_USE:
            return False
        if record.attempts < MOST_ATTEMPTS and server.life.launch.slots_path:
            record.begin_again()
            record.wait_until_s = time.monotonic() + IN_USE_RETRY_S
            return True
        record.forget_times()
        return False

    def _identify(self, server: ServerProcess) -> RanWith:
        """Raises ModelFilesError and OSError."""
        variant, engine = server.variant, server.engine
        installed = engine.find()
        is_package = installed is not None and installed.version == server.engine_version
        return RanWith(
            engine=engine.name,
            version=server.engine_version,
            packages=_versions(engine.libraries) if is_package else {},
            weights=self._hash_of(variant),
            files=(FileState.of(server.files.model),),
            repo=variant.repo or "",
            revision=variant.revision or "",
        )

    async def _ask(self, entry: ModelEntry, server: ServerProcess) -> bool:
        """Whether the mini-bench is complete: all was asked, or the time is over. False: it gave way."""
        record, life = entry.upgrade, server.life
        requests = await asyncio.to_thread(known_requests_of, server.variant)
        slots = SpareSlot(life.client, life.launch.slots_path)
        while record.next_request < len(requests) and record.asked_s < MOST_S:
            slot = await slots.take()
            machine_s = await asyncio.to_thread(own_work_s)
            request = requests[record.next_request]
            record.next_request += 1  # one that is interrupted is not asked again: it might be cached
            pids = await asyncio.to_thread(server.pids)
            with record.disturbance.watch(functools.partial(list, pids)):
                exchange = await self._one(entry, life, request, slot)
            if exchange is None or life.child.exit is not None:
                return False
            await slots.leave(slot)
            record.asked_s += exchange.e2e_s
            if not exchange.error:
                record.note(request.name, exchange, machine_s, is_warm_up=request is requests[0])
        return True

    async def _one(
        self, entry: ModelEntry, life: Life, request: KnownRequest, slot: int | None
    ) -> Exchange | None:
        """The answer to one request; None: another needed the machine meanwhile."""
        timeout_s = max(MOST_S - entry.upgrade.asked_s, LEAST_ANSWER_S)
        body = {"model": entry.card.name, **request.body}
        if slot is not None:  # it is llama.cpp's
            body |= {"id_slot": slot, "cache_prompt": False}
        asking = asyncio.create_task(_exchange(life.client, body, timeout_s))
        try:
            while not asking.done():
                if self._is_needed(entry):
                    return None
                await asyncio.wait([asking], timeout=GIVES_WAY_S)
            return asking.result()
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    def _conclude(self, entry: ModelEntry, key: str, identity: RanWith) -> None:
        """Keep the mini-bench, and report what changed."""
        note, bench = self._notes.get(key), entry.upgrade.bench
        former, report = note.former(identity), None
        if former is not None and note.current is not None:
            found, then = judge(former.benches, bench), note.current.identity
            report = UpgradeReport(
                entry.card.name,
                entry.server.variant.name,
                found.verdict,
                str(found),
                what_changed(then, identity),
                way_back(then, identity),
                time.time(),
            )
        self._notes.put(key, note.with_bench(identity, bench, report))
        if report is not None:
            entry.upgrade.report = report
            details = {"verdict": report.verdict, "says": report.says, "since": report.since}
            self._events.emit("upgrade", entry.card.name, **details, back=report.back)
            level = logging.INFO if report.verdict == "as before" else logging.WARNING
            _log.log(level, "%s: %s.", entry.card.name, report.sentence)


def known_requests_of(variant: Variant) -> tuple[KnownRequest, ...]:
    return known_requests(vision=variant.vision)


async def _exchange(client: ChatClient, body: dict[str, object], timeout_s: float) -> Exchange:
    return await client.exchange(body, timeout_s=timeout_s)


async def _is_free() -> bool:
    """Whether this computer is on mains, as far as is known, and hardly in use."""
    if (await asyncio.to_thread(read_power)).source == "battery":
        return False
    busy_s, idle_s = read_machine_s()
    await asyncio.sleep(USE_LOOK_S)
    busy_after_s, idle_after_s = read_machine_s()
    busy_s, idle_s = busy_after_s - busy_s, idle_after_s - idle_s
    return busy_s <= MOST_IN_USE * (busy_s + idle_s)


def _is_busy(entry: ModelEntry) -> bool:
    server = entry.server.watched
    return bool(entry.leases) or entry.state == "starting" or bool(server and server.is_needed())


def _idle_s(settings: FleetSettings) -> float:
    """How long a model must be idle; half of the time after which it would be unloaded, if that is less."""
    return min(settings.upgrade_idle_s, settings.idle_unload_s / 2 or settings.upgrade_idle_s)


def _key(server: ServerProcess) -> str:
    return key_of(server.card.name, server.variant.name, server.settings, this_machine())


def _versions(packages: Iterable[str]) -> dict[str, str]:
    versions = {}
    for package in packages:
        with suppress(importlib.metadata.PackageNotFoundError):
            versions[package] = importlib.metadata.version(package)
    return versions


def _ended(entry: ModelEntry, task: asyncio.Task[None]) -> None:
    entry.upgrade.running = None
    if not task.cancelled() and (failure := task.exception()):
        entry.upgrade.is_done = True
        _log.error("%s: the upgrade check failed: %r", entry.name, failure)
