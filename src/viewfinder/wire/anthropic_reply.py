"""Replies, streams and errors as Anthropic's API has them; called by `anthropic`, and by the gateway for the
errors of its guards.

    a stream    message_start, ping, for each block of content (start, delta ..., stop), message_delta,
                message_stop
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson
from pydantic_core import from_json

from viewfinder.core.errors import EngineRefused
from viewfinder.wire.anthropic_types import AnthropicErrorType, StopReason
from viewfinder.wire.dialect import Answer
from viewfinder.wire.sse import event

STOP_REASONS: dict[str, StopReason] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}
TYPES_OF_CODES: dict[str, AnthropicErrorType] = {
    "model_not_found": "not_found_error",
    "answer_not_found": "not_found_error",
    "not_found": "not_found_error",
    "request_too_large": "request_too_large",
    "engine_stalled": "timeout_error",
    "overloaded": "overloaded_error",
    "stopping": "overloaded_error",
    "unloading": "overloaded_error",
}


def error_body(openai: Mapping[str, Any], request_id: str | None = None) -> dict[str, Any]:
    """The body of an error, from that of `replies.error_body`."""
    error = openai["error"]
    kind = TYPES_OF_CODES.get(error["code"], error["type"])
    if kind == "server_error":
        kind = "api_error"
    return {"type": "error", "error": {**error, "type": kind}, "request_id": request_id}


class MessageAnswer(Answer):
    """The reply to one request, and the block of its stream that is open."""

    id_prefix = "msg_"

    def __init__(self, stops: Sequence[str] = ()) -> None:
        self.names_its_stop = bool(stops)
        self.stopped_by: str | None = None
        self._reason: StopReason = "end_turn"
        self._usage: Mapping[str, Any] = {}
        self._blocks = 0
        """How many have begun; the last one is open while `_open` says what it is."""
        self._open: tuple[str, object] | None = None
        self._begun = False

    def whole(self, reply: dict[str, Any]) -> dict[str, Any]:
        choice = reply["choices"][0]
        message = choice["message"]
        blocks: list[dict[str, Any]] = []
        if message.get("content"):
            blocks.append({"type": "text", "text": message["content"], "citations": None})
        is_cut = choice["finish_reason"] == "length"
        blocks += [_tool_use(call, is_cut) for call in message.get("tool_calls") or ()]
        return self._message(reply, blocks) | {
            "stop_reason": self._reason_of(choice["finish_reason"]),
            "stop_sequence": self.stopped_by,
            "usage": _usage(reply.get("usage") or {}),
        }

    def counted(self, tokens: int) -> dict[str, Any]:
        return {"input_tokens": tokens}

    def events(self, chunk: dict[str, Any]) -> Iterator[bytes]:
        if not self._begun:
            self._begun = True
            unknown = {"stop_reason": None, "stop_sequence": None, "usage": _usage({})}
            yield _event("message_start", message=self._message(chunk, []) | unknown)
            yield _event("ping")
        self._usage = chunk.get("usage") or self._usage
        for choice in chunk["choices"]:
            delta = choice["delta"]
            if delta.get("content"):
                if self._open != ("text", None):
                    yield from self._begin("text", None, {"type": "text", "text": "", "citations": None})
                yield self._delta(type="text_delta", text=delta["content"])
            for call in delta.get("tool_calls") or ():
                yield from self._call(call)
            if choice["finish_reason"] is not None:
                self._reason = self._reason_of(choice["finish_reason"])

    def failed(self, error: Mapping[str, Any]) -> Iterator[bytes]:
        yield event(orjson.dumps(error_body(error, self.request_id)), "error")

    def ended(self) -> Iterator[bytes]:
        yield from self._end()
        delta = {"stop_reason": self._reason, "stop_sequence": self.stopped_by}
        yield _event("message_delta", delta=delta, usage=_usage(self._usage))
        yield _event("message_stop")

    def _message(self, reply: Mapping[str, Any], blocks: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": reply["id"],
            "type": "message",
            "role": "assistant",
            "model": reply["model"],
            "content": blocks,
        }

    def _reason_of(self, finish_reason: str) -> StopReason:
        if self.stopped_by is not None and finish_reason == "stop":
            return "stop_sequence"
        return STOP_REASONS[finish_reason]

    def _call(self, call: Mapping[str, Any]) -> Iterator[bytes]:
        """A piece of a tool call; those of one call have the same index, and follow each other."""
        function = call.get("function") or {}
        this = ("tool_use", call.get("index"))
        if self._open != this:
            if not function.get("name"):
                raise EngineRefused("The engine mixed the pieces of two tool calls.", hint="Retry.")
            named = {"id": call.get("id") or _tool_id(), "name": function["name"]}
            yield from self._begin(*this, {"type": "tool_use", **named, "input": {}})
        if function.get("arguments"):
            yield self._delta(type="input_json_delta", partial_json=function["arguments"])

    def _begin(self, kind: str, index: object, block: dict[str, Any]) -> Iterator[bytes]:
        yield from self._end()
        self._open = (kind, index)
        yield _event("content_block_start", index=self._blocks, content_block=block)
        self._blocks += 1

    def _delta(self, **delta: str) -> bytes:
        return _event("content_block_delta", index=self._blocks - 1, delta=delta)

    def _end(self) -> Iterator[bytes]:
        if self._open is not None:
            self._open = None
            yield _event("content_block_stop", index=self._blocks - 1)


def _event(kind: str, **fields: Any) -> bytes:
    return event(orjson.dumps({"type": kind, **fields}), kind)


def _usage(usage: Mapping[str, Any]) -> dict[str, int]:
    """Nothing is known before the end of a stream."""
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0)
    return {
        "input_tokens": max(0, usage.get("prompt_tokens", 0) - cached),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": cached,
        "output_tokens": usage.get("completion_tokens", 0),
    }


def _tool_use(call: Mapping[str, Any], is_cut: bool) -> dict[str, Any]:
    """The block of a call. Raises EngineRefused for arguments that are no JSON object, unless the answer was
    cut off in the middle of them."""
    function = call.get("function") or {}
    try:
        given = from_json(function.get("arguments") or "{}", allow_partial=is_cut)
    except ValueError:
        given = None
    if not isinstance(given, dict) or not function.get("name"):
        raise EngineRefused("The model's tool call is no JSON object.", hint="Retry, or use another model.")
    return {
        "type": "tool_use",
        "id": call.get("id") or _tool_id(),
        "name": function["name"],
        "input": given,
    }


def _tool_id() -> str:
    return f"toolu_{uuid.uuid4().hex}"
