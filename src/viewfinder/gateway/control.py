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
    """Do it for the model, and reply with the name that the catalog has for it.

    Raises UnknownModel, the errors of the fleet, and Busy when Viewfinder stops meanwhile.
    """
    name = fleet.card(request.path_params["name"]).name
    try:
        await command(name)
    except asyncio.CancelledError:  # only when Viewfinder itself stops
        raise stopping() from None
    return JSONResponse({"model": name})


async def _pin(fleet: Fleet, pinned: bool, model: str) -> None:
    fleet.pin(model, pinned)
