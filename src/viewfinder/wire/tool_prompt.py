"""A request with tools as its model's template can take it; called by the gateway's relay.

    template       tool_choice      what the engine gets
    has tools      auto             the request as it is
                   a call           the request, and a schema that only a call fits
    has none       auto             the tools in words; a call is found in the answer
                   a call           the tools in words, and a schema that only a call fits
    either         none             no tools
    not known      any              the request as it is

Engines do not enforce `tool_choice`: llama.cpp gives for a named function what it gives for "auto".
Calls and results of a conversation are carried as words where the template would drop them.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from viewfinder.wire.tool_calls import Reads
from viewfinder.wire.tool_history import Body, followed, in_words


@dataclass(frozen=True, slots=True)
class TemplateFacts:
    """What a model's chat template has a place for: tools, the calls and results of a conversation,
    system messages, how much it is to think (`effort`) and whether (`thinking`). `is_of_llama_cpp`: llama.cpp
    says so itself."""

    tools: bool = False
    calls: bool = False
    system: bool = True
    is_of_llama_cpp: bool = False
    thinking: bool = False
    effort: bool = False


@dataclass(frozen=True, slots=True)
class Fitted:
    """The body for the engine, and what to look for in its answer."""

    body: Body
    reads: Reads = "text"
    names: tuple[str, ...] = ()


def fitted(body: Body, facts: TemplateFacts | None) -> Fitted:
    """The request as the template can take it; None: nothing is known of the template."""
    tools = body.get("tools") or []
    choice = body.get("tool_choice", "auto")
    names = tuple(tool["function"]["name"] for tool in tools)
    is_forced = choice not in ("auto", "none")
    if facts is None:
        return Fitted(body, "native" if is_forced else "text", names)
    if not facts.calls:
        body = {**body, "messages": in_words(body["messages"])}
    if choice == "none" or not tools:
        return Fitted({name: body[name] for name in body if name not in ("tools", "tool_choice")})
    if facts.tools and not is_forced:
        return Fitted(body)
    name = None if choice in ("auto", "required") else choice["function"]["name"]
    chosen = [tool for tool in tools if name in (None, _name_of(tool))]
    if facts.tools:
        body = {**body, "tool_choice": "none"}
    else:
        body = {name: body[name] for name in body if name not in ("tools", "tool_choice")}
        body["messages"] = _told(body["messages"], description_of(chosen, must_call=is_forced), facts)
    return _forced(body, chosen) if is_forced else Fitted(_or_a_call(body, tools), "auto", names)


def _forced(body: Body, tools: Sequence[Mapping[str, Any]]) -> Fitted:
    """The request, whose answer can only be a call of one of the tools; of the only one, its arguments."""
    is_only = len(tools) == 1
    schema = _parameters(tools[0], "#") if is_only else call_schema(tools)
    forced = {name: body[name] for name in body if name != "stop"}  # a stop string could only cut the call
    forced["response_format"] = _format(schema)
    return Fitted(forced, "arguments" if is_only else "forced", tuple(map(_name_of, tools)))


def description_of(tools: Sequence[Mapping[str, Any]], *, must_call: bool = False) -> str:
    """The tools in words, with the form of a call."""
    lines = ["Call one of these functions:" if must_call else "You can call these functions:"]
    if must_call and len(tools) == 1:
        lines = ["Call this function; answer only with its arguments as JSON:"]
    for tool in tools:
        function = tool["function"]
        says = f": {function['description']}" if function.get("description") else ""
        lines.append(f"- {function['name']}{says}")
        if (parameters := function.get("parameters")) and parameters.get("properties"):
            lines.append(f"  arguments: {json.dumps(parameters, ensure_ascii=False)}")
    if not must_call or len(tools) > 1:
        lines.append('To call a function, answer only with {"name": <its name>, "arguments": {...}}.')
    return "\n".join(lines)


def call_schema(tools: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The JSON schema of a call of one of the tools."""
    definitions = {f"f{at}": _parameters(tool, f"#/$defs/f{at}") for at, tool in enumerate(tools)}
    calls = [
        {
            "type": "object",
            "properties": {"name": {"const": _name_of(tool)}, "arguments": {"$ref": f"#/$defs/f{at}"}},
            "required": ["name", "arguments"],
            "additionalProperties": False,
        }
        for at, tool in enumerate(tools)
    ]
    return {"anyOf": calls, "$defs": definitions}


def _told(messages: Sequence[Body], words: str, facts: TemplateFacts) -> list[Body]:
    """The messages with the words in the system message, or where there is none, in the user's first."""
    role = "system" if facts.system or messages[0]["role"] == "system" else "user"
    at = next((at for at, message in enumerate(messages) if message["role"] == role), None)
    if at is None or (role == "system" and at > 0):
        return [{"role": role, "content": words}, *messages]
    content = messages[at]["content"]
    both = followed(content, words) if role == "system" else followed(words, content)
    return [*messages[:at], {**messages[at], "content": both}, *messages[at + 1 :]]


def _or_a_call(body: Body, tools: Sequence[Mapping[str, Any]]) -> Body:
    """The body; an answer that must fit a schema may be a call instead."""
    if body.get("response_format", {}).get("type") != "json_schema":
        return body
    schema = body["response_format"]["json_schema"]["schema"]
    calls = call_schema(tools)
    definitions = {**calls.pop("$defs"), "answer": _moved(schema, "#/$defs/answer")}
    either = {"anyOf": [*calls["anyOf"], {"$ref": "#/$defs/answer"}], "$defs": definitions}
    return {**body, "response_format": _format(either)}


def _parameters(tool: Mapping[str, Any], place: str) -> Any:
    """The schema of a tool's arguments, which are always an object."""
    parameters = tool["function"].get("parameters") or {"properties": {}}
    if not any(word in parameters for word in ("type", "$ref", "anyOf", "oneOf", "allOf")):
        parameters = {"type": "object", **parameters}
    if parameters.get("type") == "object" and parameters.get("properties") == {}:
        parameters = {"type": "object", "properties": {}, "additionalProperties": False}
    return _moved(parameters, place)


def _moved(schema: Any, to: str) -> Any:
    """The schema with its references as they are once it stands at `to`."""
    if isinstance(schema, list):
        return [_moved(item, to) for item in schema]
    if not isinstance(schema, dict):
        return schema
    moved = {name: _moved(value, to) for name, value in schema.items()}
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference.startswith("#"):
        moved["$ref"] = to + reference[1:]
    return moved


def _format(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "call", "strict": True, "schema": schema}}


def _name_of(tool: Mapping[str, Any]) -> str:
    return str(tool["function"]["name"])
