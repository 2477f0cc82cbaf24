"""What is large is parsed in a thread, the smallest first."""

import asyncio
import contextlib
import json
import sys
import threading
import time
from collections.abc import Awaitable, Iterator
from typing import Any

import pytest

from viewfinder.api.serving import SWITCH_S
from viewfinder.core.config import Limits
from viewfinder.core.errors import BadRequest, RequestTooLarge
from viewfinder.gateway import parsing
from viewfinder.gateway.parsing import PARSED_AT_ONCE_BYTES, SEARCHED_AT_ONCE_BYTES, Parser, Turns


def body(text: Any, **fields: Any) -> bytes:
    return json.dumps(
        {"model": "glimpse", "messages": [{"role": "user", "content": text}], **fields}
    ).encode()


def picture(size: int) -> list[dict[str, Any]]:
    return [{"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * size}}]


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the threads that parsed."""
    seen: list[str] = []
    parse = parsing.parse_outline

    def noted(*given: Any) -> Any:
        seen.append(threading.current_thread().name)
        return parse(*given)

    monkeypatch.setattr(parsing, "parse_outline", noted)
    return seen


@pytest.mark.parametrize(
    ("content", "in_thread"),
    [
        ("x", False),
        ("x" * PARSED_AT_ONCE_BYTES, True),
        (picture(1000), False),
        (picture(2 * SEARCHED_AT_ONCE_BYTES), False),
    ],
    ids=["text", "long text", "small image", "large image"],
)
async def test_where_it_is_parsed(threads: list[str], content: Any, in_thread: bool) -> None:
    parsed = await Parser(Limits()).parse(body(content))
    assert parsed.request.model == "glimpse"
    assert [name.startswith("parser") for name in threads] == [in_thread]


async def test_errors_are_those_of_the_request() -> None:
    parser = Parser(Limits())
    with pytest.raises(BadRequest, match="more than 50,000 values"):
        await parser.parse(b"[" + b"{}," * 100_000 + b"{}]")
    with pytest.raises(RequestTooLarge):
        await parser.parse(body("x" * 3_000_000))
    assert (await parser.parse(body("x"))).request.model == "glimpse"


async def test_the_smallest_goes_first() -> None:
    turns, order = Turns(), []
    let = asyncio.Event()

    async def take(size: int) -> None:
        async with turns.take(size):
            order.append(size)
            await let.wait()

    tasks = [asyncio.create_task(take(size)) for size in (9, 5, 7, 1, 3)]
    await asyncio.sleep(0)
    let.set()
    await asyncio.gather(*tasks)
    assert order == [9, 1, 3, 5, 7]


@pytest.mark.parametrize("granted", [False, True])
async def test_a_turn_that_is_given_up_goes_to_the_next(granted: bool) -> None:
    turns = Turns()
    first, second = asyncio.Event(), asyncio.Event()

    async def take(size: int, let: asyncio.Event) -> None:
        async with turns.take(size):
            await let.wait()

    holds = asyncio.create_task(take(1, first))
    leaves = asyncio.create_task(take(2, second))
    waits = asyncio.create_task(take(3, second))
    await asyncio.sleep(0)
    if granted:
        first.set()
        await holds
    leaves.cancel()
    await asyncio.wait([leaves])
    first.set()
    second.set()
    await asyncio.wait_for(asyncio.gather(holds, waits), 5)
    await asyncio.wait_for(take(4, second), 5)


async def test_clients_take_turns() -> None:
    """Whoever sent small bodies without end would keep out everybody with a larger one."""
    turns, order = Turns(), []
    let = asyncio.Event()

    async def take(client: str, size: int) -> None:
        async with turns.take(size, client):
            order.append((client, size))
            await let.wait()

    tasks = [asyncio.create_task(take(*one)) for one in [("a", 1), ("a", 1), ("a", 2), ("b", 9)]]
    await asyncio.sleep(0)
    let.set()
    await asyncio.gather(*tasks)
    assert order == [("a", 1), ("b", 9), ("a", 1), ("a", 2)]


def many(value: bytes, count: int, *, field: bytes = b'"user"') -> bytes:
    return body("x")[:-1] + b"," + field + b": [" + b",".join([value] * count) + b"]}"


CALLS = b",".join([b'{"id": 1, "x": 2}'] * 9000)
LONG_TO_MAKE = {
    "numbers of 4,300 digits": many(b"9" * 4300, 450),
    "fractions": many(b"1.2345678901234567e-300", 49_000),
    "empty lists": many(b"[]", 49_000),
    "invalid tool calls": body("x").replace(
        b'"messages": [',
        b'"messages": [{"role": "assistant", "tool_calls": [%b]},' % CALLS,
    ),
}


@pytest.fixture
def quick_switches() -> Iterator[None]:
    """As `serve` sets them."""
    before_s = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    yield
    sys.setswitchinterval(before_s)


async def longest_block_s(work: Awaitable[object]) -> float:
    """The longest time that the loop could not run, as far as this process used a processor meanwhile."""
    longest_s = 0.0
    working = asyncio.ensure_future(work)
    while not working.done():
        began_s, used_s = time.monotonic(), time.process_time()
        await asyncio.sleep(0.0005)
        longest_s = max(longest_s, min(time.monotonic() - began_s, time.process_time() - used_s))
    with contextlib.suppress(BadRequest):
        await working
    return longest_s


@pytest.mark.usefixtures("quick_switches")
@pytest.mark.parametrize("large", LONG_TO_MAKE.values(), ids=LONG_TO_MAKE)
async def test_the_loop_runs_while_a_thread_parses(large: bytes) -> None:
    """Numbers and errors were made by the thousand without a pause: the loop ran nothing for 25 to 130 ms."""
    parser = Parser(Limits())
    blocks_s = [await longest_block_s(parser.parse(large)) for _ in range(5)]
    assert min(blocks_s) < 0.012
