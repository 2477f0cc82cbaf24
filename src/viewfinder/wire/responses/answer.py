"""The reply to a request for a response: whole, or as the events of a stream; called by the gateway.

response.created, .in_progress
for each item      response.output_item.added
  of words           response.content_part.added, output_text.delta ..., output_text.done, content_part.done
  of thoughts        the same with reasoning_text
  a call             response.function_call_arguments.delta ..., .done
                   response.output_item.done
response.completed, .incomplete, or error and .failed
"""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from viewfinder.wire.dialect import Answer
from viewfinder.wire.responses.ids import RESPONSE_PREFIX, item_id
from viewfinder.wire.responses.request import FlatSchemaFormat, ResponseRequest
from viewfinder.wire.sse import event

FAILURE_CODE = "server_error"
"""Of all that OpenAI lists, the only one that says that the request was not at fault."""
THOUGHTS, WORDS = "reasoning_text", "output_text"
TOKENS_AT_ONCE = 256
"""orjson lets no other thread run meanwhile."""


class ResponseAnswer(Answer):
    """Makes one response; `response` is what is known of it so far."""

    id_prefix = RESPONSE_PREFIX

    def __init__(self, request: ResponseRequest, created_s: int, first_number: int) -> None:
        self.response = _outline(request, created_s)
        self.first_number = first_number
        """The number of its first item, after those of the input."""
        self._sent = 0
        self._is_whole = False
        self._items: list[_OpenItem] = []
        self._calls: dict[int, _OpenItem] = {}
        self._reason = ""
        self._usage: Mapping[str, Any] = {}

    @property
    def id(self) -> str:
        """That of the reply, once it has begun."""
        return str(self.response["id"])

    def whole(self, reply: dict[str, Any]) -> dict[str, Any]:
        self._is_whole = True
        self._begin(reply)
        choice = reply["choices"][0]
        tokens = (choice.get("logprobs") or {}).get("content") or []
        for _ in self._taken(choice["message"], tokens):
            pass
        self._reason = choice["finish_reason"]
        self._usage = reply.get("usage") or {}
        return self.finish()

    def events(self, chunk: dict[str, Any]) -> Iterator[bytes]:
        if not self._sent:
            self._begin(chunk)
            yield self._event("response.created", response=self.response)
            yield self._event("response.in_progress", response=self.response)
        for choice in chunk["choices"]:
            tokens = (choice.get("logprobs") or {}).get("content") or []
            yield from self._taken(choice["delta"], tokens)
            self._reason = choice["finish_reason"] or self._reason
        self._usage = chunk.get("usage") or self._usage

    def _begin(self, reply: Mapping[str, Any]) -> None:
        """The model that answers may be another name than that of the request."""
        self.response |= {"id": reply["id"], "model": reply.get("model") or self.response["model"]}

    def finish(self) -> dict[str, Any]:
        """The response as it is in the end; what is open is closed by `ended`."""
        if not self._items:
            self._items.append(self._new("message"))
        cut = self._reason in ("length", "content_filter")
        reason = "max_output_tokens" if self._reason == "length" else "content_filter"
        self.response |= {
            "status": "incomplete" if cut else "completed",
            "incomplete_details": {"reason": reason} if cut else None,
            "output": [item.done(cut=cut and item is self._items[-1]) for item in self._items],
            "usage": _usage(self._usage),
        }
        return self.response

    def ended(self) -> Iterator[bytes]:
        """`finish` comes first."""
        for item in self._items:
            yield from self._opened(item)
            yield from self._closed(item)
        yield self._event(f"response.{self.response['status']}", response=self.response)

    def failed(self, error: Mapping[str, Any]) -> Iterator[bytes]:
        said = error["error"]
        self.response |= {
            "status": "failed",
            "error": {"code": FAILURE_CODE, "message": said["message"]},
            "output": [item.done(cut=True) for item in self._items],
            "store": False,
        }
        yield self._event("error", code=said["code"], message=said["message"], param=said["param"])
        yield self._event("response.failed", response=self.response)

    def _taken(self, piece: Mapping[str, Any], tokens: list[dict[str, Any]]) -> Iterator[bytes]:
        """Add a message, or a piece of one."""
        if thought := piece.get("reasoning_content"):
            item, begun = self._writing("reasoning")
            yield from begun
            yield from self._said(item, thought, [])
        if (words := piece.get("content")) or (tokens and not piece.get("tool_calls")):
            item, begun = self._writing("message")
            yield from begun
            yield from self._said(item, words or "", _in_steps(tokens))
        for at, call in enumerate(piece.get("tool_calls") or ()):
            yield from self._called(call, call.get("index", at))

    def _writing(self, kind: str) -> tuple["_OpenItem", list[bytes]]:
        """The item of this kind that is being written, and the events that begin it."""
        last = self._items[-1] if self._items else None
        if last is not None and last.kind == kind:
            return last, []
        begun = [] if last is None else list(self._closed_all())
        item = self._new(kind)
        self._items.append(item)
        return item, [*begun, *self._opened(item)]

    def _said(self, item: "_OpenItem", words: str, tokens: list[bytes]) -> Iterator[bytes]:
        item.pieces.append(words)
        item.tokens += tokens
        more = {} if item.kind == "reasoning" else {"logprobs": _listed(tokens)}
        place = self._place(item) | {"content_index": 0, "delta": words}
        if words or tokens:
            yield self._event(f"response.{item.part_type}.delta", **place, **more)

    def _called(self, call: Mapping[str, Any], index: int) -> Iterator[bytes]:
        function = call.get("function") or {}
        item = self._calls.get(index)
        if item is None:
            if self._items and self._items[-1].kind != "function_call":
                yield from self._closed(self._items[-1])
            item = self._calls[index] = self._new("function_call")
            item.call_id = call.get("id") or f"call_{item.id.removeprefix('fc_')}"
            item.name = function.get("name") or ""
            self._items.append(item)
            yield from self._opened(item)
        if arguments := function.get("arguments"):
            item.pieces.append(arguments)
            yield self._event("response.function_call_arguments.delta", **self._place(item), delta=arguments)

    def _new(self, kind: str) -> "_OpenItem":
        at = len(self._items)
        return _OpenItem(kind, item_id({"type": kind}, self.id, self.first_number + at), at)

    def _opened(self, item: "_OpenItem") -> Iterator[bytes]:
        if item.is_open or item.is_closed:
            return
        item.is_open = True
        yield self._event("response.output_item.added", output_index=item.index, item=item.begun())
        if item.part_type:
            yield self._event(
                "response.content_part.added", **self._place(item), content_index=0, part=item.part("", [])
            )

    def _closed_all(self) -> Iterator[bytes]:
        for item in self._items:
            yield from self._closed(item)
        self._calls.clear()

    def _closed(self, item: "_OpenItem") -> Iterator[bytes]:
        if not item.is_open:
            return
        item.is_open, item.is_closed = False, True
        place = self._place(item)
        if item.part_type:
            part, more = item.part(item.text, item.tokens), {}
            if item.kind == "message":
                more = {"logprobs": part["logprobs"]}
            place |= {"content_index": 0}
            yield self._event(f"response.{item.part_type}.done", **place, text=item.text, **more)
            yield self._event("response.content_part.done", **place, part=part)
        else:
            name = {"name": item.name, "arguments": item.text}
            yield self._event("response.function_call_arguments.done", **place, **name)
        cut = self.response["status"] == "incomplete" and item is self._items[-1]
        yield self._event("response.output_item.done", output_index=item.index, item=item.done(cut=cut))

    def _place(self, item: "_OpenItem") -> dict[str, Any]:
        return {"item_id": item.id, "output_index": item.index}

    def _event(self, kind: str, **fields: Any) -> bytes:
        if self._is_whole:
            return b""
        data = {"type": kind, "sequence_number": self._sent, **fields}
        self._sent += 1
        return event(orjson.dumps(data), kind)


class _OpenItem:
    """An item of the output that is being written."""

    def __init__(self, kind: str, id: str, index: int) -> None:
        self.kind, self.id, self.index = kind, id, index
        self.part_type = {"message": WORDS, "reasoning": THOUGHTS}.get(kind, "")
        self.call_id = self.name = ""
        self.pieces: list[str] = []
        self.tokens: list[bytes] = []
        """Those of each piece, as JSON without brackets."""
        self.is_open = self.is_closed = False

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    def part(self, text: str, tokens: list[bytes]) -> dict[str, Any]:
        if self.kind == "reasoning":
            return {"type": THOUGHTS, "text": text}
        return {"type": WORDS, "text": text, "annotations": [], "logprobs": _listed(tokens)}

    def begun(self) -> dict[str, Any]:
        return self._item("in_progress", [], "")

    def done(self, *, cut: bool) -> dict[str, Any]:
        parts = [self.part(self.text, self.tokens)] if self.part_type else []
        return self._item("incomplete" if cut else "completed", parts, self.text)

    def _item(self, status: str, parts: list[dict[str, Any]], text: str) -> dict[str, Any]:
        item = {"id": self.id, "type": self.kind, "status": status}
        if self.kind == "function_call":
            return item | {"call_id": self.call_id, "name": self.name, "arguments": text}
        if self.kind == "reasoning":
            return item | {"summary": [], "content": parts}
        return item | {"role": "assistant", "content": parts}


def _in_steps(tokens: list[dict[str, Any]]) -> list[bytes]:
    steps = (tokens[at : at + TOKENS_AT_ONCE] for at in range(0, len(tokens), TOKENS_AT_ONCE))
    return [orjson.dumps([_token(token) for token in step])[1:-1] for step in steps]


def _listed(tokens: list[bytes]) -> orjson.Fragment:
    return orjson.Fragment(b"[%b]" % b",".join(tokens))


def _token(token: Mapping[str, Any]) -> dict[str, Any]:
    """A token as this API has it: its bytes are never null."""
    return _of_token(token) | {"top_logprobs": [_of_token(top) for top in token.get("top_logprobs") or ()]}


def _of_token(token: Mapping[str, Any]) -> dict[str, Any]:
    text = token.get("token") or ""
    given = token.get("bytes")
    data = list(text.encode("utf-8", "replace")) if given is None else given
    return {"token": text, "logprob": token.get("logprob"), "bytes": data}


def _usage(usage: Mapping[str, Any]) -> dict[str, Any] | None:
    if not usage:
        return None
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0)
    reasoning = (usage.get("completion_tokens_details") or {}).get("reasoning_tokens", 0)
    return {
        "input_tokens": usage["prompt_tokens"],
        "input_tokens_details": {"cached_tokens": cached, "cache_write_tokens": 0},
        "output_tokens": usage["completion_tokens"],
        "output_tokens_details": {"reasoning_tokens": reasoning},
        "total_tokens": usage["total_tokens"],
    }


def _outline(request: ResponseRequest, created_s: int) -> dict[str, Any]:
    """The response before its first word, with every field that OpenAI's clients know."""
    choice = request.tool_choice
    return {
        "id": "",
        "object": "response",
        "created_at": created_s,
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": request.instructions,
        "max_output_tokens": request.max_output_tokens,
        "max_tool_calls": None,
        "metadata": request.metadata or {},
        "model": request.model,
        "output": [],
        "parallel_tool_calls": request.parallel_tool_calls is not False,
        "previous_response_id": request.previous_response_id,
        "prompt_cache_key": None,
        "reasoning": {"effort": request.reasoning.effort if request.reasoning else None, "summary": None},
        "safety_identifier": None,
        "service_tier": "default",
        "store": request.store,
        "temperature": request.temperature,
        "text": {"format": _format(request)},
        "tool_choice": (choice if isinstance(choice, str) else choice.model_dump()) if choice else "auto",
        "tools": [tool.model_dump() for tool in request.tools or ()],
        "top_logprobs": request.top_logprobs or 0,
        "top_p": request.top_p,
        "truncation": "disabled",
        "usage": None,
        "user": None,
    }


def _format(request: ResponseRequest) -> dict[str, Any]:
    format = request.text.format if request.text else None
    if format is None:
        return {"type": "text"}
    return format.model_dump(by_alias=True) if isinstance(format, FlatSchemaFormat) else format.model_dump()
