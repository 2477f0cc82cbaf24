"""The fleet over HTTP: looking at it, and loading and unloading models; mounted by `app` and by `control`.

GET  /fleet                          every server process, as `FleetView`
GET  /fleet/events                   recent events
GET  /fleet/suspects                 answers that can no longer be trusted
GET  /fleet/stream                   the state and the events, as they change (`fleet_stream`)
POST /fleet/models/NAME/load         replies when the model is up; also starts one that was given up
POST /fleet/models/NAME/unload       replies when its process has ended
POST /fleet/models/NAME/pin, unpin   whether it may be unloaded to make room
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from viewfinder.core.errors import ViewfinderError
from viewfinder.fleet.fleet import Fleet
from viewfinder.fleet.refusals import stopping
from viewfinder.gateway.fleet_feed import FleetFeed
from viewfinder.gateway.fleet_guards import FLEET
from viewfinder.gateway.fleet_stream import FleetStream
from viewfinder.gateway.keys import Keys


def fleet_api(fleet: Fleet, feed: FleetFeed, keys: Keys) -> list[Route]:
    """What the gateway has under /fleet."""
    return [*fleet_routes(fleet, under=FLEET), Route(f"{FLEET}/stream", FleetStream(feed, keys).page)]


def fleet_routes(
    fleet: Fleet, *, under: str, refused: Callable[[ViewfinderError], Response] | None = None
) -> list[Route]:
    """What the control socket has, too, with paths that begin with `under`. `refused` makes the answer of a
    command that failed; without it, the error is raised."""
    views: dict[str, Callable[[], Any]] = {
        FLEET: lambda: fleet.view().as_json(),
        f"{under}/events": lambda: [asdict(event) for event in fleet.events.recent],
        f"{under}/suspects": lambda: [asdict(answer) for answer in fleet.answers.suspects()],
    }
    commands: dict[str, Callable[[str], Awaitable[None]]] = {
        "load": fleet.load,
        "unload": fleet.unload,
        "pin": partial(_pin, fleet, True),
        "unpin": partial(_pin, fleet, False),
    }
    return [
        *(Route(path, partial(_show, view)) for path, view in views.items()),
        *(
            Route(
                f"{under}/models/{{name:path}}/{verb}", partial(_obey, fleet, do, refused), methods=["POST"]
            )
            for verb, do in commands.items()
        ),
    ]


async def _show(view: Callable[[], Any], _request: Request) -> Response:
    # A browser that goes back to a page must not be shown the data that the page has read from its address.
    return JSONResponse(view(), headers={"cache-control": "no-store"})


async def _obey(
    fleet: Fleet,
    command: Callable[[str], Awaitable[None]],
    refused: Callable[[ViewfinderError], Response] | None,
    request: Request,
) -> Response:
    """Do it for the model, and reply with the name that the catalog has for it, or with the error:
    UnknownModel, those of the fleet, or Busy when Viewfinder stops meanwhile."""
    try:
        name = fleet.card(request.path_params["name"]).name
        await _done(command(name))
    except ViewfinderError as error:
        if refused is None:
            raise
        return refused(error)
    return JSONResponse({"model": name})


async def _done(command: Awaitable[None]) -> None:
    try:
        await command
    except asyncio.CancelledError:  # only when Viewfinder itself stops
        raise stopping() from None


async def _pin(fleet: Fleet, pinned: bool, model: str) -> None:
    fleet.pin(model, pinned)
