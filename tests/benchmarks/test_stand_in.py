"""The stand-in server says what it should, and never before its time."""

import asyncio
from dataclasses import replace

import pytest

from benchmarks.validity.stand_in import WORDS, Pace, standing_in
from benchmarks.validity.timing import session
from viewfinder.client.chat import ChatClient
from viewfinder.client.endpoint import Endpoint
from viewfinder.core.errors import EngineRefused

PACE = Pace(ttft_s=0.05, itl_s=0.01, words=4)


@pytest.mark.parametrize("tcp", [False, True])
def test_it_says_its_words_at_its_pace(tcp: bool) -> None:
    with standing_in(PACE, tcp=tcp) as endpoint:
        exchange, _ = asyncio.run(session(endpoint, 2))
    assert exchange.error == ""
    assert exchange.text.split() == list(WORDS[:4])
    assert exchange.completion_tokens == 4
    assert (exchange.ttft_s or 0.0) >= PACE.ttft_s
    assert exchange.e2e_s >= PACE.e2e_s
    assert exchange.finish_reason == "stop"


def test_without_the_key_no_request_is_answered() -> None:
    async def ask(endpoint: Endpoint) -> None:
        async with ChatClient(endpoint) as client:
            await client.complete({"model": "any", "messages": [{"role": "user", "content": "Hello."}]})

    with standing_in(PACE, tcp=True) as endpoint, pytest.raises(EngineRefused):
        asyncio.run(ask(replace(endpoint, api_key=None)))
