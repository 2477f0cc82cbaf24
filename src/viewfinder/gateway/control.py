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
from collections.abc import Coroutine
from dataclasses import asdict
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
    routes = ControlRoutes(fleet)
    return Starlette(
        routes=[
            Route("/fleet", routes.fleet_view),
            Route("/events", routes.events),
            Route("/suspects", routes.suspects),
            Route("/models/{name:path}/load", routes.load, methods=["POST"]),
            Route("/models/{name:path}/unload", routes.unload, methods=["POST"]),
            Route("/models/{name:path}/pin", routes.pin, methods=["POST"]),
            Route("/models/{name:path}/unpin", routes.unpin, methods=["POST"]),
        ],
        exception_handlers=problems.HANDLERS,
    )


class ControlRoutes:
    """Replies about a model carry the name that the catalog has for it."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet

    async def fleet_view(self, _request: Request) -> Response:
        return JSONResponse(self.fleet.view().as_json())

    async def events(self, _request: Request) -> Response:
        return JSONResponse([asdict(event) for event in self.fleet.events.recent])

    async def suspects(self, _request: Request) -> Response:
        return JSONResponse([asdict(answer) for answer in self.fleet.answers.suspects()])

    async def load(self, request: Request) -> Response:
        """Raises UnknownModel, ModelFilesError, EngineError, Busy (no room)."""
        name = self._model(request)
        await _done(self.fleet.load(name))
        return JSONResponse({"model": name})

    async def unload(self, request: Request) -> Response:
        """Raises UnknownModel."""
        name = self._model(request)
        await _done(self.fleet.unload(name))
        return JSONResponse({"model": name})

    async def pin(self, request: Request) -> Response:
        """Raises UnknownModel."""
        name = self._model(request)
        self.fleet.pin(name, True)
        return JSONResponse({"model": name})

    async def unpin(self, request: Request) -> Response:
        """Raises UnknownModel."""
        name = self._model(request)
        self.fleet.pin(name, False)
        return JSONResponse({"model": name})

    def _model(self, request: Request) -> str:
        return self.fleet.card(request.path_params["name"]).name


async def _done(work: Coroutine[Any, Any, None]) -> None:
    """Do the work; it is cancelled only when Viewfinder itself stops."""
    try:
        await work
    except asyncio.CancelledError:
        raise stopping() from None
