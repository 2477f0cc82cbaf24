"""`serve`: every model of the catalog behind one address, until told to stop."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from viewfinder.api.measured import measured_here
from viewfinder.api.places import card_of, known_as, open_catalog, open_fleet
from viewfinder.core import paths
from viewfinder.core.config import Settings, load_settings
from viewfinder.core.errors import ViewfinderError
from viewfinder.core.version import VERSION
from viewfinder.fleet.choice import choose_variant
from viewfinder.fleet.fleet import Fleet
from viewfinder.gateway.app import make_app
from viewfinder.gateway.listen import require_key_beyond_loopback
from viewfinder.gateway.listen import serve as listen
from viewfinder.host.ownership import OwnerLock
from viewfinder.host.sockets import Bound, bind_port
from viewfinder.host.sockets import url as url_of
from viewfinder.media.intake import Intake

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Serving:
    """A gateway that listens, and the models whose files are here.

    `notice` says why it listens elsewhere than asked, if it does.
    """

    url: str
    models: tuple[str, ...]
    notice: str = ""


def serve(
    names: Sequence[str] = (),
    *,
    settings: Settings | None = None,
    on_ready: Callable[[Serving], None] = lambda serving: None,
) -> None:
    """Serve every model of the catalog until SIGINT or SIGTERM; `names` are loaded at once.

    A name may also be `hf:owner/name` or a path. Models load at their first request otherwise.
    Raises UnknownModel, ModelFilesError (FilesMissing when pulling mends it), EngineMissing, AlreadyRunning,
    PortInUse, BadRequest (an address beyond loopback without a key).
    """
    settings = settings or load_settings()
    asyncio.run(_serve(tuple(names), settings, on_ready))


async def _serve(names: tuple[str, ...], settings: Settings, on_ready: Callable[[Serving], None]) -> None:
    catalog = open_catalog(settings)
    cards = [card_of(catalog, name) for name in names]
    for card in cards:  # what was named must be there; the others may fail when they are asked for
        catalog.resolve(choose_variant(card, measured_here())[0])
    require_key_beyond_loopback(settings.host, settings.api_key)
    home = paths.home()
    lock = OwnerLock.acquire(home)
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(lock.release)
        bound = bind_port(settings.host, settings.port, strict=settings.strict_port)
        stack.callback(bound.socket.close)
        settings = settings.model_copy(update={"host": bound.host, "port": bound.port})
        fleet = await stack.enter_async_context(open_fleet(catalog, settings))
        intake = await stack.enter_async_context(Intake(settings.limits))
        stop = asyncio.Event()
        _on_signals(stop)
        called = [known_as(catalog, card, name) for card, name in zip(cards, names, strict=True)]
        preloads = [asyncio.create_task(_preload(fleet, name)) for name in called]

        def listening() -> None:
            lock.announce(url_of(bound.host, bound.port))
            here = tuple(card.name for card in fleet.cards())
            on_ready(Serving(url_of(bound.host, bound.port), here, _moved(settings, bound)))

        with contextlib.suppress(asyncio.CancelledError):
            app = make_app(fleet, intake, settings, VERSION)
            await listen(app, bound, settings, stop=stop, on_listening=listening)
        for preload in preloads:
            preload.cancel()


def _on_signals(stop: asyncio.Event) -> None:
    """The first SIGINT or SIGTERM drains, the second cuts off."""
    serving = asyncio.current_task()
    loop = asyncio.get_running_loop()

    def heard() -> None:
        if stop.is_set() and serving is not None:
            serving.cancel()
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, heard)


async def _preload(fleet: Fleet, name: str) -> None:
    try:
        await fleet.load(name)
    except ViewfinderError as error:
        _log.error("%s", error)


def _moved(settings: Settings, bound: Bound) -> str:
    if bound.moved_from is None:
        return ""
    return f"Port taken by {bound.moved_from}; listening on port {bound.port} instead."
