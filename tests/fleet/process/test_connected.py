"""Running servers: a real llama.cpp that Viewfinder did not start."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.running_server import MODEL, running_server
from viewfinder.catalog.catalog import Catalog
from viewfinder.core.config import RunningServer, Settings
from viewfinder.core.errors import EngineDied, UnknownModel
from viewfinder.core.paths import folders
from viewfinder.engines.llama_server import TAKES
from viewfinder.fleet.fleet import Fleet
from viewfinder.fleet.process import connected
from viewfinder.host.sockets import bind_port

QUESTION = {"messages": [{"role": "user", "content": "What is 3 plus 4?"}], "max_tokens": 8, "temperature": 0}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_server(tmp_path_factory.mktemp("running") / "log") as address:
        yield address


def fleet_of(address: str, model: str = MODEL) -> Fleet:
    catalog = Catalog(endpoints={"far": RunningServer(base_url=f"{address}/v1", model=model)})
    return Fleet(catalog, Settings(), folders())


async def test_it_answers_by_our_name_and_is_left_running(address: str) -> None:
    for _ in range(2):
        async with fleet_of(address) as fleet:
            lease = await fleet.acquire("far")
            reply = await lease.client.complete({"model": "far", **QUESTION})
            assert reply["choices"][0]["message"]["content"] == "7."
            assert fleet.state_of("far") == "ready"
            assert lease.client.endpoint.takes == TAKES  # it is llama.cpp


async def test_one_of_llama_cpp_counts_tokens(address: str) -> None:
    async with fleet_of(address) as fleet:
        client = (await fleet.acquire("far")).client
        counted = await client.complete({"model": "far", **QUESTION}, client.endpoint.count_path)
        reply = await client.complete({"model": "far", **QUESTION})
        assert counted["input_tokens"] == reply["usage"]["prompt_tokens"]


async def test_a_model_that_it_does_not_list_is_said(address: str) -> None:
    async with fleet_of(address, model="another") as fleet:
        with pytest.raises(UnknownModel, match="another") as refused:
            await fleet.acquire("far")
        assert MODEL in refused.value.hint
        assert fleet.state_of("far") == "stopped"


async def test_nobody_there_is_said_and_tried_again_at_the_next_request(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connected, "MODELS_TIMEOUT_S", 0.2)
    with closing(bind_port("127.0.0.1", 0, strict=True).socket) as nobody:
        async with fleet_of(f"http://127.0.0.1:{nobody.getsockname()[1]}") as fleet:
            for _ in range(2):
                with pytest.raises(EngineDied, match="Nothing answers"):
                    await fleet.acquire("far")


def test_its_key_is_in_no_listing(tmp_path: Path) -> None:
    server = RunningServer.model_validate({"base_url": "http://far", "model": "m", "api_key": "hush"})
    card = Catalog(endpoints={"far": server}).get("far")
    assert "hush" not in card.model_dump_json() + repr(card)
