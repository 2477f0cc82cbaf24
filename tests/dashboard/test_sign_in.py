"""Signing in with a form: where it leads, and what a form may be."""

import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from viewfinder.dashboard.sign_in import SignIn
from viewfinder.gateway.keys import Keys
from viewfinder.gateway.sessions import SESSION_COOKIE, Sessions

FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture
def client() -> TestClient:
    sign_in = SignIn(Sessions(Keys("right")))
    routes = [
        Route("/login", sign_in.form),
        Route("/login", sign_in.enter, methods=["POST"]),
        Route("/logout", sign_in.leave, methods=["POST"]),
    ]
    return TestClient(Starlette(routes=routes), follow_redirects=False)


@pytest.mark.parametrize(
    ("place", "leads_to"),
    [
        ("/fleet", "/fleet"),
        ("", "/"),
        ("//evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\\evil", "/"),
    ],
)
def test_the_right_key_leads_to_a_page_of_this_server(client: TestClient, place: str, leads_to: str) -> None:
    reply = client.post("/login", data={"key": " right ", "next": place})
    assert (reply.status_code, reply.headers["location"]) == (303, leads_to)
    assert reply.cookies[SESSION_COOKIE]


@pytest.mark.parametrize(
    "body",
    [
        b"key=wrong",
        b"",
        b"&" * 5000,
        b"a=b&" * 2000,
        b"key=%ff%00&next=%zz",
        b"\xff\xfe\x00",
        b"key=" + b"x" * 10_000,
    ],
)
def test_any_other_form_is_shown_again(client: TestClient, body: bytes) -> None:
    reply = client.post("/login", content=body, headers=FORM)
    assert reply.status_code == 401
    assert "not a key of this server" in reply.text
    assert SESSION_COOKIE not in reply.cookies


def test_signing_out_ends_the_session_in_this_browser(client: TestClient) -> None:
    client.post("/login", data={"key": "right"})
    reply = client.post("/logout")
    assert (reply.status_code, reply.headers["location"]) == (303, "/login")
    assert SESSION_COOKIE not in client.cookies
