"""Anthropic's API, POST /v1/messages, in the words of chat completions; called by `chat` through the gateway.

system, text                  as they are
tool_use, tool_result         calls of the assistant, messages of the role `tool`
images of a tool_result       a message of the user's behind the results
thinking, redacted_thinking   dropped, and named
an image's raw base64         a data URL
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
from pydantic import ValidationError

from viewfinder.core.errors import BadRequest, UnsupportedParameter
from viewfinder.wire.anthropic_reply import MessageAnswer
from viewfinder.wire.anthropic_request import (
    AssistantEntry,
    Base64Source,
    CountRequest,
    ImageBlock,
    MessagesRequest,
    NamedToolRule,
    TextBlock,
    ThinkingBlock,
    ToolResultBlock,
    ToolUseBlock,
    UserEntry,
)
from viewfinder.wire.chat import MAX_PARTS
from viewfinder.wire.dialect import Dialect, Translated
from viewfinder.wire.outline import WINDOW_BYTES, Place
from viewfinder.wire.refusals import (
    MESSAGES,
    quoted,
    refusal,
    require_own_fields,
    shortened,
    unsupported,
)

WITHOUT_EFFECT = frozenset(
    {
        "betas",
        "cache_control",
        "context_management",
        "diagnostics",
        "inference_geo",
        "metadata",
        "service_tier",
        "speed",
        "user_profile_id",
    }
)
IN_USERS, IN_ASSISTANTS = (
    frozenset({"text", "image", "tool_result"}),
    frozenset({"text", "tool_use", "thinking", "redacted_thinking"}),
)
INSTEAD = {
    "document": "Send a document's text, or its pages as images.",
    "video": "Send a clip to POST /v1/chat/completions in a part of the type 'video_url'.",
    "search_result": "Send its text.",
    "image": "Send images in a message of the user, or in a tool's result.",
}
"""What helps in place of a block that is refused."""
CHOICES = {"auto": "auto", "any": "required", "none": "none"}
SHOWN_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
MOST_MESSAGES = 4096
"""Of more of them no object is made; how many are allowed is for `chat` to say."""
MOST_NAMES = 16
"""How many ignored keys of blocks are named."""
DATA_URL = b"data:image/png;base64,"
"""Only the content of an image counts, whatever its type is said to be."""
IMAGE_FOLLOWS = "The result is in the image of the next message."

_MESSAGE = re.compile(r"messages\[(\d+)\](?:\.(content|tool_calls)\[(\d+)\])?")
_RENAMED = (
    (re.compile(r"^(tools\[\d+\])\.function\.parameters"), r"\1.input_schema"),
    (re.compile(r"^(tools\[\d+\])\.function"), r"\1"),
    (re.compile(r"^tool_choice\.function"), "tool_choice"),
    (re.compile(r"^parallel_tool_calls$"), "tool_choice.disable_parallel_tool_use"),
    (re.compile(r"^stop(?=\[|$)"), "stop_sequences"),
    (re.compile(r"^response_format\.json_schema\.schema"), "output_config.format.schema"),
    (re.compile(r"^reasoning_effort$"), "output_config.effort"),
)


@dataclass(slots=True)
class _Message:
    """A message for the chat, and the client's paths of it, of its parts and of its calls."""

    role: str
    path: str
    content: list[dict[str, Any]] | str
    parts: list[str] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)
    call_paths: list[str] = field(default_factory=list)
    call_id: str | None = None

    def add(self, part: dict[str, Any], path: str) -> None:
        if isinstance(self.content, list):
            self.content.append(part)
            self.parts.append(path)

    def fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = {"role": self.role, "content": self.content or ""}
        if self.calls:
            fields |= {"tool_calls": self.calls, "content": self.content or None}
        return fields if self.call_id is None else fields | {"tool_call_id": self.call_id}


class Anthropic(Dialect):
    """The dialect of one operation, whose fields are those of `kind`."""

    has_raw_base64 = True

    def __init__(self, kind: type[CountRequest] = MessagesRequest) -> None:
        self.kind = kind

    def images(self, value: Any) -> list[Place]:
        """messages[].content[].source, and the same in the content of a tool's result."""
        messages = value.get("messages") if isinstance(value, dict) else None
        sources = [block.get("source") for block in _blocks(messages) if block.get("type") == "image"]
        return [
            (source, key)
            for source in sources
            if isinstance(source, dict)
            for key in ("data", "url")
            if key in source
        ]

    def translate(self, raw: dict[str, Any]) -> Translated:
        without_effect = without_effect_on(self.kind)
        ignored = [name for name in sorted(without_effect & raw.keys()) if raw[name] not in (None, {}, [])]
        given = {name: raw[name] for name in raw if name not in without_effect and raw[name] is not None}
        require_own_fields(given, MESSAGES)
        for name in given:
            if name not in self.kind.model_fields:
                raise unsupported(name)
        ignored += _look_at_blocks(given.get("messages"))
        _look_at_tools(given.get("tools"))
        try:
            request = self.kind.model_validate(given)
        except ValidationError as error:
            raise refusal(error, given) from None
        messages = list(_messages_of(request))
        fields = {"model": request.model, "messages": [message.fields() for message in messages]}
        fields |= _tools_of(request) | _format_of(request)
        stops: tuple[str, ...] = ()
        if isinstance(request, MessagesRequest):
            fields |= _limits_of(request)
            stops = tuple(request.stop_sequences or ())
        return Translated(fields, MessageAnswer(stops), tuple(ignored), _Paths(messages).where)


def without_effect_on(kind: type[CountRequest]) -> frozenset[str]:
    """The fields that have no effect on a request of this kind: none that limits an answer has one on a
    count."""
    return WITHOUT_EFFECT | (MessagesRequest.model_fields.keys() - kind.model_fields.keys())


class _Paths:
    """Turns paths of the chat request into the client's."""

    def __init__(self, messages: list[_Message]) -> None:
        self.messages = [(message.path, message.parts, message.call_paths) for message in messages]

    def where(self, path: str) -> str:
        at = _MESSAGE.match(path)
        if at is None:
            for old, new in _RENAMED:
                path = old.sub(new, path)
            return path
        message, parts, calls = self.messages[int(at[1])]
        rest = path[at.end() :]
        if at[2] == "content":
            return parts[int(at[3])] + (".source" if rest.startswith(".image_url") else rest)
        rest = rest.replace(".tool_call_id", ".tool_use_id")
        if at[2] == "tool_calls":
            rest = rest.replace(".function.name", ".name").replace(".function.arguments", ".input")
            return calls[int(at[3])] + rest
        return message + ("" if rest in (".content", ".tool_calls") else rest)


def _blocks(messages: Any) -> Iterator[dict[str, Any]]:
    """Every block of the messages, and those of tools' results."""
    for message in messages if isinstance(messages, list) else ():
        content = message.get("content") if isinstance(message, dict) else None
        for block in content if isinstance(content, list) else ():
            if isinstance(block, dict):
                yield block
                inner = block.get("content") if block.get("type") == "tool_result" else None
                yield from (
                    (item for item in inner if isinstance(item, dict)) if isinstance(inner, list) else ()
                )


KNOWN_KEYS = {
    "text": TextBlock.model_fields.keys(),
    "image": ImageBlock.model_fields.keys(),
    "tool_use": ToolUseBlock.model_fields.keys(),
    "tool_result": ToolResultBlock.model_fields.keys(),
}


def _look_at_blocks(messages: Any) -> list[str]:
    """The names of what has no effect in the messages. Raises BadRequest for too many blocks, before an
    object is made of any, and for blocks that no model here understands."""
    if isinstance(messages, list) and len(messages) > MOST_MESSAGES:
        raise _too_many("messages", MOST_MESSAGES, "too_many_messages")
    names: set[str] = set()
    for count, block in enumerate(_blocks(messages), 1):
        if count > MAX_PARTS:
            raise _too_many("content blocks", MAX_PARTS, "too_many_parts")
        kind = block.get("type")
        if kind in ("thinking", "redacted_thinking"):
            names.add(kind)
        elif isinstance(kind, str) and kind in KNOWN_KEYS and len(names) < MOST_NAMES:
            unknown = (name for name in block if name not in KNOWN_KEYS[kind] and block[name])
            names |= {name for name in unknown if SHOWN_NAME.fullmatch(name)}
            if kind == "tool_result" and block.get("is_error"):
                names.add("is_error")
    for path, role, kind in _kinds(messages):
        known = IN_ASSISTANTS if role == "assistant" else IN_USERS
        if kind not in known:
            raise UnsupportedParameter(
                f"Content blocks of the type {quoted(kind)} are not supported in a message of the {role}.",
                hint=INSTEAD.get(kind, "Leave it out."),
                param=f"{path}.type",
            )
    return [f"messages.content.{name}" for name in sorted(names)[:MOST_NAMES]]


def _too_many(what: str, most: int, code: str) -> BadRequest:
    return BadRequest(
        f"The request has more than {most} {what}.", hint="Send fewer of them.", param="messages", code=code
    )


def _kinds(messages: Any) -> Iterator[tuple[str, str, str]]:
    """The path, the role and the type of each block of a user's or an assistant's message."""
    for at, message in enumerate(messages if isinstance(messages, list) else ()):
        if not isinstance(message, dict) or message.get("role") not in ("user", "assistant"):
            continue
        content = message.get("content")
        for part, block in enumerate(content if isinstance(content, list) else ()):
            if isinstance(block, dict) and isinstance(kind := block.get("type"), str):
                yield f"messages[{at}].content[{part}]", message["role"], kind


def _look_at_tools(tools: Any) -> None:
    """Refuse the tools that only Anthropic has."""
    for at, tool in enumerate(tools if isinstance(tools, list) else ()):
        kind = tool.get("type") if isinstance(tool, dict) else None
        if isinstance(kind, str) and kind != "custom":
            name = tool.get("name")
            raise UnsupportedParameter(
                f"The tool {quoted(name if isinstance(name, str) else kind)} of the type "
                f"'{shortened(kind)}' is one of Anthropic's own, which no model here knows.",
                hint="Send tools with a name and an 'input_schema'.",
                param=f"tools[{at}].type",
            )


def _messages_of(request: CountRequest) -> Iterator[_Message]:
    if request.system:
        yield _text_message("system", request.system, "system")
    for at, entry in enumerate(request.messages):
        path = f"messages[{at}].content"
        if isinstance(entry, UserEntry) and not isinstance(entry.content, str):
            yield from _users(entry.content, path)
        elif isinstance(entry, AssistantEntry) and not isinstance(entry.content, str):
            yield _assistants(entry.content, path)
        else:
            yield _text_message(entry.role, entry.content, path)


def _text_message(role: str, content: Any, path: str) -> _Message:
    if isinstance(content, str):
        return _Message(role, path, content)
    message = _Message(role, path, [])
    for at, block in enumerate(content):
        message.add({"type": "text", "text": block.text}, f"{path}[{at}]")
    return message


def _users(blocks: list[Any], path: str) -> Iterator[_Message]:
    """The results of tools, then what the user says, with the images of both."""
    user = _Message("user", path, [])
    for at, block in enumerate(blocks):
        here = f"{path}[{at}]"
        if isinstance(block, ToolResultBlock):
            yield _result(block, here, user)
        else:
            user.add(_part(block), here)
    if user.content:
        yield user


def _result(block: ToolResultBlock, path: str, user: _Message) -> _Message:
    """The message of the role `tool`; its images become the user's."""
    if block.content is None or isinstance(block.content, str):
        return _Message("tool", path, block.content or "", call_id=block.tool_use_id)
    tool = _Message("tool", path, [], call_id=block.tool_use_id)
    for at, part in enumerate(block.content):
        (user if isinstance(part, ImageBlock) else tool).add(_part(part), f"{path}.content[{at}]")
    if block.content and not tool.content:
        tool.content = IMAGE_FOLLOWS
    return tool


def _assistants(blocks: list[Any], path: str) -> _Message:
    message = _Message("assistant", path, [])
    for at, block in enumerate(blocks):
        here = f"{path}[{at}]"
        if isinstance(block, ToolUseBlock):
            function = {"name": block.name, "arguments": orjson.dumps(block.input).decode()}
            message.calls.append({"id": block.id, "type": "function", "function": function})
            message.call_paths.append(here)
        elif not isinstance(block, ThinkingBlock):
            message.add(_part(block), here)
    return message


def _part(block: TextBlock | ImageBlock) -> dict[str, Any]:
    if isinstance(block, TextBlock):
        return {"type": "text", "text": block.text}
    source = block.source
    url = _data_url(source.data) if isinstance(source, Base64Source) else source.url
    return {"type": "image_url", "image_url": {"url": url}}


def _data_url(base64: str | memoryview) -> str | memoryview:
    """The data URL for a file in base64; some clients write one where raw base64 belongs."""
    if isinstance(base64, str):
        return base64 if base64[:5].lower() == "data:" else DATA_URL.decode() + base64
    if bytes(base64[:5]).lower() == b"data:":
        return base64
    url = bytearray(len(DATA_URL) + len(base64))
    url[: len(DATA_URL)] = DATA_URL
    for at in range(0, len(base64), WINDOW_BYTES):  # other threads run in between
        piece = base64[at : at + WINDOW_BYTES]
        url[len(DATA_URL) + at : len(DATA_URL) + at + len(piece)] = piece
    return memoryview(url)


def _tools_of(request: CountRequest) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if request.tools:
        fields["tools"] = [
            {
                "type": "function",
                "function": {"name": tool.name, "parameters": tool.input_schema}
                | ({"description": tool.description} if tool.description is not None else {})
                | ({"strict": tool.strict} if tool.strict is not None else {}),
            }
            for tool in request.tools
        ]
    choice = request.tool_choice
    if isinstance(choice, NamedToolRule):
        fields["tool_choice"] = {"type": "function", "function": {"name": choice.name}}
    elif choice is not None:
        fields["tool_choice"] = CHOICES[choice.type]
    if choice is not None and choice.disable_parallel_tool_use:
        fields["parallel_tool_calls"] = False
    return fields


def _format_of(request: CountRequest) -> dict[str, Any]:
    format = request.output_format or (request.output_config and request.output_config.format)
    if not format:
        return {}
    named = {"name": "output", "strict": True, "schema": format.json_schema}
    return {"response_format": {"type": "json_schema", "json_schema": named}}


def _limits_of(request: MessagesRequest) -> dict[str, Any]:
    fields = request.model_dump(include={"max_tokens", "temperature", "top_p", "top_k"}, exclude_none=True)
    if request.stop_sequences:
        fields["stop"] = request.stop_sequences
    if request.thinking is not None:
        fields["thinking"] = {"type": request.thinking.type}
    if request.output_config is not None and request.output_config.effort is not None:
        fields["reasoning_effort"] = request.output_config.effort
    if request.stream:
        fields |= {"stream": True, "stream_options": {"include_usage": True}}
    return fields
