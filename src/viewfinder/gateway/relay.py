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
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Mapping
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import Receive, Send

from viewfinder.client.chat import CHAT_PATH
from viewfinder.client.endpoint import Endpoint
from viewfinder.core.config import Limits
from viewfinder.core.errors import (
    ContextExceeded,
    EmptyAnswer,
    EngineDied,
    EngineQuarantined,
    EngineRefused,
    EngineStalled,
    ViewfinderError,
)
from viewfinder.fleet.fleet import Fleet
from viewfinder.fleet.process.lease import Lease
from viewfinder.fleet.process.slot_table import PromptPieces
from viewfinder.fleet.record.request_shape import RequestShape
from viewfinder.fleet.refusals import stopping
from viewfinder.gateway.context import context_hint
from viewfinder.gateway.peer_errors import as_of_peer
from viewfinder.gateway.problems import CALLERS_FAULT, body_of
from viewfinder.gateway.request_record import STREAM
from viewfinder.gateway.tools import EngineBody, EngineRequest
from viewfinder.wire.chat import ChatRequest
from viewfinder.wire.dialect import Answer
from viewfinder.wire.replies import clean_chunk, clean_reply, engine_refusal, usage_chunk
from viewfinder.wire.stops import Stops

EVENT_STREAM = (
    STREAM,
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),  # nginx in front of us must not collect the events
)
OPENING = {
    "index": 0,
    "delta": {"role": "assistant", "content": ""},
    "logprobs": None,
    "finish_reason": None,
}
"""The first piece of every stream, whatever the engine began with."""

SPARE_PIECES = 16
"""A token is one piece at most, except for the brackets of a tool call: when this many more than requested
have come, the engine does not stop by itself."""

STEP_TOKENS = 256
MOST_ID_CHARS = 100

CONTENT_FIELDS = ("content", "reasoning_content", "tool_calls")
"""The fields of a delta that carry an answer; a role alone does not."""


class Relay:
    """One request: leases a server process, sends the request, and cleans the answer."""

    computes = True
    """Whether the engine computes its prompt, in a slot."""
    takes_any_length = False
    """Whether it is of use for a conversation that is longer than the context."""

    def __init__(
        self,
        fleet: Fleet,
        request: ChatRequest,
        body: dict[str, Any],
        shape: RequestShape,
        limits: Limits,
        client: str = "",
        answer: Answer | None = None,
    ) -> None:
        self.fleet = fleet
        self.client = client
        self.request = request
        self.body = body
        self.shape = shape
        self.answer = answer or Answer()
        self.most_pieces = (request.output_limit or limits.output_tokens) + SPARE_PIECES
        self._reported: Mapping[str, Any] = {}
        self._pieces = 0
        self._given_as = ""
        """The id that the answer has at the server, as far as it is one."""
        self.prompt: PromptPieces = ()
        """What it says, so that it gets the slot of the engine that knows the beginning."""
        self.ignored: list[str] = []
        """The names of fields without an effect on the engine that answers; known at its first word."""
        self.envelope = (request.model, f"{self.answer.id_prefix}{uuid.uuid4().hex}", int(time.time()))

    @property
    def usage(self) -> Mapping[str, Any]:
        """What the engine reported. It reports at the end of a stream: of one that was cut off, what was
        produced is known, of which each piece is a token at least."""
        return self._reported or ({"completion_tokens": self._pieces} if self._pieces else {})

    async def reply(self) -> dict[str, Any]:
        replies = [reply async for reply in self._cleaned_chunks()]
        if not replies:
            raise EmptyAnswer("The engine finished without an answer.")
        self._reported = replies[0].get("usage") or {}
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
        self._reported = usage or {}
        if usage is not None and self.request.include_usage:
            yield usage_chunk(usage, *self.envelope)

    async def _cleaned_chunks(self) -> AsyncGenerator[dict[str, Any], None]:
        """The engine's answer, cleaned; when the engine fails before its first word there is one retry."""
        for is_last in (False, True):
            begun = False
            async with await self._lease() as lease:
                try:
                    async with contextlib.aclosing(self._attempt(lease)) as pieces:
                        async for piece in pieces:
                            opening = [] if begun or not self.request.stream else [_opening(piece)]
                            for part in (*opening, piece):
                                lease.check()  # it may have been revoked while the client took the last part
                                begun = True
                                lease.begin_delivery()
                                yield part
                                lease.end_delivery()
                    lease.check()
                    self._delivered(lease)
                except EngineRefused as refusal:
                    failure: ViewfinderError = self._refused(refusal, lease)
                except ContextExceeded as error:  # in a stream, or in a reply with status 200
                    raise self._with_hint(error) from None
                except (EngineDied, EngineStalled, EmptyAnswer, EngineQuarantined) as error:
                    failure = lease.revoked or error
                else:
                    return
                await lease.report(failure)
                if begun or is_last:
                    raise as_of_peer(failure, lease.client.endpoint)
                self.fleet.events.emit("replay", lease.server.card.name, reason=failure.reason)

    def _lease(self) -> Coroutine[Any, Any, Lease]:
        prompt = self.prompt if self.computes else ()
        return self.fleet.acquire(self.request.model, self.shape, self.client, prompt)

    def _delivered(self, lease: Lease) -> None:
        lease.answered(self.envelope[1])
        if (peer := lease.client.endpoint.peer) and self._given_as:
            self.fleet.answers.given_by(peer, self._given_as, self.envelope[1])

    def _refused(self, refusal: EngineRefused, lease: Lease) -> ViewfinderError:
        """What is wrong with the engine; raises what is wrong with the request, or what another gateway says
        is wrong."""
        if lease.client.endpoint.peer:
            raise as_of_peer(refusal, lease.client.endpoint) from None
        # Engines' error texts have held addresses and paths: they stay in the engine's log.
        failure = engine_refusal(refusal.said, refusal.status)
        if refusal.status in CALLERS_FAULT or isinstance(failure, ContextExceeded):
            raise self._with_hint(failure) from None
        return failure

    def _with_hint(self, error: ViewfinderError) -> ViewfinderError:
        """The error; one about the context with what helps for this model."""
        if isinstance(error, ContextExceeded):
            error.hint = context_hint(self.fleet.variant_of(self.request.model), error.most)
        return error

    def _for_engine(self, endpoint: Endpoint) -> EngineBody:
        names = self.answer.names_its_stop
        return EngineRequest(self.request.model, self.body, endpoint, names_its_stop=names)

    def _attempt(self, lease: Lease) -> AsyncGenerator[dict[str, Any], None]:
        endpoint = lease.client.endpoint
        asked = self._for_engine(endpoint)
        self.ignored = asked.ignored
        if self.request.stream and endpoint.socket is not None:  # engines of ours know it; metrics need it
            asked.body = {**asked.body, "stream_options": {"include_usage": True}}
        if lease.slot is not None and asked.path == CHAT_PATH:
            asked.body = {**asked.body, "id_slot": lease.slot}
        return self._streamed(lease, asked) if self.request.stream else self._whole(lease, asked)

    async def _whole(self, lease: Lease, asked: EngineBody) -> AsyncGenerator[dict[str, Any], None]:
        """The one reply of a request that is not streamed."""
        raw = asked.read(await lease.client.complete(asked.body, asked.path))
        self._given_as = _id_of(raw)
        lease.chunk_arrived()
        others = self.request.most_others
        if others is not None:  # thousands of small objects
            reply = await asyncio.to_thread(clean_reply, raw, *self.envelope, others)
        else:
            reply = clean_reply(raw, *self.envelope)
        if not any(_has_words(choice["message"]) for choice in reply["choices"]):
            self._allow_silence(reply["choices"])
        stops = Stops(asked.stop)
        for choice in reply["choices"]:
            asked.continued(choice["message"])
            _end_at_stop(choice, choice["message"], stops)
            asked.clean(choice, "message")
        self.answer.stopped_by = stops.met or asked.stopped_by
        yield reply

    async def _streamed(self, lease: Lease, asked: EngineBody) -> AsyncGenerator[dict[str, Any], None]:
        """The chunks of a stream, at most as many as requested."""
        stops = Stops(asked.stop)
        pieces, is_over = 0, False
        async with contextlib.aclosing(lease.client.stream(asked.body, asked.path)) as chunks:
            async for raw in chunks:
                lease.chunk_arrived()
                self._given_as = self._given_as or _id_of(raw)
                chunk = clean_chunk(asked.read(raw), *self.envelope, self.request.most_others)
                if chunk is None:
                    continue
                if is_over:  # the usage may follow; words after the end are not part of the answer
                    chunk["choices"] = []
                has_words = any(_has_words(choice["delta"]) for choice in chunk["choices"])
                pieces, self._pieces = pieces + has_words, self._pieces + has_words
                for choice in chunk["choices"]:
                    if pieces > self.most_pieces:
                        choice["finish_reason"] = "length"
                    is_over = is_over or choice["finish_reason"] is not None
                    _end_at_stop(choice, choice["delta"], stops)
                    asked.clean(choice, "delta")
                self.answer.stopped_by = stops.met or asked.stopped_by
                if is_over and chunk["choices"] and not pieces:
                    self._allow_silence(chunk["choices"])
                if _is_worth_sending(chunk):
                    yield chunk
                if pieces > self.most_pieces:
                    return

    def _allow_silence(self, choices: Iterable[Mapping[str, Any]]) -> None:
        """An answer may be empty only where the request has stop strings, begins the answer itself, or
        allows fewer tokens than the engine needs for a word (llama.cpp holds back the start of JSON)."""
        is_cut = any(choice["finish_reason"] == "length" for choice in choices)
        if not is_cut and not self.request.stop and self.body["messages"][-1]["role"] != "assistant":
            raise EmptyAnswer("The engine gave an empty answer.", hint="Retry, or use another model.")


def _id_of(raw: Mapping[str, Any]) -> str:
    id = raw.get("id")
    return id if isinstance(id, str) and len(id) <= MOST_ID_CHARS else ""


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
    has_tokens = any(choice.get("logprobs") for choice in reply.get("choices", ()))
    body = await asyncio.to_thread(_dumps_in_steps, reply) if has_tokens else orjson.dumps(reply)
    response = Response(body, headers=headers, media_type="application/json")
    await send({"type": "http.response.start", "status": 200, "headers": response.raw_headers})
    await send({"type": "http.response.body", "body": response.body})


def _dumps_in_steps(reply: Mapping[str, Any]) -> bytes:
    """The reply as JSON, its tokens a few at a time: orjson lets no other thread run meanwhile."""

    def stepped(choice: dict[str, Any]) -> dict[str, Any]:
        tokens = (choice.get("logprobs") or {}).get("content") or []
        steps = (
            orjson.dumps(tokens[at : at + STEP_TOKENS])[1:-1] for at in range(0, len(tokens), STEP_TOKENS)
        )
        content = orjson.Fragment(b"[%b]" % b",".join(steps))
        return {**choice, "logprobs": {**choice["logprobs"], "content": content}} if tokens else choice

    return orjson.dumps({**reply, "choices": [stepped(choice) for choice in reply["choices"]]})


async def send_events(
    chunks: AsyncGenerator[dict[str, Any], None],
    answer: Answer,
    headers: Callable[[], Mapping[str, str]],
    send: Send,
) -> str | None:
    """Send a stream; an error before its first chunk is still an HTTP error. `headers` are those that are
    known with the first one. Returns the code of the error at the stream's end, if there is one."""
    failed = None
    async with contextlib.aclosing(chunks):
        first, second = await anext(chunks), await anext(chunks, None)  # the opening comes with a word
        named = [(name.encode(), value.encode()) for name, value in headers().items()]
        await send({"type": "http.response.start", "status": 200, "headers": [*EVENT_STREAM, *named]})

        async def send_data(data: bytes) -> None:
            if data:
                await send({"type": "http.response.body", "body": data, "more_body": True})

        try:
            begun = (first, second) if second is not None else (first,)
            await send_data(b"".join(event for chunk in begun for event in answer.events(chunk)))
            async for chunk in chunks:
                await send_data(b"".join(answer.events(chunk)))
            last = b"".join(answer.ended())
        except ViewfinderError as error:
            last, failed = b"".join(answer.failed(body_of(error))), error.reason
        except asyncio.CancelledError:
            # Either the client has disconnected and nobody reads this, or we are stopping.
            last, failed = b"".join(answer.failed(body_of(stopping()))), stopping().reason
        except Exception as error:
            await send_data(b"".join(answer.failed(body_of(error))))
            raise
    await send({"type": "http.response.body", "body": last})
    return failed


async def while_connected(receive: Receive, work: Coroutine[Any, Any, None]) -> None:
    """Do the work; cancel it when the client disconnects."""
    here, is_over = asyncio.current_task(), False
    disconnecting = asyncio.create_task(_disconnected(receive))

    def leave(_: asyncio.Task[None]) -> None:
        if here is not None and not is_over:
            here.cancel()

    disconnecting.add_done_callback(leave)
    try:
        await work
    except asyncio.CancelledError:
        if here is None or not disconnecting.done():  # the client is still there, so the server is stopping
            raise stopping() from None
    finally:
        is_over = True
        if here is not None and disconnecting.done():
            here.uncancel()
        disconnecting.cancel()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
