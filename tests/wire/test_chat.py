"""The chat request: which fields are honoured, which are ignored and named, which are refused."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from viewfinder.core.config import Limits
from viewfinder.core.errors import BadRequest, UnknownModel, ViewfinderError
from viewfinder.core.request_defaults import RequestDefaults
from viewfinder.wire.chat import MAX_PARTS, ChatRequest, ParsedRequest, parse_request
from viewfinder.wire.media_refs import ImageRef

HELLO = [{"role": "user", "content": "Hello"}]
LIMITS = Limits(images=3, messages=8, output_tokens=100)


def parse(**fields: Any) -> ParsedRequest:
    return parse_request(json.dumps({"model": "glimpse", "messages": HELLO, **fields}).encode(), LIMITS)


def engine_body(**fields: Any) -> dict[str, Any]:
    return parse(**fields).request.for_engine([])


def picture(url: str = "data:", **more: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url, **more}}


def test_the_least_request() -> None:
    parsed = parse()
    assert parsed.ignored == ()
    assert parsed.request.for_engine([]) == {"messages": HELLO, "stream": False}


def test_honoured_fields_reach_the_engine() -> None:
    tool = {
        "type": "function",
        "function": {"name": "look", "parameters": {"type": "object", "default": None}},
    }
    honoured = {
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 64,
        "temperature": 0,
        "top_p": 0.9,
        "seed": 7,
        "stop": ["\n"],
        "presence_penalty": 0.5,
        "frequency_penalty": -0.5,
        "top_k": 40,
        "min_p": 0.05,
        "typical_p": 0.9,
        "repeat_penalty": 1.1,
        "logit_bias": {"17": -100},
        "ignore_eos": True,
        "parallel_tool_calls": False,
        "reasoning_effort": "low",
        "enable_thinking": False,
        "logprobs": True,
        "top_logprobs": 3,
        "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"const": None}}},
        "tools": [tool],
        "tool_choice": {"type": "function", "function": {"name": "look"}},
    }
    assert engine_body(**honoured, n=4) == {"messages": HELLO, **honoured}


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens", "seed", "top_logprobs", "n"])
def test_a_whole_number_may_have_a_point(name: str) -> None:
    """JSON has one type of numbers. Schemathesis sent 1.0 where the document says integer, and got 400."""
    assert parse(**{name: 1.0}, logprobs=True) == parse(**{name: 1}, logprobs=True)
    with pytest.raises(BadRequest):
        parse(**{name: 1.5}, logprobs=True)


def test_tool_calls_need_their_results() -> None:
    """llama.cpp refused it, and the client was told to see the engine's log."""
    call = {"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    asks = [*HELLO, {"role": "assistant", "tool_calls": [call]}]
    with pytest.raises(BadRequest) as caught:
        parse(messages=asks)
    assert caught.value.param == "messages[1].tool_calls"
    parse(messages=[*asks, {"role": "tool", "tool_call_id": "1", "content": "red"}])


def test_the_model_is_not_named_to_the_engine() -> None:
    assert "model" not in engine_body()


def test_the_newer_name_of_max_tokens() -> None:
    assert engine_body(max_completion_tokens=5)["max_tokens"] == 5
    assert engine_body(max_completion_tokens=5, max_tokens=5)["max_tokens"] == 5
    with pytest.raises(BadRequest, match="differ"):
        parse(max_completion_tokens=5, max_tokens=6)


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_a_longer_answer_than_there_is_is_lowered_and_named(name: str) -> None:
    parsed = parse(**{name: 10**12})
    assert parsed.ignored == (f"{name} (lowered to 100)",)
    assert parsed.request.for_engine([])["max_tokens"] == 100
    assert parse(**{name: 100}).ignored == ()


def test_one_stop_is_a_list_of_one() -> None:
    assert engine_body(stop="END")["stop"] == ["END"]


def test_plain_text_is_no_format() -> None:
    assert "response_format" not in engine_body(response_format={"type": "text"})
    assert engine_body(response_format={"type": "json_object"})["response_format"] == {"type": "json_object"}


@pytest.mark.parametrize("seed", [-1, 2**32 - 1, -(2**63), 2**63 - 1])
def test_no_seed_means_random_to_the_engine(seed: int) -> None:
    """llama.cpp keeps 32 bits of a seed and draws one itself when all of them are set."""
    assert 0 <= engine_body(seed=seed)["seed"] < 2**32 - 1


def test_stream_options_without_a_stream_stay_here() -> None:
    assert "stream_options" not in engine_body(stream_options={"include_usage": True})


def test_original_is_high() -> None:
    message = {"role": "user", "content": [picture(detail="original")]}
    assert parse(messages=[message]).request.image_parts()[0].detail == "high"


@pytest.mark.parametrize(
    ("fields", "others", "sent"),
    [
        ({"logprobs": True}, 0, 1),
        ({"logprobs": True, "top_logprobs": 0}, 0, 1),
        ({"logprobs": True, "top_logprobs": 5}, 5, 5),
        ({"logprobs": False, "top_logprobs": 0}, None, None),
        ({"top_logprobs": 0}, None, None),
    ],
)
def test_log_probabilities_have_openais_meaning(fields: Any, others: int | None, sent: int | None) -> None:
    """llama.cpp gives none for 0 other tokens, and refuses 0 of them without `logprobs`."""
    request = parse(**fields).request
    assert request.most_others == others
    assert request.for_engine([]).get("top_logprobs") == sent


def test_ignored_fields_are_named() -> None:
    mine = {
        "role": "assistant",
        "content": "Hi.",
        "refusal": None,
        "annotations": [],
        "reasoning_content": "Hm",
    }
    parsed = parse(user="me", store=True, messages=[*HELLO, mine])
    assert parsed.ignored == ("messages.reasoning_content", "store", "user")
    assert parsed.request.for_engine([])["messages"][1] == {"role": "assistant", "content": "Hi."}


@pytest.mark.parametrize("body", [b"[]", b"5", b'"x"', b"null"])
def test_a_body_is_an_object(body: bytes) -> None:
    with pytest.raises(BadRequest) as caught:
        parse_request(body, LIMITS)
    assert caught.value.reason == "invalid_request"


@pytest.mark.parametrize("name", ["x" * 10_000, "a\x1b[31m", "a\nb", "\u202egnp", "\ue000"])
def test_a_name_that_no_model_can_have(name: str) -> None:
    with pytest.raises(UnknownModel) as caught:
        parse(model=name)
    assert len(str(caught.value)) < 200
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"messages": HELLO * 9}, "too_many_messages", "messages"),
        ({"messages": HELLO * 10_000}, "too_many_messages", "messages"),
        ({"messages": [{"role": "user", "content": [picture()] * 4}]}, "too_many_images", "messages"),
        ({"messages": [{"role": "user", "content": [picture()] * 2}] * 2}, "too_many_images", "messages"),
        ({"messages": [{"role": "user", "content": [0] * (MAX_PARTS + 1)}]}, "too_many_parts", "messages"),
        ({"top_logprobs": 3}, "invalid_request", "top_logprobs"),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "a", "schema": {"$ref": "x"}},
                }
            },
            "invalid_schema",
            "response_format.json_schema.schema",
        ),
        (
            {"tools": [{"type": "function", "function": {"name": "a", "parameters": {"maxItems": 1e9}}}]},
            "invalid_schema",
            "tools[0].function.parameters",
        ),
    ],
)
def test_caps(fields: dict[str, Any], code: str, param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        parse(**fields)
    assert (caught.value.reason, caught.value.param) == (code, param)


def test_as_many_images_as_allowed() -> None:
    parse(messages=[{"role": "user", "content": [picture()] * 3}])


def test_images_are_listed_in_order_with_their_place() -> None:
    text = {"type": "text", "text": "?"}
    request = parse(
        messages=[
            {"role": "system", "content": [text]},
            {"role": "user", "content": [text, picture("a", detail="low")]},
            {"role": "user", "content": [picture("b")]},
        ]
    ).request
    assert request.image_parts() == [ImageRef(1, 1, "a", "low"), ImageRef(2, 0, "b", "auto")]
    assert request.image_parts()[0].param == "messages[1].content[1].image_url.url"


@pytest.mark.parametrize("images", [[], ["a", "b"]])
def test_an_image_without_its_safe_one_never_leaves(images: list[str]) -> None:
    request = parse(messages=[{"role": "user", "content": [picture("theirs")]}]).request
    with pytest.raises(ValueError, match="one safe image"):
        request.for_engine(images)


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["user", "text", "image_url", "assistant", "json_schema", "function", "auto", ""]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["role", "content", "type", "text", "image_url", "url", "function", "name", "schema"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(
            ["messages", "tools", "tool_choice", "response_format", "stop", "stream_options", "user"]
        ),
        JUNK,
        max_size=3,
    )
)
def test_any_object_is_taken_or_refused_with_a_sentence(fields: dict[str, Any]) -> None:
    try:
        parsed = parse(**fields)
    except ViewfinderError as error:
        assert isinstance(error, BadRequest)  # noqa: PT017 - both outcomes are right
        assert error.message.endswith(".")  # noqa: PT017
    else:
        parsed.request.for_engine(["data:ours"] * len(parsed.request.image_parts()))


@pytest.mark.parametrize("name", RequestDefaults.model_fields)
def test_a_default_may_be_what_a_request_may_say(name: str) -> None:
    default, said = (
        TypeAdapter(kind.model_fields[name].annotation) for kind in (RequestDefaults, ChatRequest)
    )
    assert default.json_schema() == said.json_schema()
