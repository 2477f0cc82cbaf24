"""POST /v1/completions: texts that are continued, with the official client where possible."""

from dataclasses import replace
from typing import Any

import openai
import pytest

PATH = "/v1/completions"


@pytest.fixture
async def client(gateway):
    async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key="unused", max_retries=0) as client:
        yield client


async def refusal(gateway, **fields: Any) -> tuple[int, dict[str, Any]]:
    body = {"model": "both", "prompt": "Once", **fields}
    async with gateway.http.post(gateway.url + PATH, json=body) as reply:
        error = (await reply.json())["error"]
    assert gateway.fleet.leases == 0
    return reply.status, error


async def test_a_reply(client, gateway) -> None:
    reply = await client.completions.create(model="both", prompt="Once", stop=["."], max_tokens=9, seed=7)
    assert (reply.object, reply.model, reply.id[:5]) == ("text_completion", "both", "cmpl-")
    assert reply.choices[0].text == "A réd circle"
    assert reply.choices[0].finish_reason == "stop"
    assert reply.usage.total_tokens == 10
    assert gateway.fleet.leases == 0
    asked = {"prompt": "Once", "stop": ["."], "max_tokens": 9, "seed": 7, "stream": False}
    assert gateway.engine.continued == [asked]
    assert gateway.engine.asked == []


async def test_a_stream(client, gateway) -> None:
    stream = await client.completions.create(
        model="both", prompt="Once", echo=True, stream=True, stream_options={"include_usage": True}
    )
    *chunks, last = [chunk async for chunk in stream]
    assert [chunk.choices[0].text for chunk in chunks] == ["Once", "A ", "réd ", "circle.", ""]
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None, None, None, None, "stop"]
    assert len({chunk.id for chunk in chunks}) == 1
    assert (last.choices, last.usage.prompt_tokens) == ([], 7)
    assert gateway.fleet.leases == 0


@pytest.mark.parametrize(("wanted", "asked"), [(0, 1), (2, 2)])
async def test_log_probabilities(client, gateway, wanted: int, asked: int) -> None:
    reply = await client.completions.create(model="both", prompt="Once", logprobs=wanted)
    logprobs = reply.choices[0].logprobs
    assert logprobs.tokens == ["A ", "réd ", "circle."]
    assert logprobs.text_offset == [0, 2, 6]
    assert logprobs.top_logprobs is None if wanted == 0 else len(logprobs.top_logprobs[0]) == wanted
    assert gateway.engine.continued[0]["logprobs"] == asked
    stream = await client.completions.create(model="both", prompt="Once", logprobs=wanted, stream=True)
    parts = [chunk.choices[0].logprobs async for chunk in stream]
    assert [part.text_offset for part in parts if part] == [[0], [2], [6]]


async def test_the_answer_can_be_looked_up(client, gateway) -> None:
    id = (await client.completions.create(model="both", prompt="Once")).id
    async with gateway.http.get(f"{gateway.url}/v1/answers/{id}") as reply:
        assert (await reply.json())["id"] == id


@pytest.mark.parametrize("stream", [False, True])
async def test_a_text_may_be_complete_as_it_is(gateway, stream: bool) -> None:
    body = {"model": "both", "prompt": "say nothing", "stream": stream}
    async with gateway.http.post(gateway.url + PATH, json=body) as reply:
        assert reply.status == 200
        text = await reply.text()
    assert '"text":""' in text
    assert '"finish_reason":"stop"' in text


@pytest.mark.parametrize("stream", [False, True])
async def test_an_engine_that_dies_once_is_asked_again(gateway, stream: bool) -> None:
    body = {"model": "both", "prompt": "die once", "stream": stream}
    async with gateway.http.post(gateway.url + PATH, json=body) as reply:
        assert reply.status == 200
    assert gateway.fleet.reported == ["engine_died"]
    assert len(gateway.engine.continued) == 2


@pytest.mark.parametrize(
    ("order", "status", "code"),
    [
        ("die", 502, "engine_died"),
        ("fail", 502, "engine_refused"),
        ("refuse", 400, "engine_refused"),
        ("error in a 200", 502, "engine_refused"),
        ("choose garbage", 502, "engine_refused"),
        ("say a number", 502, "engine_refused"),
    ],
)
async def test_an_engine_that_fails(gateway, order: str, status: int, code: str) -> None:
    said, error = await refusal(gateway, prompt=order)
    assert (said, error["code"]) == (status, code)


async def test_an_engine_that_dies_in_the_middle_of_a_stream(gateway) -> None:
    body = {"model": "both", "prompt": "die in the middle", "stream": True}
    async with gateway.http.post(gateway.url + PATH, json=body) as reply:
        *_, last = (await reply.text()).strip().split("\n\n")
    assert '"code":"engine_died"' in last


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("order", ["Once", "have no such path"])
async def test_an_engine_that_continues_no_text(gateway, order: str, stream: bool) -> None:
    if order == "Once":
        client = gateway.fleet.client
        client.endpoint = replace(client.endpoint, completion_path="")
    status, error = await refusal(gateway, prompt=order, stream=stream)
    assert (status, error["code"], error["param"]) == (400, "unsupported_parameter", "model")
    assert error["message"] == (
        "The engine of 'both' continues no text as it is. Send messages to POST /v1/chat/completions, or use "
        "a variant on llama.cpp."
    )
    assert gateway.fleet.reported == []


@pytest.mark.parametrize(
    ("fields", "status", "code", "param"),
    [
        ({"model": "nobody"}, 404, "model_not_found", "model"),
        ({"model": "eyes"}, 400, "image_required", "prompt"),
        ({"prompt": "a b " * 100_000}, 400, "context_length_exceeded", "prompt"),
        ({"prompt": ["a", "b"]}, 400, "unsupported_parameter", "prompt"),
        ({"n": 9}, 400, "invalid_request", "n"),
    ],
)
async def test_what_is_refused_before_a_model_is_loaded(
    gateway, fields: dict[str, Any], status: int, code: str, param: str
) -> None:
    said, error = await refusal(gateway, **fields)
    assert (said, error["code"], error["param"]) == (status, code, param)
    assert gateway.fleet.loads == []
