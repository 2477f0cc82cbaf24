"""Hostile bodies in the words of the other APIs: each has its code and the path of the client's own field."""

import base64
import json
import time
from typing import Any

import pytest

from tests.hostile.payloads import ADDRESSES, ENGINE_FIELDS, MODEL_NAMES, NOT_JSON
from tests.hostile.raw import Gateway, Reply, check, request

RESPONSES, MESSAGES = "/v1/responses", "/v1/messages"
APIS = (RESPONSES, MESSAGES, "/v1/responses/input_tokens", "/v1/messages/count_tokens")
TEXT_FILE = base64.b64encode(b"Dear reader, this is no picture.").decode()
DEEP: dict[str, Any] = {}
for _ in range(500):
    DEEP = {"properties": DEEP}


def body(path: str, *parts: dict[str, Any], **fields: Any) -> bytes:
    """An ordinary request, with parts in its message and fields of its own; None leaves one out."""
    kind = "input_text" if path.startswith(RESPONSES) else "text"
    message = {"role": "user", "content": [*parts, {"type": kind, "text": "What is it?"}]}
    whole: dict[str, Any] = {"model": "nobody", "input" if kind == "input_text" else "messages": [message]}
    if path == MESSAGES:
        whole["max_tokens"] = 4
    return json.dumps({name: value for name, value in {**whole, **fields}.items() if value != "-"}).encode()


def ask(gateway: Gateway, path: str, sent: bytes) -> Reply:
    return gateway.send(request(f"POST {path}", sent))


def picture(path: str, url: str) -> dict[str, Any]:
    if path.startswith(RESPONSES):
        return {"type": "input_image", "image_url": url}
    return {"type": "image", "source": {"type": "url", "url": url}}


def the_image(path: str) -> str:
    return "input[0].content[0].image_url" if path.startswith(RESPONSES) else "messages[0].content[0].source"


@pytest.mark.parametrize("path", APIS)
def test_an_ordinary_request_is_read(gateway: Gateway, path: str) -> None:
    """So that what follows is refused for what is wrong with it."""
    check(ask(gateway, path, body(path)), 404, "model_not_found", "model")


@pytest.mark.parametrize("path", APIS)
def test_what_is_no_request(gateway: Gateway, path: str) -> None:
    for sent in NOT_JSON.values():
        check(ask(gateway, path, sent), 400, "invalid_json")
    for sent in (b"[]", b'"glimpse"', b"null", b"7"):
        check(ask(gateway, path, sent), 400, "invalid_request")


@pytest.mark.parametrize("path", APIS)
def test_fields_of_engines_and_unknown_ones(gateway: Gateway, path: str) -> None:
    for field in (*ENGINE_FIELDS, "__proto__", "\u202ex", "x" * 3000):
        reply = ask(gateway, path, body(path, **{field: -1}))
        check(reply, 400, "unsupported_parameter", field if len(field) < 64 else f"{field[:64]}...")
        assert len(reply.error["message"]) < 300
        assert reply.error["message"].isprintable()


@pytest.mark.parametrize("path", APIS)
def test_models_that_are_not_here(gateway: Gateway, path: str) -> None:
    for model in MODEL_NAMES:
        reply = ask(gateway, path, body(path, model=model))
        check(reply, 404, "model_not_found", "model")
        assert len(reply.error["message"]) < 1000
        assert reply.error["message"].isprintable()


@pytest.mark.parametrize("path", [RESPONSES, MESSAGES])
def test_no_address_is_fetched_and_no_path_opened(gateway: Gateway, path: str) -> None:
    for url in (url for urls in ADDRESSES.values() for url in urls):
        reply = ask(gateway, path, body(path, picture(path, url.replace("PORT", "9")), model="glimpse"))
        assert reply.status == 400, url
        assert reply.error["code"] in ("media_url_forbidden", "invalid_image"), url
        assert reply.error["param"] == the_image(path)


@pytest.mark.parametrize("path", [RESPONSES, MESSAGES])
def test_a_text_file_as_an_image(gateway: Gateway, path: str) -> None:
    part = picture(path, f"data:image/png;base64,{TEXT_FILE}")
    check(ask(gateway, path, body(path, part, model="glimpse")), 400, "invalid_image", the_image(path))
    if path == MESSAGES:
        part = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": TEXT_FILE}}
        check(ask(gateway, path, body(path, part, model="glimpse")), 400, "invalid_image", the_image(path))


LONG = [{"role": "user"}] * 5000
PARTS = [{"type": "text"}] * 5000
RESULT = {"type": "tool_result", "tool_use_id": "1", "content": PARTS}
WRONG: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "five thousand items": (RESPONSES, {"input": LONG}, "too_many_messages", "input"),
    "five thousand parts": (
        RESPONSES,
        {"input": [{"role": "user", "content": PARTS}]},
        "too_many_parts",
        "input",
    ),
    "a number as input": (RESPONSES, {"input": 7}, "invalid_request", "input"),
    "an item of no kind": (RESPONSES, {"input": [{}]}, "invalid_request", "input[0]"),
    "an item of another kind": (
        RESPONSES,
        {"input": [{"type": "computer_call", "id": "x"}]},
        "unsupported_parameter",
        "input[0].type",
    ),
    "a file of OpenAI's": (
        RESPONSES,
        {"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "../../etc/passwd"}]}]},
        "unsupported_parameter",
        "input[0].content[0].file_id",
    ),
    "a tool that runs code": (
        RESPONSES,
        {"tools": [{"type": "code_interpreter"}]},
        "unsupported_parameter",
        "tools[0].type",
    ),
    "a tool of another server": (
        RESPONSES,
        {"tools": [{"type": "mcp", "server_url": "http://127.0.0.1:9"}]},
        "unsupported_parameter",
        "tools[0].type",
    ),
    "a path as an earlier response": (
        RESPONSES,
        {"previous_response_id": "../../etc/passwd"},
        "previous_response_not_found",
        "previous_response_id",
    ),
    "sql as an earlier response": (
        RESPONSES,
        {"previous_response_id": "resp_' OR 1=1; DROP TABLE turns; --"},
        "previous_response_not_found",
        "previous_response_id",
    ),
    "sql as an item": (
        RESPONSES,
        {"input": [{"type": "item_reference", "id": "msg_' OR 1=1; --"}]},
        "item_not_found",
        "input[0]",
    ),
    "a thousand keys of metadata": (
        RESPONSES,
        {"metadata": {str(at): "x" for at in range(1000)}},
        "invalid_request",
        "metadata",
    ),
    "a job in the background": (RESPONSES, {"background": True}, "unsupported_parameter", "background"),
    "a deep schema": (
        RESPONSES,
        {"text": {"format": {"type": "json_schema", "name": "x", "schema": DEEP}}},
        "invalid_json",
        "None",
    ),
    "a body for chats": (RESPONSES, {"messages": LONG}, "unsupported_parameter", "messages"),
    "five thousand messages": (MESSAGES, {"messages": LONG}, "too_many_messages", "messages"),
    "five thousand blocks": (
        MESSAGES,
        {"messages": [{"role": "user", "content": PARTS}]},
        "too_many_parts",
        "messages",
    ),
    "thousands of blocks in a result": (
        MESSAGES,
        {"messages": [{"role": "user", "content": [RESULT]}]},
        "too_many_parts",
        "messages",
    ),
    "a word as messages": (MESSAGES, {"messages": "hello"}, "invalid_request", "messages"),
    "a block of no kind": (
        MESSAGES,
        {"messages": [{"role": "user", "content": [{}]}]},
        "invalid_request",
        "messages[0].content[0]",
    ),
    "a document behind an address": (
        MESSAGES,
        {
            "messages": [
                {
                    "role": "user",
                    "content": [{"type": "document", "source": {"type": "url", "url": "http://127.0.0.1:9"}}],
                }
            ]
        },
        "unsupported_parameter",
        "messages[0].content[0].type",
    ),
    "a tool of Anthropic's": (
        MESSAGES,
        {"tools": [{"type": "bash_20250124", "name": "bash"}]},
        "unsupported_parameter",
        "tools[0]",
    ),
    "servers of tools": (
        MESSAGES,
        {"mcp_servers": [{"type": "url", "url": "http://127.0.0.1:9"}]},
        "unsupported_parameter",
        "mcp_servers",
    ),
    "less than no tokens": (MESSAGES, {"max_tokens": -1}, "invalid_request", "max_tokens"),
    "no limit of tokens": (MESSAGES, {"max_tokens": "-"}, "invalid_request", "max_tokens"),
    "a thousand stop strings": (
        MESSAGES,
        {"stop_sequences": ["x"] * 1000},
        "invalid_request",
        "stop_sequences",
    ),
}


@pytest.mark.parametrize(("path", "fields", "code", "param"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_named_by_its_path(
    gateway: Gateway, path: str, fields: dict[str, Any], code: str, param: str
) -> None:
    began_s = time.monotonic()
    reply = ask(gateway, path, body(path, **{"model": "glimpse", **fields}))
    assert (reply.status, reply.error["code"]) in ((400, code), (404, code))
    assert str(reply.error["param"]).startswith(param)
    assert len(reply.error["message"]) < 400
    assert time.monotonic() - began_s < 1


@pytest.mark.parametrize("path", APIS)
def test_guards_are_the_same(gateway: Gateway, path: str) -> None:
    sent = body(path)
    for headers, status, code in (
        ({"authorization": ""}, 401, "invalid_api_key"),
        ({"host": "evil.example"}, 403, "host_not_allowed"),
        ({"origin": "https://evil.example"}, 403, "origin_not_allowed"),
        ({"content_type": "text/plain"}, 415, "unsupported_media_type"),
        ({"content_encoding": "gzip"}, 415, "unsupported_encoding"),
    ):
        reply = gateway.send(request(f"POST {path}", sent, **headers))
        check(reply, status, code)
        assert json.loads(reply.body).get("type") == ("error" if path.startswith(MESSAGES) else None)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_ids_of_responses_that_are_not_here(gateway: Gateway, method: str) -> None:
    ids = ("x", "resp_x", f"resp_{'a' * 9000}", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "resp_'%20OR%201=1", "%00")
    for id in ids:
        reply = gateway.send(request(f"{method} /v1/responses/{id}"))
        assert reply.status == 404
        assert reply.error["code"] in ("response_not_found", "not_found")
        assert len(reply.error["message"]) < 600
        assert reply.error["message"].isprintable()
