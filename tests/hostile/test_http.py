"""Hostile HTTP: sizes, times, what is not HTTP, and paths; one gateway answers each and still serves."""

import json
import socket
import time

import pytest

from tests.hostile.payloads import ENGINE_PATHS, RANGES
from tests.hostile.raw import BODY_BYTES, CHAT, RECEIVE_TIMEOUT_S, Gateway, answer, check, request

# Size and time


def test_a_body_that_is_declared_too_large_is_refused_before_it_is_sent(gateway: Gateway) -> None:
    raw = request(CHAT, content_length=str(10**12), expect="100-continue")
    reply = gateway.send(raw)
    check(reply, 413, "request_too_large")
    assert reply.headers["connection"] == "close"


def test_a_client_that_sends_it_nevertheless_still_gets_the_error(gateway: Gateway) -> None:
    check(gateway.ask(b" " * (BODY_BYTES * 128)), 413, "request_too_large")


def test_a_chunked_body_is_counted(gateway: Gateway) -> None:
    part = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    reply = gateway.send(request(CHAT, transfer_encoding="chunked") + part * 8 + b"0\r\n\r\n")
    check(reply, 413, "request_too_large")


def test_an_endless_body_is_cut_off(gateway: Gateway) -> None:
    def pour(connection: socket.socket) -> None:
        began_s = time.monotonic()
        while time.monotonic() - began_s < 10:
            connection.sendall(b"10000\r\n" + b" " * 0x10000 + b"\r\n")

    with gateway.connect() as connection:
        connection.sendall(request(CHAT, transfer_encoding="chunked"))
        with pytest.raises(ConnectionError):
            pour(connection)


def test_a_body_of_exactly_the_limit_is_read(gateway: Gateway) -> None:
    body = json.dumps({"model": "nobody", "messages": [{"role": "user", "content": "x"}]}).encode()
    check(gateway.ask(body.ljust(BODY_BYTES)), 404, "model_not_found", "model")
    check(gateway.ask(body.ljust(BODY_BYTES + 1)), 413, "request_too_large")


@pytest.mark.parametrize("framing", [{"content_length": "100"}, {"transfer_encoding": "chunked"}])
def test_a_slow_body_is_not_waited_for(gateway: Gateway, framing: dict[str, str]) -> None:
    began_s = time.monotonic()
    with gateway.connect() as connection:
        connection.sendall(request(CHAT, **framing))
        for _ in range(4):
            connection.sendall(b" " if "content_length" in framing else b"1\r\n \r\n")
            time.sleep(0.05)
        reply = answer(connection)
    check(reply, 408, "request_timeout")
    assert RECEIVE_TIMEOUT_S <= time.monotonic() - began_s < 10


def test_a_client_that_disconnects_in_its_body_is_forgotten(gateway: Gateway) -> None:
    with gateway.connect() as connection:
        connection.sendall(request(CHAT, content_length="100") + b"{")


# Input that is not HTTP, and unknown paths

MALFORMED = {
    "not http": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
    "a broken chunk": request(CHAT, transfer_encoding="chunked") + b"zz\r\n",
    "a negative length": request(CHAT, content_length="-1"),
    "a length of words": request(CHAT, content_length="many"),
    "two lengths": request(CHAT, content_length="1\r\ncontent-length: 2") + b"{}",
    "a length and chunks": request(CHAT, content_length="2", transfer_encoding="chunked") + b"0\r\n\r\n",
}


@pytest.mark.parametrize("raw", MALFORMED.values(), ids=MALFORMED)
def test_what_is_not_http_is_refused(gateway: Gateway, raw: bytes) -> None:
    assert gateway.send(raw).status == 400


@pytest.mark.parametrize("path", ENGINE_PATHS)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_engines_own_paths_are_not_here(gateway: Gateway, method: str, path: str) -> None:
    check(gateway.send(request(f"{method} {path}")), 404, "not_found")


@pytest.mark.parametrize("raw", RANGES[:2], ids=["thousands", "tiny"])
def test_ranges_are_ignored(gateway: Gateway, raw: bytes) -> None:
    """Thousands of them made others copy a file as often; the API serves no file, and none has any effect."""
    began_s = time.monotonic()
    reply = gateway.send(raw)
    assert reply.status in (200, 431)
    assert len(reply.body) < 100_000
    assert time.monotonic() - began_s < 1


def test_a_form_in_thousands_of_parts_is_not_read(gateway: Gateway) -> None:
    began_s = time.monotonic()
    check(gateway.send(RANGES[2]), 415, "unsupported_media_type")
    assert time.monotonic() - began_s < 1


def test_no_websocket(gateway: Gateway) -> None:
    raw = request(
        "GET /v1/models",
        connection="upgrade",
        upgrade="websocket",
        sec_websocket_version="13",
        sec_websocket_key="dGhlIHNhbXBsZSBub25jZQ==",
    )
    assert gateway.send(raw).status == 200  # an ordinary answer: no upgrade


def test_options_of_the_server_and_of_a_path(gateway: Gateway) -> None:
    for target, allow in (("*", "DELETE, GET, HEAD, OPTIONS, POST"), ("/v1/models", "GET, HEAD, OPTIONS")):
        reply = gateway.send(request(f"OPTIONS {target}"))
        assert (reply.status, reply.headers["allow"], reply.body) == (204, allow, b"")


def test_an_answer_of_nobody_is_named_without_what_could_harm(gateway: Gateway) -> None:
    reply = gateway.send(request("GET /v1/answers/%1b%5d0;x%07%e2%80%ae" + "y" * 9000))
    check(reply, 404, "answer_not_found", "id")
    assert reply.error["message"].isprintable()
    assert len(reply.error["message"]) < 300
