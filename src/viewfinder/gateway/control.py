"""The control API of the running `viewfinder serve`; made by api, served on a Unix socket, never on a port.

The socket is private to its user, so there is no key and no guard. It has what the gateway has under /fleet,
with shorter paths:

    GET  /fleet, /events, /suspects
    POST /models/NAME/load, unload, pin, unpin
"""

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response

from viewfinder.core.errors import ViewfinderError
from viewfinder.fleet.fleet import Fleet
from viewfinder.gateway import problems
from viewfinder.gateway.fleet_api import fleet_routes


def make_control(fleet: Fleet) -> Starlette:
    """The app of the control socket."""
    return Starlette(
        routes=fleet_routes(fleet, under="", refused=_refused), exception_handlers=problems.HANDLERS
    )


def _refused(error: ViewfinderError) -> Response:
    """As on a port, but with the hint by itself: our own commands show it on a line of its own."""
    body = problems.body_of(error)["error"]
    status, _ = problems.status_and_type(error)
    return JSONResponse({"error": {**body, "message": error.message, "hint": error.hint}}, status)
