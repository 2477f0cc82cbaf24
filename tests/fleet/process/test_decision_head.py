"""Whether a model has a decision head, by what the server says; and that glimpse has none."""

from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from viewfinder.client.chat import ChatClient
from viewfinder.client.endpoint import Endpoint
from viewfinder.engines.llama_server import DECISION_PATH
from viewfinder.fleet.process.decision_head import head_at

SAID: list[tuple[Any, str]] = [
    ({"data": [{"architecture": {"output_modalities": ["text", "decisions"]}}]}, DECISION_PATH),
    ({"data": [{"architecture": {"output_modalities": ["decisions"]}}]}, DECISION_PATH),
    ({"data": [{"architecture": {"output_modalities": ["text"]}}]}, ""),
    ({"data": [{"id": "older"}]}, ""),
    ({"data": [{}, {}]}, ""),
    ([], ""),
]


@pytest.mark.parametrize(("said", "path"), SAID)
async def test_a_head_is_where_the_server_says_so(tmp_path: Path, said: Any, path: str) -> None:
    async def models(_: web.Request) -> web.Response:
        return web.json_response(said)

    app = web.Application()
    app.router.add_get("/v1/models", models)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.UnixSite(runner, str(tmp_path / "s")).start()
        async with ChatClient(Endpoint("http://engine", socket=tmp_path / "s")) as client:
            assert await head_at(client, DECISION_PATH) == path
            assert await head_at(client, "") == ""
    finally:
        await runner.cleanup()
    async with ChatClient(Endpoint("http://engine", socket=tmp_path / "nobody")) as client:
        assert await head_at(client, DECISION_PATH) == ""
