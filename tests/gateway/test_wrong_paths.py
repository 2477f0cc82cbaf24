"""A request to a path or with a method that is not here is told where the API is."""

import re
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.routing import Match, Route
from yarl import URL

from viewfinder.gateway.openapi import OPERATIONS, operations_at
from viewfinder.gateway.wrong_paths import (
    OTHER_APIS,
    PATH_PREFIXES,
    is_anthropics,
    methods_at,
    sentence,
    shown,
)

from .conftest import Gateway


async def nobody(_request: object) -> None: ...


APP = Starlette(
    routes=[
        Route(path, nobody, methods=[one.method.upper() for one in operations_at(path)])
        for path in OPERATIONS
    ]
)
WORDS = sorted({part for path in OPERATIONS for part in path.split("/")} | PATH_PREFIXES | OTHER_APIS.keys())

MEANT = [
    ("POST", "/chat/completions", "POST /v1/chat/completions"),
    ("GET", "/chat/completions", "POST /v1/chat/completions"),
    ("POST", "/v1/chat/completions/", "POST /v1/chat/completions"),
    ("POST", "/v1/v1/chat/completions", "POST /v1/chat/completions"),
    ("POST", "/v1/chat/completions/chat/completions", "POST /v1/chat/completions"),
    ("POST", "/V1/Chat/Completions", "POST /v1/chat/completions"),
    ("POST", "/api/v1/chat/completions", "POST /v1/chat/completions"),
    ("POST", "/api/chat/completions", "POST /v1/chat/completions"),
    ("POST", "/openai/deployments/gpt-4o/chat/completions?api-version=1", "POST /v1/chat/completions"),
    ("POST", "//v1//responses", "POST /v1/responses"),
    ("POST", "/responses", "POST /v1/responses"),
    ("POST", "/completions", "POST /v1/completions"),
    ("POST", "/completions/chat/completions", "POST /v1/chat/completions"),
    ("POST", "/messages", "POST /v1/messages"),
    ("POST", "/v1/v1/messages", "POST /v1/messages"),
    ("GET", "/models", "GET /v1/models"),
    ("GET", "/v1/models/", "GET /v1/models"),
    ("GET", "/v1//models", "GET /v1/models"),
    ("GET", "/models/both", "GET /v1/models/NAME"),
    ("GET", "/api/v0/models/owner/both", "GET /v1/models/NAME"),
    ("DELETE", "/responses/resp_1", "GET or DELETE /v1/responses/ID"),
    ("GET", "/v1/health", "GET /health"),
    ("GET", "/props/", "GET /props"),
]


async def told(gateway: Gateway, method: str, path: str, status: int = 404) -> str:
    url = URL(gateway.url + path, encoded=True)
    async with gateway.http.request(method, url, json={}, allow_redirects=False) as reply:
        assert reply.status == status, path
        error = (await reply.json())["error"]
    assert error["code"] == {404: "not_found", 405: "method_not_allowed"}[status]
    assert error["param"] is None
    return str(error["message"])


@pytest.mark.parametrize(("method", "path", "meant"), MEANT)
async def test_the_path_that_is_meant(gateway, method: str, path: str, meant: str) -> None:
    message = await told(gateway, method, path)
    base = gateway.url if "/messages" in meant else f"{gateway.url}/v1"
    expected = f" here. Use {meant}" + (f" (base URL {base})." if " /v1/" in meant else ".")
    assert message.startswith(f"There is no {method} /")
    assert message.endswith(expected)


@pytest.mark.parametrize("verb", ["chat", "generate", "tags", "show", "version", "embed", "embeddings", "ps"])
async def test_this_is_not_ollama(gateway, verb: str) -> None:
    message = await told(gateway, "POST", f"/api/{verb}")
    assert "OpenAI-compatible server, not Ollama" in message
    assert f"its base URL is {gateway.url}/v1" in message
    assert "POST /v1/chat/completions" in message


@pytest.mark.parametrize(
    ("path", "subject"),
    [
        ("/v1/embeddings", "embeddings"),
        ("/embeddings", "embeddings"),
        ("/openai/deployments/x/embeddings", "embeddings"),
        ("/v1/audio/transcriptions", "speech"),
        ("/v1/images/generations", "making images"),
        ("/v1/files", "files (images are sent in the request)"),
        ("/v1/files/file-1/content", "files (images are sent in the request)"),
        ("/v1/threads/thread_1/messages", "assistants"),
        ("/v1/messages/batches", "batches"),
        ("/rerank", "ranking"),
    ],
)
async def test_an_api_that_is_not_here(gateway, path: str, subject: str) -> None:
    message = await told(gateway, "POST", path)
    assert f"Viewfinder has no API for {subject}. It has POST /v1/chat/completions, " in message
    assert "GET /v1/models" in message


@pytest.mark.parametrize("path", ["/", "/index.html", "/v1", "/v1/", "/nothing/at/all", "/%00"])
async def test_any_other_path(gateway, path: str) -> None:
    message = await told(gateway, "GET", path)
    assert f"The API is at {gateway.url}/v1: POST /v1/chat/completions, " in message
    assert "GET /openapi.json" in message


async def test_a_probe_of_the_root_has_no_body(gateway) -> None:
    async with gateway.http.head(gateway.url) as reply:
        assert reply.status == 404
        assert await reply.read() == b""


@pytest.mark.parametrize(
    ("method", "path", "allow", "says"),
    [
        ("GET", "/v1/chat/completions", {"POST"}, "It takes POST."),
        ("POST", "/v1/models", {"GET", "HEAD"}, "It takes GET."),
        ("PUT", "/v1/responses/resp_1", {"GET", "HEAD", "DELETE"}, "It takes DELETE or GET."),
        ("POST", "/v1/models/both/chat/completions", {"GET", "HEAD"}, "Use POST /v1/chat/completions"),
    ],
)
async def test_a_method_that_is_not_here(gateway, method: str, path: str, allow: set[str], says: str) -> None:
    message = await told(gateway, method, path, 405)
    assert message.startswith(f"There is no {method} {path} here. {says}")
    async with gateway.http.request(method, gateway.url + path, json={}) as reply:
        assert set(reply.headers["allow"].split(", ")) == allow


async def test_anthropics_clients_get_their_form(gateway) -> None:
    for path in ("/messages", "/v1/v1/messages", "/v1/messages/", "/v1/messages/batches", "/v1/complete"):
        async with gateway.http.post(gateway.url + path, json={}) as reply:
            assert reply.status == 404
            said = await reply.json()
        assert (said["type"], said["error"]["type"]) == ("error", "not_found_error"), path
    async with gateway.http.get(f"{gateway.url}/v1/messages") as reply:
        assert reply.status == 405
        assert (await reply.json())["type"] == "error"


@pytest.mark.parametrize(
    "path",
    [
        "/" + "x" * 10_000,
        "/%1b[31m%0d%0aset-cookie:%20a=b",
        "/%e2%80%ae%F0%9F%98%80" * 50,
        "/<script>alert(1)</script>",
        "/%00%ff%fe",
    ],
)
async def test_of_a_path_little_is_repeated_and_nothing_that_can_harm(gateway, path: str) -> None:
    message = await told(gateway, "GET", path)
    assert len(message) < 1000
    assert message.isascii()
    assert message.isprintable()
    assert "<" not in message


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.lists(st.sampled_from([*WORDS, "", "x", "..", "\x00", "\u202e", "{id}", "%2f"]) | st.text()).map(
        "/".join
    ),
    method=st.sampled_from(["GET", "POST", "DELETE", "OPTIONS"]),
)
def test_whatever_the_path_one_printable_line_is_said(path: str, method: str) -> None:
    scope = {"type": "http", "method": method, "path": f"/{path}", "headers": [], "app": APP}
    says = sentence(scope)
    assert says.isascii()
    assert says.isprintable()
    assert len(says) < 500
    if meant := re.search(r"Use (?:\w+ or )?(\w+) (/\S+?)\.?(?: |$)", says):
        taken = {"type": "http", "method": meant[1], "path": meant[2]}
        assert any(route.matches(taken)[0] is Match.FULL for route in APP.routes)


def test_a_path_of_64_kib_costs_nothing() -> None:
    began_s = time.process_time()
    for part in ("v1", "a", "messages", ""):
        path = "/" + f"{part}/" * (65_000 // (len(part) + 1))
        sentence({"type": "http", "method": "GET", "path": path, "headers": [], "app": APP})
        is_anthropics(path)
    assert time.process_time() - began_s < 0.1


def test_a_path_is_shown_short() -> None:
    assert shown("/v1/models/a b") == "/v1/models/a%20b"
    assert shown("/" + "x" * 100) == "/" + "x" * 63 + "..."
    assert shown("/" + "x" * 63) == "/" + "x" * 63
    assert shown("/" + "x" * 61 + "\xff") == "/" + "x" * 61 + "..."
    assert shown("/" + "\xff" * 20) == "/" + "%C3%BF" * 10 + "%C3..."


def test_what_is_said_not_to_be_here_is_not() -> None:
    assert not {path.split("/")[2] for path in OPERATIONS if path.startswith("/v1/")} & OTHER_APIS.keys()


@pytest.mark.parametrize(
    ("path", "is_theirs"),
    [
        ("/v1/messages", True),
        ("/v1/messages/count_tokens", True),
        ("/anthropic/v1/messages", True),
        ("/v1/chat/completions", False),
        ("/v1/threads/x/messages", False),
        ("/", False),
        ("/v1", False),
    ],
)
def test_which_paths_are_anthropics(path: str, is_theirs: bool) -> None:
    assert is_anthropics(path) is is_theirs


async def test_what_is_here_is_said_in_a_line(gateway) -> None:
    message = await told(gateway, "GET", "/")
    assert all(f"POST /v1/{api}" in message for api in ("chat/completions", "messages", "responses"))
    assert "tokens" not in message
    assert "{" not in message


def test_a_path_has_the_methods_of_the_route_that_has_most_of_it() -> None:
    """OPTIONS of /fleet/models/NAME/load said GET: a route beside it takes any name, with slashes."""
    wide = Route("/fleet/models/{name:path}", nobody)
    narrow = Route("/fleet/models/{name:path}/load", nobody, methods=["POST"])
    app = Starlette(routes=[wide, narrow])
    for path, methods in (
        ("/fleet/models/a/load", {"POST"}),
        ("/fleet/models/a", {"GET", "HEAD"}),
        ("/fleet", set()),
    ):
        assert methods_at({"type": "http", "method": "OPTIONS", "path": path, "app": app}) == methods
