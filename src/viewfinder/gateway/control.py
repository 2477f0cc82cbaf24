"""The control API of the running `viewfinder serve`; made by api, served on a Unix socket, never on a port.

The socket is private to its user, so there is no key and no guard.

    GET  /fleet                   every server process, as `FleetView`
    GET  /events                  recent events
    GET  /suspects                answers that can no longer be trusted
    POST /models/NAME/load        replies when the model is up; also starts one that was given up
    POST /models/NAME/unload      replies when its process has ended
    POST /models/NAME/pin, unpin  whether it may be unloaded to make room
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from viewfinder.core.errors import ViewfinderError
from viewfinder.fleet.fleet import Fleet
from viewfinder.fleet.refusals import stopping
from viewfinder.gateway import problems


def make_control(fleet: Fleet) -> Starlette:
    """The app of the control socket."""
    views: dict[str, Callable[[], Any]] = {
        "fleet": lambda: fleet.view().as_json(),
        "events": lambda: [asdict(event) for event in fleet.events.recent],
        "suspects": lambda: [asdict(answer) for answer in fleet.answers.suspects()],
    }
    commands: dict[str, Callable[[str], Awaitable[None]]] = {
        "load": fleet.load,
        "unload": fleet.unload,
        "pin": partial(_pin, fleet, True),
        "unpin": partial(_pin, fleet, False),
    }
    return Starlette(
        routes=[
            *(Route(f"/{name}", partial(_show, view)) for name, view in views.items()),
            *(
                Route(f"/models/{{name:path}}/{verb}", partial(_obey, fleet, command), methods=["POST"])
                for verb, command in commands.items()
            ),
        ],
        exception_handlers=problems.HANDLERS,
    )


async def _show(view: Callable[[], Any], _request: Request) -> Response:
    return JSONResponse(view())


async def _obey(fleet: Fleet, command: Callable[[str], Awaitable[None]], request: Request) -> Response:
    """Do it for the model, and reply with the name that the catalog has for it, or with the error:
    UnknownModel, those of the fleet, or Busy when Viewfinder stops meanwhile."""
    try:
        name = fleet.card(request.path_params["name"]).name
        await command(name)
    except asyncio.CancelledError:  # only when Viewfinder itself stops
        return _refused(stopping())
    except ViewfinderError as error:
        return _refused(error)
    return JSONResponse({"model": name})


def _refused(error: ViewfinderError) -> Response:
    """As on a port, but with the hint by itself: our own commands show it on a line of its own."""
    body = problems.body_of(error)["error"]
    status, _ = problems.status_and_type(error)
    return JSONResponse({"error": {**body, "message": error.message, "hint": error.hint}}, status)


async def _pin(fleet: Fleet, pinned: bool, model: str) -> None:
    fleet.pin(model, pinned)
