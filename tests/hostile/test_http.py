"""Hostile HTTP over raw sockets: one gateway answers each request with its code, and still serves.

None of them may load a model: the fleet is a real one, and its models stay stopped.
"""

import asyncio
import base64
import json
import socket
import struct
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import pytest

from viewfinder.catalog.catalog import Catalog
from viewfinder.core.config import Settings
from viewfinder.core.errors import BadRequest
from viewfinder.core.paths import Folders
from viewfinder.fleet.fleet import Fleet
from viewfinder.gateway.app import make_app
from viewfinder.gateway.listen import serve
from viewfinder.host.sockets import bind_port
from viewfinder.media.intake import Intake

KEY = "correct horse"
BODY_BYTES = 256 * 1024
RECEIVE_TIMEOUT_S = 1.0
CHAT = "POST /v1/chat/completions"


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> dict[str, Any]:
        return json.loads(self.body)["error"]


class Gateway:
    """A gateway in its own thread; `ready` is set when it listens or has refused to start."""

    def __init__(self, folder: Path, **given: Any) -> None:
        self.settings = Settings(
            port=0, limits={"body_bytes": BODY_BYTES, "receive_timeout_s": RECEIVE_TIMEOUT_S}, **given
        )
        self.folder = folder
        self.ready = threading.Event()
        self.refused: BaseException | None = None
        self.port = 0

    async def run(self) -> None:
        self.loop, self.stop = asyncio.get_running_loop(), asyncio.Event()
        fleet = Fleet(Catalog(), self.settings, Folders(self.folder, self.folder, self.folder))
        async with fleet, Intake(self.settings.limits) as intake:
            bound = bind_port(self.settings.host, 0, strict=True)
            self.port = bound.port
            app = make_app(fleet, intake, self.settings, "0")
            await serve(app, bound, self.settings, stop=self.stop, drain_s=1, on_listening=self.ready.set)

    def in_thread(self) -> None:
        try:
            asyncio.run(self.run())
        except BaseException as error:
            self.refused = error
        finally:
            self.ready.set()

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def send(self, raw: bytes) -> Reply:
        with self.connect() as connection:
            connection.sendall(raw)
            return answer(connection)

    def ask(self, body: bytes, **headers: str) -> Reply:
        return self.send(request(CHAT, body, **headers))

    def chat(self, **fields: Any) -> Reply:
        question = [{"role": "user", "content": "What is it?"}]
        return self.ask(json.dumps({"model": "glimpse", "messages": question, **fields}).encode())


def request(line: str, body: bytes = b"", **headers: str) -> bytes:
    given = {"host": "localhost", "content-type": "application/json", "authorization": f"Bearer {KEY}"}
    if body:
        given["content-length"] = str(len(body))
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items() if value)
    return f"{line} HTTP/1.1\r\n{head}\r\n".encode() + body


def answer(connection: socket.socket) -> Reply:
    with HTTPResponse(connection) as response:
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, headers, response.read())


@contextmanager
def running(folder: Path, **given: Any) -> Iterator[Gateway]:
    gateway = Gateway(folder, **given)
    thread = threading.Thread(target=gateway.in_thread)
    thread.start()
    assert gateway.ready.wait(20)
    try:
        yield gateway
    finally:
        if gateway.refused is None:
            gateway.loop.call_soon_threadsafe(gateway.stop.set)
        thread.join(20)


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("gateway")
    with running(folder, api_key=KEY, allowed_origins=("https://app.example",)) as gateway:
        yield gateway
        assert gateway.refused is None


@pytest.fixture
def gateway(one: Gateway) -> Iterator[Gateway]:
    """After each request the same gateway still serves, and no model was loaded."""
    yield one
    ready = one.send(request("GET /ready"))
    assert ready.status == 200
    assert set(json.loads(ready.body)["models"].values()) == {"stopped"}
    assert one.chat(model="nobody").status == 404


def check(reply: Reply, status: int, code: str, param: str | None = None) -> None:
    assert (reply.status, reply.error["code"]) == (status, code), reply
    assert set(reply.error) == {"message", "type", "param", "code"}
    assert reply.error["param"] == param
    assert "Traceback" not in reply.error["message"]


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


# Hosts, origins and keys


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost@evil.example", "169.254.169.254", ""]
)
def test_a_foreign_host(gateway: Gateway, host: str) -> None:
    check(gateway.ask(b"{}", host=host), 403, "host_not_allowed")


def test_no_host_at_all(gateway: Gateway) -> None:
    check(gateway.send(b"GET /v1/models HTTP/1.0\r\n\r\n"), 403, "host_not_allowed")


def test_two_hosts(gateway: Gateway) -> None:
    raw = b"GET /health HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n"
    assert gateway.send(raw).status in (400, 403)


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:1", "file://"])
def test_a_foreign_origin(gateway: Gateway, origin: str) -> None:
    check(gateway.ask(b"{}", origin=origin), 403, "origin_not_allowed")


def test_a_foreign_preflight(gateway: Gateway) -> None:
    raw = request(
        "OPTIONS /v1/chat/completions", origin="https://evil.example", access_control_request_method="POST"
    )
    reply = gateway.send(raw)
    check(reply, 403, "origin_not_allowed")
    assert not [name for name in reply.headers if name.startswith("access-control")]


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer wrong", f"Basic {KEY}", f"Bearer {KEY}x"])
def test_a_wrong_key(gateway: Gateway, authorization: str) -> None:
    reply = gateway.ask(b"{}", authorization=authorization)
    check(reply, 401, "invalid_api_key")
    assert reply.headers["www-authenticate"] == "Bearer"
    assert KEY not in reply.error["message"]


def test_a_key_in_the_url_is_ignored(gateway: Gateway) -> None:
    raw = request(f"GET /v1/models?api_key={KEY.replace(' ', '%20')}", authorization="")
    check(gateway.send(raw), 401, "invalid_api_key")


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_an_open_bind_without_a_key_does_not_start(tmp_path: Path, host: str) -> None:
    with running(tmp_path, host=host) as gateway:
        assert isinstance(gateway.refused, BadRequest)
        assert gateway.refused.reason == "api_key_required"
        assert "VIEWFINDER_API_KEY" in str(gateway.refused)
        with pytest.raises(ConnectionRefusedError):
            gateway.connect()


# Bodies and fields


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_a_body_that_is_not_declared_as_json(gateway: Gateway, kind: str) -> None:
    check(gateway.ask(b"{}", content_type=kind), 415, "unsupported_media_type")


NOT_JSON = {
    "nothing": b" ",
    "text": b"hello",
    "half": b'{"model": "glimpse", ',
    "not utf-8": b'{"model": "\xff\xfe"}',
    "nan": b'{"model": NaN}',
    "two keys": b'{"model": "a", "model": "glimpse"}',
    "half a surrogate": b'{"model": "\\ud800"}',
    "nul": b'{"model": "glimpse\\u0000"}',
    "nested": b'{"messages": ' + b"[" * 1000 + b"]" * 1000 + b"}",
    "nested without end": b"[" * 200_000,
    "a long number": b'{"seed": ' + b"9" * 100_000 + b"}",
}


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON)
def test_what_is_not_json(gateway: Gateway, body: bytes) -> None:
    check(gateway.ask(body), 400, "invalid_json")


@pytest.mark.parametrize("body", [b"[]", b'"glimpse"', b"null", b"7"])
def test_json_that_is_no_request(gateway: Gateway, body: bytes) -> None:
    check(gateway.ask(body), 400, "invalid_request")


@pytest.mark.parametrize(
    "field",
    [
        "n_discard",
        "mm_processor_kwargs",
        "chat_template",
        "chat_template_kwargs",
        "lora",
        "prompt_embeds",
        "x",
    ],
)
def test_fields_of_engines_and_unknown_ones(gateway: Gateway, field: str) -> None:
    check(gateway.chat(**{field: -1}), 400, "unsupported_parameter", field)


@pytest.mark.parametrize(
    ("field", "value"),
    [("max_tokens", 10**12), ("n", 10**9), ("top_logprobs", 10**6), ("temperature", "hot")],
)
def test_values_beyond_reason(gateway: Gateway, field: str, value: Any) -> None:
    reply = gateway.chat(**{field: value})
    assert (reply.status, reply.error["param"]) == (400, field)


def test_ten_thousand_messages(gateway: Gateway) -> None:
    check(gateway.chat(messages=[{"role": "user"}] * 10_000), 400, "too_many_messages", "messages")


@pytest.mark.parametrize(
    "model", ["nobody", "../../etc/passwd", "-m", "x" * 10_000, "a\nb", "\x1b[31m", "glimpse/"]
)
def test_models_that_are_not_here(gateway: Gateway, model: str) -> None:
    reply = gateway.chat(model=model)
    check(reply, 404, "model_not_found", "model")
    assert len(reply.error["message"]) < 1000
    assert reply.error["message"].isprintable()


def image(url: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]}


IMAGE = "messages[0].content[0].image_url.url"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/x.png", "https://example.com/x.png", "file:///etc/passwd", "/etc/passwd"]
)
def test_images_are_not_fetched(gateway: Gateway, url: str) -> None:
    reply = gateway.chat(**image(url))
    check(reply, 400, "media_url_forbidden", IMAGE)
    assert "data:image" in reply.error["message"]


def test_a_text_file_as_an_image(gateway: Gateway) -> None:
    url = "data:image/png;base64," + base64.b64encode(b"Dear reader, this is no picture.").decode()
    check(gateway.chat(**image(url)), 400, "invalid_image", IMAGE)


def test_a_picture_of_2500_megapixels_in_5_kilobytes(gateway: Gateway) -> None:
    def piece(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = piece(b"IHDR", struct.pack(">IIBBBBB", 50_000, 50_000, 1, 0, 0, 0, 0))
    png = b"\x89PNG\r\n\x1a\n" + head + piece(b"IDAT", zlib.compress(bytes(5_000_000))) + piece(b"IEND", b"")
    assert len(png) < 6000
    reply = gateway.chat(**image("data:image/png;base64," + base64.b64encode(png).decode()))
    check(reply, 400, "image_too_large", IMAGE)


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


@pytest.mark.parametrize(
    "path", ["/slots", "/props", "/metrics/../v1/models", "/v1/../health", "//v1/models", "/%00"]
)
def test_engines_own_paths_are_not_here(gateway: Gateway, path: str) -> None:
    check(gateway.send(request(f"GET {path}")), 404, "not_found")


def test_no_websocket(gateway: Gateway) -> None:
    raw = request(
        "GET /v1/models",
        connection="upgrade",
        upgrade="websocket",
        sec_websocket_version="13",
        sec_websocket_key="dGhlIHNhbXBsZSBub25jZQ==",
    )
    assert gateway.send(raw).status == 200  # an ordinary answer: no upgrade
