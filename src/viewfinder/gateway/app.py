"""The whole HTTP API on one page; made by api, which serves it with `listen`."""

from functools import partial

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from viewfinder.core.config import Settings
from viewfinder.fleet.fleet import Fleet
from viewfinder.gateway import problems
from viewfinder.gateway.answers import given_answer
from viewfinder.gateway.chat import IGNORED_HEADER, Chat
from viewfinder.gateway.guards import JsonOnly, KeyNeeded, KnownHost, KnownOrigin, WholeBody
from viewfinder.gateway.metrics import Metrics, RequestCounter
from viewfinder.gateway.models import Models
from viewfinder.media.intake import Intake


def make_app(
    fleet: Fleet, intake: Intake, settings: Settings, version: str, metrics: Metrics | None = None
) -> Starlette:
    """The gateway; the caller starts and closes `fleet` and `intake`.

    `metrics` are those of the previous app, when this one replaces it.
    """
    models = Models(fleet)
    metrics = metrics or Metrics(fleet)

    async def health(_request: Request) -> Response:
        return JSONResponse({"service": "viewfinder", "status": "ok", "version": version})

    app = Starlette(
        routes=[
            Route("/v1/chat/completions", Chat(fleet, intake, settings), methods=["POST"]),
            Route("/v1/answers/{id}", partial(given_answer, fleet)),
            Route("/v1/models", models.all),
            Route("/v1/models/{name}", models.one),
            Route("/health", health),
            Route("/ready", models.ready),
            Route("/metrics", metrics.page),
        ],
        middleware=[Middleware(RequestCounter, metrics=metrics), *guards(settings)],
        exception_handlers=problems.HANDLERS,
    )
    app.router.redirect_slashes = False
    return app


class Replaceable:
    """An app that can be replaced while it serves: requests in progress stay with the app that took them."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


def guards(settings: Settings) -> list[Middleware]:
    """The checks of a request, in this order, before a route gets it."""
    origins = [origin.rstrip("/").lower() for origin in settings.allowed_origins]
    key = settings.api_key.get_secret_value() if settings.api_key else ""
    return [
        Middleware(KnownHost, hosts=(settings.host, *settings.allowed_hosts)),
        Middleware(KnownOrigin, origins=origins),
        Middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=("GET", "POST"),
            allow_headers=("*",),
            expose_headers=(IGNORED_HEADER, "Retry-After"),
        ),
        *([Middleware(KeyNeeded, key=key)] if key else []),
        Middleware(JsonOnly),
        Middleware(WholeBody, limits=settings.limits),
    ]
