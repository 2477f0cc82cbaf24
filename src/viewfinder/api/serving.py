"""`serve`: every model of the catalog behind one address, until it is stopped."""

import asyncio
import contextlib
import gc
import logging
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import partial

import uvloop
from starlette.applications import Starlette
from starlette.routing import BaseRoute

from viewfinder.api.backing.opened import Renewal, open_backing
from viewfinder.api.clustered import open_cluster
from viewfinder.api.measured import measured_here
from viewfinder.api.orders import OrdersHere
from viewfinder.api.reloading import Reloading
from viewfinder.api.setup import card_of, check_settings, known_as, open_catalog, open_fleet
from viewfinder.catalog.catalog import Catalog
from viewfinder.core import paths
from viewfinder.core.config import Settings, load_settings
from viewfinder.core.errors import ViewfinderError
from viewfinder.core.seldom import Seldom
from viewfinder.core.version import VERSION
from viewfinder.dashboard.app import Dashboard
from viewfinder.dashboard.data import data_routes
from viewfinder.fleet.choice import choose_variant
from viewfinder.fleet.fleet import Fleet
from viewfinder.gateway.access_log import access_log
from viewfinder.gateway.app import Replaceable, make_app
from viewfinder.gateway.auto import AutoModels
from viewfinder.gateway.connection import Terms
from viewfinder.gateway.control import make_control
from viewfinder.gateway.fleet_feed import FleetFeed
from viewfinder.gateway.kept import KeptTurns
from viewfinder.gateway.kept_where import kept_where
from viewfinder.gateway.keys import OF_SETTINGS, KeyFile
from viewfinder.gateway.listen import require_key_beyond_loopback, serving_control
from viewfinder.gateway.listen import serve as listen
from viewfinder.gateway.metrics import Metrics
from viewfinder.gateway.page_routes import Pages
from viewfinder.gateway.peers import Peers
from viewfinder.gateway.request_record import RequestRecords
from viewfinder.gateway.sessions import new_secret
from viewfinder.host import warden_process
from viewfinder.host.descriptors import raise_limit
from viewfinder.host.output import Output
from viewfinder.host.own_addresses import own_addresses
from viewfinder.host.ownership import OwnerLock, control_socket
from viewfinder.host.sockets import Bound, bind_port, reachable
from viewfinder.host.sockets import url as url_of
from viewfinder.media.intake import Intake

OpenFleet = Callable[[Catalog, Settings], AbstractAsyncContextManager[Fleet]]

_log = logging.getLogger(__name__)

LOUD = ("asyncio", "uvicorn.error")
"""Loggers that write a line, or a traceback, for each connection or request that fails."""
HANDLED_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SWITCH_S = 0.0005
"""How long the event loop waits for a thread that runs Python, each time it has sent or received: with
Python's own 5 ms, a few connections made 40 ms of it."""


@dataclass(frozen=True, slots=True)
class Serving:
    """A gateway that listens, and the models whose files are here, with the aliases of them.

    `url` is for programs on this computer, `addresses` are for those on others; `keys` are the names of the
    keys that open it. `notice` says why it listens on another port than the settings say, if it does.
    """

    url: str
    models: tuple[str, ...]
    notice: str = ""
    aliases: Mapping[str, str] = field(default_factory=dict)
    addresses: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()


def serve(
    names: Sequence[str] = (),
    *,
    settings: Settings | None = None,
    reread: Callable[[], Settings] | None = None,
    on_ready: Callable[[Serving], None] = lambda serving: None,
    ray: str | None = None,
) -> None:
    """Serve every model of the catalog until SIGINT or SIGTERM; `names` are loaded at once.

    A name may also be `hf:owner/name` or a path. Other models load at their first request. At SIGHUP, and
    when the settings file changes, `reread` reads the settings again; without it, `settings` stay as they
    are. Raises UnknownModel, ModelFilesError (FilesMissing when `pull` can get the files), EngineMissing,
    AlreadyRunning, PortInUse, BadRequest (an address beyond loopback without a key). With `ray`, the address
    of a Ray cluster or "auto", the models run on its nodes (EngineMissing without the extra `cluster`).
    """
    if settings is None:
        settings, reread = load_settings(), reread or load_settings
    given = settings
    opening = open_fleet if ray is None else partial(open_cluster, names=tuple(names), address=ray)
    raise_limit()
    quick = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    with _handlers_kept(), _quick_switches(), _seldom_repeated(), quick as runner:
        runner.run(_serve(tuple(names), settings, reread or (lambda: given), on_ready, opening))


@contextlib.contextmanager
def _quick_switches() -> Iterator[None]:
    """Threads that parse large bodies give the event loop its turn soon."""
    before_s = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before_s)


@contextlib.contextmanager
def _seldom_repeated() -> Iterator[None]:
    """As long as strangers can cause lines of log, each message is logged once a minute."""
    seldom, loud = Seldom(), [logging.getLogger(name) for name in LOUD]
    for log in loud:
        log.addFilter(seldom)
    try:
        yield
    finally:
        for log in loud:
            log.removeFilter(seldom)


async def _serve(
    names: tuple[str, ...],
    settings: Settings,
    reread: Callable[[], Settings],
    on_ready: Callable[[Serving], None],
    opening: OpenFleet,
) -> None:
    peers = Peers()

    def open_named(settings: Settings) -> Catalog:
        catalog = open_catalog(settings)
        peers.show_in(catalog, settings.endpoints)
        for name in names:
            card_of(catalog, name)  # adds those that are in no catalog
        check_settings(catalog, settings)
        return catalog

    catalog = open_named(settings)
    cards = [card_of(catalog, name) for name in names]
    for card in cards:  # the named models must be here; others may fail at their first request
        catalog.resolve(choose_variant(card, measured_here(), settings.fleet)[0])
    keys = KeyFile(paths.keys_file())
    keys.all()  # a broken file is told before anything starts
    require_key_beyond_loopback(settings.host, settings.api_key, keys)
    lock = OwnerLock.acquire(paths.home())
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(lock.release)
        bound = bind_port(settings.host, settings.port, strict=settings.strict_port)
        stack.callback(bound.socket.close)
        notice = _moved(settings.port, bound)
        settings = settings.model_copy(update={"host": bound.host, "port": bound.port})
        service = await stack.enter_async_context(_opened(catalog, settings, keys, opening, peers))
        control = stack.enter_context(control_socket(lock))
        await stack.enter_async_context(serving_control(service.control(), control))
        reloading = Reloading(
            catalog,
            settings,
            reread=reread,
            open_catalog=open_named,
            apply=service.apply,
            keys=keys,
            report=partial(service.fleet.events.emit, "reload", ""),
        )
        service.renewal.look_again = reloading.look_again
        _on_signals(stop := asyncio.Event(), reloading.request, service.records.reopen)
        called = [known_as(catalog, card, name) for card, name in zip(cards, names, strict=True)]
        beside = [asyncio.create_task(_preload(service.fleet, name)) for name in called]
        beside += (asyncio.create_task(reloading.run()), asyncio.create_task(service.kept.tidying()))

        def listening() -> None:
            gc.collect()
            gc.freeze()  # it all stays, and looking through it again held up every request for 60 ms
            shown = _shown(service, bound, catalog, notice, key_names(settings, keys))
            lock.announce(shown.url, control.getsockname())
            on_ready(shown)

        with contextlib.suppress(asyncio.CancelledError):
            await service.listen(bound, stop, listening)
        for task in beside:
            task.cancel()


@contextlib.asynccontextmanager
async def _opened(
    catalog: Catalog,
    settings: Settings,
    keys: KeyFile,
    opening: OpenFleet,
    peers: Peers,
) -> AsyncIterator["_Service"]:
    """The gateway over its fleet, with all that it writes to; closed at the end of the block."""
    async with contextlib.AsyncExitStack() as stack:
        log = Output(paths.event_file())
        stack.callback(log.close)
        records = RequestRecords(access_log=access_log(settings.access_log))
        stack.callback(records.close)
        if opening is open_fleet:  # with Ray, engines start elsewhere
            stack.enter_context(warden_process.ready.kept())
        fleet = await stack.enter_async_context(opening(catalog, settings))
        fleet.events.write_to(log)
        records.refusals = fleet.events.refusals
        kept = await asyncio.to_thread(kept_where, paths.responses_folder(), settings)
        stack.callback(kept.close)
        fleet.events.listen(kept.hear)
        intake = await stack.enter_async_context(Intake(settings.limits))
        renewal = Renewal()
        backing = await stack.enter_async_context(
            open_backing(fleet, intake, lambda: service.settings, renewal)
        )
        dashboard = Dashboard(fleet, backing, lambda: service.settings.limits)
        service = _Service(
            fleet,
            intake,
            settings,
            keys,
            kept,
            records,
            pages=dashboard.pages,
            otherwise=(*data_routes(backing), *dashboard.otherwise()),
            renewal=renewal,
            peers=peers,
        )
        stack.callback(peers.close)
        await peers.begin(fleet, settings.endpoints)
        yield service


class _Service:
    """The gateway over its fleet; `app` uses the settings that were applied last."""

    def __init__(
        self,
        fleet: Fleet,
        intake: Intake,
        settings: Settings,
        keys: KeyFile,
        kept: KeptTurns,
        records: RequestRecords | None = None,
        pages: Pages | None = None,
        otherwise: Sequence[BaseRoute] = (),
        renewal: Renewal | None = None,
        peers: Peers | None = None,
    ) -> None:
        self.peers = peers or Peers()
        self.fleet, self._intake, self.settings, self._keys = fleet, intake, settings, keys
        self._otherwise, self.renewal = otherwise, renewal or Renewal()
        self.kept, self.records = kept, records or RequestRecords()
        self._auto = AutoModels(OrdersHere())
        self._metrics, self._secret, self._pages = Metrics(fleet), new_secret(), pages
        self._feed = FleetFeed(fleet)
        self.terms = Terms.of(settings.limits, settings.fleet.drain_s, self.records)
        self.app = Replaceable(self._made())

    async def listen(self, bound: Bound, stop: asyncio.Event, on_listening: Callable[[], None]) -> None:
        """Serve `app` until `stop` is set."""
        await listen(
            self.app,
            bound,
            self.settings,
            stop=stop,
            on_listening=on_listening,
            keys=self._keys,
            terms=self.terms,
        )

    async def apply(self, catalog: Catalog, settings: Settings, changed: set[str]) -> None:
        """Use other settings from now on; the models in `changed` restart."""
        old, self.settings = self.settings, settings
        self._intake.limit(settings.limits)
        self.kept.limit(settings.responses)
        self.terms.limit(settings.limits, settings.fleet.drain_s)
        await self.peers.apply(settings.endpoints)
        self.peers.show_in(catalog)
        self.app.app = self._made()
        self.terms.endless.end()  # who watches comes back, with a key that still opens
        await self.fleet.reload(catalog, settings, changed)
        for name in {*old.fleet.pinned} ^ {*settings.fleet.pinned}:
            self.fleet.pin(name, name in settings.fleet.pinned)
        if settings.access_log != old.access_log:
            await asyncio.to_thread(self.records.write_to, access_log(settings.access_log))

    def _made(self) -> Starlette:
        return make_app(
            self.fleet,
            self._intake,
            self.settings,
            VERSION,
            metrics=self._metrics,
            keys=self._keys,
            kept=self.kept,
            pages=self._pages,
            otherwise=self._otherwise,
            secret=self._secret,
            feed=self._feed,
            auto=self._auto,
        )

    def control(self) -> Starlette:
        """The app of the control socket."""
        return make_control(self.fleet, self._auto, lambda: self.settings)


@contextlib.contextmanager
def _handlers_kept() -> Iterator[None]:
    """asyncio takes its signal handlers away when its loop is closed; uvloop leaves them, deaf."""
    before = {number: signal.getsignal(number) for number in HANDLED_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _on_signals(stop: asyncio.Event, *on_hangup: Callable[[], None]) -> None:
    """The first SIGINT or SIGTERM drains, the second cuts off; SIGHUP reloads the settings, and opens the
    access log again.

    When SIGHUP comes because our terminal was closed, it stops us as it stops every program.
    """
    serving = asyncio.current_task()
    at_a_terminal = _is_at_a_terminal()
    loop = asyncio.get_running_loop()

    def stop_or_cut_off() -> None:
        if stop.is_set() and serving is not None:
            serving.cancel()
        stop.set()

    def hung_up() -> None:
        if at_a_terminal and not _is_at_a_terminal():
            stop_or_cut_off()
        else:
            for call in on_hangup:
                call()

    for number in HANDLED_SIGNALS:
        loop.add_signal_handler(number, hung_up if number == signal.SIGHUP else stop_or_cut_off)


def _is_at_a_terminal() -> bool:
    """Whether we run at a terminal; false once it was closed."""
    streams = (sys.stdin, sys.stdout, sys.stderr)
    return any(stream is not None and stream.isatty() for stream in streams)


async def _preload(fleet: Fleet, name: str) -> None:
    try:
        await fleet.load(name)
    except ViewfinderError as error:
        _log.error("%s", error)


def key_names(settings: Settings, keys: KeyFile) -> tuple[str, ...]:
    """The names of the keys that open the gateway, as they are counted."""
    of_settings = (OF_SETTINGS,) if settings.api_key else ()
    return (*of_settings, *(one.name for one in keys.all()))


def _shown(service: _Service, bound: Bound, catalog: Catalog, notice: str, keys: tuple[str, ...]) -> Serving:
    here = tuple(card.name for card in service.fleet.cards())
    aliases = {alias: name for alias, name in catalog.other_names().items() if name in here}
    addresses = tuple(url_of(one, bound.port) for one in own_addresses(bound.host))
    return Serving(url_of(reachable(bound.host), bound.port), here, notice, aliases, addresses, keys)


def _moved(wanted: int, bound: Bound) -> str:
    if bound.moved_from is None:
        return ""
    return f"Port {wanted} is taken by {bound.moved_from}; listening on port {bound.port} instead."
