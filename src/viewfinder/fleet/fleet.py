"""All server processes of one owner: started on demand, one per model, and leased to requests.

Used by gateway and api. `scheduler`, a pure function of a snapshot, decides what to do; this module does it
after every change that may change the decision. `watchdog` supervises the models that are up.
"""

import asyncio
import functools
from collections.abc import Collection, Iterable
from contextlib import suppress
from typing import Self, cast

from viewfinder.catalog.card import ModelCard, Variant
from viewfinder.catalog.catalog import Catalog, is_here
from viewfinder.catalog.full_images import base_name
from viewfinder.catalog.hashes import Hashes
from viewfinder.catalog.peers import peers_of
from viewfinder.core.config import Settings
from viewfinder.core.errors import ViewfinderError
from viewfinder.core.paths import Folders
from viewfinder.engines.base import Engine
from viewfinder.fleet.budget import budget_bytes
from viewfinder.fleet.choice import MeasuredHere, as_measured, choose_variant
from viewfinder.fleet.deaths import post_mortem_of
from viewfinder.fleet.health.canary import CanaryStore
from viewfinder.fleet.health.canary_checks import CanaryChecks
from viewfinder.fleet.health.entry import ModelEntry, vitals_of
from viewfinder.fleet.health.profile import PROFILES, Profiles, need_bytes
from viewfinder.fleet.health.upgrade_notes import UPGRADES, UpgradeNotes
from viewfinder.fleet.health.watchdog import Watchdog
from viewfinder.fleet.image_budget import ImageBudgets
from viewfinder.fleet.process.lease import Lease
from viewfinder.fleet.process.restart import RestartPolicy
from viewfinder.fleet.process.servers import MakeServer, Server, make_server
from viewfinder.fleet.process.slot_table import PromptPieces
from viewfinder.fleet.process.states import REST, State
from viewfinder.fleet.queue import ClientTurns, QueuedRequest, last_of_most
from viewfinder.fleet.record.answers import Answers
from viewfinder.fleet.record.events import Events
from viewfinder.fleet.record.post_mortem import write_post_mortem
from viewfinder.fleet.record.request_shape import RequestShape
from viewfinder.fleet.refusals import failed, memory_short, queue_full, stopping, unloaded
from viewfinder.fleet.scheduler import Action, QueueItem, decide, takes_one
from viewfinder.fleet.view import FleetView, view_of

UNKNOWN_BYTES = 1_000_000_000
"""What the memory plan reserves for a model whose files have an unknown size."""


class Fleet:
    """The models of a catalog on this machine; use it as an async context manager, from one event loop.

    `model` is a model's name or the id of one of its repositories. A variant that is up stays the model's
    variant; files pulled and results measured since then affect only the next start.
    `events` is the log of what happens, `answers` records which can be trusted, `catalog` has the cards.
    """

    def __init__(
        self,
        catalog: Catalog,
        settings: Settings,
        folders: Folders,
        *,
        measured: MeasuredHere | None = None,
        servers: MakeServer = make_server,
    ) -> None:
        self.events, self.answers, self.catalog = Events(), Answers(), catalog
        self._settings, self._measured, self._folders, self._make = settings, measured, folders, servers
        self.image_budgets = ImageBudgets(folders.state, lambda: self._settings)
        self._entries: dict[str, ModelEntry] = {}
        self._queue: list[QueuedRequest] = []
        self._turns = ClientTurns()
        self._is_scheduling = self._must_schedule = self._will_schedule = self._closed = False
        hashes = Hashes(folders.state / "hashes.json", folders.state / "pulled.json")
        self._profiles = Profiles(folders.state / PROFILES)
        self._canary = CanaryChecks(
            lambda: self._settings.fleet,
            events=self.events,
            answers=self.answers,
            store=CanaryStore(folders.state / "canaries.json"),
            hash_of=lambda variant: hashes.of(variant, self.catalog.resolve(variant)),
        )
        self._watchdog = Watchdog(
            lambda: list(self._entries.values()),
            self._end,
            settings=lambda: self._settings.fleet,
            budget_bytes=lambda: self.budget_bytes,
            events=self.events,
            profiles=self._profiles,
            canary_checks=self._canary,
            upgrade_notes=UpgradeNotes(folders.state / UPGRADES),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def budget_bytes(self) -> int:
        """How much memory all models together may use."""
        return budget_bytes(self._settings.fleet)

    def cards(self) -> list[ModelCard]:
        """The card of every model whose files are here."""
        cards = map(self.catalog.get, self.catalog.names())
        return [card for card in cards if any(map(is_here, card.variants))]

    def card(self, model: str) -> ModelCard:
        """The card of one model; raises UnknownModel."""
        return self.catalog.get(model)

    def server_of(self, model: str) -> Server | None:
        """The server that answers for the model now, or is about to; None: it is stopped."""
        entry = self._entry_of(self.catalog.get(model))
        return entry.server if entry is not None and entry.state != "stopped" else None

    def variant_of(self, model: str) -> Variant:
        """The variant that would answer a request now, with the capabilities that were measured here.

        Raises UnknownModel, EngineMissing.
        """
        card = self.catalog.get(model)
        if server := self.server_of(model):
            return as_measured(card, server.variant, server.engine_version, self._measured)
        variant, engine = choose_variant(card, self._measured, self._settings.fleet)
        return as_measured(card, variant, engine.installed_version(), self._measured)

    def state_of(self, model: str) -> State:
        return entry.state if (entry := self._entry_of(self.catalog.get(model))) else "stopped"

    def view(self) -> FleetView:
        waiting = [queued.entry for queued in self._queue]
        return FleetView(
            servers=tuple(view_of(entry, waiting.count(entry)) for entry in self._entries.values()),
            waiting=len(waiting),
            budget_bytes=self.budget_bytes,
            planned_bytes=sum(entry.vitals.need_bytes for entry in self._entries.values() if entry.is_up),
            peers=peers_of(self.catalog),
        )

    async def acquire(
        self, model: str, shape: RequestShape | None = None, client: str = "", prompt: PromptPieces = ()
    ) -> Lease:
        """Wait in the queue for a lease on the model's server process, which is loaded when it is not up.
        Clients take turns.

        Raises UnknownModel, ModelFilesError, EngineMissing, Busy (the queue is full, or Viewfinder stops),
        ModelFailed, MemoryShort, and EngineError when the model could not be loaded.
        """
        entry, shape = self._entry(model), shape or RequestShape()
        if not self._queue and takes_one(entry.snapshot(), len(entry.leases)):  # as `decide` would
            self._turns.granted(client)
            return self._lease(entry, shape, prompt)
        self._require_room_in_the_queue(entry, client)
        return cast(Lease, await self._wait(QueuedRequest(entry, shape, client=client, prompt=prompt)))

    async def load(self, model: str) -> None:
        """Load a model, even a failed one because a person wants it. Raises the errors of `acquire`."""
        await self._wait(QueuedRequest(self._entry(model), RequestShape(), wants_lease=False))

    async def unload(self, model: str, why: str = "asked") -> None:
        """Stop a model's processes once the answers in progress are finished, or after `fleet.drain_s`.

        Requests that wait for the model are refused. Raises UnknownModel.
        """
        entries = self._of(self.catalog.get(model))
        for entry in entries:
            self._refuse(self._waiting(entry), unloaded(entry))
            self._end(entry, why)
        await asyncio.gather(*(entry.unloading for entry in entries if entry.unloading))

    def pin(self, model: str, pinned: bool = True) -> None:
        """Set whether a model stays loaded when others need room or when it is idle.

        Raises UnknownModel, ModelFilesError, EngineMissing.
        """
        self._entry(model).pinned = pinned
        self._schedule()

    async def reload(self, catalog: Catalog, settings: Settings, changed: Collection[str]) -> None:
        """Use new settings; the models in `changed` that are up are restarted with them."""
        self.catalog, self._settings = catalog, settings
        affected = [entry for entry in self._entries.values() if base_name(entry.card.name) in changed]
        was_up = [entry.card.name for entry in affected if entry.server.state not in REST]
        for entry in affected:
            entry.is_outdated = True
            self._end(entry, "changed")
            if not entry.is_unloading:
                self._retire(entry)
        self._schedule()
        await asyncio.gather(*(entry.unloading for entry in affected if entry.unloading))
        loads = (self.load(name) for name in was_up if base_name(name) in catalog.names())
        await asyncio.gather(*loads, return_exceptions=True)  # `view` shows a failure

    async def close(self) -> None:
        """Stop every server process; nothing can be acquired afterwards."""
        self._closed = True
        for queued in self._queue:
            if not queued.granted.done():
                queued.granted.set_exception(stopping())
        self._queue.clear()
        await self._watchdog.close()
        entries = list(self._entries.values())
        await asyncio.gather(*(entry.server.stop() for entry in entries))
        ending = [task for entry in entries for task in (entry.unloading, entry.checks.running) if task]
        await asyncio.gather(*ending, return_exceptions=True)

    def _schedule(self) -> None:
        """Do what can be done now; called after every change that may matter, also by what it calls."""
        self._must_schedule, self._will_schedule = True, False
        if self._is_scheduling:
            return
        self._is_scheduling = True
        try:
            while self._must_schedule and self._queue and not self._closed:
                self._must_schedule = False
                queued_requests = self._turns.order(self._queue)
                items = [QueueItem(queued.entry.name, queued.wants_lease) for queued in queued_requests]
                models = {name: entry.snapshot() for name, entry in self._entries.items()}
                for action in decide(models, items, self.budget_bytes):
                    self._do(action, queued_requests)
        finally:
            self._is_scheduling = False

    def _do(self, action: Action, queued_requests: list[QueuedRequest]) -> None:
        entry = self._entries[action.model]
        if action.verb == "load":
            entry.server.want()
        elif action.verb == "evict":
            self._end(entry, "evicted")
        else:
            queued = queued_requests[action.item]
            self._queue.remove(queued)
            if queued.granted.done():  # cancelled, but `_wait` has not run since
                return
            if action.verb == "refuse":
                queued.granted.set_exception(self._refusal(queued))
            else:
                self._turns.granted(queued.client)
                lease = self._lease(entry, queued.shape, queued.prompt) if queued.wants_lease else None
                queued.granted.set_result(lease)

    async def _wait(self, queued: QueuedRequest) -> Lease | None:
        self._queue.append(queued)
        self._turns.joined(queued.client)
        self._schedule()
        try:
            return await queued.granted
        except asyncio.CancelledError:
            if queued in self._queue:
                self._queue.remove(queued)
            elif not queued.granted.cancelled() and not queued.granted.exception():
                lease = queued.granted.result()  # granted just before it was cancelled
                if lease is not None:
                    self._give_back(queued.entry, lease)
            if not self._will_schedule:  # one look at the queue for all that leave at the same moment
                self._will_schedule = True
                asyncio.get_running_loop().call_soon(self._schedule)
            raise

    def _lease(self, entry: ModelEntry, shape: RequestShape, prompt: PromptPieces) -> Lease:
        return entry.grant(
            shape,
            prompt,
            give_back=functools.partial(self._give_back, entry),
            report=functools.partial(self._canary.after_error, entry),
            answered=functools.partial(self._canary.answered, entry),
        )

    def _give_back(self, entry: ModelEntry, lease: Lease) -> None:
        if lease in entry.leases:
            entry.end(lease)
            self._watchdog.note(entry, lease)
            self._schedule()

    def _end(self, entry: ModelEntry, why: str) -> None:
        """Begin to unload an entry; does nothing when it is unloading or not running."""
        if not entry.is_unloading and entry.server.state not in REST:
            entry.unloading = asyncio.create_task(self._unload(entry, why), name=f"unload {entry.name}")
            entry.unloading.add_done_callback(lambda _: self._schedule())

    async def _unload(self, entry: ModelEntry, why: str) -> None:
        """Wait for the leases, stop the process, and return when its memory is free again."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.fleet.drain_s):
                while entry.leases:
                    entry.given_back.clear()
                    await entry.given_back.wait()
        for lease in entry.leases:
            lease.revoke(unloaded(entry))
        async with self._watchdog.memory_returns(entry):
            await entry.server.stop()
        self.events.emit("unload", entry.card.name, why=why)
        if entry.is_outdated:
            self._retire(entry)

    def _entry(self, model: str) -> ModelEntry:
        """The model's entry. When it is stopped and no request waits for it, the variant is chosen again."""
        if self._closed:
            raise stopping()
        card = self.catalog.get(model)
        entry = self._entry_of(card)
        if entry is not None and (entry.state != "stopped" or self._waiting(entry)):
            return entry
        return self._create(card, *choose_variant(card, self._measured, self._settings.fleet))

    def _create(self, card: ModelCard, variant: Variant, engine: Engine) -> ModelEntry:
        """A new entry for the variant, with its profile and the current settings."""
        settings = self.image_budgets.started_with(card, variant, engine)
        server = self._make(
            card,
            variant,
            engine,
            self.catalog,
            settings,
            run_folder=self._folders.run,
            log_folder=self._folders.logs,
            policy=RestartPolicy.of(self._settings.fleet),
            events=self.events,
            write_post_mortem=lambda life, up_s: write_post_mortem(
                self._folders.logs / "deaths", post_mortem_of(entry, life, up_s)
            ),
        )
        profile = self._profiles.get(card.name, variant.name, engine.installed_version())
        need = need_bytes(profile, variant, settings) if server.is_ours else 0
        entry = ModelEntry(
            self.catalog.get(card.name),
            server,
            vitals_of(profile, UNKNOWN_BYTES if need is None else need),
            pinned=card.name in self._settings.fleet.pinned,
        )
        if before := self._entries.get(entry.name):
            entry.pinned = before.pinned
        if server.watched is not None:
            server.watched.verify = functools.partial(self._canary.verify, entry)
            server.watched.is_needed = lambda: bool(entry.leases or self._waiting(entry))
        server.on_change = functools.partial(self._changed, entry)
        self._entries[entry.name] = entry
        self._watchdog.begin()
        return entry

    def _retire(self, entry: ModelEntry) -> None:
        """Remove a stopped entry; requests that wait for it wait for its replacement from now on."""
        del self._entries[entry.name]
        waiting = self._waiting(entry)
        if waiting:
            try:
                fresh = self._entry(entry.card.name)
            except ViewfinderError as error:
                self._refuse(self._waiting(entry), error)
                return
            for queued in waiting:
                queued.entry = fresh

    def _changed(self, entry: ModelEntry) -> None:
        server = entry.server
        if server.state == "ready":
            self._watchdog.became_ready(entry)
        elif server.state != "quarantined":
            self.answers.ended(entry.name)
        if server.state in REST and server.failure is not None:
            self._refuse(self._waiting(entry), server.failure)
        self._schedule()

    def _entry_of(self, card: ModelCard) -> ModelEntry | None:
        """The entry of one of the card's variants; of several, one that runs, or that requests wait for."""
        entries = self._of(card)
        return min(entries, key=lambda one: (one.state in REST, not self._waiting(one)), default=None)

    def _of(self, card: ModelCard) -> list[ModelEntry]:
        names = (f"{card.name}/{variant.name}" for variant in card.variants)
        return [self._entries[name] for name in names if name in self._entries]

    def _waiting(self, entry: ModelEntry) -> list[QueuedRequest]:
        return [queued for queued in self._queue if queued.entry is entry]

    def _require_room_in_the_queue(self, entry: ModelEntry, client: str) -> None:
        waiting = self._waiting(entry)
        full = queue_full(entry, len(waiting), len(self._queue), self._settings.fleet)
        if full is None:
            return
        self.events.refusals.add(full.reason, entry.card.name)
        last = last_of_most(waiting if full.reason == "queue_full" else self._queue, client)
        if last is None:
            raise full
        self._refuse([last], full)

    def _refuse(self, several: Iterable[QueuedRequest], error: ViewfinderError) -> None:
        for queued in several:
            self._queue.remove(queued)
            if not queued.granted.done():
                queued.granted.set_exception(error)

    def _refusal(self, queued: QueuedRequest) -> ViewfinderError:
        entry, failure = queued.entry, queued.entry.server.failure if queued.wants_lease else None
        error = failed(entry, failure) if failure else memory_short(entry, self.budget_bytes)
        self.events.refusals.add(error.reason, entry.card.name)
        return error
