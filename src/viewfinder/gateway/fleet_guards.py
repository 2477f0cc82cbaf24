"""Who may change what: admin keys for /fleet, and a token for what a browser sends.

Put by `app` behind the guard that knows the key.
"""

from starlette.datastructures import Headers
from starlette.types import Scope

from viewfinder.core.errors import Forbidden
from viewfinder.gateway.guards import FORM_PATHS, Guard
from viewfinder.gateway.sender import KEY_OWNER
from viewfinder.gateway.sessions import (
    BY_SESSION,
    IS_ADMIN,
    SESSION_COOKIE,
    TOKEN_HEADER,
    cookies,
    tokens_in,
)

FLEET = "/fleet"
FOR_EVERY_KEY = (FLEET, "/fleet/models", "/fleet/results")
"""What can be read under /fleet with a key that may only ask."""
CHANGE_NOTHING = ("GET", "HEAD", "OPTIONS")


class AdminNeeded(Guard):
    """Under /fleet, a key that may only ask reads a few lists; all else needs an admin key."""

    def check(self, scope: Scope, headers: Headers) -> None:
        path, method = scope["path"], scope["method"]
        if not is_of_fleet(path) or scope.get(IS_ADMIN) or method == "OPTIONS":
            return
        if method in CHANGE_NOTHING and (path in FOR_EVERY_KEY or path.startswith("/fleet/results/")):
            return
        raise Forbidden(
            "This key may only ask models.",
            hint="Use the key of the settings, or one of: viewfinder keys add NAME --admin",
            code="admin_key_required",
        )


class TokenNeeded(Guard):
    """What a browser sends to change something needs the token of our pages: other pages can make it send
    cookies, and on loopback no key is needed. Programs with a key in a header need no token."""

    def check(self, scope: Scope, headers: Headers) -> None:
        if scope["method"] in CHANGE_NOTHING or scope["path"] in FORM_PATHS:
            return
        if BY_SESSION not in scope and (
            KEY_OWNER in scope or not is_of_fleet(scope["path"]) or not is_a_browsers(headers)
        ):
            return
        if headers.get(TOKEN_HEADER, "") in tuple(tokens_in(headers)):
            return
        raise Forbidden(
            "The request does not have the token of this server's pages.",
            hint="Reload the page. A program sends its API key in a header, and no Origin.",
            code="token_missing",
        )


def is_of_fleet(path: str) -> bool:
    return path == FLEET or path.startswith("/fleet/")


def is_a_browsers(headers: Headers) -> bool:
    return "origin" in headers or "sec-fetch-site" in headers or any(cookies(headers, SESSION_COOKIE))
