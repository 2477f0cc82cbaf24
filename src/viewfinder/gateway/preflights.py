"""What a browser asks before a page's request, and other OPTIONS; stacked by `app` as ASGI middleware.

Which pages are allowed is for the guard `KnownOrigin`, which comes first.
"""

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from viewfinder.core.errors import Forbidden, ViewfinderError
from viewfinder.gateway.answering import REQUEST_ID
from viewfinder.gateway.openapi import FRAMES_HEADER, IGNORED_HEADER, NOT_KEPT_HEADER, REDUCED_HEADER
from viewfinder.gateway.origins import Origins
from viewfinder.gateway.problems import response_to
from viewfinder.gateway.wrong_paths import methods_at

METHODS = ("GET", "POST", "DELETE")
READABLE_HEADERS = (
    IGNORED_HEADER,
    REDUCED_HEADER,
    FRAMES_HEADER,
    NOT_KEPT_HEADER,
    REQUEST_ID,
    "Retry-After",
    "x-should-retry",
)
"""Those of an answer that a page may read."""


class Preflights(CORSMiddleware):
    """Answers the preflights of allowed pages, also those of public pages to this private address; what is
    refused gets an error in our form."""

    def __init__(self, app: ASGIApp, origins: Origins) -> None:
        super().__init__(
            app,
            allow_origins=origins.exact,
            allow_origin_regex=origins.pattern,
            allow_methods=METHODS,
            allow_headers=("*",),
            allow_private_network=True,
            expose_headers=READABLE_HEADERS,
        )

    async def simple_response(
        self, scope: Scope, receive: Receive, send: Send, request_headers: Headers
    ) -> None:
        """Programs other than browsers send no Origin, and have no use for its headers in an answer."""
        if "origin" in request_headers:
            await super().simple_response(scope, receive, send, request_headers)
        else:
            await self.app(scope, receive, send)

    def preflight_response(self, request_headers: Headers) -> Response:
        response = super().preflight_response(request_headers)
        return response if response.status_code == 200 else response_to(self._refusal(request_headers))

    def _refusal(self, headers: Headers) -> ViewfinderError:
        if not self.is_allowed_origin(headers["origin"]):  # a page of this very address
            return Forbidden(
                "The page has the address of this server, and needs no preflight.",
                hint="For pages of other addresses, add their origin to allowed_origins.",
                code="origin_not_allowed",
            )
        return Forbidden(
            "Web pages may not send requests with this method.", hint=f"Use one of {', '.join(METHODS)}."
        )


class Options:
    """Answers OPTIONS with the methods of the path, or of all paths (`*`); of others, the router says so."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "OPTIONS":
            methods = {*METHODS, "HEAD"} if scope["path"] == "*" else methods_at(scope)
            if methods:
                headers = {"allow": ", ".join(sorted({*methods, "OPTIONS"}))}
                await Response(status_code=204, headers=headers)(scope, receive, send)
                return
        await self.app(scope, receive, send)
