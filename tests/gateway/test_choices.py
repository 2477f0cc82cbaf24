"""Several answers to one request (`n`)."""

import json
from typing import Any

import pytest

from tests.gateway.test_relay import BOTH_WAYS, events_of
from viewfinder.gateway.choices import together

SAID = "A réd circle."


async def test_each_is_a_choice_of_one_reply(gateway) -> None:
    async with gateway.post("hello", n=3) as reply:
        whole = await reply.json()
    assert [choice["index"] for choice in whole["choices"]] == [0, 1, 2]
    assert {choice["message"]["content"] for choice in whole["choices"]} == {SAID}
    assert whole["usage"] == {"prompt_tokens": 7, "completion_tokens": 9, "total_tokens": 16}
    assert (len(gateway.engine.asked), gateway.fleet.leases) == (3, 0)
    assert not any("n" in body for body in gateway.engine.asked)


async def test_a_stream_has_them_one_after_the_other(gateway) -> None:
    async with gateway.post("hello", n=2, stream=True, stream_options={"include_usage": True}) as reply:
        *chunks, usage, done = await events_of(reply)
    assert done == "[DONE]"
    assert usage["usage"] == {"prompt_tokens": 7, "completion_tokens": 6, "total_tokens": 13}
    assert {chunk["id"] for chunk in chunks} == {usage["id"]}
    for at in range(2):
        own = [choice for chunk in chunks for choice in chunk["choices"] if choice["index"] == at]
        assert own[0]["delta"] == {"role": "assistant", "content": ""}
        assert "".join(choice["delta"].get("content") or "" for choice in own) == SAID
        assert [choice["finish_reason"] for choice in own if choice["finish_reason"]] == ["stop"]
        assert sum("role" in choice["delta"] for choice in own) == 1


async def test_usage_is_in_a_stream_only_if_it_is_requested(gateway) -> None:
    async with gateway.post("hello", n=2, stream=True) as reply:
        chunks = await events_of(reply)
    assert all(chunk["choices"] for chunk in chunks[:-1])


async def test_each_has_a_seed_of_its_own(gateway) -> None:
    async with gateway.post("hello", n=3, seed=2**32 - 3) as reply:
        assert reply.status == 200
    assert [body["seed"] for body in gateway.engine.asked] == [2**32 - 3, 2**32 - 2, 0]
    async with gateway.post("hello", n=2) as reply:
        assert reply.status == 200
    assert not any("seed" in body for body in gateway.engine.asked[3:])


@BOTH_WAYS
async def test_the_death_of_an_engine_is_retried_for_one_choice(gateway, stream: bool) -> None:
    async with gateway.post("die once", n=2, stream=stream) as reply:
        assert reply.status == 200
        assert (await reply.text()).count("circle.") == 2
    assert (len(gateway.engine.asked), gateway.fleet.leases) == (3, 0)


@BOTH_WAYS
async def test_one_that_fails_fails_the_request(gateway, stream: bool) -> None:
    async with gateway.post("die", n=2, stream=stream) as reply:
        assert reply.status == 502
    assert gateway.fleet.leases == 0


async def test_the_second_of_a_stream_fails_after_the_first(gateway, monkeypatch) -> None:
    obey = gateway.engine.obey

    async def once(order: str, body: dict[str, Any], request: Any) -> Any:
        return await obey("hello" if len(gateway.engine.asked) == 1 else "die", body, request)

    monkeypatch.setattr(gateway.engine, "obey", once)
    async with gateway.post("hello", n=2, stream=True) as reply:
        assert reply.status == 200
        *chunks, last = await events_of(reply)
    assert last["error"]["code"] == "engine_died"
    assert {choice["index"] for chunk in chunks for choice in chunk["choices"]} == {0}


@pytest.mark.parametrize("n", [0, 5, 10**9])
async def test_more_than_four_are_refused(gateway, n: int) -> None:
    async with gateway.post("hello", n=n) as reply:
        error = (await reply.json())["error"]
        assert (reply.status, error["code"], error["param"]) == (400, "invalid_request", "n")
    limit = "at least 1" if n == 0 else "at most 4"
    assert error["message"] == f"'n' is invalid: it should be {limit}."


def test_what_is_known_of_their_usage_is_added_up() -> None:
    assert together([{}, {}]) == {}
    assert together([{"completion_tokens": 2}, {}]) == {"completion_tokens": 2}
    details = {"prompt_tokens_details": {"cached_tokens": 3}}
    both = [{"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7, **details}] * 2
    assert together(both) == {"prompt_tokens": 5, "completion_tokens": 4, "total_tokens": 9, **details}
    assert json.dumps(both[0]) == json.dumps(both[1])
