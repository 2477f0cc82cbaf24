"""Anthropic's requests in the words of chat completions, and replies in Anthropic's."""

import base64
import json
from typing import Any

import pytest

from viewfinder.core.config import Limits
from viewfinder.core.errors import BadRequest, EngineRefused, UnsupportedParameter
from viewfinder.wire.anthropic import DATA_URL, MOST_MESSAGES, Anthropic
from viewfinder.wire.anthropic_reply import MessageAnswer, error_body
from viewfinder.wire.chat import ParsedRequest, parse_request
from viewfinder.wire.messages import texts_of
from viewfinder.wire.outline import LONG_BYTES
from viewfinder.wire.sse import EventReader

PNG = base64.b64encode(b"\x89PNG" * 10).decode()
TEXT = {"type": "text", "text": "What is it?"}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": ["x"]}}
TOOL = {"name": "look", "description": "Looks.", "input_schema": {"type": "object"}}


def image(data: str = PNG, **more: Any) -> dict[str, Any]:
    return {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}, **more}


def result(*content: Any, **more: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": "toolu_1", "content": list(content), **more}


def said(role: str, *content: Any) -> dict[str, Any]:
    return {"role": role, "content": list(content)}


def parsed(*messages: Any, **fields: Any) -> ParsedRequest:
    body = {"model": "glimpse", "max_tokens": 9, "messages": messages or [said("user", TEXT)], **fields}
    return parse_request(json.dumps(body).encode(), Limits(), Anthropic())


def refused(*messages: Any, **fields: Any) -> BadRequest:
    with pytest.raises(BadRequest) as caught:
        parsed(*messages, **fields)
    return caught.value


def test_texts_and_the_system() -> None:
    request = parsed(
        {"role": "user", "content": "Hm."},
        said("assistant", TEXT),
        said("user", TEXT, {**TEXT, "cache_control": {"type": "ephemeral"}}),
        {"role": "system", "content": "Be quick."},
        {"role": "user", "content": "So?"},
        system=[{"type": "text", "text": "Be short."}],
    ).request
    words = [(message.role, texts_of(message)) for message in request.messages]
    assert words == [
        ("system", ["Be short."]),
        ("user", ["Hm."]),
        ("assistant", ["What is it?"]),
        ("user", ["What is it?", "What is it?"]),
        ("system", ["Be quick."]),
        ("user", ["So?"]),
    ]
    assert [message.role for message in parsed(system="Be short.").request.messages] == ["system", "user"]
    assert [message.role for message in parsed(system="").request.messages] == ["user"]


@pytest.mark.parametrize("size", [40, LONG_BYTES * 600], ids=["left where it is", "cut out"])
def test_raw_base64_is_a_data_url(size: int) -> None:
    data = base64.b64encode(bytes(range(256)) * (size // 256 + 1)).decode()
    for given in (data, DATA_URL.decode() + data):
        reply = parsed(said("user", image(given), TEXT))
        (ref,) = reply.request.image_parts()
        url = ref.url if isinstance(ref.url, str) else bytes(ref.url).decode()
        assert url == DATA_URL.decode() + data
        assert reply.where(ref.param) == "messages[0].content[0].source"


def test_an_image_behind_a_url() -> None:
    source = {"type": "url", "url": DATA_URL.decode() + PNG}
    (ref,) = parsed(said("user", {"type": "image", "source": source})).request.image_parts()
    assert ref.url == source["url"]


def test_what_a_tool_returned() -> None:
    reply = parsed(
        said("user", TEXT),
        said("assistant", {"type": "thinking", "thinking": "Hm.", "signature": "x"}, CALL),
        said("user", TEXT, result(TEXT, image(), is_error=True), result(image()), result()),
        said("user", {"type": "tool_result", "tool_use_id": "toolu_1"}),
        tools=[TOOL],
    )
    _, call, first, second, third, user, last = reply.request.messages
    assert call.content is None
    assert call.tool_calls is not None
    assert call.tool_calls[0].id == "toolu_1"
    assert json.loads(call.tool_calls[0].function.arguments) == {"at": ["x"]}
    assert [message.role for message in (first, second, third, user, last)] == [*["tool"] * 3, "user", "tool"]
    assert texts_of(first) == ["What is it?"]
    assert "image" in texts_of(second)[0]
    assert (third.content, last.content) == ("", "")
    assert first.tool_call_id == "toolu_1"
    assert [part.type for part in user.content] == ["text", "image_url", "image_url"]
    assert [reply.where(ref.param) for ref in reply.request.image_parts()] == [
        "messages[2].content[1].content[1].source",
        "messages[2].content[2].content[0].source",
    ]
    assert reply.ignored == ("messages.content.is_error", "messages.content.thinking")


def test_the_fields() -> None:
    request = parsed(
        stop_sequences=["."],
        temperature=0.5,
        top_p=0.9,
        stream=True,
        tools=[TOOL, {**TOOL, "type": "custom", "cache_control": {"type": "ephemeral"}}],
    ).request
    body = request.for_engine([])
    assert (request.output_limit, request.stop, request.temperature, request.top_p) == (9, ["."], 0.5, 0.9)
    assert (request.stream, request.include_usage) == (True, True)
    assert body["tools"][0]["function"] == {
        "name": "look",
        "description": "Looks.",
        "parameters": {"type": "object"},
    }


@pytest.mark.parametrize(
    ("choice", "chosen"),
    [
        ({"type": "auto"}, "auto"),
        ({"type": "any"}, "required"),
        ({"type": "none"}, "none"),
        ({"type": "tool", "name": "look"}, {"type": "function", "function": {"name": "look"}}),
    ],
    ids=lambda value: str(value)[:20],
)
def test_the_choice_of_a_tool(choice: dict[str, Any], chosen: object) -> None:
    parsed_choice = {**choice, "disable_parallel_tool_use": True}
    reply = parsed(tools=[TOOL], tool_choice=parsed_choice)
    assert reply.request.model_dump(include={"tool_choice"})["tool_choice"] == chosen
    assert reply.request.parallel_tool_calls is False
    assert reply.ignored == ()


def test_a_schema_of_the_answer() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    given = {"format": {"type": "json_schema", "schema": schema}, "effort": "low"}
    for fields in ({"output_config": given}, {"output_format": given["format"]}):
        body = parsed(**fields).request.for_engine([])
        assert body["response_format"]["json_schema"] == {"name": "output", "strict": True, "schema": schema}
    assert parsed(output_config={"effort": "low"}).request.response_format is None


def test_what_has_no_effect_is_named() -> None:
    reply = parsed(
        said("user", {**TEXT, "cache_control": {"type": "ephemeral"}, "citations": None, "né": 1, "x\ny": 1}),
        metadata={"user_id": "me"},
        service_tier=None,
        betas=[],
    )
    assert reply.ignored == ("metadata", "messages.content.cache_control")


def test_whether_and_how_much_to_think_is_passed_on() -> None:
    reply = parsed(
        thinking={"type": "enabled", "budget_tokens": 1024}, output_config={"effort": "low", "format": None}
    )
    body = reply.request.for_engine([])
    assert (body["thinking"], body["reasoning_effort"]) == ("enabled", "low")
    assert reply.ignored == ()
    assert reply.where("reasoning_effort") == "output_config.effort"


@pytest.mark.parametrize(
    ("fields", "param", "words"),
    [
        ({"max_tokens": None}, "max_tokens", "missing"),
        ({"mcp_servers": [1]}, "mcp_servers", "not supported"),
        ({"n_discard": 1}, "n_discard", "not supported"),
        ({"messages": "x"}, "messages", "a list"),
        ({"messages": [5]}, "messages[0]", "an object"),
        ({"messages": [{"role": "king", "content": "x"}]}, "messages[0].role", "one of"),
        ({"messages": [said("user")]}, "messages[0].content", "empty"),
        ({"messages": [said("user", {"text": "x"})]}, "messages[0].content[0].type", "missing"),
        ({"messages": [said("user", {"type": "text"})]}, "messages[0].content[0].text", "missing"),
        ({"messages": [said("user", {"type": "document"})]}, "messages[0].content[0].type", "as images"),
        ({"messages": [said("user", CALL)]}, "messages[0].content[0].type", "'tool_use'"),
        ({"messages": [said("assistant", image())]}, "messages[0].content[0].type", "of the user"),
        (
            {"messages": [said("user", image() | {"source": {"type": "file", "file_id": "x"}})]},
            "messages[0].content[0].source.type",
            "base64",
        ),
        (
            {"messages": [said("user", result({"type": "document"}))]},
            "messages[0].content[0].content[0].type",
            "one of",
        ),
        ({"messages": [said("user", TEXT), said("assistant", CALL)]}, "messages[1].content", "no result"),
        ({"tools": [{"name": "x", "type": "web_search_20250305"}]}, "tools[0].type", "Anthropic's own"),
        ({"tools": [{"name": "x"}]}, "tools[0].input_schema", "missing"),
        (
            {"tools": [{"name": "x", "input_schema": {"type": "string", "pattern": "(a+)+" * 40}}]},
            "tools[0].input_schema",
            "",
        ),
        ({"stop_sequences": ["a"] * 5}, "stop_sequences", ""),
        ({"stop_sequences": [""]}, "stop_sequences[0]", "empty"),
        ({"temperature": 1.5}, "temperature", "at most 1"),
        ({"system": 5}, "system", "a string or a list"),
        ({"tool_choice": {"type": "all"}}, "tool_choice.type", "one of"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_refused(fields: dict[str, Any], param: str, words: str) -> None:
    error = refused(**fields)
    assert str(error.param).startswith(param)
    assert words in str(error)


def test_no_object_is_made_of_thousands_of_them() -> None:
    assert refused(said("user", *[TEXT] * 1025)).reason == "too_many_parts"
    assert refused(*[said("user", result(*[TEXT] * 30))] * 40).reason == "too_many_parts"
    assert refused(*[said("user", TEXT)] * (MOST_MESSAGES + 1)).reason == "too_many_messages"
    assert refused(*[{"role": "user", "content": "x"}] * 600).reason == "too_many_messages"
    assert refused(said("user", *[image()] * 17)).reason == "too_many_images"


def test_a_key_data_of_a_tool_is_no_image() -> None:
    long = "A" * LONG_BYTES
    call = {**CALL, "input": {"data": long, "source": {"data": long}}, "source": {"data": long}}
    request = parsed(said("user", TEXT), said("assistant", call), said("user", result())).request
    calls = request.messages[1].tool_calls
    assert json.loads(calls[0].function.arguments) == call["input"]


def test_a_whole_reply() -> None:
    message = {
        "content": "Hm.",
        "tool_calls": [{"id": "1", "function": {"name": "look", "arguments": '{"a": 1}'}}],
    }
    usage = {"prompt_tokens": 7, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 5}}
    reply = {
        "id": "msg_1",
        "model": "m",
        "choices": [{"message": message, "finish_reason": "tool_calls"}],
        "usage": usage,
    }
    assert MessageAnswer().whole(reply) == {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [
            {"type": "text", "text": "Hm.", "citations": None},
            {"type": "tool_use", "id": "1", "name": "look", "input": {"a": 1}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 2,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 5,
            "output_tokens": 3,
        },
    }


@pytest.mark.parametrize(
    ("arguments", "reason", "given"),
    [
        ("", "tool_calls", {}),
        ('{"a": [1, 2', "length", {"a": [1, 2]}),
        ('{"a": [1, 2', "tool_calls", None),
        ("[]", "tool_calls", None),
    ],
)
def test_the_arguments_of_a_call(arguments: str, reason: str, given: object) -> None:
    call = {"function": {"name": "look", "arguments": arguments}}
    choice = {"message": {"content": None, "tool_calls": [call]}, "finish_reason": reason}
    reply = {"id": "msg_1", "model": "m", "choices": [choice]}
    if given is None:
        with pytest.raises(EngineRefused):
            MessageAnswer().whole(reply)
        return
    (block,) = MessageAnswer().whole(reply)["content"]
    assert block["input"] == given
    assert block["id"].startswith("toolu_")


def test_a_stream_of_text_and_calls() -> None:
    answer = MessageAnswer()
    deltas: list[dict[str, Any]] = [
        {"role": "assistant", "content": ""},
        {"reasoning_content": "Hm."},
        {"content": "A"},
        {"content": "B"},
        {"tool_calls": [{"index": 0, "id": "1", "type": "function", "function": {"name": "look"}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"a":'}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": "1}"}}]},
        {"tool_calls": [{"index": 1, "function": {"name": "look", "arguments": "{}"}}]},
    ]
    chunks = [{"choices": [{"delta": delta, "finish_reason": None}]} for delta in deltas]
    chunks += [{"choices": [{"delta": {}, "finish_reason": "tool_calls"}]}]
    chunks += [{"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}]
    data = b"".join(
        part for chunk in chunks for part in answer.events({"id": "msg_1", "model": "m", **chunk})
    )
    data += b"".join(answer.ended())
    events = [json.loads(event) for event in EventReader().feed(data)]
    names = [line[7:] for line in data.decode().splitlines() if line.startswith("event: ")]
    assert names == [event["type"] for event in events]
    block = ["content_block_start", "content_block_delta", "content_block_delta", "content_block_stop"]
    assert names == [
        *("message_start", "ping"),
        *block,
        *block,
        *(block[0], block[1], block[3]),
        *("message_delta", "message_stop"),
    ]
    assert [event["index"] for event in events if "index" in event] == [0] * 4 + [1] * 4 + [2] * 3
    assert events[-2]["delta"] == {"stop_reason": "tool_use", "stop_sequence": None}
    assert events[-2]["usage"]["input_tokens"] == 7


def test_pieces_of_two_calls_that_are_mixed() -> None:
    answer = MessageAnswer()
    for index, name in ((0, "look"), (1, "look"), (0, None)):
        call = {"index": index, "function": {"name": name, "arguments": "{"}}
        chunk = {
            "id": "msg_1",
            "model": "m",
            "choices": [{"delta": {"tool_calls": [call]}, "finish_reason": None}],
        }
        if name:
            assert list(answer.events(chunk))
        else:
            with pytest.raises(EngineRefused):
                list(answer.events(chunk))


@pytest.mark.parametrize(
    ("type", "code", "wanted"),
    [
        ("invalid_request_error", "invalid_image", "invalid_request_error"),
        ("invalid_request_error", "model_not_found", "not_found_error"),
        ("invalid_request_error", "request_too_large", "request_too_large"),
        ("rate_limit_error", "queue_full", "rate_limit_error"),
        ("server_error", "stopping", "overloaded_error"),
        ("server_error", "engine_stalled", "timeout_error"),
        ("server_error", "engine_died", "api_error"),
    ],
)
def test_the_type_of_an_error(type: str, code: str, wanted: str) -> None:
    body = error_body({"error": {"message": "It broke.", "type": type, "param": None, "code": code}})
    assert body["type"] == "error"
    assert body["error"] == {"message": "It broke.", "type": wanted, "param": None, "code": code}


def test_a_tool_of_anthropics_is_unsupported() -> None:
    assert isinstance(refused(tools=[{"type": "bash_20250124", "name": "bash"}]), UnsupportedParameter)
