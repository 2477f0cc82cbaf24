"""The OpenAPI document: it has every route, and what it says of requests and answers is true."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError
from starlette.routing import Route

from viewfinder.core.config import Limits, Settings
from viewfinder.core.errors import BadRequest
from viewfinder.gateway.app import make_app
from viewfinder.gateway.guards import OPEN_PATHS
from viewfinder.gateway.keys import KeyFile
from viewfinder.gateway.openapi import ERRORS, document
from viewfinder.gateway.problems import BY_CLASS, BY_CODE
from viewfinder.media.intake import Intake
from viewfinder.wire.anthropic import Anthropic
from viewfinder.wire.anthropic_types import MESSAGE_EVENTS
from viewfinder.wire.chat import PASSED_ON, parse_request
from viewfinder.wire.sse import EventReader

from .conftest import Fleet

LIMITS = Limits()
DOCUMENT = document("1.2.3", LIMITS, needs_key=False)
USER = [{"role": "user", "content": "What is it?"}]
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}}
CLIPS = [
    {
        "type": "video_url",
        "video_url": {"url": "data:video/mp4;base64,AAAA", "frames": 4, "choose": "change"},
    },
    {"type": "video_url", "video_url": {"url": "data:image/gif;base64,AAAA", "frames": None, "fps": 2}},
]
SCHEMA = {"name": "answer", "schema": {"type": "object"}, "strict": True}
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}

TAKEN: dict[str, dict[str, Any]] = {
    "little": {},
    "one word to stop at": {"stop": "."},
    "words to stop at": {"stop": [".", "!"]},
    "what a client sends back": {"messages": [{"role": "assistant", "content": "", "function_call": None}]},
    "null for what has no value": {"stream": None, "seed": None, "tools": None, "n": None},
    "ignored": {"user": "me", "metadata": {"a": [1]}, "store": True},
    "parts": {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hm."}, IMAGE]}]},
    "clips": {"messages": [{"role": "user", "content": CLIPS}]},
    "a conversation": {
        "messages": [
            {"role": "developer", "content": "Be short.", "name": None},
            *USER,
            {"role": "assistant", "content": "Red.", "refusal": None, "annotations": []},
            *USER,
        ]
    },
    "tools": {
        "tools": [TOOL],
        "tool_choice": {"type": "function", "function": {"name": "look"}},
        "messages": [
            *USER,
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "1", "function": {"name": "look", "arguments": "{}"}}],
            },
            {"role": "tool", "tool_call_id": "1", "content": "red"},
        ],
    },
    "a schema": {"response_format": {"type": "json_schema", "json_schema": SCHEMA}},
    "numbers": {"temperature": 0, "top_p": 1, "seed": -1, "max_tokens": LIMITS.output_tokens + 1},
    "more numbers": {"n": 4, "top_k": -1, "min_p": 0, "typical_p": 1, "repeat_penalty": 1.5},
    "what is empty": {"stop": "", "tools": [], "logit_bias": {}, "foo": [], "grammar": "", "user": None},
    "what asks for nothing": {"modalities": ["text"], "function_call": "none", "best_of": 1, "echo": False},
    "thinking": {"reasoning_effort": "none", "enable_thinking": False, "thinking": {"type": "x", "y": 1}},
    "extra keys": {
        "stream_options": {"include_obfuscation": False},
        "tools": [{**TOOL, "cache_control": {}}],
        "messages": [
            {"role": "user", "id": 5, "content": [{"type": "text", "text": "?", "cache_control": {}}]},
            {
                "role": "assistant",
                "content": [],
                "tool_calls": [{"index": 0, "id": "1", "function": {"name": "look", "arguments": "{}"}}],
            },
            {"role": "tool", "tool_call_id": "1", "content": "red"},
        ],
    },
}
REFUSED: dict[str, dict[str, Any]] = {
    "an unknown field": {"n_discard": 1},
    "no messages": {"messages": []},
    "an assistant without words and calls": {"messages": [*USER, {"role": "assistant", "tool_calls": []}]},
    "other likely tokens without the tokens": {"top_logprobs": 1},
    "a message without words": {"messages": [{"role": "user", "content": None}]},
    "five answers": {"n": 5},
    "no tokens": {"max_tokens": 0},
    "a value for an unknown field": {"foo": False},
    "a grammar": {"grammar": "root ::= [a-z]"},
    "sound": {"modalities": ["text", "audio"]},
    "a bias for a word": {"logit_bias": {"red": 1}},
    "a clip of no frames": {
        "messages": [{"role": "user", "content": [{**CLIPS[0], "video_url": {"url": "data:,", "frames": 0}}]}]
    },
    "a clip of a tool": {"messages": [{"role": "tool", "tool_call_id": "1", "content": CLIPS}]},
    "images beside the content": {"messages": [{"role": "user", "content": "?", "images": ["QUJD"]}]},
    "hot": {"temperature": 2.1},
    "a number as a word": {"max_tokens": "7"},
    "too many messages": {"messages": USER * (LIMITS.messages + 1)},
    "a model without a name": {"model": ""},
    "an empty word to stop at": {"stop": [""]},
}


TAKEN_BY_ANTHROPIC: dict[str, dict[str, Any]] = {
    "little": {},
    "null for what has no value": {"stream": None, "system": None, "tools": None},
    "ignored": {"metadata": {"user_id": "me"}, "thinking": {"type": "disabled"}, "top_k": 5},
    "a system": {"system": [{"type": "text", "text": "Be short.", "cache_control": {"type": "ephemeral"}}]},
    "an image": {
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "image", "source": {"type": "base64", "media_type": "x", "data": "QUJD"}}
                ],
            }
        ]
    },
    "tools": {
        "tools": [{"name": "look", "input_schema": {"type": "object"}}],
        "tool_choice": {"type": "tool", "name": "look"},
        "messages": [
            *USER,
            {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "look", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1"}]},
        ],
    },
    "a schema": {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}},
    "numbers": {"temperature": 1, "top_p": 1, "max_tokens": LIMITS.output_tokens},
}
REFUSED_BY_ANTHROPIC: dict[str, dict[str, Any]] = {
    "an unknown field": {"n_discard": 1},
    "no limit": {"max_tokens": None},
    "no messages": {"messages": []},
    "a message without words": {"messages": [{"role": "user", "content": []}]},
    "a document": {"messages": [{"role": "user", "content": [{"type": "document"}]}]},
    "a call of the user's": {
        "messages": [
            {"role": "user", "content": [{"type": "tool_use", "id": "1", "name": "look", "input": {}}]}
        ]
    },
    "a tool of Anthropic's": {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
    "hot": {"temperature": 1.1},
}


def validator(name: str) -> Draft202012Validator:
    schemas = DOCUMENT["components"]["schemas"]
    text = json.dumps({"$defs": schemas, **schemas[name]}).replace("#/components/schemas/", "#/$defs/")
    return Draft202012Validator(json.loads(text))


async def test_it_lists_every_route_and_no_other() -> None:
    settings = Settings()
    async with Intake(settings.limits) as intake:
        app = make_app(Fleet(None), intake, settings, "1.2.3")
    routes = {
        (route.path_format, method.lower())
        for route in app.routes
        if isinstance(route, Route)
        for method in (route.methods or {"GET"}) - {"HEAD"}
    }
    assert {(path, method) for path, methods in DOCUMENT["paths"].items() for method in methods} == routes


def test_every_status_of_the_table_is_explained() -> None:
    statuses = {status for status, _ in (*BY_CLASS.values(), *BY_CODE.values())}
    assert statuses == set(ERRORS)
    listed = DOCUMENT["paths"]["/v1/chat/completions"]["post"]["responses"]
    assert {"200", *map(str, statuses)} == {*listed, "401", "409"}, "409 is of /fleet"


def test_every_field_that_is_passed_on_is_in_it() -> None:
    assert set(PASSED_ON) <= DOCUMENT["components"]["schemas"]["ChatRequest"]["properties"].keys()


@pytest.mark.parametrize("fields", TAKEN.values(), ids=TAKEN)
def test_what_is_taken_is_valid_by_it(fields: dict[str, Any]) -> None:
    body = {"model": "glimpse", "messages": USER, **fields}
    parse_request(json.dumps(body).encode(), LIMITS)
    validator("ChatRequest").validate(body)


@pytest.mark.parametrize("fields", REFUSED.values(), ids=REFUSED)
def test_what_it_forbids_is_refused(fields: dict[str, Any]) -> None:
    body = {"model": "glimpse", "messages": USER, **fields}
    with pytest.raises(Exception, match=r".") as refused:
        parse_request(json.dumps(body).encode(), LIMITS)
    assert refused.type.__module__ == "viewfinder.core.errors"
    with pytest.raises(ValidationError):
        validator("ChatRequest").validate(body)


@pytest.mark.parametrize("fields", TAKEN_BY_ANTHROPIC.values(), ids=TAKEN_BY_ANTHROPIC)
def test_what_anthropics_api_takes_is_valid_by_it(fields: dict[str, Any]) -> None:
    body = {"model": "glimpse", "messages": USER, "max_tokens": 9, **fields}
    parse_request(json.dumps(body).encode(), LIMITS, Anthropic())
    validator("MessagesRequest").validate(body)


@pytest.mark.parametrize("fields", REFUSED_BY_ANTHROPIC.values(), ids=REFUSED_BY_ANTHROPIC)
def test_what_it_forbids_anthropics_api_refuses(fields: dict[str, Any]) -> None:
    body = {"model": "glimpse", "messages": USER, "max_tokens": 9, **fields}
    with pytest.raises(BadRequest):
        parse_request(json.dumps(body).encode(), LIMITS, Anthropic())
    with pytest.raises(ValidationError):
        validator("MessagesRequest").validate(body)


async def test_what_anthropics_api_answers_is_what_it_says(gateway) -> None:
    url, body = f"{gateway.url}/v1/messages", {"model": "both", "messages": USER, "max_tokens": 9}
    async with gateway.http.post(url, json=body) as reply:
        validator("AnsweredMessage").validate(await reply.json())
    async with gateway.http.post(url, json={**body, "model": "nobody"}) as reply:
        validator("AnthropicError").validate(await reply.json())
    async with gateway.http.post(url, json={**body, "stream": True}) as reply:
        data = [json.loads(event) for event in EventReader().feed(await reply.read())]
    kinds = {kind.model_fields["type"].annotation.__args__[0]: kind.__name__ for kind in MESSAGE_EVENTS}
    assert len(data) > 5
    for chunk in data:
        validator(kinds[chunk["type"]]).validate(chunk)


async def test_what_continues_a_text_is_what_it_says(gateway) -> None:
    url = f"{gateway.url}/v1/completions"
    for more in ({}, {"logprobs": 2}):
        body = {"model": "both", "prompt": "Once", **more}
        validator("CompletionRequest").validate(body)
        async with gateway.http.post(url, json=body) as reply:
            validator("TextCompletion").validate(await reply.json())
        body |= {"stream": True, "stream_options": {"include_usage": True}}
        validator("CompletionRequest").validate(body)
        async with gateway.http.post(url, json=body) as reply:
            *chunks, done = EventReader().feed(await reply.read())
        assert done == "[DONE]"
        for chunk in chunks:
            validator("TextCompletionChunk").validate(json.loads(chunk))


async def test_what_counts_tokens_is_what_it_says(gateway) -> None:
    for path, kind in (
        ("/v1/chat/completions/input_tokens", "InputTokens"),
        ("/v1/messages/count_tokens", "TokenCount"),
    ):
        async with gateway.http.post(gateway.url + path, json={"model": "both", "messages": USER}) as reply:
            validator(kind).validate(await reply.json())


async def test_what_is_answered_is_what_it_says(gateway) -> None:
    body = {"model": "both", "messages": USER}
    for name, path in (("ModelList", "/v1/models"), ("Health", "/health"), ("Ready", "/ready")):
        async with gateway.http.get(gateway.url + path) as reply:
            validator(name).validate(await reply.json())
    async with gateway.http.get(f"{gateway.url}/openapi.json") as reply:
        assert await reply.json() == DOCUMENT
    async with gateway.http.get(f"{gateway.url}/v1/models/nobody") as reply:
        validator("ErrorBody").validate(await reply.json())
    async with gateway.http.post(f"{gateway.url}/v1/chat/completions", json=body) as reply:
        said = await reply.json()
        validator("ChatCompletion").validate(said)
    async with gateway.http.get(f"{gateway.url}/v1/answers/{said['id']}") as reply:
        validator("GivenAnswer").validate(await reply.json())
    streamed = {**body, "stream": True, "stream_options": {"include_usage": True}}
    async with gateway.http.post(f"{gateway.url}/v1/chat/completions", json=streamed) as reply:
        data = [json.loads(event) for event in EventReader().feed(await reply.read()) if event != "[DONE]"]
    assert len(data) > 3
    for chunk in data:
        validator("ChatCompletionChunk").validate(chunk)


async def test_a_key_is_in_it_while_one_is_needed(start, tmp_path) -> None:
    file = KeyFile(tmp_path / "keys.json")
    gateway = await start(keys=file)
    url = f"{gateway.url}/openapi.json"
    async with gateway.http.get(url) as reply:
        assert (await reply.json())["security"] == []
    key = file.add("anna")
    async with gateway.http.get(url) as reply:
        assert reply.status == 401
    async with gateway.http.get(url, headers={"api-key": key}) as reply:
        said = await reply.json()
    assert said["security"] == [{"bearer": []}, {"x-api-key": []}, {"api-key": []}]
    assert "401" in said["paths"]["/v1/models"]["get"]["responses"]
    for path in OPEN_PATHS:
        assert said["paths"][path]["get"]["security"] == []
        assert "401" not in said["paths"][path]["get"]["responses"]


def test_nothing_of_our_code_is_in_it() -> None:
    """Docstrings of types become descriptions."""
    assert "`parse_request`" not in json.dumps(DOCUMENT)
    assert "`outline`" not in json.dumps(DOCUMENT)


async def test_every_response_has_the_id_of_its_request(gateway) -> None:
    for path, methods in DOCUMENT["paths"].items():
        for operation in methods.values():
            for response in operation["responses"].values():
                named = response.get("$ref", "").rpartition("/")[2]
                headers = (DOCUMENT["components"]["responses"][named] if named else response)["headers"]
                assert headers["x-request-id"]["required"]
                assert ("request-id" in headers) == path.startswith("/v1/messages")
    for path, name in (("/health", "x-request-id"), ("/v1/messages", "request-id")):
        async with gateway.http.get(gateway.url + path) as reply:
            assert reply.headers[name].startswith("req_")
