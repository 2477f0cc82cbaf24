"""The list of models, as the official client reads it, and what is up."""

import json
from urllib.parse import quote

import openai
import pytest
from starlette.requests import Request
from yarl import URL

from viewfinder.catalog.catalog import Catalog
from viewfinder.core.config import Settings
from viewfinder.core.engine_settings import EngineChanges
from viewfinder.core.paths import Folders
from viewfinder.core.request_defaults import RequestDefaults
from viewfinder.fleet.fleet import Fleet
from viewfinder.gateway.models import Models
from viewfinder.gateway.props import PropsPage


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


async def one(gateway, path: str) -> dict:
    async with gateway.http.get(gateway.url + path) as reply:
        assert reply.status == 200, await reply.text()
        return await reply.json()


async def test_a_model_has_what_clients_of_other_servers_read(start) -> None:
    changes = {"both": EngineChanges(context_tokens=1000)}
    gateway = await start(engine_for=changes, defaults_for={"both": RequestDefaults(top_p=0.5)})
    model = await one(gateway, "/v1/models/both")
    assert model["created"] == 1_700_000_000
    assert (model["context_length"], model["max_model_len"]) == (1024, 1024)
    assert model["meta"] == {"n_ctx": 1024, "n_ctx_train": None}
    assert model["architecture"] == {"input_modalities": ["text", "image"], "output_modalities": ["text"]}
    assert (model["loaded"], model["state"], model["supports_tools"]) == (False, "stopped", None)
    assert model["defaults"] == {"top_p": 0.5}
    blind = await one(gateway, "/v1/models/blind")
    assert blind["architecture"]["input_modalities"] == ["text"]
    assert blind["context_length"] == 4096
    missing = await one(gateway, "/v1/models/uninstalled")
    assert (missing["context_length"], missing["created"], missing["variant"]) == (None, 0, None)


async def test_an_alias_is_a_model_of_its_own_for_clients(start) -> None:
    """Those that let a person choose from the list show no other name."""
    gateway = await start(aliases={"gpt-4o": "both"})
    listed = {model["id"]: model for model in (await one(gateway, "/v1/models"))["data"]}
    assert listed["gpt-4o"]["alias_of"] == "both"
    assert (listed["both"]["alias_of"], listed["both"]["variant"]) == (None, "faulty")
    assert listed["both"]["aliases"] == ["gpt-4o"]
    assert await one(gateway, "/v1/models/gpt-4o") == listed["gpt-4o"]
    async with gateway.post("hello", model="gpt-4o") as reply:
        assert (await reply.json())["model"] == "gpt-4o"
    assert gateway.fleet.loads == ["gpt-4o"]
    async with gateway.http.get(f"{gateway.url}/ready") as reply:
        assert "gpt-4o" not in (await reply.json())["models"]


async def test_props_describe_the_model_that_is_meant(start) -> None:
    gateway = await start(defaults_for={"both": RequestDefaults(temperature=0.5)})
    props = await one(gateway, "/props?model=both")
    assert props["default_generation_settings"] == {"n_ctx": 4096, "params": {"temperature": 0.5}}
    assert (props["role"], props["model_alias"], props["model_path"]) == ("model", "both", "both")
    assert props["modalities"] == {"vision": True, "audio": False, "video": False}
    assert (props["total_slots"], props["is_sleeping"]) == (2, True)
    assert (await one(gateway, "/props?model=blind"))["modalities"]["vision"] is False
    async with gateway.http.get(f"{gateway.url}/props?model=nobody") as reply:
        assert reply.status == 404
    assert gateway.fleet.loads == []


async def test_props_without_a_name_are_those_of_the_only_model_that_is_up(gateway) -> None:
    router = await one(gateway, "/props")
    assert (router["role"], router["model_path"], router["modalities"]["vision"]) == ("router", "none", True)
    async with gateway.post("hello", model="blind") as reply:
        await reply.read()
    props = await one(gateway, "/props")
    assert (props["model_alias"], props["total_slots"], props["is_sleeping"]) == ("blind", 3, False)


async def test_props_need_the_key_as_the_list_does(start) -> None:
    gateway = await start(api_key="secret")
    async with gateway.http.get(f"{gateway.url}/props") as reply:
        assert reply.status == 401


@pytest.mark.parametrize("written", ["openai/gpt-4o", "openai%2Fgpt-4o", "openai%2fgpt%2D4o"])
async def test_an_id_with_a_slash(start, written: str) -> None:
    gateway = await start(aliases={"openai/gpt-4o": "both"})
    async with gateway.http.get(URL(f"{gateway.url}/v1/models/{written}", encoded=True)) as reply:
        assert reply.status == 200
        model = await reply.json()
    assert (model["id"], model["alias_of"]) == ("openai/gpt-4o", "both")
    props = await one(gateway, "/props?model=openai/gpt-4o")
    assert props["model_alias"] == "both"
    async with gateway.http.get(f"{gateway.url}/metrics") as reply:
        assert 'http_requests_total{path="/v1/models/{name}",status="200"} 1.0' in await reply.text()


@pytest.mark.parametrize("written", ["both/", "/both", "a/b/c", "..%2Fboth", "both%2F"])
async def test_a_name_of_nobody_with_a_slash(gateway, written: str) -> None:
    async with gateway.http.get(URL(f"{gateway.url}/v1/models/{written}", encoded=True)) as reply:
        assert reply.status == 404
        error = (await reply.json())["error"]
    assert (error["code"], error["param"]) == ("model_not_found", "model")


async def test_what_a_chat_takes_as_a_model_can_be_looked_up(tmp_path) -> None:
    """Also the id of a repository, in any case, as the hub ignores it; the model is then that of a chat."""
    folders = Folders(tmp_path, tmp_path, tmp_path)
    settings = Settings(aliases={"gpt": "viewfinder/glimpse", "openai/gpt": "gpt"})
    fleet = Fleet(Catalog(aliases=settings.aliases), settings, folders)
    models, page = Models(fleet, settings), PropsPage(fleet, settings, "1.2.3")

    def asked(name: str, query: str = "") -> Request:
        scope = {"type": "http", "path_params": {"name": name}, "query_string": query.encode(), "headers": []}
        return Request(scope)

    async with fleet:
        for name in ("glimpse", "viewfinder/glimpse", "Viewfinder/GLIMPSE", "gpt", "openai/gpt"):
            found = json.loads((await models.one(asked(name))).body)
            assert found["id"] == name
            assert found["alias_of"] == (None if name == "glimpse" else fleet.card(name).name)
            props = json.loads((await page.page(asked(name, f"model={quote(name)}"))).body)
            assert props["model_alias"] == "glimpse"
