"""Another gateway that is no gateway, a hostile one, and what one says of its answers: seen through a server
that says what it is told."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from viewfinder.catalog.peers import MOST_PEER_MODELS, SharedCatalog, models_in
from viewfinder.client.endpoint import Endpoint
from viewfinder.core.config import RunningServer, Settings, load_settings
from viewfinder.core.errors import BadRequest, EngineDied, EngineRefused, PeerRefused
from viewfinder.core.gateway_id import GATEWAY_ID
from viewfinder.fleet.process import peer_server
from viewfinder.fleet.record.answers import Answers
from viewfinder.fleet.record.events import Event, Events
from viewfinder.fleet.record.sentences import sentence, tone
from viewfinder.gateway import peers
from viewfinder.gateway.peer_errors import as_of_peer
from viewfinder.gateway.peers import Peers, PeerWatch
from viewfinder.gateway.problems import body_of, response_to

from .conftest import Gateway

MODEL = {"id": "far", "title": "Far", "variant": "x", "capabilities": ["text", "vision"], "alias_of": None}


class Said:
    """A server whose answers are set by path: a value as JSON, or a status; `events` are streamed."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {
            "/health": {"service": "viewfinder", "status": "ok", "version": "9.9"},
            "/v1/models": {"data": [MODEL]},
        }
        self.events: asyncio.Queue[bytes] = asyncio.Queue()
        self.requests: list[web.Request] = []
        self.url = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        if request.path == "/fleet/stream" and request.path not in self.answers:
            stream = web.StreamResponse(headers={"content-type": "text/event-stream"})
            await stream.prepare(request)
            while True:
                await stream.write(await self.events.get())
        said = self.answers.get(request.path, 404)
        if isinstance(said, int):
            return web.json_response({"error": {"message": "No."}}, status=said)
        if isinstance(said, bytes):
            stream = web.StreamResponse()
            await stream.prepare(request)
            with contextlib.suppress(ConnectionError):
                while said:
                    await stream.write(said)
                    await asyncio.sleep(0.01)
            return stream
        return web.json_response(said)

    def tell(self, kind: str, model: str = "far", **details: Any) -> None:
        event = {"kind": kind, "model": model, "at_s": 1.0, "details": details}
        self.events.put_nowait(f"event: event\ndata: {json.dumps(event, separators=(',', ':'))}\n\n".encode())


@pytest.fixture
async def said() -> AsyncIterator[Said]:
    made = Said()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.answer)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = site.name
    yield made
    await runner.cleanup()


class Seen:
    """What a watch of that server made of it."""

    def __init__(self, said: Said) -> None:
        self.events, self.answers = Events(), Answers()
        server = RunningServer(kind="viewfinder", base_url=said.url)
        self.watch = PeerWatch("desk", server, self.events, self.answers, lambda: None)
        self._heard = asyncio.Event()
        self.events.listen(lambda _: self._heard.set())

    async def until(self, kind: str, count: int = 1) -> Event:
        """The newest event of a kind, once there are that many."""
        while True:
            found = [one for one in self.events.recent if one.kind == kind]
            if len(found) >= count:
                return found[-1]
            self._heard.clear()
            await asyncio.wait_for(self._heard.wait(), 10)


@pytest.fixture
async def seen(said: Said) -> AsyncIterator[Seen]:
    made = Seen(said)
    yield made
    made.watch.end()


async def test_what_it_says_of_its_answers_is_said_here(seen: Seen, said: Said) -> None:
    for number in range(3):
        seen.answers.note("far/desk", f"ours-{number}")
        seen.answers.given_by("desk", f"theirs-{number}", f"ours-{number}")
        said.answers[f"/v1/answers/theirs-{number}"] = {
            "status": "unconfirmed",
            "model": "far/x",
            "reason": "",
        }
    said.answers["/v1/answers/theirs-2"] = {"status": "confirmed", "model": "far/x", "reason": ""}
    seen.watch.begin()
    said.tell("canary", good=False, fault="wrong", scenes=["a"])
    said.tell("quarantine", fault="wrong", evidence=["long"])
    said.tell("suspect", answers=["theirs-0", "of another client"], fault="wrong")
    suspect = await seen.until("suspect")
    assert suspect.model == "desk/far"
    assert suspect.details == {"answers": ["ours-0"], "fault": "wrong", "peer": "desk"}
    assert (await seen.until("canary")).details == {"fault": "wrong", "good": False, "peer": "desk"}
    assert (await seen.until("quarantine")).model == "desk/far"
    assert [one.id for one in seen.answers.suspects()] == ["ours-0"]
    await seen.watch.look()
    statuses = [seen.answers.get(f"ours-{number}") for number in range(3)]
    assert [one.status for one in statuses if one] == ["suspect", "unconfirmed", "confirmed"]
    assert seen.watch.view.news


async def test_a_key_that_may_only_ask_learns_of_suspects_too(seen: Seen, said: Said) -> None:
    said.answers["/fleet/stream"] = 403
    seen.answers.note("far/desk", "ours")
    seen.answers.given_by("desk", "theirs", "ours")
    said.answers["/v1/answers/theirs"] = {"status": "suspect", "model": "far/x", "reason": "stale"}
    seen.watch.begin()
    assert (await seen.until("suspect")).details["answers"] == ["ours"]
    assert not seen.watch.view.news
    assert said.requests[0].headers["x-viewfinder-via"] == GATEWAY_ID


@pytest.mark.parametrize(
    ("path", "answer", "state", "why"),
    [
        ("/health", {"status": "ok"}, "refused", "no gateway of Viewfinder"),
        ("/health", [1], "refused", "no gateway of Viewfinder"),
        ("/health", 404, "refused", "status 404"),
        ("/v1/models", {"data": {"a": 1}}, "refused", "no list of models"),
        ("/v1/models", 401, "refused", r"api_key under [endpoints.desk]"),
        ("/v1/models", 500, "refused", "No."),
        ("/v1/models", b"[" * 100_000, "refused", "larger than"),
        ("/v1/models", b" ", "unreachable", "did not answer in"),
    ],
)
async def test_what_is_no_gateway_is_refused_with_the_reason(
    seen: Seen, said: Said, path: str, answer: Any, state: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list without an end and one that drips are given up."""
    monkeypatch.setattr(peers, "PEER_LOOK_S", 0.5)
    monkeypatch.setattr(peers, "PEER_BYTES", 300_000)
    said.answers[path] = answer
    await seen.watch.look()
    assert seen.watch.view.state == state
    assert why in seen.watch.view.reason
    assert seen.watch.models == ()


def test_of_a_hostile_list_only_models_are_left() -> None:
    """Wrong types, names of ours, paths, and far too many."""
    wrong: list[Any] = [
        None,
        1,
        "x",
        [],
        {},
        {"id": {}},
        {**MODEL, "id": "../../etc"},
        {**MODEL, "id": "a/b"},
    ]
    wrong += [{**MODEL, "id": "auto:best"}, {**MODEL, "id": "x" * 101}, {**MODEL, "capabilities": "vision"}]
    wrong += [{**MODEL, "id": "alias", "alias_of": "far"}, {**MODEL, "id": "none", "variant": None}]
    odd = {**MODEL, "context_length": 10**400, "title": "\x1b[2J" + "t" * 10_000}
    (one,) = models_in(json.dumps({"data": [*wrong, odd]}).encode())
    assert (one.name, one.context_tokens, len(one.title) <= 200, "\x1b" in one.title) == (
        "far",
        None,
        True,
        False,
    )
    many = [{**MODEL, "id": f"m{number}"} for number in range(2 * MOST_PEER_MODELS)]
    assert len(models_in(json.dumps({"data": many}).encode())) == MOST_PEER_MODELS
    for nonsense in (b"", b"\xff", b"[" * 100_000, b"{}", b'{"data": 1e999}'):
        with pytest.raises(BadRequest, match="no gateway"):
            models_in(nonsense)


async def test_hostile_news_are_dropped(seen: Seen, said: Said) -> None:
    seen.answers.note("own", "own")
    seen.watch.begin()
    await seen.until("peer")
    said.tell("reload", outcome="applied")
    said.tell("canary", model="not listed", good=True)
    said.tell("canary", good=True, peer="a third")
    said.tell("suspect", answers={"a": 1}, fault=["x"])
    said.events.put_nowait(b'event: event\ndata: {"kind":1}\n\ndata: nonsense\n\n')
    for _ in range(2 * peers.MOST_NEWS):
        said.tell("death", explanation="\x1b[2J" + "x" * 9999, up_s=1.0, evidence={"a": {}})
    said.tell("stall")
    death = await seen.until("death")
    assert len(death.details["explanation"]) <= 300
    assert death.details.keys() == {"explanation", "up_s", "peer"}
    await seen.until("death", peers.MOST_NEWS - 1)
    kinds = {one.kind for one in seen.events.recent}
    assert kinds == {"peer", "suspect", "death"}
    known = seen.answers.get("own")
    assert known is not None
    assert known.status == "unconfirmed"


def test_an_error_is_passed_on_and_nothing_but_text_of_it() -> None:
    there = Endpoint("http://x", peer="desk")
    said = {"message": "Too many.\x1b[2J", "type": "rate_limit_error", "code": "queue_full", "param": "model"}
    headers = {b"retry-after": b"7", b"x-should-retry": b"false", b"set-cookie": b"a=b"}
    error = as_of_peer(EngineRefused("x", status=429, said=said, headers=headers), there)
    assert isinstance(error, PeerRefused)
    assert body_of(error)["error"] == {**said, "message": "Too many. [2J"}
    response = response_to(error)
    assert (response.status_code, response.headers["retry-after"]) == (429, "7")
    assert response.headers["x-should-retry"] == "false"
    assert "set-cookie" not in response.headers
    odd = as_of_peer(EngineRefused("x", status=200, said={"code": "A B", "type": 1, "message": []}), there)
    assert (response_to(odd).status_code, body_of(odd)["error"]["code"]) == (502, "peer_refused")
    hostile = EngineRefused("x", status=503, said="no", headers={b"retry-after": b"9\r\nx: y"})
    assert "retry-after" not in response_to(as_of_peer(hostile, there)).headers
    wrong_key = as_of_peer(EngineRefused("x", status=401), there)
    assert response_to(wrong_key).status_code == 502
    assert "api_key under [endpoints.desk]" in str(wrong_key)
    away = response_to(as_of_peer(EngineDied("x"), there))
    assert (away.status_code, away.headers["retry-after"]) == (503, f"{peer_server.PEER_RETRY_S:g}")
    died = EngineDied("x")
    assert as_of_peer(died, Endpoint("http://x")) is died


async def test_a_gateway_that_names_itself_is_told(gateway: Gateway) -> None:
    headers = {"x-viewfinder-via": GATEWAY_ID}
    async with gateway.http.get(f"{gateway.url}/v1/models", headers=headers) as reply:
        assert (reply.status, (await reply.json())["error"]["code"]) == (400, "own_peer")


def test_what_is_here_comes_first() -> None:
    server = RunningServer(kind="viewfinder", base_url="http://127.0.0.1:1")
    catalog = SharedCatalog(aliases={"far": "glimpse", "known": "desk/other"})
    catalog.peer_names = {"desk"}
    catalog.check_aliases()
    listed = [{**MODEL, "id": id} for id in ("glimpse", "far", "other")]
    catalog.show("desk", server, models_in(json.dumps({"data": listed}).encode()))
    assert "desk" not in [one.name for one in catalog.get("glimpse").variants]
    assert [one.name for one in catalog.get("desk/glimpse").variants] == ["desk"]
    assert catalog.get("far").name == "glimpse", "an alias is the user's own word"
    assert catalog.get("desk/far").name == "desk:far"
    assert catalog.get("other") == catalog.get("known") == catalog.get("desk/other")
    assert catalog.other_names()["desk/glimpse"] == "glimpse"
    catalog.show("desk", server, [])
    assert "other" not in catalog.names()
    assert "desk" not in [one.name for one in catalog.card("glimpse").variants]


def test_the_settings_say_what_an_endpoint_lacks() -> None:
    with pytest.raises(BadRequest, match="model"):
        load_settings(endpoints={"far": {"base_url": "http://h"}})
    kept = Settings(endpoints={"far": {"base_url": "http://h", "kind": "viewfinder"}}).endpoints["far"]
    assert (kept.kind, kept.model) == ("viewfinder", "")


def test_news_in_plain_words() -> None:
    gone = {"peer": "desk", "state": "unreachable", "reason": "Nothing listens."}
    assert sentence("peer", gone) == "The gateway 'desk' is unreachable: Nothing listens."
    there = {"peer": "desk", "state": "reachable", "version": "1.0", "models": 2}
    assert sentence("peer", there) == "The gateway 'desk' (1.0) answers, with 2 models."
    assert (tone("peer", gone), tone("peer", there)) == ("warn", "")


async def test_another_address_in_the_settings_is_used_at_once(said: Said) -> None:
    """What is connected to the old one is closed, and only that."""
    closed = []

    class OneFleet:
        events, answers, catalog = Events(), Answers(), SharedCatalog()

        async def unload(self, name: str) -> None:
            closed.append(name)
            self.catalog.get(name)

    fleet, others = OneFleet(), Peers()
    old = {"desk": RunningServer(kind="viewfinder", base_url=said.url)}
    await others.begin(fleet, old)  # type: ignore[arg-type]
    assert fleet.catalog.get("far").variants[0].server is not None
    assert [one.state for one in fleet.catalog.peers.values()] == ["reachable"]
    new = {"desk": old["desk"].model_copy(update={"base_url": f"{said.url}/v1"})}
    fresh = SharedCatalog()
    others.show_in(fresh, new)
    assert "far" not in fresh.names()
    await others.apply(new)
    assert closed == ["desk/far"]
    others.show_in(fresh, old)
    assert fresh.peers == {}
    others.close()
