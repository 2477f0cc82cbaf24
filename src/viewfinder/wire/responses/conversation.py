"""Items of a conversation, as they are kept, and the chat messages that they become; called by `translate`.

A kept item is a dictionary of JSON: the item with the fields that count. The messages of a conversation are
the same whether a client sends it whole or in turns, so that an engine knows its beginning again.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from viewfinder.core.errors import BadRequest
from viewfinder.wire.refusals import quoted
from viewfinder.wire.responses.request import (
    FunctionCallItem,
    FunctionOutputItem,
    InputImage,
    InputItem,
)

KEPT_FIELDS = frozenset({"type", "role", "content", "call_id", "name", "arguments", "output"})


@dataclass(frozen=True, slots=True)
class Placed:
    """A kept item, and the path to it in the client's request; `is_kept`: it was not sent with it."""

    item: dict[str, Any]
    path: str
    is_kept: bool = False


@dataclass(slots=True)
class Conversation:
    """Chat messages, and where each comes from."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    sources: list[list[Placed]] = field(default_factory=list)

    def where(self, path: str) -> str:
        """The client's path for one of a message."""
        match = re.fullmatch(r"messages\[(\d+)\](.*)", path)
        if match is None or int(match[1]) >= len(self.sources):
            return "input"
        placed, rest = self.sources[int(match[1])], match[2]
        call = re.match(r"\.tool_calls(?:\[(\d+)\](?:\.function)?)?", rest)
        calls = [one for one in placed if one.item["type"] == "function_call"]
        if call is not None and calls:
            one, rest = calls[min(int(call[1] or 0), len(calls) - 1)], rest[call.end() :]
        else:
            one = placed[0]
        if one.is_kept or not one.path.startswith("input["):  # instructions, or a text as the whole input
            return one.path
        if one.item["type"] == "function_call_output":
            rest = rest.replace(".content", ".output", 1).replace(".tool_call_id", ".call_id", 1)
        return one.path + rest.replace(".image_url.url", ".image_url")


def kept_item(item: InputItem) -> dict[str, Any]:
    """The item of a valid request, to be kept."""
    if isinstance(item, FunctionCallItem):
        return item.model_dump(include={"type", "call_id", "name", "arguments"})
    if isinstance(item, FunctionOutputItem):
        output = item.output if isinstance(item.output, str) else _parts(item.output)
        return {"type": item.type, "call_id": item.call_id, "output": output}
    content = item.content if isinstance(item.content, str) else _parts(item.content)
    return {"type": "message", "role": item.role, "content": content}


def kept_output(item: dict[str, Any]) -> dict[str, Any]:
    """An item of a reply, to be kept as a part of the conversation."""
    kept = {name: value for name, value in item.items() if name in KEPT_FIELDS}
    if kept["type"] == "message":
        kept["content"] = [{"type": part["type"], "text": part["text"]} for part in kept["content"]]
    return kept


def _parts(parts: Sequence[Any]) -> list[dict[str, Any]]:
    return [
        {"type": part.type, "image_url": part.image_url, "detail": part.detail or "auto"}
        if isinstance(part, InputImage)
        else part.model_dump()
        for part in parts
    ]


def conversation(placed: Sequence[Placed]) -> Conversation:
    """The messages of all items, in order. Raises BadRequest for the output of a call that was never made.

    Calls in a row are one message, together with the words before them: so the model said it.
    """
    made = Conversation()
    called = set[str]()
    for one in placed:
        item = one.item
        if item["type"] == "reasoning":
            continue
        if item["type"] == "function_call":
            called.add(item["call_id"])
            if not (made.messages and _can_call(made.messages[-1])):
                made.messages.append({"role": "assistant", "content": None})
                made.sources.append([])
            made.messages[-1].setdefault("tool_calls", []).append(_call(item))
            made.sources[-1].append(one)
            continue
        if item["type"] == "function_call_output" and item["call_id"] not in called:
            raise BadRequest(
                f"No function call with the id {quoted(item['call_id'])} comes before its output.",
                hint="Send the function_call item too, or name the response that made it in "
                "'previous_response_id'.",
                param=one.path if one.is_kept else f"{one.path}.call_id",
            )
        made.messages.append(_message(item))
        made.sources.append([one])
    return made


def _can_call(message: dict[str, Any]) -> bool:
    return bool(message["role"] == "assistant")


def _call(item: dict[str, Any]) -> dict[str, Any]:
    function = {"name": item["name"], "arguments": item["arguments"]}
    return {"id": item["call_id"], "type": "function", "function": function}


def _message(item: dict[str, Any]) -> dict[str, Any]:
    if item["type"] == "function_call_output":
        return {"role": "tool", "tool_call_id": item["call_id"], "content": _content(item["output"])}
    content = _content(item["content"])
    if item["role"] == "assistant" and isinstance(content, list) and len(content) == 1:
        content = content[0]["text"]  # as a client of chat completions sends it back
    return {"role": item["role"], "content": content}


def _content(content: str | list[dict[str, Any]]) -> str | list[dict[str, Any]]:
    return content if isinstance(content, str) else [_part(part) for part in content]


def _part(part: dict[str, Any]) -> dict[str, Any]:
    if part["type"] == "input_image":
        detail = "high" if part["detail"] == "original" else part["detail"]
        return {"type": "image_url", "image_url": {"url": part["image_url"], "detail": detail}}
    return {"type": "text", "text": part["refusal"] if part["type"] == "refusal" else part["text"]}


def image_parts(items: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The parts of items that hold an image, in the order of the conversation."""
    for item in items:
        content = item.get("content") or item.get("output")
        if isinstance(content, list):
            yield from (part for part in content if part["type"] == "input_image")
