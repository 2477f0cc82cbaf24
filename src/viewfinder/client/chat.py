"""The only client of servers: streamed chat over TCP or a Unix socket, with time stamps.

Called by the gateway (through a lease), by readiness and canary, and by measure. It never retries and changes
nothing in a request but the model's name: the callers decide what to do about a failure.
"""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, NoReturn, Self

import orjson

from viewfinder.client.endpoint import Endpoint
from viewfinder.client.exchange import Exchange
from viewfinder.client.http import Reply, open_request
from viewfinder.core.errors import EngineDied, EngineError, EngineRefused, EngineStalled
from viewfinder.wire.long_text import dumps
from viewfinder.wire.replies import is_count
from viewfinder.wire.sse import DONE, EventReader
from viewfinder.wire.strict_json import INTEGERS

CHAT_PATH = "/v1/chat/completions"
REPLY_LIMIT_BYTES = 16 * 1024 * 1024
"""The largest accepted reply that is not streamed."""
REPLY_AT_ONCE_BYTES = 256 * 1024
"""A larger reply (20 log probabilities for each token) is parsed in a thread: 6 MB take 100 ms."""

_MESSAGE_CHARS = 300
"""How many characters of a server's own error message are passed on."""


class ChatClient:
    """The client of one server; use it as an async context manager, from one event loop.

    Every request uses a new connection: on a local socket that takes 0.1 ms, and llama.cpp's server closes a
    connection after a streamed reply although it announces keep-alive, so that a request on a reused
    connection would look like a crash of the engine.

    A request beyond the endpoint's `slots` waits in order; its clock runs while it waits.

    `stall_timeout_s` is the longest silence inside a reply. A long prompt on a slow computer is silent for
    minutes, so the default only catches a server that is surely stuck; a caller may cancel earlier.
    """

    def __init__(self, endpoint: Endpoint, *, stall_timeout_s: float = 900.0) -> None:
        self.endpoint = endpoint
        self._stall_timeout_s = stall_timeout_s
        self._slots = asyncio.Semaphore(endpoint.slots) if endpoint.slots else nullcontext()
        self._is_open = self._closed = False
        self._replies: set[Reply] = set()
        """The replies that are being read."""

    async def __aenter__(self) -> Self:
        self._is_open, self._closed = True, False
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def for_lease(self, shape: Any) -> "ChatClient":
        """The client of one lease, for a request of this shape: this one. `cluster` has one for each."""
        return self

    def answered(self, answer_id: str) -> None:
        """Called with the id of an answer that was delivered whole."""

    async def close(self) -> None:
        """Close every connection; requests that are still streaming or waiting fail with EngineDied."""
        self._closed = True
        for reply in self._replies:
            reply.fail(self._gone())

    async def get(
        self, path: str, timeout_s: float, most_bytes: int = REPLY_LIMIT_BYTES
    ) -> tuple[int, bytes]:
        """Status and body of a GET; EngineDied when no server listens, EngineStalled when it is too slow."""
        try:
            async with asyncio.timeout(timeout_s), self._opened("GET", path) as reply:
                return reply.status, await reply.whole(most_bytes)
        except TimeoutError:
            raise EngineStalled(f"The server at {self.endpoint} did not answer in {timeout_s:g} s.") from None

    async def watch(self, path: str) -> AsyncGenerator[str, None]:
        """The payloads of a GET that is answered by events without an end. Raises EngineRefused when it is
        answered by anything else, EngineDied and EngineStalled."""
        async with self._opened("GET", path) as reply:
            if reply.status != 200 or reply.content_type != "text/event-stream":
                raise _refusal(await reply.whole(REPLY_LIMIT_BYTES), reply.status)
            events = EventReader()
            async with aclosing(reply.pieces()) as pieces:
                async for _, data in pieces:
                    for payload in events.feed(data):
                        yield payload

    async def complete(self, body: dict[str, Any], path: str = CHAT_PATH) -> dict[str, Any]:
        """The reply to a request that is not streamed, as the server sent it.

        Raises EngineRefused with the server's status, EngineDied, EngineStalled.
        """
        async with self._post({**body, "stream": False}, path) as reply:
            whole = await reply.whole(REPLY_LIMIT_BYTES)
            if len(whole) <= REPLY_AT_ONCE_BYTES:
                return _object(whole, reply.status)
            return await asyncio.to_thread(_object, whole, reply.status, _loads_in_steps)

    async def stream(
        self, body: dict[str, Any], path: str = CHAT_PATH
    ) -> AsyncGenerator[dict[str, Any], None]:
        """The chunks of a streamed reply as they arrive.

        Closing the generator (`contextlib.aclosing`) closes the connection, which makes the engine stop.
        Raises EngineRefused with the server's status, EngineDied when the connection breaks before or in
        the middle of the answer, EngineStalled.
        """
        async with self._streamed(body, path) as reply:
            reader = _Reader(reply.status)
            async with aclosing(reply.pieces()) as pieces:
                async for _, data in pieces:
                    for chunk in reader.read(data):
                        yield chunk
                    if reader.is_done:
                        return
            reader.end()

    async def exchange(
        self,
        body: dict[str, Any],
        *,
        timeout_s: float | None = None,
        path: str = CHAT_PATH,
        read: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
    ) -> Exchange:
        """Stream a reply and record when each piece arrived.

        A failure is recorded in the exchange, not raised, and so is a reply incomplete after `timeout_s`.
        At another `path`, `read` turns an event into a chunk, which may be empty.
        """
        notes = _Notes()
        error = ""
        started_s = time.monotonic()
        try:
            async with asyncio.timeout(timeout_s):
                if path == CHAT_PATH:
                    options = {**(body.get("stream_options") or {}), "include_usage": True}
                    body = {**body, "stream_options": options}
                async with self._streamed(body, path) as reply:
                    reader = _Reader(reply.status, read)

                    def note(received_s: float, data: bytes) -> bool:
                        notes.take(received_s, reader.read(data))
                        return reader.is_done

                    await reply.feed_to(note)
                    reader.end()
        except EngineError as problem:
            error = f"{problem.reason}: {problem.message}"
        except TimeoutError:
            error = f"timeout: The answer was not complete after {timeout_s:g} s."
        return notes.exchange(started_s, time.monotonic(), error)

    @asynccontextmanager
    async def _streamed(self, body: dict[str, Any], path: str = CHAT_PATH) -> AsyncIterator[Reply]:
        """A reply whose body is an event stream."""
        async with self._post({**body, "stream": True}, path) as reply:
            if reply.content_type != "text/event-stream":
                _object(await reply.whole(REPLY_LIMIT_BYTES), reply.status)  # raises for an error in a 200
                raise EngineRefused("The server did not stream its answer.", status=reply.status)
            yield reply

    @asynccontextmanager
    async def _post(self, body: dict[str, Any], path: str = CHAT_PATH) -> AsyncIterator[Reply]:
        """A reply with status 200; afterwards its connection is closed and its slot is free."""
        if self.endpoint.model is not None:
            body = {**body, "model": self.endpoint.model}
        async with self._slots, self._opened("POST", path, dumps(body)) as reply:
            if reply.status != 200:
                raise _refusal(await reply.whole(REPLY_LIMIT_BYTES), reply.status, reply.headers)
            yield reply

    @asynccontextmanager
    async def _opened(self, method: str, path: str, body: Sequence[bytes] = ()) -> AsyncIterator[Reply]:
        """A reply whose headers have arrived, on its own connection."""
        if not self._is_open:
            raise RuntimeError("ChatClient is used outside its `async with`")
        if self._closed:  # while the request waited
            raise self._gone()
        reply = await open_request(self.endpoint, method, path, body, self._stall_timeout_s)
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
    """Turns the bytes of a stream into chunks, and knows whether the answer is complete."""

    def __init__(
        self, status: int, as_chunk: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    ) -> None:
        self._as_chunk = as_chunk
        self.is_done = False
        """Whether the event that ends a stream was read; nothing after it is read."""
        self._status = status
        self._events = EventReader()
        self._is_finished = False

    def read(self, data: bytes) -> list[dict[str, Any]]:
        """The chunks that `data` completes, maybe none (a comment, half an event). Raises EngineRefused for
        one that is an error or not a JSON object."""
        chunks = []
        for event in self._events.feed(data):
            if event == DONE:
                self.is_done = True
                break
            chunk = _object(event, self._status)
            if self._as_chunk is not None:
                chunk = self._as_chunk(chunk)
            self._is_finished = self._is_finished or bool(_choice(chunk).get("finish_reason"))
            chunks.append(chunk)
        return chunks

    def end(self) -> None:
        """The connection was closed; raises EngineDied when the answer is not complete."""
        if not (self._is_finished or self.is_done):
            raise EngineDied("The server closed the connection in the middle of its answer.")


def _loads_in_steps(payload: bytes | str) -> Any:
    """orjson lets no other thread run while it parses; with a hook in Python, `json` does.

    Raises ValueError also for what orjson refuses to read or could not write again.
    """
    parsed = json.loads(payload, object_hook=lambda made: made, parse_constant=_no_number)
    left = [parsed]
    while left:
        item = left.pop()
        if isinstance(item, dict):
            left += (*item, *item.values())
        elif isinstance(item, list):
            left += item
        elif isinstance(item, str) and not item.isascii():
            item.encode()  # half of a surrogate pair raises
        elif isinstance(item, int) and item not in INTEGERS:
            raise ValueError("an integer of more than 64 bits")
    return parsed


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _object(
    payload: bytes | str, status: int, loads: Callable[[bytes | str], Any] = orjson.loads
) -> dict[str, Any]:
    """The JSON object of a reply or chunk; EngineRefused when it is not one, or holds an error."""
    try:
        parsed = loads(payload)
    except (ValueError, RecursionError):
        raise EngineRefused("The server's reply is not JSON.", status=status) from None
    if not isinstance(parsed, dict):
        raise EngineRefused("The server's reply is not a JSON object.", status=status)
    if parsed.get("error"):
        raise _refusal(payload, status)
    return parsed


def _refusal(body: bytes | str, status: int, headers: Mapping[bytes, bytes] | None = None) -> EngineRefused:
    """The server's own message, short and printable, with its status (an error object's own code first)."""
    message: object = body if isinstance(body, str) else body.decode("utf-8", "replace")
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        parsed = None
    error: object = None
    if isinstance(parsed, dict):
        error = message = parsed.get("error") or parsed.get("detail") or parsed.get("message") or message
        if isinstance(message, dict):
            code = message.get("code")
            if isinstance(code, int) and 400 <= code < 600:
                status = code
            message = message.get("message") or message
    reason = " ".join("".join(mark if mark.isprintable() else " " for mark in str(message)).split())
    return EngineRefused(
        f"The server refused: {reason[:_MESSAGE_CHARS] or 'no reason given'}",
        status=status,
        said=error,
        headers=headers,
    )


def _choice(chunk: dict[str, Any]) -> dict[str, Any]:
    choices = chunk.get("choices")
    return _dict(choices[0] if isinstance(choices, list) and choices else None)


def _dict(found: object) -> dict[str, Any]:
    """The value when it is a dictionary, else an empty one: servers send anything."""
    return found if isinstance(found, dict) else {}


def _count(found: object) -> int | None:
    """A number of tokens; None for anything else, as if the server had reported none."""
    return found if is_count(found) else None


def _top_tokens(logprobs: object) -> tuple[tuple[str, float], ...]:
    """The likeliest first tokens, as far as the server reports them in the form of OpenAI's API."""
    tokens = _dict(logprobs).get("content")
    tops = _dict(tokens[0] if isinstance(tokens, list) and tokens else None).get("top_logprobs")
    return tuple(
        (str(top.get("token") or ""), float(top["logprob"]))
        for top in (tops if isinstance(tops, list) else ())
        if isinstance(top, dict) and isinstance(top.get("logprob"), int | float)
    )


@dataclass(slots=True)
class _Notes:
    """The parts of an exchange that have arrived so far."""

    received_s: list[float] = field(default_factory=list)
    token_times_s: list[float] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    last_token_s: float | None = None
    finish_reason: str = ""
    usage: dict[str, Any] = field(default_factory=dict)
    timings: dict[str, Any] = field(default_factory=dict)
    top_tokens: tuple[tuple[str, float], ...] = ()

    def take(self, received_s: float, chunks: list[dict[str, Any]]) -> None:
        self.received_s.append(received_s)
        for chunk in chunks:
            choice = _choice(chunk)
            delta = _dict(choice.get("delta"))
            says = any(delta.get(key) for key in ("content", "reasoning_content", "reasoning", "tool_calls"))
            if says and not self.finish_reason:  # text after the end is ignored
                self.token_times_s.append(received_s)
                self.last_token_s = received_s
                self.texts.append(str(delta.get("content") or ""))
            if reason := str(choice.get("finish_reason") or ""):
                self.finish_reason = reason
                self.last_token_s = received_s
            self.usage = _dict(chunk.get("usage")) or self.usage
            self.timings = _dict(chunk.get("timings")) or self.timings
            self.top_tokens = self.top_tokens or _top_tokens(choice.get("logprobs"))

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
            top_tokens=self.top_tokens,
        )
