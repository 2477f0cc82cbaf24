"""Who may only ask sees the states, and no button, event, log or reason to look further."""

import re
from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from tests.dashboard.test_model_rows import AWAY, HERE, UP
from viewfinder.dashboard.backing import Backing, OneModel, Overview, PullLine
from viewfinder.dashboard.fleet import FleetPages
from viewfinder.dashboard.models import ModelPages
from viewfinder.fleet.listing import FirstChoice, ModelDetails
from viewfinder.fleet.record.answers import Answers
from viewfinder.fleet.record.events import Events
from viewfinder.fleet.view import FleetView
from viewfinder.gateway.sessions import IS_ADMIN

HOSTILE = "<script>alert(1)</script>"
PULL = PullLine("away", "f16", "downloading", "downloading", "away.gguf", 5_000_000, 20_000_000, 1e6, 15.0)
FAILED = PullLine("large", "f16", "failed", error="The disk is full.", hint="Free 3 GB.")


class Known:
    def __init__(self, *, first: bool = True) -> None:
        self.choices = (FirstChoice(("pictures",), "away", "It is small.", "viewfinder pull away"),) * first

    async def overview(self) -> Overview:
        return Overview(self.choices, (replace(HERE, title=HOSTILE), AWAY), ("away",))

    async def one(self, name: str) -> OneModel:
        return OneModel(HERE, ModelDetails(name, HOSTILE, "It sees.", "MIT", "", "knows little", (), ""), ())

    async def logs(self, name: str, lines: int) -> tuple[str, ...]:
        return (f"the log {HOSTILE}",)

    async def post_mortem(self, file: str) -> Mapping[str, Any]:
        return {"model": "glimpse", "reason": HOSTILE, "memory": [[0, 1], [2, 3]]}


class NoGuide:
    async def guide(self) -> Any:
        from viewfinder.core.errors import ViewfinderError

        raise ViewfinderError("Nothing was measured.")


class AsWho:
    """The app as the gateway calls it for an admin key, or for another one."""

    def __init__(self, app: Starlette, is_admin: bool) -> None:
        self.app, self.is_admin = app, is_admin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app({**scope, IS_ADMIN: self.is_admin}, receive, send)


def pages(*, is_admin: bool, servers: tuple[Any, ...] = (UP,), events: Events | None = None) -> TestClient:
    answers = Answers()
    answers.note("glimpse", "an-answer")
    answers.suspect("glimpse", "wrong")
    fleet: Any = SimpleNamespace(
        view=lambda: FleetView(servers, 1, 20, 10),
        events=events or Events(),
        answers=answers,
        catalog=SimpleNamespace(names=lambda: ["glimpse"]),
    )
    pulls = SimpleNamespace(all=lambda: (PULL, FAILED))
    backing: Any = Backing(Known(), pulls, None, NoGuide(), None)  # type: ignore[arg-type]
    models, of_fleet = ModelPages(fleet, backing), FleetPages(fleet, backing)
    app = Starlette(
        routes=[
            Route("/models", models.all),
            Route("/models/{name}", models.one),
            Route("/fleet", of_fleet.page),
            Route("/fleet/post-mortems/{file}", of_fleet.post_mortem),
        ]
    )
    return TestClient(AsWho(app, is_admin), raise_server_exceptions=False)


@pytest.mark.parametrize("address", ["/models", "/models/glimpse", "/fleet"])
def test_buttons_and_the_stream_are_for_admins(address: str) -> None:
    admin, other = (pages(is_admin=who).get(address).text for who in (True, False))
    for mark in ("data-send=", "sse-connect="):
        assert mark in admin
        assert mark not in other
    assert 'class="badge good">ready' in other
    assert HOSTILE not in admin + other
    for inside in ("an-answer", "the log", "The disk is full."):
        assert inside not in other


def test_a_post_mortem_is_for_admins() -> None:
    assert "&lt;script&gt;" in pages(is_admin=True).get("/fleet/post-mortems/x.json").text
    assert "It broke" not in pages(is_admin=False).get("/fleet/post-mortems/x.json").text


def test_a_download_shows_bytes_speed_and_time_left_and_a_failure_the_way_out() -> None:
    text = pages(is_admin=True).get("/models").text
    words = " ".join(re.sub(r"<[^>]+>", " ", text).split())
    assert "5 MB of 20 MB · 1 MB/s · 15 s left" in words
    assert "The disk is full. Free 3 GB. Retry the download of large" in words


def test_an_open_page_hears_that_a_download_began_or_ended() -> None:
    client = pages(is_admin=True)
    assert "hx-trigger-after-swap" not in client.get("/models?running=1").headers
    assert client.get("/models?running=0").headers["hx-trigger-after-swap"] == "refresh"
    assert "hx-trigger-after-swap" not in client.get("/models?running=x").headers


def test_the_empty_fleet_says_the_next_step() -> None:
    text = pages(is_admin=True, servers=()).get("/fleet").text
    assert "Load glimpse" in text
    assert "No event yet." in text
    restless = pages(is_admin=True, servers=(replace(UP, state="failed", reason=HOSTILE, pid=None),))
    text = restless.get("/fleet").text
    assert "not started again" in text
    assert HOSTILE not in text


def test_only_the_log_is_read_when_only_the_log_is_shown() -> None:
    client = pages(is_admin=True)
    seen = {
        target: "the log"
        in client.get("/models/glimpse", headers={"hx-request": "true", "hx-target": target}).text
        for target in ("log", "state")
    }
    assert seen == {"log": True, "state": False}
