"""From an engine to the client: one reply or a stream of events, and what happens when either side goes.

Called by `chat`.

    what goes wrong, and when              what the client gets
    engine, before its first word          the answer to the same question, asked once more; then an HTTP
      dies, stands still, fails, is          error. In between it is found out whether the process is still
      silent, or its canary goes wrong       any good, and a fresh one loaded when it is not.
    the same, in the middle of a stream    an error event, and no [DONE]
    engine does not stop                   what was asked for, and "length" as the reason to finish
    client goes                            nothing; the engine's connection is closed, the lease given back
    gateway goes (patience has an end)     503 before the first word, an error event after
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
    Busy,
    EmptyAnswer,
    EngineDied,
    EngineQuarantined,
    EngineRefused,
    EngineStalled,
    UnsupportedParameter,
    ViewfinderError,
)
from viewfinder.fleet.fleet import Fleet
from viewfinder.fleet.lease import Lease
from viewfinder.fleet.shape import RequestShape
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
"""What a stream begins with, whatever the engine began with."""

SPARE_PIECES = 16
"""A token is one piece at most, but for the brackets of a tool call: so many more than were asked for, and
the engine does not know how to stop."""

CONTENT_FIELDS = ("content", "reasoning_content", "tool_calls")
"""The parts of a delta that say something; a role alone does not."""


class Relay:
    """One request on its way: leases a server process, asks it, and cleans what it says."""

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
        """The whole reply."""
        replies = [reply async for reply in self._cleaned_chunks()]
        if not replies:
            raise EmptyAnswer("The engine ended without an answer.")
        return replies[0]

    async def chunks(self) -> AsyncGenerator[dict[str, Any], None]:
        """The chunks of a stream as OpenAI's are: a role, the words, a reason to finish, then the usage when
        it was asked for. Nothing is given before the engine's first word is here."""
        usage: dict[str, Any] | None = None
        begun = False
        async with contextlib.aclosing(self._cleaned_chunks()) as chunks:
            async for chunk in chunks:
                usage = chunk.pop("usage", usage)
                for choice in chunk["choices"] if begun else ():
                    choice["delta"].pop("role", None)  # said once
                begun = True
                if chunk["choices"]:
                    yield chunk
        if not begun:
            raise EmptyAnswer("The engine ended without an answer.")
        if usage is not None and self.request.include_usage:
            yield usage_chunk(usage, *self.envelope)

    async def _cleaned_chunks(self) -> AsyncGenerator[dict[str, Any], None]:
        """What the engine says, cleaned; an engine that fails before its first word is asked once more."""
        for is_last in (False, True):
            begun = False
            async with await self.fleet.acquire(self.request.model, self.shape) as lease:
                try:
                    async with contextlib.aclosing(self._attempt(lease)) as said:
                        async for piece in said:
                            opening = [] if begun or not self.request.stream else [_opening(piece)]
                            for part in (*opening, piece):
                                lease.check()  # for each: while the client took one, much may have happened
                                begun = True
                                with lease.delivering():
                                    yield part
                    lease.check()
                    lease.answered(self.envelope[1])
                except EngineRefused as refusal:
                    # Engines' own words have held addresses and paths: they stay in the engine's log.
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
                self.fleet.events.tell("replay", lease.card.name, reason=failure.reason)

    def _attempt(self, lease: Lease) -> AsyncGenerator[dict[str, Any], None]:
        self._refuse_what_it_lacks(lease.client.endpoint.lacks)
        return self._streamed(lease) if self.request.stream else self._whole(lease)

    async def _whole(self, lease: Lease) -> AsyncGenerator[dict[str, Any], None]:
        """The one reply of a request that is not streamed."""
        reply = clean_reply(await lease.client.complete(self.body), *self.envelope)
        lease.heard()
        if not any(_has_words(choice["message"]) for choice in reply["choices"]):
            self._allow_silence()
        stops = Stops(self.request.stop or ())
        for choice in reply["choices"]:
            _end_at_stop(choice, choice["message"], stops)
        yield reply

    async def _streamed(self, lease: Lease) -> AsyncGenerator[dict[str, Any], None]:
        """The chunks of a stream, as many as were asked for at most."""
        stops = Stops(self.request.stop or ())
        pieces, is_over = 0, False
        async with contextlib.aclosing(lease.client.stream(self.body)) as chunks:
            async for raw in chunks:
                lease.heard()
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
                if _says_something(chunk):
                    yield chunk
                if pieces > self.most_pieces:
                    return

    def _allow_silence(self) -> None:
        """An answer may end before its first word only where the request says what ends it."""
        if not self.request.stop:
            raise EmptyAnswer("The engine gave an empty answer.", hint="Ask again, or ask another model.")

    def _refuse_what_it_lacks(self, lacks: frozenset[str]) -> None:
        """Refuse what this engine would leave out or get wrong; a value that asks for nothing may pass."""
        for name in sorted(lacks & self.body.keys()):
            if self.body[name] not in (0, False, "auto"):
                raise UnsupportedParameter(
                    f"The engine that runs '{self.request.model}' has no '{name}'.",
                    hint="Leave it out, or choose a variant on another engine.",
                    param=name,
                )


def _opening(first: Mapping[str, Any]) -> dict[str, Any]:
    """What comes before the first piece of a stream."""
    return {**first, "choices": [OPENING]}


def _has_words(said: Mapping[str, Any]) -> bool:
    return any(said.get(part) for part in CONTENT_FIELDS)


def _end_at_stop(choice: dict[str, Any], said: dict[str, Any], stops: Stops) -> None:
    """The text as far as the first stop string: for engines that leave it in."""
    last = choice["finish_reason"] is not None
    text = stops.cut(said.get("content") or "", last=last)
    if text or said.get("content") is not None:
        said["content"] = text
    if stops.met and choice["finish_reason"] == "length":
        choice["finish_reason"] = "stop"


def _says_something(chunk: dict[str, Any]) -> bool:
    """Whether the chunk has words, an end, or nothing but the usage at the very end."""
    return not chunk["choices"] or any(
        choice["finish_reason"] is not None or _has_words(choice["delta"]) for choice in chunk["choices"]
    )


async def send_json(reply: Mapping[str, Any], headers: Mapping[str, str], send: Send) -> None:
    """Answer with one JSON object."""
    response = Response(orjson.dumps(reply), headers=headers, media_type="application/json")
    await send({"type": "http.response.start", "status": 200, "headers": response.raw_headers})
    await send({"type": "http.response.body", "body": response.body})


async def send_events(
    chunks: AsyncGenerator[dict[str, Any], None], headers: Mapping[str, str], send: Send
) -> None:
    """Answer with a stream; whatever goes wrong before its first chunk is still an HTTP error."""
    async with contextlib.aclosing(chunks):
        first = await anext(chunks)
        named = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": [*EVENT_STREAM, *named]})

        async def say(data: bytes) -> None:
            await send({"type": "http.response.body", "body": data, "more_body": True})

        try:
            await say(event(orjson.dumps(first)))
            async for chunk in chunks:
                await say(event(orjson.dumps(chunk)))
            last = DONE_EVENT
        except ViewfinderError as error:
            last = event(orjson.dumps(body_of(error)))
        except asyncio.CancelledError:
            # Either the client has left, and this goes nowhere, or we stop, and it is the last word.
            last = event(orjson.dumps(body_of(_stopping())))
        except Exception as error:
            await say(event(orjson.dumps(body_of(error))))
            raise
    await send({"type": "http.response.body", "body": last})


async def while_connected(receive: Receive, work: Coroutine[Any, Any, None]) -> None:
    """Do the work; cancel it when the client leaves."""
    working = asyncio.create_task(work)
    leaving = asyncio.create_task(_disconnected(receive))
    leaving.add_done_callback(lambda _: working.cancel())
    try:
        await working
    except asyncio.CancelledError:
        if not leaving.done():  # the work did not lose its client, so it is the server that stops
            raise _stopping() from None
    finally:
        leaving.cancel()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _stopping() -> Busy:
    return Busy("Viewfinder is stopping.", hint="Ask again when it is back.", code="stopping")
