"""The one client that speaks to servers: streamed chat over TCP or a Unix socket, with time stamps.

Called by the gateway (through a lease), by readiness and canary, and by bench. It never retries and
changes nothing in a request but the model's name: what to do about a failure is its callers' decision.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import orjson

from viewfinder.client.endpoint import Endpoint
from viewfinder.client.exchange import Exchange
from viewfinder.client.http import Reply, ask
from viewfinder.core.errors import EngineDied, EngineError, EngineRefused, EngineStalled
from viewfinder.wire.replies import is_count
from viewfinder.wire.sse import DONE, EventReader

CHAT_PATH = "/v1/chat/completions"
REPLY_LIMIT_BYTES = 16 * 1024 * 1024
"""The most that is read of a reply which is not streamed."""

_WORDS_LIMIT = 300
"""Characters of a server's own error message that are passed on."""


class ChatClient:
    """Speaks to one server; use it as an async context manager, from one event loop.

    Every request has a connection of its own: it costs a local socket 0.1 ms, and llama.cpp's server
    closes a connection after a streamed reply although it promised to keep it, so a request on a kept
    one looks like the engine's death.

    A request beyond the endpoint's `slots` waits its turn, in order; its clock runs while it waits.

    `stall_timeout_s` is the longest silence inside a reply. A long prompt on a slow computer is silent
    for minutes, so it only ends what is surely stuck; who knows better cancels earlier.
    """

    def __init__(self, endpoint: Endpoint, *, stall_timeout_s: float = 900.0) -> None:
        self.endpoint = endpoint
        self._stall_timeout_s = stall_timeout_s
        self._slots = asyncio.Semaphore(endpoint.slots) if endpoint.slots else nullcontext()
        self._is_open = self._closed = False
        self._replies: set[Reply] = set()
        """Those that are being read."""

    async def __aenter__(self) -> Self:
        self._is_open, self._closed = True, False
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection; whatever is still streaming, or waits to be asked, ends with EngineDied."""
        self._closed = True
        for reply in self._replies:
            reply.fail(self._gone())

    async def get(self, path: str, timeout_s: float) -> tuple[int, bytes]:
        """Status and body of a GET; EngineDied when nobody listens, EngineStalled when it takes too long."""
        try:
            async with asyncio.timeout(timeout_s), self._asked("GET", path) as reply:
                return reply.status, await reply.whole(REPLY_LIMIT_BYTES)
        except TimeoutError:
            raise EngineStalled(f"The server at {self.endpoint} did not answer in {timeout_s:g} s.") from None

    async def complete(self, body: dict[str, Any]) -> dict[str, Any]:
        """The reply to a request that is not streamed, as the server gave it.

        Raises EngineRefused with the server's status, EngineDied, EngineStalled.
        """
        async with self._post({**body, "stream": False}) as reply:
            return _object(await reply.whole(REPLY_LIMIT_BYTES), reply.status)

    async def stream(self, body: dict[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        """The chunks of a streamed reply as they come.

        Closing the generator (`contextlib.aclosing`) closes the connection, which makes the engine stop.
        Raises EngineRefused with the server's status, EngineDied when the connection breaks before or in
        the middle of the answer, EngineStalled.
        """
        async with self._streamed(body) as reply:
            reader = _Reader(reply.status)
            async with aclosing(reply.pieces()) as pieces:
                async for _, data in pieces:
                    for chunk in reader.read(data):
                        yield chunk
                    if reader.is_done:
                        return
            reader.end()

    async def exchange(self, body: dict[str, Any], *, timeout_s: float | None = None) -> Exchange:
        """Stream a reply and note when each piece came; a failure is recorded in the exchange, not raised.

        `timeout_s` ends it after so long as a failure.
        """
        notes = _Notes()
        error = ""
        started_s = time.monotonic()
        try:
            async with asyncio.timeout(timeout_s):
                options = {**(body.get("stream_options") or {}), "include_usage": True}
                async with self._streamed({**body, "stream_options": options}) as reply:
                    reader = _Reader(reply.status)

                    def note(received_s: float, data: bytes) -> bool:
                        notes.take(received_s, reader.read(data))
                        return reader.is_done

                    await reply.told(note)
                    reader.end()
        except EngineError as problem:
            error = f"{problem.reason}: {problem.message}"
        except TimeoutError:
            error = f"timeout: The answer was not complete after {timeout_s:g} s."
        return notes.exchange(started_s, time.monotonic(), error)

    @asynccontextmanager
    async def _streamed(self, body: dict[str, Any]) -> AsyncIterator[Reply]:
        """A reply whose body is an event stream."""
        async with self._post({**body, "stream": True}) as reply:
            if reply.content_type != "text/event-stream":
                _object(
                    await reply.whole(REPLY_LIMIT_BYTES), reply.status
                )  # an error in a 200 says so itself
                raise EngineRefused("The server did not stream its answer.", status=reply.status)
            yield reply

    @asynccontextmanager
    async def _post(self, body: dict[str, Any]) -> AsyncIterator[Reply]:
        """A reply with status 200, whose connection is closed and whose slot is free afterwards."""
        if self.endpoint.model is not None:
            body = {**body, "model": self.endpoint.model}
        async with self._slots, self._asked("POST", CHAT_PATH, orjson.dumps(body)) as reply:
            if reply.status != 200:
                raise _refusal(await reply.whole(REPLY_LIMIT_BYTES), reply.status)
            yield reply

    @asynccontextmanager
    async def _asked(self, method: str, path: str, body: bytes = b"") -> AsyncIterator[Reply]:
        """A reply whose headers are there, on a connection of its own."""
        if not self._is_open:
            raise RuntimeError("ChatClient is used outside its `async with`")
        if self._closed:  # while the request waited its turn
            raise self._gone()
        reply = await ask(self.endpoint, method, path, body, self._stall_timeout_s)
        self._replies.add(reply)
        try:
            if self._closed:
                raise self._gone()
            await reply.head()
            yield reply
        finally:
            self._replies.discard(reply)
            reply.close()

    def _gone(self) -> EngineDied:
        return EngineDied(f"The connection to {self.endpoint} was closed.")


class _Reader:
    """Makes chunks of what is streamed, and knows whether the answer came to its end."""

    def __init__(self, status: int) -> None:
        self.is_done = False
        """The event that ends a stream was read: whatever may follow is not waited for."""
        self._status = status
        self._events = EventReader()
        self._is_finished = False

    def read(self, data: bytes) -> list[dict[str, Any]]:
        """Those that end in `data`, maybe none (a comment, half an event). Raises EngineRefused on one that
        is an error, or no JSON object."""
        chunks = []
        for event in self._events.feed(data):
            if event == DONE:
                self.is_done = True
                break
            chunk = _object(event, self._status)
            self._is_finished = self._is_finished or bool(_choice(chunk).get("finish_reason"))
            chunks.append(chunk)
        return chunks

    def end(self) -> None:
        """The connection has ended; EngineDied when the answer had not."""
        if not (self._is_finished or self.is_done):
            raise EngineDied("The server ended its answer in the middle.")


def _object(payload: bytes | str, status: int) -> dict[str, Any]:
    """The JSON object of a reply or chunk; EngineRefused when it is none, or is an error in disguise."""
    try:
        parsed = orjson.loads(payload)
    except orjson.JSONDecodeError:
        raise EngineRefused("The server's reply is not JSON.", status=status) from None
    if not isinstance(parsed, dict):
        raise EngineRefused("The server's reply is not a JSON object.", status=status)
    if parsed.get("error"):
        raise _refusal(payload, status)
    return parsed


def _refusal(body: bytes | str, status: int) -> EngineRefused:
    """The server's own words, bounded and printable, with its status (an error object's own code first)."""
    words: object = body if isinstance(body, str) else body.decode("utf-8", "replace")
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        parsed = None
    error: object = None
    if isinstance(parsed, dict):
        error = words = parsed.get("error") or parsed.get("detail") or parsed.get("message") or words
        if isinstance(words, dict):
            code = words.get("code")
            if isinstance(code, int) and 400 <= code < 600:
                status = code
            words = words.get("message") or words
    said = " ".join("".join(mark if mark.isprintable() else " " for mark in str(words)).split())
    return EngineRefused(
        f"The server refused: {said[:_WORDS_LIMIT] or 'no reason given'}", status=status, said=error
    )


def _choice(chunk: dict[str, Any]) -> dict[str, Any]:
    choices = chunk.get("choices")
    return _dict(choices[0] if isinstance(choices, list) and choices else None)


def _dict(found: object) -> dict[str, Any]:
    """It, where it is one; servers send anything."""
    return found if isinstance(found, dict) else {}


def _count(found: object) -> int | None:
    """A number of tokens; None for anything else, as if the server had reported none."""
    return found if is_count(found) else None


@dataclass(slots=True)
class _Notes:
    """What is known of an exchange so far."""

    received_s: list[float] = field(default_factory=list)
    token_times_s: list[float] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    last_token_s: float | None = None
    finish_reason: str = ""
    usage: dict[str, Any] = field(default_factory=dict)
    timings: dict[str, Any] = field(default_factory=dict)

    def take(self, received_s: float, chunks: list[dict[str, Any]]) -> None:
        self.received_s.append(received_s)
        for chunk in chunks:
            choice = _choice(chunk)
            delta = _dict(choice.get("delta"))
            says = any(delta.get(key) for key in ("content", "reasoning_content", "reasoning", "tool_calls"))
            if says and not self.finish_reason:  # words after the end are nobody's
                self.token_times_s.append(received_s)
                self.last_token_s = received_s
                self.texts.append(str(delta.get("content") or ""))
            if reason := str(choice.get("finish_reason") or ""):
                self.finish_reason = reason
                self.last_token_s = received_s
            self.usage = _dict(chunk.get("usage")) or self.usage
            self.timings = _dict(chunk.get("timings")) or self.timings

    def exchange(self, started_s: float, ended_s: float, error: str) -> Exchange:
        return Exchange(
            started_s=started_s,
            finished_s=self.received_s[-1] if self.received_s and not error else ended_s,
            first_byte_s=self.received_s[0] if self.received_s else None,
            first_token_s=self.token_times_s[0] if self.token_times_s else None,
            last_token_s=self.last_token_s,
            token_times_s=tuple(self.token_times_s),
            text="".join(self.texts),
            prompt_tokens=_count(self.usage.get("prompt_tokens")),
            completion_tokens=_count(self.usage.get("completion_tokens")),
            finish_reason=self.finish_reason,
            error=error,
            timings={name: value for name, value in self.timings.items() if not isinstance(value, bool)},
        )
