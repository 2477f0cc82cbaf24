"""Addresses that are a page for a browser and something else, or nothing, for every other client.

Made by the dashboard, which gives them to `app` as `Pages`.
"""

from collections.abc import Callable, Sequence

from starlette.datastructures import Headers
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Scope

from viewfinder.gateway.sessions import Sessions

Pages = Callable[[Sessions], Sequence[BaseRoute]]
"""The routes of the pages, which come before all others; it is called for each app that is made."""
HTML = "text/html"


class PageRoute(Route):
    """Takes GET and HEAD of a client that accepts HTML; for another one the route is not there."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] != "http" or not wants_page(scope):
            return Match.NONE, {}
        return super().matches(scope)


def wants_page(scope: Scope) -> bool:
    """Whether somebody looks at the answer in a browser."""
    return scope["method"] in ("GET", "HEAD") and accepts_html(Headers(scope=scope))


def accepts_html(headers: Headers) -> bool:
    return any(HTML in given.lower() for given in headers.getlist("accept"))
