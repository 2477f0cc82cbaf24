"""The tokens of a request before it is run, in each of the APIs."""

from dataclasses import replace
from typing import Any

import pytest

from .conftest import COUNT
from .test_chat import opened, picture

CHAT, MESSAGES, RESPONSES = (
    "/v1/chat/completions/input_tokens",
    "/v1/messages/count_tokens",
    "/v1/responses/input_tokens",
)
COUNTED = {"object": "response.input_tokens", "input_tokens": COUNT}
REPLIES = {CHAT: COUNTED, MESSAGES: {"input_tokens": COUNT}, RESPONSES: COUNTED}


def question(path: str, order: str = "What is it?", url: str = "", **fields: Any) -> dict[str, Any]:
    """The same question in the words of each API."""
    body: dict[str, Any] = {"model": "both", **fields}
    if path == RESPONSES:
        image = [{"type": "input_image", "image_url": url}] if url else []
        words = [*image, {"type": "input_text", "text": order}]
        return {**body, "input": [{"role": "user", "content": words}]}
    image = [{"type": "image_url", "image_url": {"url": url}}] if url else []
    if url and path == MESSAGES:
        image = [{"type": "image", "source": {"type": "url", "url": url}}]
    return {**body, "messages": [{"role": "user", "content": [*image, {"type": "text", "text": order}]}]}


@pytest.fixture(params=REPLIES)
def path(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def refusal(gateway, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    async with gateway.http.post(gateway.url + path, json=body) as reply:
        said = await reply.json()
    assert (said.get("type") == "error") == (path == MESSAGES)
    assert gateway.fleet.leases == 0
    return reply.status, said["error"]


async def test_a_count(gateway, path: str) -> None:
    async with gateway.http.post(gateway.url + path, json=question(path)) as reply:
        assert (reply.status, await reply.json()) == (200, REPLIES[path])
    assert gateway.engine.asked == []
    assert gateway.fleet.leases == 0


async def test_an_image_is_checked_and_made_ours(gateway, path: str) -> None:
    body = question(path, url=picture("red"))
    async with gateway.http.post(gateway.url + path, json=body) as reply:
        assert reply.status == 200
    part = gateway.engine.counted[0]["messages"][0]["content"][0]
    assert opened(part["image_url"]["url"]).convert("RGB").getpixel((0, 0)) == (255, 0, 0)


@pytest.mark.parametrize(
    ("path", "param"),
    [
        (CHAT, "messages[0].content[0].image_url.url"),
        (MESSAGES, "messages[0].content[0].source"),
        (RESPONSES, "input[0].content[0].image_url"),
    ],
)
async def test_an_image_that_is_none(gateway, path: str, param: str) -> None:
    status, error = await refusal(gateway, path, question(path, url="data:image/png;base64,AAAA"))
    assert (status, error["code"], error["param"]) == (400, "invalid_image", param)
    status, error = await refusal(gateway, path, question(path, url="http://127.0.0.1/x.png"))
    assert (status, error["code"], error["param"]) == (400, "media_url_forbidden", param)
    assert gateway.fleet.loads == []


@pytest.mark.parametrize(
    ("model", "url", "status", "code"),
    [
        ("nobody", "", 404, "model_not_found"),
        ("blind", picture("red"), 400, "vision_not_supported"),
        ("eyes", "", 400, "image_required"),
        ("uninstalled", "", 503, "engine_missing"),
        ("unloadable", "", 502, "engine_died"),
    ],
)
async def test_what_a_model_cannot_do(
    gateway, path: str, model: str, url: str, status: int, code: str
) -> None:
    said, error = await refusal(gateway, path, question(path, url=url, model=model))
    assert (said, error["code"]) == (status, code)


async def test_a_stream_is_counted_as_a_whole_reply(gateway, path: str) -> None:
    async with gateway.http.post(gateway.url + path, json=question(path, stream=True)) as reply:
        assert (reply.content_type, await reply.json()) == ("application/json", REPLIES[path])
    assert gateway.engine.counted[0]["stream"] is False
    assert "stream_options" not in gateway.engine.counted[0]


async def test_what_has_no_effect_is_named(gateway, path: str) -> None:
    body = question(path, user="me") if path != MESSAGES else question(path, metadata={"a": "b"})
    async with gateway.http.post(gateway.url + path, json=body) as reply:
        assert reply.headers["x-viewfinder-ignored"] == ("user" if path != MESSAGES else "metadata")


async def test_the_whole_request_for_a_message_can_be_counted(gateway) -> None:
    fields = {"max_tokens": 9, "temperature": 0.5, "stop_sequences": ["."]}
    async with gateway.http.post(gateway.url + MESSAGES, json=question(MESSAGES, **fields)) as reply:
        assert await reply.json() == REPLIES[MESSAGES]
        assert reply.headers["x-viewfinder-ignored"] == "max_tokens, stop_sequences, temperature"


async def test_a_text_that_is_surely_too_long_is_counted(gateway, path: str) -> None:
    order = "a b " * 100_000
    async with gateway.http.post(gateway.url + path, json=question(path, order)) as reply:
        assert await reply.json() == REPLIES[path]
    async with gateway.post(order) as reply:
        assert (await reply.json())["error"]["code"] == "context_length_exceeded"


@pytest.mark.parametrize("order", ["What is it?", "have no such path"])
async def test_an_engine_that_cannot_count(gateway, path: str, order: str) -> None:
    if order == "What is it?":
        client = gateway.fleet.client
        client.endpoint = replace(client.endpoint, count_path="")
    status, error = await refusal(gateway, path, question(path, order))
    assert (status, error["code"], error["param"]) == (400, "unsupported_parameter", "model")
    assert error["message"] == (
        "The engine of 'both' does not count the tokens of a request. Send the request with a 'max_tokens' "
        "of 1: its usage has the number."
    )
    assert gateway.fleet.reported == []


async def test_an_engine_that_dies_once_is_asked_again(gateway, path: str) -> None:
    async with gateway.http.post(gateway.url + path, json=question(path, "die once")) as reply:
        assert await reply.json() == REPLIES[path]
    assert gateway.fleet.reported == ["engine_died"]


@pytest.mark.parametrize(
    ("order", "status", "code"),
    [
        ("die", 502, "engine_died"),
        ("fail", 502, "engine_refused"),
        ("refuse", 400, "engine_refused"),
        ("count garbage", 502, "engine_refused"),
        ("count less than nothing", 502, "engine_refused"),
    ],
)
async def test_an_engine_that_fails(gateway, path: str, order: str, status: int, code: str) -> None:
    said, error = await refusal(gateway, path, question(path, order))
    assert (said, error["code"]) == (status, code)


async def test_a_count_is_no_answer_that_is_remembered(gateway, path: str) -> None:
    async with gateway.http.post(gateway.url + path, json=question(path)) as reply:
        assert reply.status == 200
    assert gateway.fleet.answers.mark("both") == 0
