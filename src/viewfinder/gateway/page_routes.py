"""Addresses that are a page for a browser and something else, or nothing, for every other client.

Made by the dashboard, which gives them to `app` as `Pages`.
"""

from collections.abc import Callable, Sequence
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Scope

from viewfinder.gateway.sessions import Sessions, local_path

Pages = Callable[[Sessions], Sequence[BaseRoute]]
"""The routes of the pages, which come before all others; it is called for each app that is made."""
HTML = "text/html"
SIGN_IN = "/login"
OPEN_PAGES = (SIGN_IN, "/logout")
OPEN_FILES = "/static/"
"""Files of the pages; with the pages to sign in, all that a browser without a key can see."""


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


def routes_of(pages: Pages, sessions: Sessions) -> Sequence[BaseRoute]:
    """Their routes. What serves their files would import a part of anyio when the first one is asked for, and
    hold up every client for 0.1 s."""
    import anyio._backends._asyncio  # noqa: F401

    return pages(sessions)


def is_open_page(path: str) -> bool:
    """Whether it is shown without a key."""
    return path in OPEN_PAGES or path.startswith(OPEN_FILES)


def sign_in_path(scope: Scope) -> str:
    """Where a browser signs in, to get to the page of this request."""
    query = scope.get("query_string", b"").decode("latin-1")
    page = local_path(quote(scope["path"]) + (f"?{query}" if query else ""))
    return f"{SIGN_IN}?next={quote(page, safe='/')}"
