"""A gateway of this process, and requests to it byte by byte over raw sockets; for the tests here.

No request may load a model: the fleet is a real one, and its models stay stopped.
"""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

from viewfinder.catalog.catalog import Catalog
from viewfinder.core.config import Settings
from viewfinder.core.paths import Folders
from viewfinder.fleet.fleet import Fleet
from viewfinder.gateway.app import make_app
from viewfinder.gateway.keys import KeyFile
from viewfinder.gateway.listen import serve
from viewfinder.gateway.page_routes import Pages
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

    def __init__(
        self, folder: Path, *, pages: Pages | None = None, keys: KeyFile | None = None, **given: Any
    ) -> None:
        self.pages, self.keys = pages, keys
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
            app = make_app(fleet, intake, self.settings, "0", keys=self.keys, pages=self.pages)
            stop, ready = self.stop, self.ready.set
            await serve(app, bound, self.settings, stop=stop, drain_s=1, on_listening=ready, keys=self.keys)

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


def check(reply: Reply, status: int, code: str, param: str | None = None) -> None:
    assert (reply.status, reply.error["code"]) == (status, code), reply
    assert set(reply.error) == {"message", "type", "param", "code"}
    assert reply.error["param"] == param
    assert "Traceback" not in reply.error["message"]


def image(url: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]}


IMAGE = "messages[0].content[0].image_url.url"
