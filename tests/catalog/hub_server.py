"""A small model hub on loopback, with faults; for the tests that pull.

Answers what huggingface_hub 2.4.0 and `catalog/remote` ask: a repository's listing, and its files with
ranges, directly or by redirect to another host as the public hub does. Plain sockets and threads, because
the faults are the sockets': a connection that ends, or is reset, after so many bytes.
"""

import hashlib
import json
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

LARGE = (".gguf", ".safetensors", ".bin")
"""Files that the hub keeps by SHA-256; others have git's SHA-1."""
PIECE_BYTES = 16 * 1024


@dataclass(frozen=True)
class Request:
    """One request as it came in."""

    method: str
    path: str
    headers: dict[str, str]

    @property
    def is_for_a_file(self) -> bool:
        return "/resolve/" in self.path

    @property
    def begins_at(self) -> int:
        return int(self.headers.get("range", "bytes=0-").removeprefix("bytes=").partition("-")[0])

    @property
    def ends_at(self) -> int | None:
        """The end of the bytes that it asks for; None for the file's end."""
        last = self.headers.get("range", "").rpartition("-")[2]
        return int(last) + 1 if last else None


@dataclass
class Faults:
    """What goes wrong, and for how many requests."""

    cuts: list[int] = field(default_factory=list)
    """Each file request takes one: its connection ends once the file is sent up to there."""
    reset: bool = False
    """A connection ends with a reset and is not closed in order."""
    corrupt: int | None = None
    """The byte of every file that arrives changed."""
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    """Each request takes one: a status and headers in place of the requested content."""
    for_files_only: bool = False
    """`answers` are only for requests for files; listings succeed."""
    ignores_ranges: bool = False
    extra: bytes = b""
    """Sent after every file."""
    listed_bytes: int | None = None
    """The size of every file in the listing."""
    listing: bytes | None = None
    """In place of every listing."""
    hold_at: int | None = None
    """File requests stop there until `let_go`."""


class HubServer:
    """A hub, or with `files_of` the other host to which a hub redirects for its files."""

    def __init__(self, files_of: "HubServer | None" = None) -> None:
        self.repositories: dict[str, dict[str, bytes]] = files_of.repositories if files_of else {}
        self.elsewhere: HubServer | None = None
        self.faults = Faults()
        self.requests: list[Request] = []
        self.let_go = threading.Event()
        self.holding = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("OurHandler", (Handler,), {"hub": self}))
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"

    @contextmanager
    def running(self) -> Iterator["HubServer"]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.let_go.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    @property
    def file_requests(self) -> list[Request]:
        """The requests for files, without looks into them."""
        return [request for request in self.requests if request.is_for_a_file and request.ends_at is None]

    @property
    def looks(self) -> list[Request]:
        """The requests for the beginnings of files."""
        return [request for request in self.requests if request.is_for_a_file and request.ends_at]

    def publish(self, repo: str, files: dict[str, bytes]) -> str:
        """Put a repository there, or another commit of it, and return the commit."""
        self.repositories[repo] = files
        return commit_of(files)


def commit_of(files: dict[str, bytes]) -> str:
    return hashlib.sha1(repr(sorted(files.items())).encode(), usedforsecurity=False).hexdigest()


def blob_of(path: str, content: bytes) -> str:
    if path.endswith(LARGE):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


class Handler(BaseHTTPRequestHandler):
    hub: HubServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, unquote(urlsplit(self.path).path), headers)
        self.hub.requests.append(request)
        if self.hub.faults.answers and (request.is_for_a_file or not self.hub.faults.for_files_only):
            status, extra = self.hub.faults.answers.pop(0)
            self.send(status, b'{"error": "no"}', extra)
        elif request.path.startswith("/api/models/"):
            self.send(*self.listing(request))
        else:
            self.file(request)

    do_HEAD = do_GET

    def listing(self, request: Request) -> tuple[int, bytes, dict[str, str]]:
        owner, name, word, revision = request.path.removeprefix("/api/models/").split("/", 3)
        files = self.hub.repositories.get(f"{owner}/{name}")
        if self.hub.faults.listing is not None:
            return 200, self.hub.faults.listing, {}
        if files is None:
            return 404, b"", {"X-Error-Code": "RepoNotFound"}
        if word != "revision" or revision not in ("main", commit_of(files)):
            return 404, b"", {"X-Error-Code": "RevisionNotFound"}
        assert "blobs" in parse_qs(urlsplit(self.path).query)
        siblings = [_sibling(path, content, self.hub.faults.listed_bytes) for path, content in files.items()]
        told = {"id": f"{owner}/{name}", "sha": commit_of(files), "siblings": siblings}
        return 200, json.dumps(told).encode(), {}

    def file(self, request: Request) -> None:
        owner, name, _, commit, path = request.path.lstrip("/").split("/", 4)
        files, faults = self.hub.repositories[f"{owner}/{name}"], self.hub.faults
        assert commit in ("main", commit_of(files))
        content = files.get(path, b"")
        known = {
            "X-Repo-Commit": commit_of(files),
            "X-Linked-Etag": f'"{blob_of(path, content)}"',
            "X-Linked-Size": str(len(content)),
        }
        if faults.corrupt is not None:
            content = content[: faults.corrupt] + b"\xff" + content[faults.corrupt + 1 :]
        content += faults.extra
        start = 0 if faults.ignores_ranges else request.begins_at
        if request.ends_at and not faults.ignores_ranges:
            known["Content-Range"] = f"bytes 0-{min(request.ends_at, len(content)) - 1}/{len(content)}"
            content = content[: request.ends_at]
        if path not in files:
            self.send(404, b"", {"X-Error-Code": "EntryNotFound"})
        elif self.hub.elsewhere:
            self.send(302, b"", known | {"Location": self.hub.elsewhere.address + self.path})
        elif start >= len(content) > 0:
            self.send(416, b"", {"Content-Range": f"bytes */{len(content)}"})
        else:
            if start:
                known["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            self.head(206 if "Content-Range" in known else 200, len(content) - start, known)
            if self.command == "GET":
                self.body(content, start)

    def body(self, content: bytes, start: int) -> None:
        faults = self.hub.faults
        end = max(faults.cuts.pop(0), start) if faults.cuts else len(content)
        for place in range(start, end, PIECE_BYTES):
            if faults.hold_at is not None and place >= faults.hold_at:
                self.wfile.flush()
                self.hub.holding.set()
                self.hub.let_go.wait(60)
            self.wfile.write(content[place : min(place + PIECE_BYTES, end)])
        if end < len(content):
            self.close_connection = True
            if faults.reset:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()

    def send(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.head(status, len(content), headers or {})
        if self.command == "GET":
            self.wfile.write(content)

    def head(self, status: int, length: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(length)} | headers).items():
            self.send_header(name, value)
        self.end_headers()

    def handle(self) -> None:
        try:
            super().handle()
        except (ConnectionError, ValueError):
            return  # the client left, or we cut it off

    def finish(self) -> None:
        try:
            super().finish()
        except (ConnectionError, ValueError, OSError):
            return

    def log_message(self, *_: Any) -> None:
        return


def _sibling(path: str, content: bytes, listed_bytes: int | None) -> dict[str, Any]:
    size = len(content) if listed_bytes is None else listed_bytes
    git_sha1 = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    told: dict[str, Any] = {"rfilename": path, "size": size, "blobId": git_sha1}
    if path.endswith(LARGE):
        told["lfs"] = {"sha256": hashlib.sha256(content).hexdigest(), "size": size, "pointerSize": 130}
    return told
