"""Listening and stopping: drain, deadline, keys, and headers that never arrive."""

import asyncio
import contextlib
import signal
import socket
from typing import Any

import pytest
from pydantic import SecretStr

from viewfinder.core.errors import BadRequest
from viewfinder.gateway.connection import REQUEST_HEAD_BYTES
from viewfinder.gateway.listen import is_loopback, require_key_beyond_loopback


async def until(what: Any) -> None:
    async with asyncio.timeout(10):
        while not what():  # noqa: ASYNC110 - other programs set no event
            await asyncio.sleep(0.005)


async def read(gateway: Any, order: str, **more: Any) -> tuple[int, str]:
    async with gateway.post(order, **more) as reply:
        return reply.status, await reply.text()


async def test_a_stop_lets_requests_in_progress_finish_and_takes_no_new_ones(start) -> None:
    gateway = await start(drain_s=5)
    asking = asyncio.create_task(read(gateway, "wait"))
    await until(lambda: gateway.engine.asked)
    gateway.stop.set()
    await until(lambda: _refuses(gateway))
    gateway.engine.proceed.set()
    status, text = await asking
    assert (status, "circle." in text) == (200, True)
    await asyncio.wait_for(gateway.serving, 10)


def _refuses(gateway: Any) -> bool:
    host, port = gateway.url.removeprefix("http://").rsplit(":", 1)
    with contextlib.closing(socket.socket()) as probe:
        return probe.connect_ex((host, int(port))) != 0


async def test_after_the_drain_time_a_stop_cuts_off_with_an_error(start) -> None:
    gateway = await start(drain_s=0)
    whole = asyncio.create_task(read(gateway, "wait"))
    stream = asyncio.create_task(read(gateway, "wait in the middle", stream=True))
    await until(lambda: len(gateway.engine.asked) == 2 and gateway.fleet.leases == 2)
    gateway.stop.set()
    await asyncio.wait_for(gateway.serving, 10)
    status, text = await whole
    assert (status, "stopping" in text) == (503, True)
    status, text = await stream
    assert status == 200
    assert '"code":"stopping"' in text
    assert "[DONE]" not in text
    assert gateway.fleet.leases == 0


@pytest.mark.parametrize("draining", [False, True])
async def test_a_cancel_cuts_off_at_once(start, draining: bool, caplog) -> None:
    gateway = await start(drain_s=60)
    stream = asyncio.create_task(read(gateway, "wait in the middle", stream=True))
    await until(lambda: gateway.fleet.leases)
    if draining:
        gateway.stop.set()
        await until(lambda: _refuses(gateway))
    gateway.serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(gateway.serving, 10)
    _, text = await stream
    assert '"code":"stopping"' in text
    assert gateway.fleet.leases == 0
    assert _refuses(gateway)
    assert not [record for record in caplog.records if record.exc_info and "uvicorn" in record.name]


async def test_signals_are_left_to_the_caller(start) -> None:
    before = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
    await start()
    assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == before


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_addresses_that_only_this_computer_reaches(host: str) -> None:
    assert is_loopback(host)
    require_key_beyond_loopback(host, None)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.1", "box.lan", ""])
@pytest.mark.parametrize("key", [None, ""])
def test_any_other_needs_a_key(host: str, key: str | None) -> None:
    with pytest.raises(BadRequest) as refused:
        require_key_beyond_loopback(host, None if key is None else SecretStr(key))
    assert refused.value.reason == "api_key_required"
    assert "VIEWFINDER_API_KEY" in refused.value.hint
    require_key_beyond_loopback(host, SecretStr("key"))


async def test_an_open_bind_without_a_key_is_refused_at_the_start(start) -> None:
    gateway = await start(host="0.0.0.0")
    with pytest.raises(BadRequest, match="no API key"):
        await gateway.serving


async def test_ipv6(start) -> None:
    gateway = await start(host="::1")
    assert await read(gateway, "hello")


async def test_no_answer_waits_for_an_acknowledgement(gateway) -> None:
    """Every answer took 43 ms instead of 1: head and body are two writes, and Nagle's algorithm held the
    second back until the client's delayed acknowledgement of the first."""
    assert gateway.bound.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def connect(gateway: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, port = gateway.url.removeprefix("http://").rsplit(":", 1)
    return await asyncio.open_connection(host, int(port))


@pytest.mark.parametrize("sent", [b"", b"GET /health HTTP/1.1\r\nHost: loc"], ids=["nothing", "half a head"])
async def test_headers_that_do_not_arrive_are_not_waited_for(start, sent: bytes) -> None:
    gateway = await start(limits={"receive_timeout_s": 0.5})
    reader, writer = await connect(gateway)
    writer.write(sent)
    assert await asyncio.wait_for(reader.read(), 10) == b""
    writer.close()
    assert (await read(gateway, "hello"))[0] == 200


@pytest.mark.parametrize("sent", [b"GET /health", b"\r\n"], ids=["half a head", "an empty line"])
async def test_nor_are_those_of_a_second_request(start, sent: bytes) -> None:
    gateway = await start(limits={"receive_timeout_s": 0.5})
    reader, writer = await connect(gateway)
    writer.write(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await asyncio.sleep(0.1)
    writer.write(sent)
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    assert answer.count(b"HTTP/1.1") == 1


async def test_headers_have_a_size_limit(gateway) -> None:
    reader, writer = await connect(gateway)
    writer.write(b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: ")
    with contextlib.suppress(ConnectionError):
        for _ in range(64):
            writer.write(b"x" * REQUEST_HEAD_BYTES)
            await writer.drain()
        await asyncio.wait_for(reader.read(), 10)
    assert writer.is_closing() or reader.at_eof()
    writer.close()
