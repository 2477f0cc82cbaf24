"""What a request's tools, calls and last message must be."""

import json
from typing import Any

import pytest

from viewfinder.core.config import Limits
from viewfinder.core.errors import BadRequest
from viewfinder.wire.chat import parse_request

USER = {"role": "user", "content": "What color?"}
TOOL = {"type": "function", "function": {"name": "look"}}


def parse(*messages: dict[str, Any], **more: Any) -> Any:
    body = {"model": "glimpse", "messages": messages or [USER], **more}
    return parse_request(json.dumps(body).encode(), Limits()).request


def history(arguments: str) -> list[dict[str, Any]]:
    function = {"name": "look", "arguments": arguments}
    call = {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": function}]}
    return [USER, call, {"role": "tool", "tool_call_id": "c", "content": "red"}, USER]


@pytest.mark.parametrize("arguments", ['{"color":"re', "[1]", '"x"', "7", "{,}", "[" * 100_000])
def test_broken_arguments_are_named(arguments: str) -> None:
    with pytest.raises(BadRequest) as caught:
        parse(*history(arguments))
    assert caught.value.param == "messages[1].tool_calls[0].function.arguments"


@pytest.mark.parametrize("arguments", ["{}", '{"a": [1]}', "", "null", " {} "])
def test_arguments_that_clients_send(arguments: str) -> None:
    assert parse(*history(arguments))


@pytest.mark.parametrize("name", ["nope", "Look", ""])
def test_a_function_that_is_not_there(name: str) -> None:
    choice = {"type": "function", "function": {"name": name}}
    with pytest.raises(BadRequest, match="none of the 'tools'") as caught:
        parse(tools=[TOOL], tool_choice=choice)
    assert caught.value.param == "tool_choice"


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "look"}}])
@pytest.mark.parametrize("tools", [{}, {"tools": []}])
def test_a_call_needs_tools(choice: Any, tools: dict[str, Any]) -> None:
    with pytest.raises(BadRequest) as caught:
        parse(tool_choice=choice, **tools)
    assert caught.value.param == "tool_choice"


@pytest.mark.parametrize("choice", ["auto", "none", None])
def test_what_asks_for_no_call_needs_none(choice: Any) -> None:
    assert parse(tool_choice=choice)


def test_two_messages_of_the_assistant_at_the_end() -> None:
    last = {"role": "assistant", "content": "Red."}
    with pytest.raises(BadRequest, match="two messages of the assistant") as caught:
        parse(USER, last, last)
    assert caught.value.param == "messages[2]"
    assert parse(USER, last, last, USER)


def test_a_call_continues_nothing() -> None:
    with pytest.raises(BadRequest) as caught:
        parse(USER, {"role": "assistant", "content": "A"}, tools=[TOOL], tool_choice="required")
    assert caught.value.param == "tool_choice"


def test_calls_need_their_results() -> None:
    with pytest.raises(BadRequest) as caught:
        parse(*history("{}")[:2])
    assert caught.value.param == "messages[1].tool_calls"
