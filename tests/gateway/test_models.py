"""The list of models, as the official client reads it, and what is up."""

import openai
import pytest


@pytest.fixture
async def client(gateway):
    async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key="unused", max_retries=0) as client:
        yield client


async def test_the_list_has_the_capabilities_of_each_model(client) -> None:
    models = {model.id: model.capabilities async for model in client.models.list()}
    assert models == {
        "both": ["text", "vision"],
        "blind": ["text"],
        "eyes": ["vision"],
        "one-eye": ["text", "vision"],
        "unloadable": ["text", "vision"],
        "uninstalled": [],
    }


async def test_one_model_and_an_unknown_one(client) -> None:
    model = await client.models.retrieve("both")
    assert (model.id, model.object, model.owned_by) == ("both", "model", "viewfinder")
    with pytest.raises(openai.NotFoundError) as missing:
        await client.models.retrieve("nobody")
    assert missing.value.code == "model_not_found"


async def test_ready_lists_what_is_up(gateway) -> None:
    async with gateway.post("hello") as reply:
        assert reply.status == 200
    async with gateway.http.get(f"{gateway.url}/ready") as reply:
        assert reply.status == 200
        ready = await reply.json()
    assert ready["status"] == "ready"
    assert ready["models"]["both"] == "ready"
    assert ready["models"]["blind"] == "stopped"
