"""Fuzz target of `client`: the bytes of an engine's whole HTTP reply, from first line to last event."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import orjson

from viewfinder.client.chat import _Notes, _Reader
from viewfinder.client.endpoint import Endpoint
from viewfinder.client.http import Reply
from viewfinder.core.errors import EngineDied, EngineRefused, ViewfinderError
from viewfinder.wire import replies

from .oracle import attempt, require

ENGINE = Endpoint("http://engine", Path("/nowhere/engine.sock"))


class _NoTransport:
    """Where there is nothing to write to, to pause or to close."""

    def pause_reading(self) -> None:
        return

    resume_reading = abort = pause_reading


def read_stream(data: bytes) -> None:
    """A reply is the same wherever its bytes are cut; its chunks are read, or the engine is at fault."""
    cuts, stream = data[:4], data[4:]
    whole, pieces = _received([stream]), _received(list(cut(stream, cuts)))
    require(_seen(whole) == _seen(pieces), f"{_seen(whole)} in one piece, {_seen(pieces)} in several")
    require(whole._error is None or isinstance(whole._error, EngineDied), f"no error of ours: {whole._error}")
    body = _body(whole)
    reader, notes = _Reader(whole.status), _Notes()
    chunks = attempt(lambda: reader.read(body), EngineRefused)
    if chunks.error is not None:
        return
    notes.take(1.0, chunks.value)
    ended = attempt(reader.end, EngineDied)
    exchange = notes.exchange(0.0, 2.0, "" if ended.error is None else "it broke")
    require(exchange.prompt_tokens is None or exchange.prompt_tokens >= 0, "a negative count")
    for chunk in chunks.value:
        cleaned = attempt(lambda chunk=chunk: replies.clean_chunk(chunk, "m", "id", 0), ViewfinderError)  # type: ignore[misc]
        if cleaned.error is None:
            orjson.dumps(cleaned.value)


def cut(stream: bytes, cuts: bytes) -> Iterator[bytes]:
    """Pieces whose lengths are those bytes, again and again."""
    at, turn = 0, 0
    while at < len(stream):
        length = 1 + (cuts[turn % len(cuts)] % 32 if cuts else 0)
        yield stream[at : at + length]
        at, turn = at + length, turn + 1


def _received(pieces: list[bytes]) -> Reply:
    reply = Reply(ENGINE, 30.0)
    reply.connection_made(cast(asyncio.BaseTransport, _NoTransport()))
    for piece in pieces:
        if reply._error is None:
            reply.data_received(piece)
    reply.connection_lost(None)
    return reply


def _body(reply: Reply) -> bytes:
    return b"".join(data for _, data in reply._pieces)


def _seen(reply: Reply) -> object:
    return "an error" if reply._error else (reply.status, reply.headers, _body(reply))
