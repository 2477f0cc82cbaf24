"""What a client sees when the engine fails, and the engine when the client disconnects."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import aiohttp
import openai
import pytest
from aiohttp import web

BOTH_WAYS = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


async def events_of(reply: Any) -> list[Any]:
    lines = (await reply.text()).split("\n\n")
    return [json.loads(line) if line[0] == "{" else line for line in (line[6:] for line in lines[:-1])]


@BOTH_WAYS
async def test_a_death_before_the_first_word_is_retried_unseen(gateway, stream: bool) -> None:
    async with gateway.post("die once", stream=stream) as reply:
        assert reply.status == 200
        assert "circle." in await reply.text()
    assert len(gateway.engine.asked) == 2
    assert gateway.engine.asked[0] == gateway.engine.asked[1]
    assert gateway.fleet.loads == ["both", "both"]
    assert (len(gateway.fleet.reported), gateway.fleet.leases) == (1, 0)


async def test_a_role_alone_is_not_a_word(gateway) -> None:
    """llama.cpp and others send the role before the first word."""
    async with gateway.post("die before the first word once", stream=True) as reply:
        assert reply.status == 200
        *chunks, done = await events_of(reply)
    assert done == "[DONE]"
    assert [chunk["choices"][0]["delta"].get("role") for chunk in chunks].count("assistant") == 1
    assert len(gateway.fleet.reported) == 1


@BOTH_WAYS
async def test_an_empty_answer_is_an_error(gateway, stream: bool) -> None:
    async with gateway.post("say nothing", stream=stream) as reply:
        assert reply.status == 502
        assert (await reply.json())["error"]["code"] == "empty_answer"
    assert gateway.fleet.leases == 0


@BOTH_WAYS
async def test_an_empty_answer_is_allowed_after_the_beginning_of_one(gateway, stream: bool) -> None:
    """It may be the whole answer. Schemathesis got 502, and the process was checked, for no fault of its."""
    messages = [{"role": "user", "content": "2?"}, {"role": "assistant", "content": "say nothing"}]
    async with gateway.post("", stream=stream, messages=messages) as reply:
        assert reply.status == 200
    assert gateway.fleet.reported == []


@BOTH_WAYS
async def test_an_empty_answer_is_allowed_with_stop_strings(gateway, stream: bool) -> None:
    async with gateway.post("say nothing", stream=stream, stop="A") as reply:
        assert reply.status == 200


@BOTH_WAYS
async def test_an_empty_answer_is_allowed_when_cut_before_its_first_word(gateway, stream: bool) -> None:
    """llama.cpp holds back the start of JSON: eight tokens of it were no text, and the client got 502."""
    async with gateway.post("say nothing, cut", stream=stream, max_tokens=1) as reply:
        assert reply.status == 200
        assert '"finish_reason":"length"' in await reply.text()
    assert gateway.fleet.reported == []


@BOTH_WAYS
async def test_a_second_death_is_an_error(gateway, stream: bool) -> None:
    async with gateway.post("die", stream=stream) as reply:
        assert reply.status == 502
        assert (await reply.json())["error"]["code"] == "engine_died"
    assert len(gateway.engine.asked) == 2
    assert (len(gateway.fleet.reported), gateway.fleet.leases) == (2, 0)


async def test_a_death_in_the_middle_ends_the_stream_with_an_error(gateway) -> None:
    async with gateway.post("die in the middle", stream=True) as reply:
        assert reply.status == 200
        *chunks, last = await events_of(reply)
    assert [chunk["choices"][0]["delta"]["content"] for chunk in chunks] == ["", "A "]
    assert last["error"]["code"] == "engine_died"
    assert last["error"]["type"] == "server_error"
    assert len(gateway.engine.asked) == 1
    assert (len(gateway.fleet.reported), gateway.fleet.leases) == (1, 0)


async def test_the_official_client_raises_the_error_of_the_stream(gateway) -> None:
    said: list[str] = []

    async def read_all(stream: Any) -> None:
        async for chunk in stream:
            said.append(chunk.choices[0].delta.content)

    async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key="x", max_retries=0) as client:
        messages: Any = [{"role": "user", "content": "die in the middle"}]
        stream = await client.chat.completions.create(model="both", messages=messages, stream=True)
        with pytest.raises(openai.APIError) as raised:
            await read_all(stream)
    assert said == ["", "A "]
    assert raised.value.code == "engine_died"


@BOTH_WAYS
async def test_an_engine_that_answers_nonsense(gateway, stream: bool) -> None:
    orders = ("fail", "error in a 200", "garbage")
    for order in orders:
        async with gateway.post(order, stream=stream) as reply:
            assert reply.status == 502, order
            assert (await reply.json())["error"]["code"] == "engine_refused"
    assert (len(gateway.engine.asked), gateway.fleet.leases) == (2 * len(orders), 0)


async def test_an_error_in_the_middle(gateway) -> None:
    async with gateway.post("error in the middle", stream=True) as reply:
        assert reply.status == 200  # the first word has arrived
        gateway.engine.proceed.set()
        *_, last = await events_of(reply)
    assert last["error"]["code"] == "engine_refused"


async def test_a_bug_of_ours_in_the_middle_ends_the_stream_without_details(gateway, caplog) -> None:
    class Client:
        endpoint = gateway.fleet.client.endpoint

        def for_lease(self, _shape: Any) -> "Client":
            return self

        async def stream(self, _body: dict[str, Any], _path: str) -> AsyncIterator[dict[str, Any]]:
            yield {"choices": [{"delta": {"content": "A "}, "finish_reason": None}]}
            raise RuntimeError("at /home/someone/secret.py")

    gateway.fleet.client = Client()
    async with gateway.post("hello", stream=True) as reply:
        seen = b""
        with contextlib.suppress(aiohttp.ClientPayloadError):
            async for data in reply.content.iter_any():
                seen += data
    assert b"internal_error" in seen
    assert b"secret" not in seen
    assert "secret.py" in caplog.text
    assert gateway.fleet.leases == 0


@BOTH_WAYS
async def test_a_stop_string_that_the_engine_left_in_is_cut_off(gateway, stream: bool) -> None:
    """transformers and mlx-vlm end the answer there, and include the string."""
    async with gateway.post("hello", stream=stream, stop=["d c"]) as reply:
        if stream:
            *chunks, done = await events_of(reply)
            assert done == "[DONE]"
            said = "".join(choice["delta"].get("content") or "" for it in chunks for choice in it["choices"])
        else:
            said = (await reply.json())["choices"][0]["message"]["content"]
    assert said == "A ré"


@BOTH_WAYS
async def test_what_decides_the_form_of_an_answer_is_refused_where_it_is_lacking(
    gateway, stream: bool
) -> None:
    client = gateway.fleet.client
    client.endpoint = replace(client.endpoint, lacks=frozenset({"tool_choice", "logprobs"}))
    async with gateway.post("hello", stream=stream, logprobs=True) as reply:
        assert reply.status == 400
        error = (await reply.json())["error"]
        assert (error["code"], error["param"]) == ("unsupported_parameter", "logprobs")
    assert gateway.engine.asked == []
    async with gateway.post("hello", stream=stream, logprobs=False, tool_choice="auto") as reply:
        assert reply.status == 200
        await reply.read()
    assert gateway.fleet.leases == 0


@BOTH_WAYS
async def test_a_request_that_an_engine_rejects_is_the_callers_fault(gateway, stream: bool) -> None:
    async with gateway.post("refuse", stream=stream) as reply:
        assert reply.status == 400


@pytest.mark.parametrize(("order", "stream"), [("wait", False), ("wait", True), ("wait in the middle", True)])
async def test_a_client_that_disconnects_stops_the_engine_and_releases_the_lease(
    gateway, order: str, stream: bool
) -> None:
    asking = asyncio.create_task(_ask_on(gateway, order, stream))
    async with asyncio.timeout(10):
        while not gateway.engine.asked:  # noqa: ASYNC110 - another program, which sets no event
            await asyncio.sleep(0.005)
        assert gateway.fleet.leases == 1
        asking.cancel()
        await gateway.engine.abandoned.wait()
        while gateway.fleet.leases:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    assert len(gateway.fleet.reported) == 0


async def _ask_on(gateway: Any, order: str, stream: bool) -> None:
    async with gateway.post(order, stream=stream) as reply:
        await reply.read()


async def test_the_request_of_a_client_that_disconnects_while_the_model_loads_is_dropped(gateway) -> None:
    gateway.fleet.loadable.clear()
    asking = asyncio.create_task(_ask_on(gateway, "hello", stream=False))
    async with asyncio.timeout(10):
        while not gateway.fleet.loads:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        asking.cancel()
        await asyncio.wait([asking])
        async with gateway.http.get(f"{gateway.url}/health"):
            pass
    gateway.fleet.loadable.set()
    async with gateway.post("hello") as reply:
        assert reply.status == 200
    assert len(gateway.engine.asked) == 1


async def test_words_are_passed_on_at_once(gateway) -> None:
    async with gateway.post("wait in the middle", stream=True) as reply:
        begun = b""
        async with asyncio.timeout(10):
            while b'"A "' not in begun:
                begun += await reply.content.readany()
        assert b"circle" not in begun
        gateway.engine.proceed.set()
        assert b"circle" in await reply.read()


@pytest.mark.parametrize("tokens", [1, 300, 3000])
async def test_a_reply_with_many_log_probabilities_arrives_whole(gateway, tokens: int) -> None:
    """6 MB of them were parsed, cleaned and written on the event loop, which took 0.3 s."""
    one = {"token": " é", "logprob": -0.5, "bytes": [32, 195, 169]}
    content = [one | {"top_logprobs": [one] * 20} for _ in range(tokens)]

    async def answer(self: Any, order: str, body: dict[str, Any], request: Any) -> web.Response:
        message = {"role": "assistant", "content": "é" * tokens}
        choice = {
            "index": 0,
            "message": message,
            "finish_reason": "stop",
            "logprobs": {"content": content},
        }
        return web.json_response({"choices": [choice]})

    gateway.engine.obey = answer.__get__(gateway.engine)
    async with gateway.post("hello", logprobs=True, top_logprobs=20) as reply:
        (choice,) = (await reply.json())["choices"]
    assert choice["message"]["content"] == "é" * tokens
    assert choice["logprobs"]["content"] == content


@pytest.mark.parametrize(
    "body", ["[" * 300_000, '{"choices": ' + "[" * 300_000, '{"a": NaN}' + " " * 300_000]
)
async def test_a_large_reply_that_is_no_completion(gateway, body: str) -> None:
    async def answer(self: Any, order: str, request_body: dict[str, Any], request: Any) -> web.Response:
        return web.Response(text=body, content_type="application/json")

    gateway.engine.obey = answer.__get__(gateway.engine)
    async with gateway.post("hello") as reply:
        assert reply.status == 502
        assert (await reply.json())["error"]["code"] == "engine_refused"


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/chat/completions/input_tokens"])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_text_that_is_too_long_is_no_fault_of_the_engine(gateway, path: str, stream: bool) -> None:
    """mlx-vlm says it in a reply with status 200: the model was checked, and the text was sent twice."""
    message = {"role": "user", "content": "too long in a 200"}
    body = {"model": "both", "messages": [message], "stream": stream}
    async with gateway.http.post(gateway.url + path, json=body) as reply:
        error = (await reply.json())["error"]
    assert (reply.status, error["code"]) == (400, "context_length_exceeded")
    assert "maximum context length is 512 tokens" in error["message"]
    assert "raise engine.context_tokens" in error["message"]
    assert gateway.fleet.reported == []
    assert len(gateway.engine.asked) + len(gateway.engine.counted) == 1
