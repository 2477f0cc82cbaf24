"""All server processes of one owner: starts them on demand, one per model; gateway and api use it."""

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from viewfinder.catalog.card import ModelCard, Variant
from viewfinder.catalog.catalog import Catalog
from viewfinder.catalog.presence import is_here
from viewfinder.client.endpoint import Endpoint
from viewfinder.core.config import EngineSettings
from viewfinder.core.errors import Busy, EngineDied
from viewfinder.fleet.answers import Answers
from viewfinder.fleet.choice import MeasuredHere, as_measured, choose_variant
from viewfinder.fleet.server import ServerProcess
from viewfinder.fleet.servers import Server, make_server
from viewfinder.fleet.states import State

_log = logging.getLogger(__name__)


class Lease:
    """The right to send one request to a ready server process; an async context manager."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.client = server.client
        """The connection pool to the engine, shared with the server process's other leases."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    @property
    def card(self) -> ModelCard:
        return self._server.card

    @property
    def variant(self) -> Variant:
        return self._server.variant

    @property
    def endpoint(self) -> Endpoint:
        return self.client.endpoint

    async def report_death(self) -> None:
        """Say that the engine broke the connection: it is ended, and the next lease starts a fresh one."""
        await self._server.stop()


_Key = tuple[str, str]


def _key(card: ModelCard, variant: Variant) -> _Key:
    """What a place is known by: a model and one of its variants."""
    return card.name, variant.name


@dataclass(slots=True)
class _Place:
    """A model's place in the fleet: its server process and the task that loads or loaded it."""

    server: Server
    loading: asyncio.Task[None]
    watch: asyncio.Task[None] | None = None


class Fleet:
    """The models of a catalog on this machine; use it as an async context manager, from one event loop.

    A model may be called by its name or by the id of one of its repositories. A variant that is up stays
    the model's variant: what was pulled or measured since then changes the next start only.
    """

    def __init__(
        self,
        catalog: Catalog,
        settings: EngineSettings,
        *,
        run_folder: Path,
        log_folder: Path,
        measured: MeasuredHere | None = None,
    ) -> None:
        self._catalog, self._settings, self._measured = catalog, settings, measured
        self._run_folder, self._log_folder = run_folder, log_folder
        self._places: dict[_Key, _Place] = {}
        self._closed = False
        self.answers = Answers()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

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
        if place is not None and not self._is_over(place):
            server = place.server
            return as_measured(card, server.variant, server.engine_version, self._measured)
        variant, engine = choose_variant(card, self._measured)
        found = engine.find()
        return as_measured(card, variant, found.version if found else "", self._measured)

    def state_of(self, model: str) -> State:
        """The state of a model's server process."""
        place = self._place_of(self._catalog.get(model))
        return place.server.state if place else "stopped"

    async def acquire(self, model: str) -> Lease:
        """A lease on the model's server process, started when it is not up; a load in progress is joined.

        Raises UnknownModel, ModelFilesError, EngineMissing, EngineDied, EngineStalled.
        """
        card = self._catalog.get(model)
        place = self._place_of(card)
        if place is None or self._is_over(place):
            place = self._open(card)
        # Shielded: a client that leaves while the model loads must not take the load from the others.
        await asyncio.shield(place.loading)
        if place.server.state != "ready":
            raise EngineDied(f"The engine of '{model}' ended just after it was ready.", hint="Ask again.")
        return Lease(place.server)

    async def close(self) -> None:
        """End every server process; nothing can be acquired afterwards."""
        self._closed = True
        places, self._places = list(self._places.values()), {}
        for place in places:
            for task in (place.loading, place.watch):
                if task is not None and not task.done():
                    task.cancel()
                    with contextlib.suppress(asyncio.CancelledError, Exception):
                        await task
        await asyncio.gather(*(place.server.stop() for place in places))

    def _place_of(self, card: ModelCard) -> _Place | None:
        """The place of one of the card's variants; of several, one that is up or loading."""
        known = [self._places.get(_key(card, variant)) for variant in card.variants]
        places = sorted(filter(None, known), key=self._is_over)
        return places[0] if places else None

    def _open(self, card: ModelCard) -> _Place:
        if self._closed:
            raise Busy("Viewfinder is stopping.", hint="Ask again when it is back.", code="stopping")
        variant, engine = choose_variant(card, self._measured)
        server = make_server(
            card,
            variant,
            engine,
            self._catalog,
            self._settings,
            run_folder=self._run_folder,
            log_folder=self._log_folder,
        )
        place = _Place(server, asyncio.create_task(self._load(server), name=f"load {card.name}"))
        # A load that fails after every waiting client left must not warn of an exception never read.
        place.loading.add_done_callback(lambda task: task.cancelled() or task.exception())
        self._places[_key(card, variant)] = place
        return place

    async def _load(self, server: Server) -> None:
        await server.start()
        if isinstance(server, ServerProcess):
            place = self._places[_key(server.card, server.variant)]
            place.watch = asyncio.create_task(self._watch(server))

    async def _watch(self, server: ServerProcess) -> None:
        """Note a death at once, so that the next request meets a fresh process and not a dead socket."""
        ended = await server.child.wait()
        if server.state == "ready":
            _log.warning("%s: the engine ended: %s", server.card.name, ended.explanation)
            await server.stop()

    @staticmethod
    def _is_over(place: _Place) -> bool:
        if not place.loading.done():
            return False
        return (
            place.loading.cancelled()
            or place.loading.exception() is not None
            or (place.server.state != "ready")
        )
