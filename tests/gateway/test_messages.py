"""POST /v1/messages: Anthropic's API, as its clients see it on the wire."""

import json
from typing import Any

import pytest

from .test_chat import opened, picture

IMAGE = {"type": "base64", "media_type": "image/png", "data": picture("red").partition(",")[2]}
PATH = "/v1/messages"


def question(order: str = "What is it?", *blocks: dict[str, Any], **fields: Any) -> dict[str, Any]:
    content = [*blocks, {"type": "text", "text": order}]
    return {
        "model": "both",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": content}],
        **fields,
    }


def events_of(text: str) -> list[dict[str, Any]]:
    """The events of a stream, each of which has its name."""
    events = []
    for event in text.strip().split("\n\n"):
        name, data = event.split("\n")
        events.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {events[-1]['type']}"
    return events


async def test_a_reply(gateway) -> None:
    headers = {"anthropic-version": "2023-06-01", "anthropic-beta": "x", "x-api-key": "any"}
    async with gateway.http.post(gateway.url + PATH, json=question(), headers=headers) as reply:
        said = await reply.json()
    assert said.pop("id").startswith("msg_")
    assert said == {
        "type": "message",
        "role": "assistant",
        "model": "both",
        "content": [{"type": "text", "text": "A réd circle.", "citations": None}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 7,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": 3,
        },
    }
    assert gateway.fleet.leases == 0


async def test_a_stream(gateway) -> None:
    async with gateway.http.post(f"{gateway.url}{PATH}?beta=true", json=question(stream=True)) as reply:
        assert reply.content_type == "text/event-stream"
        events = events_of(await reply.text())
    assert [event["type"] for event in events] == [
        *("message_start", "ping", "content_block_start"),
        *["content_block_delta"] * 3,
        *("content_block_stop", "message_delta", "message_stop"),
    ]
    words = [event["delta"]["text"] for event in events if event["type"] == "content_block_delta"]
    assert words == ["A ", "réd ", "circle."]
    assert events[0]["message"]["stop_reason"] is None
    assert events[-2]["usage"]["input_tokens"] == 7
    assert gateway.fleet.leases == 0


async def test_the_answer_can_be_looked_up(gateway) -> None:
    async with gateway.http.post(gateway.url + PATH, json=question()) as reply:
        id = (await reply.json())["id"]
    async with gateway.http.get(f"{gateway.url}/v1/answers/{id}") as reply:
        assert (await reply.json())["id"] == id


async def test_engines_get_our_own_pictures(gateway) -> None:
    body = question("What?", {"type": "image", "source": IMAGE})
    async with gateway.http.post(gateway.url + PATH, json=body) as reply:
        assert reply.status == 200
    part = gateway.engine.asked[0]["messages"][0]["content"][0]
    assert opened(part["image_url"]["url"]).convert("RGB").getpixel((0, 0)) == (255, 0, 0)


async def test_what_has_no_effect_is_named(gateway) -> None:
    body = question(metadata={"user_id": "me"})
    async with gateway.http.post(gateway.url + PATH, json=body) as reply:
        assert reply.headers["x-viewfinder-ignored"] == "metadata"
    body = question(thinking={"type": "enabled", "budget_tokens": 1024}, output_config={"effort": "low"})
    async with gateway.http.post(
        gateway.url + PATH, json=body
    ) as reply:  # its template has no place for them
        assert reply.headers["x-viewfinder-ignored"] == "output_config.effort, thinking"


@pytest.mark.parametrize(
    ("order", "status", "kind", "code"),
    [
        ("refuse", 400, "invalid_request_error", "engine_refused"),
        ("die", 502, "api_error", "engine_died"),
        ("say nothing", 502, "api_error", "empty_answer"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_an_engine_that_fails(
    gateway, order: str, status: int, kind: str, code: str, stream: bool
) -> None:
    async with gateway.http.post(gateway.url + PATH, json=question(order, stream=stream)) as reply:
        said = await reply.json()
    assert reply.status == status
    assert said["type"] == "error"
    assert (said["error"]["type"], said["error"]["code"]) == (kind, code)


async def test_an_engine_that_dies_once_is_asked_again(gateway) -> None:
    async with gateway.http.post(gateway.url + PATH, json=question("die once")) as reply:
        assert (await reply.json())["content"][0]["text"] == "A réd circle."


async def test_an_engine_that_dies_in_the_middle_of_a_stream(gateway) -> None:
    body = question("die in the middle", stream=True)
    async with gateway.http.post(gateway.url + PATH, json=body) as reply:
        events = events_of(await reply.text())
    assert events[-1]["type"] == "error"
    assert events[-1]["error"]["type"] == "api_error"
    assert "message_stop" not in [event["type"] for event in events]


async def test_errors_of_guards_and_routes_are_anthropics_too(start) -> None:
    gateway = await start(api_key="secret", limits={"body_bytes": 1000})
    key = {"x-api-key": "secret"}
    json_type = {"content-type": "application/json"}
    for method, path, headers, body, status, kind in (
        ("POST", PATH, json_type, b"{}", 401, "authentication_error"),
        ("POST", PATH, key | {"content-type": "text/plain"}, b"{}", 415, "invalid_request_error"),
        ("POST", PATH, key | json_type | {"host": "evil.example"}, b"{}", 403, "permission_error"),
        ("POST", PATH, key | json_type, b"x" * 2000, 413, "request_too_large"),
        ("POST", PATH, key | json_type, b"{}", 400, "invalid_request_error"),
        ("POST", PATH, key | json_type, b"{", 400, "invalid_request_error"),
        ("GET", PATH, key, b"", 405, "invalid_request_error"),
        ("POST", f"{PATH}/batches", key | json_type, b"{}", 404, "not_found_error"),
    ):
        async with gateway.http.request(method, gateway.url + path, headers=headers, data=body) as reply:
            said = await reply.json()
        assert (reply.status, said["type"], said["error"]["type"]) == (status, "error", kind)
        assert said["error"]["message"]
    async with gateway.http.get(f"{gateway.url}/v1/messages-of-mine", headers=key) as reply:
        assert set(await reply.json()) == {"error"}


async def test_an_image_that_is_none_is_named_by_its_source(gateway) -> None:
    body = question("What?", {"type": "image", "source": {**IMAGE, "data": "QUJD"}})
    async with gateway.http.post(gateway.url + PATH, json=body) as reply:
        error = (await reply.json())["error"]
    assert (error["param"], error["code"]) == ("messages[0].content[0].source", "invalid_image")


async def test_an_error_has_the_id_of_its_request(gateway) -> None:
    headers = {"x-request-id": "mine-1"}
    for body in (question(model="nobody"), question("error in the middle", stream=True)):
        gateway.engine.proceed.set()
        async with gateway.http.post(gateway.url + PATH, json=body, headers=headers) as reply:
            text = await reply.text()
            assert reply.headers["x-request-id"] == reply.headers["request-id"] == "mine-1"
        said = events_of(text)[-1] if "event:" in text else json.loads(text)
        assert (said["type"], said["request_id"]) == ("error", "mine-1")
    async with gateway.http.get(f"{gateway.url}/v1/models") as reply:
        assert "request-id" not in reply.headers
