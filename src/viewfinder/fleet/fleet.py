"""All server processes of one owner: starts them on demand, one per model, and says who may use one now.

Used by gateway and api. What is to be done is decided by `scheduler`, a pure function of a snapshot; here
it is done, each time that something changed which may change the decision. `care` looks after what is up.
"""

import asyncio
import functools
import time
from collections.abc import Collection
from contextlib import suppress
from types import TracebackType
from typing import Self

import psutil

from viewfinder.catalog.card import ModelCard, Variant
from viewfinder.catalog.catalog import Catalog
from viewfinder.catalog.hashes import Hashes
from viewfinder.catalog.presence import is_here
from viewfinder.core.config import Settings
from viewfinder.core.errors import ViewfinderError
from viewfinder.core.paths import Folders
from viewfinder.engines.base import Engine
from viewfinder.fleet.choice import MeasuredHere, as_measured, choose_variant
from viewfinder.fleet.health.canary import CanaryStore
from viewfinder.fleet.health.care import Care
from viewfinder.fleet.health.examiner import Examiner
from viewfinder.fleet.health.profile import Profiles, need_bytes
from viewfinder.fleet.lease import Lease
from viewfinder.fleet.place import Place, Ticket
from viewfinder.fleet.process.restart import RestartPolicy
from viewfinder.fleet.process.server import ServerProcess
from viewfinder.fleet.process.servers import make_server
from viewfinder.fleet.process.states import REST, State
from viewfinder.fleet.record.answers import Answers
from viewfinder.fleet.record.events import Events
from viewfinder.fleet.record.post_mortem import post_mortem_of, write_post_mortem
from viewfinder.fleet.record.view import FleetView
from viewfinder.fleet.refusals import failed, memory_short, queue_full, stopping, unloaded
from viewfinder.fleet.scheduler import Step, Wish, decide
from viewfinder.fleet.shape import RequestShape

BUDGET_SHARE = 0.8
"""Of this computer's memory, where the settings name no budget."""
UNKNOWN_BYTES = 1_000_000_000
"""What the plan holds for a model of which not even the size of its files is known."""


class Fleet:
    """The models of a catalog on this machine; use it as an async context manager, from one event loop.

    A model may be called by its name or by the id of one of its repositories. A variant that is up stays
    the model's variant: what was pulled or measured since then changes the next start only. `events` tells
    what happens, `answers` whether an answer can still be trusted.
    """

    def __init__(
        self,
        catalog: Catalog,
        settings: Settings,
        folders: Folders,
        *,
        measured: MeasuredHere | None = None,
        events: Events | None = None,
    ) -> None:
        self.events = events or Events()
        self.answers = Answers()
        self._catalog, self._settings, self._measured = catalog, settings, measured
        self._folders = folders
        self._places: dict[str, Place] = {}
        self._queue: list[Ticket] = []
        self._is_scheduling = self._is_due = self._closed = False
        hashes = Hashes(folders.state / "hashes.json", folders.state / "pulled.json")
        self._profiles = Profiles(folders.state / "profiles.json")
        self._examiner = Examiner(
            lambda: self._settings.fleet,
            events=self.events,
            answers=self.answers,
            store=CanaryStore(folders.state / "canaries.json"),
            hash_of=lambda variant: hashes.of(variant, self._catalog.resolve(variant)),
        )
        self._care = Care(
            lambda: list(self._places.values()),
            self._end,
            settings=lambda: self._settings.fleet,
            budget_bytes=lambda: self.budget_bytes,
            events=self.events,
            profiles=self._profiles,
            examiner=self._examiner,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def budget_bytes(self) -> int:
        """What all models together may hold."""
        chosen = int(self._settings.fleet.memory_budget_gb * 1e9)
        return chosen or int(BUDGET_SHARE * psutil.virtual_memory().total)

    def cards(self) -> list[ModelCard]:
        """The card of every model that can be asked for: its files are here."""
        cards = map(self._catalog.get, self._catalog.names())
        return [card for card in cards if any(map(is_here, card.variants))]

    def card(self, model: str) -> ModelCard:
        """The card of one model; raises UnknownModel."""
        return self._catalog.get(model)

    def variant_of(self, model: str) -> Variant:
        """The variant that a request would meet, as able as it is here.

        Raises UnknownModel, EngineMissing.
        """
        card = self._catalog.get(model)
        place = self._place_of(card)
        if place is not None and place.now().state != "stopped":
            server = place.server
            return as_measured(card, server.variant, server.engine_version, self._measured)
        variant, engine = choose_variant(card, self._measured)
        found = engine.find()
        return as_measured(card, variant, found.version if found else "", self._measured)

    def state_of(self, model: str) -> State:
        """The state of a model's server process."""
        place = self._place_of(self._catalog.get(model))
        return place.now().state if place else "stopped"

    def view(self) -> FleetView:
        """What the fleet looks like now."""
        waiting = [ticket.place for ticket in self._queue]
        return FleetView(
            servers=tuple(place.view(waiting.count(place)) for place in self._places.values()),
            waiting=len(waiting),
            budget_bytes=self.budget_bytes,
            planned_bytes=sum(place.need_bytes for place in self._places.values() if place.now().is_up),
        )

    async def acquire(self, model: str, shape: RequestShape | None = None) -> Lease:
        """A lease on the model's server process, which is loaded when it is not up; waits in the queue.

        Raises UnknownModel, ModelFilesError, EngineMissing, Busy (the queue is full, or we stop),
        ModelFailed, MemoryShort, and EngineError when the load that was waited for failed.
        """
        place = self._place(model)
        self._require_room_in_the_queue(place)
        lease = await self._wait(Ticket(place, shape or RequestShape()))
        if lease is None:
            raise RuntimeError("a ticket that wants a lease was granted without one")
        return lease

    async def load(self, model: str) -> None:
        """Bring a model up; a failed one, too, for this is a person's word. Raises as `acquire` does."""
        await self._wait(Ticket(self._place(model), RequestShape(), wants_lease=False))

    async def unload(self, model: str, why: str = "asked") -> None:
        """End a model's processes when the answers in progress are given, or their time is over.

        Who waits for the model is refused. Raises UnknownModel.
        """
        places = self._of(self._catalog.get(model))
        for place in places:
            self._refuse_all(place, unloaded(place))
            self._end(place, why)
        await asyncio.gather(*(place.unloading for place in places if place.unloading))

    def pin(self, model: str, pinned: bool = True) -> None:
        """Whether a model stays when others need room, or when it is idle.

        Raises UnknownModel, ModelFilesError, EngineMissing.
        """
        self._place(model).pinned = pinned
        self._schedule()

    async def reload(self, catalog: Catalog, settings: Settings, changed: Collection[str]) -> None:
        """Take new settings; of the models in `changed`, those that are up begin anew with them."""
        self._catalog, self._settings = catalog, settings
        going = [place for place in self._places.values() if place.card.name in changed]
        was_up = [place.card.name for place in going if place.server.state not in REST]
        for place in going:
            place.is_outdated = True
            self._end(place, "changed")
            if not place.is_unloading:
                self._move_out(place)
        self._schedule()
        await asyncio.gather(*(place.unloading for place in going if place.unloading))
        known = set(catalog.names())
        loads = (self.load(name) for name in was_up if name in known)
        await asyncio.gather(*loads, return_exceptions=True)  # a failure shows in the model's state

    async def close(self) -> None:
        """End every server process; nothing can be acquired afterwards."""
        self._closed = True
        for ticket in self._queue:
            if not ticket.granted.done():
                ticket.granted.set_exception(stopping())
        self._queue.clear()
        await self._care.close()
        places = list(self._places.values())
        await asyncio.gather(*(place.server.stop() for place in places))
        ending = [task for place in places for task in (place.unloading, place.examination) if task]
        await asyncio.gather(*ending, return_exceptions=True)

    def _schedule(self) -> None:
        """Do what can be done now; called after every change that may matter, also from within itself."""
        self._is_due = True
        if self._is_scheduling:
            return
        self._is_scheduling = True
        try:
            while self._is_due and not self._closed:
                self._is_due = False
                tickets = list(self._queue)
                wishes = [Wish(ticket.place.name, ticket.wants_lease) for ticket in tickets]
                models = {name: place.now() for name, place in self._places.items()}
                for step in decide(models, wishes, self.budget_bytes):
                    self._do(step, tickets)
        finally:
            self._is_scheduling = False

    def _do(self, step: Step, tickets: list[Ticket]) -> None:
        place = self._places[step.model]
        if step.verb == "load":
            place.server.want()
        elif step.verb == "evict":
            self._end(place, "evicted")
        else:
            ticket = tickets[step.wish]
            self._queue.remove(ticket)
            if ticket.granted.done():  # cancelled, and not yet taken out
                return
            if step.verb == "refuse":
                ticket.granted.set_exception(self._refusal(ticket))
            else:
                ticket.granted.set_result(self._lease(place, ticket.shape) if ticket.wants_lease else None)

    async def _wait(self, ticket: Ticket) -> Lease | None:
        self._queue.append(ticket)
        self._schedule()
        try:
            return await ticket.granted
        except asyncio.CancelledError:
            if ticket in self._queue:
                self._queue.remove(ticket)
            elif not ticket.granted.cancelled() and not ticket.granted.exception():
                lease = ticket.granted.result()  # granted in the moment of leaving
                if lease is not None:
                    self._give_back(ticket.place, lease)
            self._schedule()
            raise

    def _lease(self, place: Place, shape: RequestShape) -> Lease:
        lease = Lease(
            place.server,
            shape,
            give_back=functools.partial(self._give_back, place),
            report=functools.partial(self._examiner.after_error, place),
            answered=functools.partial(self._examiner.answered, place),
        )
        place.leases.add(lease)
        return lease

    def _give_back(self, place: Place, lease: Lease) -> None:
        if lease in place.leases:
            place.leases.discard(lease)
            place.used_s = time.monotonic()
            place.given_back.set()
            self._care.note(place, lease)
            self._schedule()

    def _end(self, place: Place, why: str) -> None:
        """Begin to unload a place; nothing when it is at it, or at rest."""
        if not place.is_unloading and place.server.state not in REST:
            place.unloading = asyncio.create_task(self._unload(place, why), name=f"unload {place.name}")
            place.unloading.add_done_callback(lambda _: self._schedule())

    async def _unload(self, place: Place, why: str) -> None:
        """Let the leases end, then the process; returns when its memory is there again."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.fleet.drain_s):
                while place.leases:
                    place.given_back.clear()
                    await place.given_back.wait()
        for lease in place.leases:
            lease.revoke(unloaded(place))
        async with self._care.memory_returns(place):
            await place.server.stop()
        self.events.tell("unload", place.card.name, why=why)
        if place.is_outdated:
            self._move_out(place)

    def _place(self, model: str) -> Place:
        """The model's place; when it is at rest and nobody waits for it, its variant is chosen anew."""
        if self._closed:
            raise stopping()
        card = self._catalog.get(model)
        place = self._place_of(card)
        if place is not None and (place.now().state != "stopped" or self._waiting(place)):
            return place
        variant, engine = choose_variant(card, self._measured)
        return self._settle_in(card, variant, engine)

    def _settle_in(self, card: ModelCard, variant: Variant, engine: Engine) -> Place:
        """A new place for the variant, with what is known of it and what the settings say."""
        fleet = self._settings.fleet
        server = make_server(
            card,
            variant,
            engine,
            self._catalog,
            self._settings.engine_of(card.name),
            run_folder=self._folders.run,
            log_folder=self._folders.logs,
            policy=RestartPolicy.of(fleet),
            events=self.events,
            obituary=lambda life, up_s: write_post_mortem(
                self._folders.logs / "deaths", post_mortem_of(place, life, up_s)
            ),
        )
        found = engine.find()
        profile = self._profiles.get(card.name, variant.name, found.version if found else "")
        need = 0 if variant.server is not None else need_bytes(profile, variant)
        place = Place(
            self._catalog.get(card.name) if card.name in self._catalog.names() else card,
            server,
            need_bytes=UNKNOWN_BYTES if need is None else need,
            pinned=card.name in fleet.pinned,
        )
        before = self._places.get(place.name)
        if before is not None:
            place.pinned = before.pinned
        if profile is not None:
            place.rates, place.load_s = profile.rates, profile.load_s
        if isinstance(server, ServerProcess):
            server.prove = functools.partial(self._examiner.prove, place)
        server.on_change = functools.partial(self._changed, place)
        self._places[place.name] = place
        self._care.begin()
        return place

    def _move_out(self, place: Place) -> None:
        """A place at rest is no more; who waits for it goes on waiting for the one that takes its place."""
        del self._places[place.name]
        waiting = self._waiting(place)
        if waiting:
            try:
                fresh = self._place(place.card.name)
            except ViewfinderError as error:
                self._refuse_all(place, error)
                return
            for ticket in waiting:
                ticket.place = fresh

    def _changed(self, place: Place) -> None:
        server = place.server
        if server.state == "ready":
            self._care.became_ready(place)
        elif server.state != "quarantined":
            self.answers.ended(place.name)
        if server.state in REST and server.failure is not None:
            self._refuse_all(place, server.failure)
        self._schedule()

    def _place_of(self, card: ModelCard) -> Place | None:
        """The place of one of the card's variants; of several, one that is up, coming, or waited for."""
        places = self._of(card)
        return min(places, key=lambda one: (one.now().state in REST, not self._waiting(one)), default=None)

    def _of(self, card: ModelCard) -> list[Place]:
        names = (f"{card.name}/{variant.name}" for variant in card.variants)
        return [self._places[name] for name in names if name in self._places]

    def _waiting(self, place: Place) -> list[Ticket]:
        return [ticket for ticket in self._queue if ticket.place is place]

    def _require_room_in_the_queue(self, place: Place) -> None:
        full = queue_full(place, len(self._waiting(place)), len(self._queue), self._settings.fleet)
        if full is not None:
            self.events.tell("refused", place.card.name, code=full.reason)
            raise full

    def _refuse_all(self, place: Place, error: ViewfinderError) -> None:
        for ticket in self._waiting(place):
            self._queue.remove(ticket)
            if not ticket.granted.done():
                ticket.granted.set_exception(error)

    def _refusal(self, ticket: Ticket) -> ViewfinderError:
        place, failure = ticket.place, ticket.place.server.failure
        short = memory_short(place, self.budget_bytes)
        error = failed(place, failure) if failure and ticket.wants_lease else short
        self.events.tell("refused", place.card.name, code=error.reason)
        return error
