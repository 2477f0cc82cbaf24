"""A browser's session and its token, both cookies; used by the guards, and by the pages that sign in.

A session is no more than a signed value: the name of a key, and until when. What it is signed with includes
the hash of the key, so that it ends with its key. The token is a random value that a page repeats in a
header: another page can make a browser send the cookie, but not the header.

Cookies are not separated by port. Those of other programs on this computer arrive here, too: whatever is not
ours is ignored.
"""

import hashlib
import hmac
import re
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from itertools import islice

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from viewfinder.gateway.keys import KeyOwner, Keys

SESSION_COOKIE = "viewfinder_session"
TOKEN_COOKIE = "viewfinder_token"  # noqa: S105
TOKEN_HEADER = "x-viewfinder-token"  # noqa: S105
SESSION_S = 7 * 24 * 3600
IS_ADMIN = "viewfinder.is_admin"
"""Where a request's scope says whether it may change things."""
BY_SESSION = "viewfinder.by_session"
"""In the scope of a request whose only key is its session."""

VALUES_READ = 4
"""Of one cookie: a browser sends several when they were set for several paths."""
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_SESSION = re.compile(r"(?P<until>\d{1,12})\.(?P<signature>[A-Za-z0-9_-]{43})\.(?P<name>[a-z0-9._-]{1,40})")
_LOCAL = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]*")


class Sessions:
    """The sessions of one gateway. `secret` is random, and stays when the settings are read again: sessions
    end when Viewfinder does."""

    def __init__(
        self, keys: Keys, secret: bytes | None = None, *, now_s: Callable[[], float] = time.time
    ) -> None:
        self._keys, self._secret, self._now_s = keys, secret or new_secret(), now_s

    def open(self, key: str) -> str:
        """The value of the cookie of a new session; empty for a wrong key."""
        owner = self._keys.owner_with(key.encode())
        if owner is None:
            return ""
        until = str(int(self._now_s()) + SESSION_S)
        return f"{until}.{self._signature(until, owner.name)}.{owner.name}"

    def owner_of(self, cookie: str) -> KeyOwner | None:
        """Whose session this value is; None when it is over, or never was one."""
        given = _SESSION.fullmatch(cookie)
        if given is None or int(given["until"]) <= self._now_s():
            return None
        if not hmac.compare_digest(given["signature"], self._signature(given["until"], given["name"])):
            return None
        return self._keys.owner_named(given["name"])

    def owner_in(self, headers: Headers) -> KeyOwner | None:
        """Whose session the request has among its cookies."""
        return next(filter(None, map(self.owner_of, cookies(headers, SESSION_COOKIE))), None)

    def _signature(self, until: str, name: str) -> str:
        signed = f"{until} {name} {self._keys.hash_of(name)}".encode()
        digest = hmac.new(self._secret, signed, hashlib.sha256).digest()
        return urlsafe_b64encode(digest).decode().rstrip("=")


def new_secret() -> bytes:
    """What the sessions of one process are signed with."""
    return secrets.token_bytes(32)


def cookies(headers: Headers, name: str) -> Iterator[str]:
    """The values of the cookie, as they were sent; there may be several."""
    pairs = (pair.partition("=") for line in headers.getlist("cookie") for pair in line.split(";"))
    return islice((value.strip() for given, _, value in pairs if given.strip() == name), VALUES_READ)


def tokens_in(headers: Headers) -> Iterator[str]:
    """Those cookies that can be a token."""
    return filter(_TOKEN.fullmatch, cookies(headers, TOKEN_COOKIE))


def token_of(request: Request) -> str:
    """The token of this browser, or a new one for it."""
    return next(tokens_in(request.headers), "") or secrets.token_urlsafe(32)


def set_token(response: Response, request: Request, token: str) -> None:
    """Let the browser keep the token; it stays the same for all pages, and when Viewfinder restarts."""
    _set(response, request, TOKEN_COOKIE, token, None)


def set_session(response: Response, request: Request, session: str) -> None:
    """Let the browser keep what `Sessions.open` returned."""
    _set(response, request, SESSION_COOKIE, session, SESSION_S)


def end_session(response: Response) -> None:
    """Let the browser forget its session."""
    response.delete_cookie(SESSION_COOKIE, httponly=True, samesite="strict")


def local_path(next_page: str) -> str:
    """Where to go after signing in: a path of this server, otherwise its first page. Browsers take what
    begins with two slashes, or a slash and a backslash, for another server."""
    return next_page if _LOCAL.fullmatch(next_page) else "/"


def _set(response: Response, request: Request, name: str, value: str, max_age_s: int | None) -> None:
    secure = is_https(request)
    response.set_cookie(name, value, max_age_s, httponly=True, samesite="strict", secure=secure)


def is_https(request: Request) -> bool:
    """Whether the browser reached us by https: through a proxy, for we speak none."""
    headers = request.headers
    forwarded = headers.get("x-forwarded-proto", "").partition(",")[0].strip().lower()
    return "https" in (request.url.scheme, forwarded) or headers.get("origin", "").startswith("https://")
