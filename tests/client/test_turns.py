"""A conversation that a server keeps: what is sent of it, and which servers keep any."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from viewfinder.client.chat import ChatClient
from viewfinder.client.endpoint import Endpoint
from viewfinder.client.turns import KeptConversation, keeps_conversations

WORDS = {"role": "user", "content": "Hi."}
SHOWN = {
    "role": "user",
    "content": [
        {"type": "image_url", "image_url": {"url": "data:x"}},
        {"type": "text", "text": "What is it?"},
    ],
}


class Server:
    """Answers every turn, except those that are to fail; keeps what it was sent."""

    def __init__(
        self, last: dict[str, Any] | None = None, unknown: str = "Response with id 'x' not found."
    ) -> None:
        self.asked: list[dict[str, Any]] = []
        self.last, self.unknown = last, unknown

    async def respond(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(await request.json())
        response = {"id": f"resp_{len(self.asked)}", "usage": {"input_tokens": 7, "output_tokens": 1}}
        reply = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await reply.prepare(request)
        for event in (
            {"type": "response.created", "response": response},
            {"type": "response.output_text.delta", "delta": "Red."},
            self.last or {"type": "response.completed", "response": response},
        ):
            await reply.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
        return reply

    async def one(self, _request: web.Request) -> web.Response:
        return web.json_response({"error": {"message": self.unknown}}, status=404)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[ChatClient]:
        app = web.Application()
        app.router.add_post("/v1/responses", self.respond)
        app.router.add_get("/v1/responses/{id}", self.one)
        runner = web.AppRunner(app, shutdown_timeout=0)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            async with ChatClient(Endpoint(f"http://127.0.0.1:{runner.addresses[0][1]}")) as client:
                yield client
        finally:
            await runner.cleanup()


def body(*messages: dict[str, Any]) -> dict[str, Any]:
    return {"model": "m", "messages": list(messages), "max_tokens": 9, "temperature": 0}


async def test_only_what_is_new_is_sent() -> None:
    server = Server()
    async with server.open() as client:
        kept = KeptConversation(client)
        said = {"role": "assistant", "content": "Red."}
        first = await kept.exchange(body(SHOWN), timeout_s=10)
        await kept.exchange(body(SHOWN, said, WORDS), timeout_s=10)
    assert (first.text, first.prompt_tokens, first.completion_tokens, first.error) == ("Red.", 7, 1, "")
    assert server.asked[0] == {
        "model": "m",
        "temperature": 0,
        "stream": True,
        "max_output_tokens": 9,
        "input": [
            {
                "role": "user",
                "content": [
                    {"type": "input_image", "image_url": "data:x"},
                    {"type": "input_text", "text": "What is it?"},
                ],
            }
        ],
    }
    assert server.asked[1]["input"] == [WORDS]
    assert server.asked[1]["previous_response_id"] == "resp_1"


async def test_a_resumed_conversation_is_sent_whole() -> None:
    server = Server()
    async with server.open() as client:
        await KeptConversation(client).exchange(body(WORDS, WORDS, WORDS), timeout_s=10)
    assert len(server.asked[0]["input"]) == 3
    assert "previous_response_id" not in server.asked[0]


@pytest.mark.parametrize(
    "last", [{"type": "error", "message": "The engine died."}, {"type": "response.failed", "response": {}}]
)
async def test_an_answer_that_failed_has_an_error(last: dict[str, Any]) -> None:
    server = Server(last)
    async with server.open() as client:
        exchange = await KeptConversation(client).exchange(body(WORDS), timeout_s=10)
    assert exchange.error.startswith("engine_refused")


async def test_which_servers_keep_conversations() -> None:
    for unknown, keeps in (("Response with id 'x' not found.", True), ("File Not Found", False)):
        async with Server(unknown=unknown).open() as client:
            assert await keeps_conversations(client, 10.0) is keeps
    async with ChatClient(Endpoint("http://127.0.0.1:9")) as client:
        assert not await keeps_conversations(client, 10.0)
