"""The control API of the running `viewfinder serve`; made by api, served on a Unix socket, never on a port.

The socket is private to its user, so there is no key and no guard. It has what the gateway has under /fleet,
with shorter paths:

    GET  /fleet, /events, /suspects
    GET  /choices/ID  how the model of an answer was chosen; of `newest`, or of a name like `auto:best` now
    POST /models/NAME/load, unload, pin, unpin
"""

from collections.abc import Callable
from functools import partial

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from viewfinder.catalog.auto_names import OWN_PREFIXES
from viewfinder.core.config import Settings
from viewfinder.core.errors import UnknownAnswer, ViewfinderError
from viewfinder.fleet.fleet import Fleet
from viewfinder.gateway import problems
from viewfinder.gateway.answers import ChosenModel
from viewfinder.gateway.auto import AutoModels, ModelChoice
from viewfinder.gateway.fleet_api import fleet_routes
from viewfinder.wire.refusals import quoted

NEWEST = "newest"


def make_control(
    fleet: Fleet, auto: AutoModels | None = None, settings: Callable[[], Settings] = Settings
) -> Starlette:
    """The app of the control socket; `auto` is that of the gateway, `settings` are those in force."""
    return Starlette(
        routes=[
            Route("/choices/{id:path}", partial(_choice, fleet, auto or AutoModels(), settings)),
            *fleet_routes(fleet, under="", refused=_refused),
        ],
        exception_handlers=problems.HANDLERS,
    )


async def _choice(
    fleet: Fleet, auto: AutoModels, settings: Callable[[], Settings], request: Request
) -> Response:
    id = request.path_params["id"]
    try:
        if id.startswith(OWN_PREFIXES):
            choice: ModelChoice | None = await auto.now(fleet, settings(), id)
        else:
            choice = auto.newest() if id == NEWEST else auto.choice(id)
        if choice is None:
            raise no_choice("" if id == NEWEST else id)
    except ViewfinderError as error:
        return _refused(error)
    return JSONResponse(ChosenModel.of(choice).model_dump())


def no_choice(id: str) -> UnknownAnswer:
    """Of an id, or of the newest request."""
    said = f"No model was chosen for {quoted(id)}" if id else "No model was chosen for a request yet"
    return UnknownAnswer(
        f"{said}.",
        hint="The id is that of a reply to an `auto:` name; the newest 500 since the start are remembered. "
        "What a name stands for now: viewfinder why auto:best",
        param="id",
    )


def _refused(error: ViewfinderError) -> Response:
    """As on a port, but with the hint by itself: our own commands show it on a line of its own."""
    body = problems.body_of(error)["error"]
    status, _ = problems.status_and_type(error)
    return JSONResponse({"error": {**body, "message": error.message, "hint": error.hint}}, status)
