"""The whole HTTP API on one page; made by api, which serves it with `listen`."""

from collections.abc import Sequence
from functools import partial

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from viewfinder.core.config import Settings
from viewfinder.fleet.fleet import Fleet
from viewfinder.gateway import problems
from viewfinder.gateway.answers import given_answer
from viewfinder.gateway.auto import AutoModels
from viewfinder.gateway.cascade import CascadedDecisions
from viewfinder.gateway.chat import Chat
from viewfinder.gateway.completions import CompletionChat
from viewfinder.gateway.counting import Counting
from viewfinder.gateway.estimating import Estimating
from viewfinder.gateway.fleet_api import fleet_api
from viewfinder.gateway.fleet_feed import FleetFeed
from viewfinder.gateway.fleet_guards import AdminNeeded, TokenNeeded
from viewfinder.gateway.guards import Guarded, JsonOnly, KeyNeeded, KnownHost, KnownOrigin, WholeBody
from viewfinder.gateway.holdings import Holdings
from viewfinder.gateway.kept import KeptTurns
from viewfinder.gateway.kept_responses import KeptResponses
from viewfinder.gateway.keys import KeyFile, Keys
from viewfinder.gateway.listen import is_loopback
from viewfinder.gateway.metrics import Metrics, RequestCounter
from viewfinder.gateway.models import Models
from viewfinder.gateway.openapi import OpenAPI
from viewfinder.gateway.origins import Origins
from viewfinder.gateway.page_routes import Pages, routes_of
from viewfinder.gateway.preflights import Options, Preflights
from viewfinder.gateway.props import PropsPage
from viewfinder.gateway.responses import Responses
from viewfinder.gateway.sessions import Sessions
from viewfinder.host.own_names import own_names
from viewfinder.media.intake import Intake
from viewfinder.wire.anthropic import Anthropic
from viewfinder.wire.anthropic_request import CountRequest
from viewfinder.wire.completions import Completions
from viewfinder.wire.reply_types import Health


def make_app(
    fleet: Fleet,
    intake: Intake,
    settings: Settings,
    version: str,
    metrics: Metrics | None = None,
    keys: KeyFile | None = None,
    kept: KeptTurns | None = None,
    pages: Pages | None = None,
    otherwise: Sequence[BaseRoute] = (),
    secret: bytes | None = None,
    feed: FleetFeed | None = None,
    auto: AutoModels | None = None,
) -> Starlette:
    """The gateway; the caller starts and closes `fleet` and `intake`.

    `metrics` are those of the previous app, when this one replaces it. `keys` open it beside the key of the
    settings. `kept` are the conversations of /v1/responses; without it none is kept. `pages` are what
    browsers see; they come before the rest of the API, and `otherwise` behind it. `secret` is that of the
    previous app's sessions, `feed` what its clients watch. `auto` chooses the models of requests to `auto:`
    names.
    """
    auto = auto or AutoModels()
    metrics = metrics or Metrics(fleet)
    known_keys = keys_of(settings, keys)
    sessions = Sessions(known_keys, secret)
    app = Starlette(
        routes=[
            *_asking(fleet, intake, settings, metrics, kept or KeptTurns.nothing(), auto),
            *(routes_of(pages, sessions) if pages else ()),
            *fleet_api(fleet, feed or FleetFeed(fleet), known_keys),
            *_looking(fleet, settings, version, metrics, known_keys, auto),
            *otherwise,
        ],
        middleware=[
            Middleware(RequestCounter, metrics=metrics),
            *guards(settings, known_keys, sessions, has_pages=pages is not None),
        ],
        exception_handlers=problems.HANDLERS,
    )
    app.router.redirect_slashes = False
    return app


def _asking(
    fleet: Fleet, intake: Intake, settings: Settings, metrics: Metrics, kept: KeptTurns, auto: AutoModels
) -> list[BaseRoute]:
    """What a model answers, and what is kept of it."""
    responses = Responses(fleet, intake, settings, metrics.used, kept, auto)
    one = KeptResponses(fleet, kept)
    chat = Chat(fleet, intake, settings, metrics.used, auto=auto)
    messages = Chat(fleet, intake, settings, metrics.used, Anthropic(), auto)
    decisions = CascadedDecisions(fleet, intake, settings, metrics.used, auto)
    texts = CompletionChat(fleet, intake, settings, metrics.used, Completions(), auto)
    return [
        Route("/v1/chat/completions", chat, methods=["POST"]),
        Route("/v1/chat/completions/input_tokens", Counting(chat), methods=["POST"]),
        Route("/v1/estimate", Estimating(chat), methods=["POST"]),
        Route("/v1/completions", texts, methods=["POST"]),
        Route("/v1/decisions", decisions, methods=["POST"]),
        Route("/v1/messages", messages, methods=["POST"]),
        Route("/v1/messages/count_tokens", Counting(messages, Anthropic(CountRequest)), methods=["POST"]),
        Route("/v1/responses", responses, methods=["POST"]),
        Route("/v1/responses/input_tokens", Counting(responses), methods=["POST"]),
        Route("/v1/responses/{id}", one.one, methods=["GET", "DELETE"]),
        Route("/v1/responses/{id}/input_items", one.input_items),
        Route("/v1/responses/{id}/cancel", one.cancel, methods=["POST"]),
        Route("/v1/answers/{id}", partial(given_answer, fleet, auto)),
    ]


def _looking(
    fleet: Fleet, settings: Settings, version: str, metrics: Metrics, keys: Keys, auto: AutoModels
) -> list[BaseRoute]:
    """What there is, and how it is."""
    models = Models(fleet, settings, auto)

    async def health(_request: Request) -> Response:
        return JSONResponse(Health(version=version).model_dump())

    return [
        Route("/v1/models", models.all),
        Route("/v1/models/{name:model}", models.one),
        Route("/props", PropsPage(fleet, settings, version).page),
        Route("/health", health),
        Route("/ready", models.ready),
        Route("/metrics", metrics.page),
        Route("/openapi.json", OpenAPI(version, settings.limits, keys).page),
    ]


class Replaceable:
    """An app that can be replaced while it serves: requests in progress stay with the app that took them."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


def keys_of(settings: Settings, key_file: KeyFile | None) -> Keys:
    """The key of the settings, and those of the file."""
    key = settings.api_key.get_secret_value() if settings.api_key else ""
    return Keys(key, key_file, is_closed=not is_loopback(settings.host))


def guards(settings: Settings, keys: Keys, sessions: Sessions, *, has_pages: bool) -> list[Middleware]:
    """The checks of a request, in this order, before a route gets it."""
    origins = Origins(settings.allowed_origins)
    chosen = {host.lower() for host in (settings.host, *settings.allowed_hosts)}
    others = own_names(is_reachable=not is_loopback(settings.host)) - chosen
    return [
        Middleware(Guarded, guards=[KnownHost(chosen | others), KnownOrigin(origins, others)]),
        Middleware(Preflights, origins=origins),
        Middleware(
            Guarded,
            guards=[
                KeyNeeded(keys, sessions, has_pages=has_pages),
                AdminNeeded(),
                TokenNeeded(),
                JsonOnly(),
            ],
        ),
        Middleware(Options),
        Middleware(WholeBody, limits=settings.limits, holdings=Holdings(settings.limits.held_bytes)),
    ]
