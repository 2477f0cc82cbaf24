"""Every field of a request: passed on, ignored and named, or refused with what to do."""

import json
from typing import Any

import pytest

from viewfinder.core.config import Limits
from viewfinder.core.errors import UnsupportedParameter
from viewfinder.wire.chat import ChatRequest, ParsedRequest, parse_request
from viewfinder.wire.fields import FIELDS, ROWS, Field

HELLO = [{"role": "user", "content": "Hello"}]


def parse(**fields: Any) -> ParsedRequest:
    return parse_request(json.dumps({"model": "glimpse", "messages": HELLO, **fields}).encode(), Limits())


def engine_body(**fields: Any) -> dict[str, Any]:
    return parse(**fields).request.for_engine([])


def test_null_means_not_given() -> None:
    """With every field null at once, an answer was once empty."""
    optional = ROWS.keys() - {"model", "messages"}
    assert parse(**dict.fromkeys([*optional, "unknown"])) == parse()


def test_null_means_not_given_within_fields_too() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:", "detail": None, "x": None}, "text": None}
    call = {"id": "1", "type": None, "function": {"name": "a", "arguments": "{}", "x": None}, "index": None}
    said = {"role": "assistant", "content": None, "tool_calls": [call], "images": None, "audio": None}
    result = {"role": "tool", "tool_call_id": "1", "content": "red", "name": None}
    parsed = parse(
        messages=[{"role": "user", "content": [image]}, said, result],
        response_format={"type": "text", "json_schema": None},
        stream_options={"include_usage": None, "x": None},
        tools=[{"type": "function", "function": {"name": "a", "strict": None, "x": None}}],
    )
    assert parsed.ignored == ()


@pytest.mark.parametrize(
    "name",
    [
        "n_discard",
        "mm_processor_kwargs",
        "media_io_kwargs",
        "chat_template",
        "chat_template_kwargs",
        "prompt_embeds",
        "lora",
        "grammar",
        "cache_prompt",
        "functions",
        "__proto__",
    ],
)
def test_engines_own_fields_never_pass(name: str) -> None:
    for value in (-2, "x", {"a": 1}):
        with pytest.raises(UnsupportedParameter) as caught:
            parse(**{name: value})
        assert caught.value.param == name
    for value in ({}, [], ""):
        parsed = parse(**{name: value})
        assert (parsed.ignored, parsed.request.for_engine([])) == ((name,), engine_body())
    assert parse(**{name: None}) == parse()


def test_what_asks_for_nothing_is_taken_and_named() -> None:
    for field in FIELDS:
        for value in field.nothing:
            parsed = parse(**{field.name: value})
            assert parsed.ignored == (field.name,)
            assert parsed.request.for_engine([]) == engine_body()


def test_true_is_not_one() -> None:
    for fields in ({"best_of": True}, {"cache_prompt": 1}, {"mirostat": False}):
        with pytest.raises(UnsupportedParameter):
            parse(**fields)


@pytest.mark.parametrize(
    "field", [field for field in FIELDS if field.effect == "ignored"], ids=lambda f: f.name
)
def test_a_field_without_effect_may_be_anything(field: Field) -> None:
    for value in ("x", 5, {"a": [1]}, True):
        assert parse(**{field.name: value}).ignored == (field.name,)


@pytest.mark.parametrize(
    "field", [field for field in FIELDS if field.effect == "refused"], ids=lambda f: f.name
)
def test_a_refusal_says_why_and_what_to_do(field: Field) -> None:
    with pytest.raises(UnsupportedParameter) as caught:
        parse(**{field.name: ["x"]})
    assert caught.value.param == field.name
    assert caught.value.message == f"The parameter '{field.name}' is not supported. {field.says}"
    assert caught.value.hint == field.instead


def test_the_table_has_every_field_of_a_request() -> None:
    assert {field.name for field in FIELDS if field.effect == "passed on"} == ChatRequest.model_fields.keys()
    assert len(ROWS) == len(FIELDS)


def test_unknown_keys_of_messages_parts_and_calls_are_named() -> None:
    text = {"type": "text", "text": "?", "cache_control": {"type": "ephemeral"}}
    image = {"type": "image_url", "image_url": {"url": "data:", "format": "image/png"}, "uuid": "x"}
    function = {"name": "look", "arguments": "{}", "parsed_arguments": {"a": 1}}
    call = {"index": 0, "id": "1", "type": "function", "function": function, "extra": 1}
    parsed = parse(
        messages=[
            {"role": "user", "content": [text, image], "id": 5, "metadata": {"a": 1}},
            {"role": "assistant", "content": [], "tool_calls": [call], "reasoning": "Hm", "audio": []},
            {"role": "tool", "tool_call_id": "1", "content": "red", "provider_specific_fields": {"a": 1}},
        ],
        tools=[{"type": "function", "function": {"name": "look", "x": 1}, "cache_control": {"a": 1}}],
        stream=True,
        stream_options={"include_obfuscation": False, "continuous_usage_stats": True, "include_usage": True},
    )
    assert parsed.ignored == (
        "messages.content.cache_control",
        "messages.content.image_url.format",
        "messages.content.uuid",
        "messages.id",
        "messages.metadata",
        "messages.provider_specific_fields",
        "messages.reasoning",
        "messages.tool_calls.extra",
        "messages.tool_calls.function.parsed_arguments",
        "messages.tool_calls.index",
        "stream_options.continuous_usage_stats",
        "stream_options.include_obfuscation",
        "tools.cache_control",
        "tools.function.x",
    )
    body = parsed.request.for_engine(["ours"])
    assert body["messages"][0]["content"][1] == {"type": "image_url", "image_url": {"url": "ours"}}
    assert body["stream_options"] == {"include_usage": True}
    kept = {"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    assert body["messages"][1]["tool_calls"] == [kept]
    assert body["tools"] == [{"type": "function", "function": {"name": "look"}}]


def test_names_that_belong_in_no_header_are_not_in_it() -> None:
    message = {"role": "user", "content": "?", "a\r\nset-cookie: b": 1, "\u00e9": 1, "x" * 200: 1}
    assert parse(messages=[message]).ignored == ("?",)
    many = parse(**{f"f{number:03}": [] for number in range(500)}).ignored
    assert (len(many), many[-1]) == (33, "and 468 more")
