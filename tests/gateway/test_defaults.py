"""What a request gets where it says nothing."""

from dataclasses import replace

import pytest

from viewfinder.catalog.catalog import Catalog
from viewfinder.core.config import Settings
from viewfinder.core.request_defaults import RequestDefaults
from viewfinder.engines import llama_server
from viewfinder.gateway.defaults import defaults_of

ALL = RequestDefaults(
    temperature=0.25,
    top_p=0.5,
    max_tokens=77,
    seed=9,
    stop=("END",),
    presence_penalty=1,
    frequency_penalty=-1,
    top_k=40,
    min_p=0.05,
    repeat_penalty=1.1,
)


async def asked(start, defaults: RequestDefaults = ALL, **said) -> dict:
    gateway = await start(defaults_for={"both": defaults})
    client = gateway.fleet.client
    client.endpoint = replace(client.endpoint, takes=llama_server.TAKES)
    async with gateway.post("hello", **said) as reply:
        assert reply.status == 200, await reply.text()
    return gateway.engine.asked[0]


async def test_a_request_that_says_nothing_gets_all_of_them(start) -> None:
    body = await asked(start)
    assert {name: body[name] for name in ALL.given()} == ALL.given()


async def test_what_a_request_says_counts_and_null_says_nothing(start) -> None:
    body = await asked(start, temperature=0, top_p=None, seed=1, stop="x", max_completion_tokens=5)
    assert (body["temperature"], body["seed"], body["stop"], body["max_tokens"]) == (0, 1, ["x"], 5)
    assert (body["top_p"], body["presence_penalty"]) == (0.5, 1)


async def test_another_model_has_its_own(start) -> None:
    body = await asked(start, model="blind")
    assert not set(ALL.given()) & body.keys()


async def test_an_alias_has_those_of_its_model(start) -> None:
    gateway = await start(defaults_for={"both": ALL}, aliases={"gpt-4o": "both"})
    async with gateway.post("hello", model="gpt-4o") as reply:
        assert reply.status == 200
    assert gateway.engine.asked[0]["temperature"] == 0.25


def test_settings_come_before_the_card_field_by_field() -> None:
    card = Catalog().get("glimpse")
    assert defaults_of(card, Settings()).given() == {"temperature": 0}
    settings = Settings(defaults_for={"glimpse": RequestDefaults(max_tokens=9)})
    assert defaults_of(card, settings).given() == {"temperature": 0, "max_tokens": 9}
    settings = Settings(defaults_for={"glimpse": RequestDefaults(temperature=0.5)})
    assert defaults_of(card, settings).given() == {"temperature": 0.5}


@pytest.mark.parametrize("said", [{"temperature": 0.7}, {"temperature": 0.0}])
def test_a_default_of_the_settings_may_be_anything_a_request_may_say(said) -> None:
    assert RequestDefaults(**said).given() == said
