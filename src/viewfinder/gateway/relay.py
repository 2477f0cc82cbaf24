"""From an engine to the client: one reply or a stream of events, whatever fails on either side.

Called by `chat`.

    what goes wrong                        what the client gets
    before the first word, the engine      the answer to one retry, or an HTTP error. In between the
      dies, stalls, fails, is silent         process is checked, and restarted if it is no good
      or fails its canary
    the same, in the middle of a stream    an error event, and no [DONE]
    the engine does not stop               as many tokens as requested, and the finish reason "length"
    the client disconnects                 nothing; the engine's connection is closed, the lease released
    the gateway stops, and the drain       503 before the first word, an error event after it
      time is over
"""

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncGenerator, Coroutine, Mapping
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import Receive, Send

from viewfinder.core.config import Limits
from viewfinder.core.errors import (
    EmptyAnswer,
    EngineDied,
    EngineQuarantined,
    EngineRefused,
    EngineStalled,
    UnsupportedParameter,
    ViewfinderError,
)
from viewfinder.fleet.fleet import Fleet
from viewfinder.fleet.process.lease import Lease
from viewfinder.fleet.record.request_shape import RequestShape
from viewfinder.fleet.refusals import stopping
from viewfinder.gateway.problems import CALLERS_FAULT, body_of
from viewfinder.wire.chat import ChatRequest
from viewfinder.wire.replies import clean_chunk, clean_reply, engine_refusal, usage_chunk
from viewfinder.wire.sse import DONE_EVENT, event
from viewfinder.wire.stops import Stops

EVENT_STREAM = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),  # nginx in front of us must not collect the events
)
OPENING = {"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}
"""The first piece of every stream, whatever the engine began with."""

SPARE_PIECES = 16
"""A token is one piece at most, except for the brackets of a tool call: when this many more than requested
have come, the engine does not stop by itself."""

CONTENT_FIELDS = ("content", "reasoning_content", "tool_calls")
"""The fields of a delta that carry an answer; a role alone does not."""


class Relay:
    """One request: leases a server process, sends the request, and cleans the answer."""

    def __init__(
        self, fleet: Fleet, request: ChatRequest, body: dict[str, Any], shape: RequestShape, limits: Limits
    ) -> None:
        self.fleet = fleet
        self.request = request
        self.body = body
        self.shape = shape
        self.most_pieces = (request.output_limit or limits.output_tokens) + SPARE_PIECES
        self.envelope = (request.model, f"chatcmpl-{uuid.uuid4().hex}", int(time.time()))

    async def reply(self) -> dict[str, Any]:
        replies = [reply async for reply in self._cleaned_chunks()]
        if not replies:
            raise EmptyAnswer("The engine finished without an answer.")
        return replies[0]

    async def chunks(self) -> AsyncGenerator[dict[str, Any], None]:
        """The chunks of a stream as OpenAI sends them: role, words, finish reason, and usage if requested.

        Nothing is sent before the first word of the engine.
        """
        usage: dict[str, Any] | None = None
        begun = False
        async with contextlib.aclosing(self._cleaned_chunks()) as chunks:
            async for chunk in chunks:
                usage = chunk.pop("usage", usage)
                for choice in chunk["choices"] if begun else ():
                    choice["delta"].pop("role", None)  # sent once
                begun = True
                if chunk["choices"]:
                    yield chunk
        if not begun:
            raise EmptyAnswer("The engine finished without an answer.")
        if usage is not None and self.request.include_usage:
            yield usage_chunk(usage, *self.envelope)

    async def _cleaned_chunks(self) -> AsyncGenerator[dict[str, Any], None]:
        """The engine's answer, cleaned; when the engine fails before its first word there is one retry."""
        for is_last in (False, True):
            begun = False
            async with await self.fleet.acquire(self.request.model, self.shape) as lease:
                try:
                    async with contextlib.aclosing(self._attempt(lease)) as pieces:
                        async for piece in pieces:
                            opening = [] if begun or not self.request.stream else [_opening(piece)]
                            for part in (*opening, piece):
                                lease.check()  # it may have been revoked while the client took the last part
                                begun = True
                                with lease.delivering():
                                    yield part
                    lease.check()
                    lease.answered(self.envelope[1])
                except EngineRefused as refusal:
                    # Engines' error texts have held addresses and paths: they stay in the engine's log.
                    failure: ViewfinderError = engine_refusal(refusal.said, refusal.status)
                    if refusal.status in CALLERS_FAULT:
                        raise failure from None
                except (EngineDied, EngineStalled, EmptyAnswer, EngineQuarantined) as error:
                    failure = lease.revoked or error
                else:
                    return
                await lease.report(failure)
                if begun or is_last:
                    raise failure
                self.fleet.events.emit("replay", lease.server.card.name, reason=failure.reason)

    def _attempt(self, lease: Lease) -> AsyncGenerator[dict[str, Any], None]:
        self._refuse_what_it_lacks(lease.client.endpoint.lacks)
        return self._streamed(lease) if self.request.stream else self._whole(lease)

    async def _whole(self, lease: Lease) -> AsyncGenerator[dict[str, Any], None]:
        """The one reply of a request that is not streamed."""
        reply = clean_reply(await lease.client.complete(self.body), *self.envelope)
        lease.chunk_arrived()
        if not any(_has_words(choice["message"]) for choice in reply["choices"]):
            self._allow_silence()
        stops = Stops(self.request.stop or ())
        for choice in reply["choices"]:
            _end_at_stop(choice, choice["message"], stops)
        yield reply

    async def _streamed(self, lease: Lease) -> AsyncGenerator[dict[str, Any], None]:
        """The chunks of a stream, at most as many as requested."""
        stops = Stops(self.request.stop or ())
        pieces, is_over = 0, False
        async with contextlib.aclosing(lease.client.stream(self.body)) as chunks:
            async for raw in chunks:
                lease.chunk_arrived()
                chunk = clean_chunk(raw, *self.envelope)
                if chunk is None:
                    continue
                if is_over:  # the usage may follow; words after the end are not part of the answer
                    chunk["choices"] = []
                pieces += any(_has_words(choice["delta"]) for choice in chunk["choices"])
                for choice in chunk["choices"]:
                    if pieces > self.most_pieces:
                        choice["finish_reason"] = "length"
                    is_over = is_over or choice["finish_reason"] is not None
                    _end_at_stop(choice, choice["delta"], stops)
                if is_over and not pieces:
                    self._allow_silence()
                if _is_worth_sending(chunk):
                    yield chunk
                if pieces > self.most_pieces:
                    return

    def _allow_silence(self) -> None:
        """An answer may be empty only where the request has stop strings."""
        if not self.request.stop:
            raise EmptyAnswer("The engine gave an empty answer.", hint="Retry, or use another model.")

    def _refuse_what_it_lacks(self, lacks: frozenset[str]) -> None:
        """Refuse fields that this engine ignores or gets wrong; a value without an effect may pass."""
        for name in sorted(lacks & self.body.keys()):
            if self.body[name] not in (0, False, "auto"):
                raise UnsupportedParameter(
                    f"The engine of '{self.request.model}' does not support '{name}'.",
                    hint="Leave it out, or use a variant on another engine.",
                    param=name,
                )


def _opening(first: Mapping[str, Any]) -> dict[str, Any]:
    """The piece that is sent before the first one."""
    return {**first, "choices": [OPENING]}


def _has_words(message: Mapping[str, Any]) -> bool:
    return any(message.get(part) for part in CONTENT_FIELDS)


def _end_at_stop(choice: dict[str, Any], message: dict[str, Any], stops: Stops) -> None:
    """Cut the text before its first stop string, for engines that leave it in."""
    last = choice["finish_reason"] is not None
    text = stops.cut(message.get("content") or "", last=last)
    if text or message.get("content") is not None:
        message["content"] = text
    if stops.met and choice["finish_reason"] == "length":
        choice["finish_reason"] = "stop"


def _is_worth_sending(chunk: dict[str, Any]) -> bool:
    """Whether the chunk has words, a finish reason, or only the usage at the very end."""
    return not chunk["choices"] or any(
        choice["finish_reason"] is not None or _has_words(choice["delta"]) for choice in chunk["choices"]
    )


async def send_json(reply: Mapping[str, Any], headers: Mapping[str, str], send: Send) -> None:
    response = Response(orjson.dumps(reply), headers=headers, media_type="application/json")
    await send({"type": "http.response.start", "status": 200, "headers": response.raw_headers})
    await send({"type": "http.response.body", "body": response.body})


async def send_events(
    chunks: AsyncGenerator[dict[str, Any], None], headers: Mapping[str, str], send: Send
) -> None:
    """Send a stream; an error before its first chunk is still an HTTP error."""
    async with contextlib.aclosing(chunks):
        first = await anext(chunks)
        named = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": [*EVENT_STREAM, *named]})

        async def send_data(data: bytes) -> None:
            await send({"type": "http.response.body", "body": data, "more_body": True})

        try:
            await send_data(event(orjson.dumps(first)))
            async for chunk in chunks:
                await send_data(event(orjson.dumps(chunk)))
            last = DONE_EVENT
        except ViewfinderError as error:
            last = event(orjson.dumps(body_of(error)))
        except asyncio.CancelledError:
            # Either the client has disconnected and nobody reads this, or we are stopping.
            last = event(orjson.dumps(body_of(stopping())))
        except Exception as error:
            await send_data(event(orjson.dumps(body_of(error))))
            raise
    await send({"type": "http.response.body", "body": last})


async def while_connected(receive: Receive, work: Coroutine[Any, Any, None]) -> None:
    """Do the work; cancel it when the client disconnects."""
    working = asyncio.create_task(work)
    disconnecting = asyncio.create_task(_disconnected(receive))
    disconnecting.add_done_callback(lambda _: working.cancel())
    try:
        await working
    except asyncio.CancelledError:
        if not disconnecting.done():  # the client is still there, so the server is stopping
            raise stopping() from None
    finally:
        disconnecting.cancel()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
