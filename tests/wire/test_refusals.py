"""The message and the path for every kind of invalid field."""

import json
from typing import Any

import pytest

from viewfinder.core.config import Limits
from viewfinder.core.errors import BadRequest, UnsupportedParameter
from viewfinder.wire.chat import parse_request
from viewfinder.wire.refusals import quoted, require_own_fields


def refused(**fields: Any) -> BadRequest:
    whole = {"model": "glimpse", "messages": [{"role": "user", "content": "Hello"}], **fields}
    with pytest.raises(BadRequest) as caught:
        parse_request(json.dumps(whole).encode(), Limits())
    return caught.value


def user(*parts: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "Hello"}, {"role": "user", "content": list(parts)}]}


TEXT = {"type": "text", "text": "Hello"}
PART = "messages[1].content[1]"


@pytest.mark.parametrize(
    ("fields", "param", "fault"),
    [
        ({"model": 5}, "model", "it should be a string"),
        ({"model": ""}, "model", "it should not be empty"),
        ({"model": None}, "model", "is missing"),
        ({"messages": None}, "messages", "is missing"),
        ({"messages": []}, "messages", "it should not be empty"),
        ({"messages": {}}, "messages", "it should be a list"),
        ({"messages": "Hello"}, "messages", "it should be a list"),
        ({"messages": [5]}, "messages[0]", "it should be an object"),
        ({"messages": [{"content": "x"}]}, "messages[0].role", "is missing"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role", "must be one of 'system'"),
        ({"messages": [{"role": "user"}]}, "messages[0].content", "is missing"),
        ({"messages": [{"role": "user", "content": None}]}, "messages[0].content", "is missing"),
        (
            {"messages": [{"role": "user", "content": 5}]},
            "messages[0].content",
            "a string or a list of parts",
        ),
        ({"messages": [{"role": "user", "content": []}]}, "messages[0].content", "it should not be empty"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id", "is missing"),
        ({"messages": [{"role": "assistant"}]}, "messages[0].content", "neither"),
        (user(TEXT, "x"), PART, "it should be an object"),
        (user(TEXT, {}), f"{PART}.type", "is missing"),
        (user(TEXT, {"type": "text"}), f"{PART}.text", "is missing"),
        (user(TEXT, {"type": "text", "text": 5}), f"{PART}.text", "it should be a string"),
        (user(TEXT, {"type": "input_image", "image_url": "x"}), f"{PART}.type", "'text', 'image_url'"),
        (user(TEXT, {"type": "image_url"}), f"{PART}.image_url", "is missing"),
        (user(TEXT, {"type": "image_url", "image_url": "x"}), f"{PART}.image_url", "it should be an object"),
        (user(TEXT, {"type": "image_url", "image_url": {}}), f"{PART}.image_url.url", "is missing"),
        (
            user(TEXT, {"type": "image_url", "image_url": {"url": "x", "detail": "ultra"}}),
            f"{PART}.image_url.detail",
            "'auto', 'low' or 'high'",
        ),
        (
            {"messages": [{"role": "system", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
            "messages[0].content[0].type",
            "it should be 'text'",
        ),
        ({"stream": "yes"}, "stream", "boolean"),
        ({"max_tokens": "12"}, "max_tokens", "integer"),
        ({"max_tokens": True}, "max_tokens", "integer"),
        ({"max_completion_tokens": True}, "max_completion_tokens", "integer"),
        ({"top_logprobs": True, "logprobs": True}, "top_logprobs", "integer"),
        ({"n": True}, "n", "integer"),
        ({"temperature": 2.5}, "temperature", "it should be at most 2."),
        ({"stop": ["a", 5]}, "stop[1]", "it should be a string"),
        ({"stop": ["a"] * 5}, "stop", "at most 4"),
        ({"stop": [""]}, "stop[0]", "it should not be empty"),
        ({"n": 10**9}, "n", "it should be at most 4."),
        ({"top_logprobs": 10**6, "logprobs": True}, "top_logprobs", "it should be at most 20."),
        ({"temperature": -1}, "temperature", "it should be at least 0."),
        ({"temperature": "hot"}, "temperature", "it should be a number"),
        ({"seed": 2**63}, "seed", "it should be less than 9,223,372,036,854,775,808"),
        ({"logit_bias": {"1": 101}}, "logit_bias.1", "it should be at most 100"),
        ({"logit_bias": ["red"]}, "logit_bias", "it should be an object"),
        ({"repeat_penalty": 0}, "repeat_penalty", "it should be at least 0.1"),
        ({"top_k": -2}, "top_k", "it should be at least -1"),
        ({"enable_thinking": "no"}, "enable_thinking", "it should be a boolean"),
        ({"parallel_tool_calls": 1}, "parallel_tool_calls", "it should be a boolean"),
        ({"thinking": {}, "reasoning_effort": 5}, "reasoning_effort", "it should be a string"),
        ({"tool_choice": "perhaps"}, "tool_choice", "'none', 'auto' or 'required'"),
        ({"tool_choice": 5}, "tool_choice", "a word or one tool"),
        ({"response_format": {"type": "regex"}}, "response_format.type", "must be one of 'text'"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema", "is missing"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools[0].function.name", "pattern"),
    ],
    ids=lambda value: json.dumps(value)[:60],
)
def test_the_first_fault_is_named_with_its_path(fields: dict[str, Any], param: str, fault: str) -> None:
    error = refused(**fields)
    assert error.reason == "invalid_request"
    assert error.param == param
    assert f"'{param}'" in error.message or "has neither" in error.message
    assert fault in error.message


@pytest.mark.parametrize(
    ("fields", "param", "instead"),
    [
        ({"messages": [{"role": "user", "content": "x", "images": ["QUJD"]}]}, "messages[0].images", "parts"),
        (
            {"messages": [{"role": "assistant", "content": "x", "function_call": {"name": "a"}}]},
            "messages[0].function_call",
            "'tool_calls'",
        ),
        (
            user({**TEXT, "image_url": {"url": "x"}}),
            "messages[1].content[0].image_url",
            "parts of the type 'image_url'",
        ),
        (
            user(TEXT, {"type": "image_url", "image_url": {"url": "x"}, "text": "What?"}),
            "messages[1].content[1].text",
            "a part of the type 'text'",
        ),
        (
            {"response_format": {"type": "json_object", "schema": {}}},
            "response_format.schema",
            "Leave it out",
        ),
        ({"tool_choice": {"type": "function", "function": {"name": "a"}, "x": 1}}, "tool_choice.x", "Leave"),
    ],
)
def test_what_would_change_the_answer_is_refused_at_any_depth(
    fields: dict[str, Any], param: str, instead: str
) -> None:
    error = refused(**fields)
    assert isinstance(error, UnsupportedParameter)
    assert error.param == param
    assert f"'{param}' is not supported." in error.message
    assert instead in error.hint


def test_the_key_of_a_bias_is_not_repeated() -> None:
    error = refused(logit_bias={"x" * 10_000: 1})
    assert (error.param, len(str(error)) < 200) == ("logit_bias", True)


def test_what_was_sent_is_never_repeated_at_length() -> None:
    error = refused(**{"x" * 100_000: 1})
    assert len(str(error)) < 300
    assert len(error.param or "") < 100
    assert len(str(refused(messages=[{"role": "y" * 100_000, "content": "x"}]))) < 300


def test_a_quoted_name_commands_no_terminal() -> None:
    assert quoted("\x1b]0;owned\x07") == "'\\x1b]0;owned\\x07'"


CHAT, RESPONSES, MESSAGES = "/v1/chat/completions", "/v1/responses", "/v1/messages"


@pytest.mark.parametrize(
    ("api", "field", "other", "instead"),
    [
        (CHAT, "input", RESPONSES, "'messages'"),
        (CHAT, "system", MESSAGES, "role 'system'"),
        (RESPONSES, "messages", CHAT, "'input'"),
        (MESSAGES, "input", RESPONSES, "'messages'"),
    ],
)
def test_the_field_of_another_api_names_it(api: str, field: str, other: str, instead: str) -> None:
    with pytest.raises(UnsupportedParameter) as refused:
        require_own_fields(["model", field, "n_discard"], api)
    assert refused.value.param == field
    assert f"'{field}' belongs to POST {other}, and this is POST {api}." in str(refused.value)
    assert instead in refused.value.hint
    require_own_fields(["model", "stream"], api)
