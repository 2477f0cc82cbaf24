"""Pages beside the API: what a browser gets, and that no other client sees a difference."""

import itertools
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute

from viewfinder.gateway.page_routes import PageRoute
from viewfinder.gateway.sessions import Sessions

BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


def pages(_sessions: Sessions) -> Sequence[BaseRoute]:
    async def page(request: Request) -> Response:
        return HTMLResponse(f"<p>{request.url.path}</p>")

    return [PageRoute("/", page), PageRoute("/v1/models", page), PageRoute("/models", page)]


async def test_a_browser_gets_the_page(start) -> None:
    gateway = await start(pages=pages)
    for path in ("/", "/v1/models", "/models"):
        async with gateway.http.get(gateway.url + path, headers=BROWSER) as reply:
            assert (reply.status, reply.content_type) == (200, "text/html")
            assert await reply.text() == f"<p>{path}</p>"
        async with gateway.http.head(gateway.url + path, headers=BROWSER) as reply:
            assert (reply.status, reply.content_type) == (200, "text/html")
    async with gateway.http.post(f"{gateway.url}/", data={"a": "1"}, headers=BROWSER) as reply:
        assert reply.status == 404


async def test_other_clients_see_no_difference(start, gateway) -> None:
    with_pages = await start(pages=pages)
    asked = itertools.product(
        ("*/*", "application/json", "", "text/plain"),
        ("/", "/v1/models", "/models", "/nothing"),
        ("GET", "POST", "OPTIONS", "HEAD"),
    )
    for accept, path, method in asked:
        said = []
        for one in (gateway, with_pages):
            async with one.http.request(method, one.url + path, json={}, headers={"accept": accept}) as reply:
                text = await reply.text()
                said.append((reply.status, text.replace(one.url, ""), reply.headers.get("allow")))
        assert said[0] == said[1], (accept, method, path)
