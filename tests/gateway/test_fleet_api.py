"""The fleet over HTTP: what is read, and the commands; test_control has the socket's side."""

from pathlib import Path
from typing import Any

from viewfinder.fleet.view import FleetView
from viewfinder.gateway.keys import KeyFile

from .conftest import Gateway


async def get(gateway: Gateway, path: str, **headers: str) -> tuple[int, Any]:
    async with gateway.http.get(gateway.url + path, headers=headers) as reply:
        return reply.status, await reply.json()


async def order(gateway: Gateway, path: str, **headers: str) -> tuple[int, Any]:
    """As `curl -X POST` sends it: without a body and without a type."""
    async with gateway.http.post(
        gateway.url + path, headers=headers, skip_auto_headers=("content-type",)
    ) as reply:
        return reply.status, await reply.json()


def code(answer: tuple[int, Any]) -> tuple[int, str]:
    status, body = answer
    assert set(body["error"]) == {"message", "type", "param", "code"}
    return status, body["error"]["code"]


async def test_the_fleet_its_events_and_suspects(gateway: Gateway) -> None:
    fleet = gateway.fleet
    fleet.loads.append("both")
    fleet.events.emit("load", "both", variant="x", engine="llama.cpp")
    fleet.answers.note("both", "a1")
    fleet.answers.suspect("both", "its canary failed")
    status, view = await get(gateway, "/fleet")
    assert (status, FleetView.of_json(view)) == (200, fleet.view())
    async with gateway.http.get(f"{gateway.url}/fleet") as reply:
        assert reply.headers["cache-control"] == "no-store", "the page at this address is another thing"
    _, [event] = await get(gateway, "/fleet/events")
    assert (event["kind"], event["model"], event["details"]["engine"]) == ("load", "both", "llama.cpp")
    _, [suspect] = await get(gateway, "/fleet/suspects")
    assert (suspect["id"], suspect["reason"]) == ("a1", "its canary failed")


async def test_models_are_loaded_pinned_and_unloaded(gateway: Gateway) -> None:
    fleet = gateway.fleet
    for verb, holds in (
        ("load", lambda: fleet.loads == ["both"]),
        ("pin", lambda: fleet.pinned == {"both"}),
        ("unpin", lambda: fleet.pinned == set()),
        ("unload", lambda: fleet.loads == []),
    ):
        assert await order(gateway, f"/fleet/models/both/{verb}") == (200, {"model": "both"})
        assert holds(), verb


async def test_a_command_that_cannot_be_done(gateway: Gateway) -> None:
    for verb in ("load", "unload", "pin", "unpin"):
        assert code(await order(gateway, f"/fleet/models/no/such/{verb}")) == (404, "model_not_found")
        assert code(await order(gateway, f"/fleet/models//{verb}")) == (404, "model_not_found")
        assert code(await get(gateway, f"/fleet/models/both/{verb}")) == (405, "method_not_allowed")


async def test_an_engine_that_dies_while_it_loads_is_an_error(gateway: Gateway) -> None:
    assert code(await order(gateway, "/fleet/models/unloadable/load")) == (502, "engine_died")


async def test_what_is_not_there_and_what_is_only_read(gateway: Gateway) -> None:
    for path in ("/fleet/", "/fleet/x", "/fleet/models/both", "/fleet/models/both/eat"):
        assert code(await get(gateway, path)) == (404, "not_found")
        assert code(await order(gateway, path)) == (404, "not_found")
    for path in ("/fleet", "/fleet/events", "/fleet/suspects", "/fleet/stream"):
        assert code(await order(gateway, path)) == (405, "method_not_allowed")


async def test_a_command_has_no_body_or_one_of_json(gateway: Gateway) -> None:
    url = f"{gateway.url}/fleet/models/both/pin"
    for data, kind, status in (
        (b"{}", "application/json", 200),
        (b"a=1", "application/x-www-form-urlencoded", 415),
        (b"", "text/plain", 415),
    ):
        async with gateway.http.post(url, data=data, headers={"content-type": kind}) as reply:
            assert reply.status == status, kind
    async with gateway.http.post(url, data=b"{}", skip_auto_headers=("content-type",)) as reply:
        assert reply.status == 415


async def test_a_key_that_may_only_ask_looks_and_changes_nothing(start: Any, tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "keys.json")
    ask, admin = keys.add("ask"), keys.add("admin", admin=True)
    gateway = await start(keys=keys)
    paths = ("/fleet/events", "/fleet/suspects", "/fleet/stream", "/fleet/pulls", "/fleet/models/both/logs")
    assert (await get(gateway, "/fleet"))[0] == 401
    assert (await get(gateway, "/fleet", authorization=f"Bearer {ask}"))[0] == 200
    for path in paths:
        assert code(await get(gateway, path, authorization=f"Bearer {ask}")) == (403, "admin_key_required")
    for verb in ("load", "unload", "pin", "unpin"):
        path = f"/fleet/models/both/{verb}"
        assert code(await order(gateway, path, authorization=f"Bearer {ask}")) == (403, "admin_key_required")
    assert (gateway.fleet.loads, gateway.fleet.pinned) == ([], set())
    assert (await get(gateway, "/fleet/events", authorization=f"Bearer {admin}"))[0] == 200
    assert await order(gateway, "/fleet/models/both/load", authorization=f"Bearer {admin}") == (
        200,
        {"model": "both"},
    )


async def test_where_the_commands_are_is_said(gateway: Gateway) -> None:
    async with gateway.http.options(f"{gateway.url}/fleet/models/both/load") as reply:
        assert (reply.status, reply.headers["allow"]) == (204, "OPTIONS, POST")
    _, body = await get(gateway, "/api/fleet")
    assert "Use GET /fleet." in body["error"]["message"]
