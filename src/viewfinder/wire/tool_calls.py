"""Finds tool calls in an answer's text, piece by piece as it arrives; called by the gateway's relay.

A model whose template has no tools writes a call as `{"name": ..., "arguments": {...}}`, because
`tool_prompt` says so or a grammar forces it. Clients get it as OpenAI sends it: id and name first.
"""

import json
import re
import uuid
from collections.abc import Iterable, Iterator
from typing import Any, Literal

Reads = Literal["text", "auto", "forced", "arguments", "native"]
"""What is looked for: nothing; calls, or else text; one call and nothing else; the arguments of the only call
that there can be; calls that the engine's server has found itself."""

_HEAD = re.compile(
    r"\s*(?:```(?:json)?\s*)?"
    r'\{\s*"name"\s*:\s*"(?P<name>[A-Za-z0-9_-]{1,64})"\s*,\s*"arguments"\s*:\s*(?=\{)'
)
_FENCE = "```json"
_LONGEST_HEAD = 256
"""Characters: what has no end by then is text."""
_BLANKS = " \t\r\n"
_BETWEEN_CALLS = _BLANKS + "}`,;"

CallPiece = str | dict[str, Any]
"""Text, or a part of a tool call."""


class NoCall(Exception):
    """The answer is not the call that it has to be."""


class CallReader:
    """The calls of one answer; `called` counts those that have begun."""

    def __init__(self, reads: Reads = "text", names: Iterable[str] = ()) -> None:
        self.called = 0
        self._reads, self._names = reads, frozenset(names)
        self._text = ""
        """What has arrived and is not known to be text or a call yet."""
        self._call: _Call | None = None
        self._is_text = False

    def rewrite(self, choice: dict[str, Any], part: str) -> None:
        """Turn the text of a choice into calls; `part` is "message" in a reply and "delta" in a chunk.

        Raises NoCall when an answer that must be a call is none.
        """
        if self._reads == "text":
            return
        message, reason = choice[part], choice["finish_reason"]
        if self._reads == "native":
            self.called += len(message.get("tool_calls", ()))
            if part == "delta":
                message.pop("content", None)
        else:
            self._find(message, is_last=reason is not None, is_whole=part == "message")
        if reason == "stop" and self.called:
            choice["finish_reason"] = "tool_calls"
        if reason not in (None, "length") and not self.called and self._reads != "auto":
            raise NoCall

    def _find(self, message: dict[str, Any], *, is_last: bool, is_whole: bool) -> None:
        pieces = list(self._feed(message.get("content") or "", is_last=is_last))
        text = "".join(piece for piece in pieces if isinstance(piece, str))
        calls = _joined(piece for piece in pieces if not isinstance(piece, str))
        if is_whole:
            message["content"] = text or None
            for call in calls:
                del call["index"]
        elif text or message.get("content") is not None:
            message["content"] = text
        if calls:
            message["tool_calls"] = calls

    def _feed(self, text: str, *, is_last: bool) -> Iterator[CallPiece]:
        """The pieces of text and of calls that are certain now."""
        self._text += text
        while self._text and not self._is_text:
            if self._call is not None:
                yield from self._arguments()
                continue
            if self.called:
                self._text = self._text.lstrip(_BETWEEN_CALLS)
            head = self._head()
            if head is not None:
                self._call, self._text = _Call(*head), self._text[len(head[1]) :]
                if self._is_forced:
                    yield self._begin(self._call)
            elif not self._may_become_a_call():
                self._no_call()
            else:
                break
        if is_last and self._call is not None and self._reads == "auto":
            self._text, self._call = "".join(self._call.raw), None
        if self._is_text or (is_last and self._call is None):
            text, self._text = self._text, ""
            if text and not self.called and not self._is_forced:  # what follows a call is not of the answer
                yield text

    def _arguments(self) -> Iterator[CallPiece]:
        """The next piece of a call that must be one; any other call once it has ended and is valid."""
        call = self._call
        if call is None:
            return
        piece, self._text = call.take(self._text)
        if self._is_forced:
            if piece:
                yield {"index": self.called - 1, "function": {"arguments": piece}}
            if call.is_whole:
                self._call, self._is_text = None, True
        elif call.is_whole and call.is_valid:
            self._call = None
            yield self._begin(call, "".join(call.arguments))
        elif call.is_whole:
            self._text, self._call, self._is_text = "".join(call.raw) + self._text, None, True

    @property
    def _is_forced(self) -> bool:
        return self._reads in ("forced", "arguments")

    def _head(self) -> tuple[str, str] | None:
        """The name of the call that the text begins with, and the text up to its arguments."""
        if self._reads == "arguments":
            blanks = self._text[: len(self._text) - len(self._text.lstrip(_BLANKS))]
            return (next(iter(self._names)), blanks) if self._text[len(blanks) :].startswith("{") else None
        head = _HEAD.match(self._text)
        return (head["name"], head[0]) if head is not None and head["name"] in self._names else None

    def _begin(self, call: "_Call", arguments: str = "") -> dict[str, Any]:
        self.called += 1
        return {
            "index": self.called - 1,
            "id": f"call_{uuid.uuid4().hex[:24]}",
            "type": "function",
            "function": {"name": call.name, "arguments": arguments},
        }

    def _no_call(self) -> None:
        if self._is_forced:
            raise NoCall
        self._is_text = True

    def _may_become_a_call(self) -> bool:
        if len(self._text) > _LONGEST_HEAD:
            return False
        text = self._text.lstrip(_BLANKS).removeprefix(_FENCE).removeprefix("```").lstrip(_BLANKS)
        return _FENCE.startswith(text) or text.startswith("{")


class _Call:
    """One call that is being read: a JSON object of arguments; blanks between its parts are left out."""

    def __init__(self, name: str, head: str) -> None:
        self.name, self.raw = name, [head]
        self.arguments: list[str] = []
        self.is_whole = False
        self._depth = 0
        self._is_in_text = self._is_escaped = False

    @property
    def is_valid(self) -> bool:
        try:
            json.loads("".join(self.arguments))
        except (ValueError, RecursionError):
            return False
        return True

    def take(self, text: str) -> tuple[str, str]:
        """What of the text belongs to the arguments, and what follows them."""
        kept: list[str] = []
        rest = ""
        for at, mark in enumerate(text):
            if self._is_in_text:
                self._is_in_text = self._is_escaped or mark != '"'
                self._is_escaped = mark == "\\" and not self._is_escaped
            elif mark in _BLANKS:
                continue
            else:
                self._is_in_text = mark == '"'
                self._depth += (mark in "{[") - (mark in "}]")
            kept.append(mark)
            if not self._depth and not self._is_in_text:
                self.is_whole, rest = True, text[at + 1 :]
                break
        self.raw.append(text[: len(text) - len(rest)])
        piece = "".join(kept)
        self.arguments.append(piece)
        return piece, rest


def _joined(pieces: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The pieces with those of one call put together."""
    calls: list[dict[str, Any]] = []
    for piece in pieces:
        if calls and calls[-1]["index"] == piece["index"]:
            calls[-1]["function"]["arguments"] += piece["function"]["arguments"]
        else:
            calls.append(piece)
    return calls
