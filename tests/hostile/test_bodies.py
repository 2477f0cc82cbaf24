"""Hostile bodies: JSON that is none, fields, values, models and images; each has its code."""

import base64
import gzip
import json
import struct
import zlib
from typing import Any

import pytest

from tests.hostile.payloads import BEYOND_REASON, ENGINE_FIELDS, MISSHAPED, MODEL_NAMES, NOT_JSON
from tests.hostile.raw import IMAGE, Gateway, Reply, check, image, request

BESIDE_CHAT = {
    "/v1/chat/completions/input_tokens": {"messages": [{"role": "user", "content": "What is it?"}]},
    "/v1/estimate": {"messages": [{"role": "user", "content": "What is it?"}]},
    "/v1/completions": {"prompt": "What is it?"},
    "/v1/messages/count_tokens": {"messages": [{"role": "user", "content": "What is it?"}]},
    "/v1/responses/input_tokens": {"input": "What is it?"},
}
"""Other paths that take a request for a model, and a good one for each but for its model."""


@pytest.fixture(params=BESIDE_CHAT)
def path(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def sent(gateway: Gateway, path: str, body: bytes) -> Reply:
    """The answer at the path; Anthropic's errors have one more field around them."""
    return gateway.send(request(f"POST {path}", body))


def asked(gateway: Gateway, path: str, **fields: Any) -> Reply:
    body = {"model": "glimpse", **BESIDE_CHAT[path], **fields}
    return sent(gateway, path, json.dumps(body).encode())


@pytest.mark.parametrize("body", [*NOT_JSON.values(), b"[]", b"7"], ids=[*NOT_JSON, "a list", "a number"])
def test_what_is_no_request_at_other_paths(gateway: Gateway, path: str, body: bytes) -> None:
    code = "invalid_request" if body in (b"[]", b"7") else "invalid_json"
    check(sent(gateway, path, body), 400, code)


@pytest.mark.parametrize("field", ENGINE_FIELDS)
def test_fields_of_engines_at_other_paths(gateway: Gateway, path: str, field: str) -> None:
    check(asked(gateway, path, **{field: -1}), 400, "unsupported_parameter", field)


@pytest.mark.parametrize("model", MODEL_NAMES)
def test_models_that_are_not_here_at_other_paths(gateway: Gateway, path: str, model: str) -> None:
    check(asked(gateway, path, model=model), 404, "model_not_found", "model")


@pytest.mark.parametrize("value", [None, 7, True, [], {}, [[]], [7], {"a": "b"}], ids=repr)
def test_words_of_a_wrong_type_at_other_paths(gateway: Gateway, path: str, value: Any) -> None:
    (name,) = BESIDE_CHAT[path]
    reply = asked(gateway, path, **{name: value})
    assert reply.status == 400
    assert reply.error["code"] in ("invalid_request", "unsupported_parameter")
    assert str(reply.error["param"]).startswith(name)


def test_a_body_of_3_mb_of_text_at_other_paths(gateway: Gateway, path: str) -> None:
    reply = sent(gateway, path, b"[" + b" " * 3_000_000 + b"]")
    check(reply, 413, "request_too_large")


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_a_body_that_is_not_declared_as_json(gateway: Gateway, kind: str) -> None:
    check(gateway.ask(b"{}", content_type=kind), 415, "unsupported_media_type")


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON)
def test_what_is_not_json(gateway: Gateway, body: bytes) -> None:
    check(gateway.ask(body), 400, "invalid_json")


@pytest.mark.parametrize("body", [b"[]", b'"glimpse"', b"null", b"7"])
def test_json_that_is_no_request(gateway: Gateway, body: bytes) -> None:
    check(gateway.ask(body), 400, "invalid_request")


@pytest.mark.parametrize("field", ENGINE_FIELDS)
def test_fields_of_engines_and_unknown_ones(gateway: Gateway, field: str) -> None:
    check(gateway.chat(**{field: -1}), 400, "unsupported_parameter", field)


@pytest.mark.parametrize(("field", "value"), BEYOND_REASON.values(), ids=BEYOND_REASON)
def test_values_beyond_reason(gateway: Gateway, field: str, value: Any) -> None:
    reply = gateway.chat(**{field: value})
    assert reply.status == 400
    named = str(reply.error["param"]).partition("[")[0]
    assert (named, reply.error["code"]) in ((field, "invalid_request"), ("None", "invalid_json"))


@pytest.mark.parametrize(("fields", "param"), MISSHAPED.values(), ids=MISSHAPED)
def test_what_has_the_wrong_type_is_named_by_its_path(
    gateway: Gateway, fields: dict[str, object], param: str
) -> None:
    reply = gateway.chat(**fields)
    assert reply.status == 400
    assert str(reply.error["param"]).startswith(param)


def test_ten_thousand_messages(gateway: Gateway) -> None:
    check(gateway.chat(messages=[{"role": "user"}] * 10_000), 400, "too_many_messages", "messages")


@pytest.mark.parametrize("model", MODEL_NAMES)
def test_models_that_are_not_here(gateway: Gateway, model: str) -> None:
    reply = gateway.chat(model=model)
    check(reply, 404, "model_not_found", "model")
    assert len(reply.error["message"]) < 1000
    assert reply.error["message"].isprintable()


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/x.png", "https://example.com/x.png", "file:///etc/passwd", "/etc/passwd"]
)
def test_images_are_not_fetched(gateway: Gateway, url: str) -> None:
    reply = gateway.chat(**image(url))
    check(reply, 400, "media_url_forbidden", IMAGE)
    assert "data:image" in reply.error["message"]


def test_a_thousand_images(gateway: Gateway) -> None:
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    messages = [{"role": "user", "content": [part] * 1000}]
    check(gateway.chat(messages=messages), 400, "too_many_images", "messages")


def test_a_text_file_as_an_image(gateway: Gateway) -> None:
    url = "data:image/png;base64," + base64.b64encode(b"Dear reader, this is no picture.").decode()
    check(gateway.chat(**image(url)), 400, "invalid_image", IMAGE)


def test_a_picture_of_2500_megapixels_in_5_kilobytes(gateway: Gateway) -> None:
    def piece(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = piece(b"IHDR", struct.pack(">IIBBBBB", 50_000, 50_000, 1, 0, 0, 0, 0))
    png = b"\x89PNG\r\n\x1a\n" + head + piece(b"IDAT", zlib.compress(bytes(5_000_000))) + piece(b"IEND", b"")
    assert len(png) < 6000
    reply = gateway.chat(**image("data:image/png;base64," + base64.b64encode(png).decode()))
    check(reply, 400, "image_too_large", IMAGE)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, gzip", "\u009b31m"])
def test_a_compressed_body_is_not_unpacked(gateway: Gateway, encoding: str) -> None:
    """50 MB in 50 KB, and in 200 bytes when it is compressed twice."""
    reply = gateway.ask(gzip.compress(bytes(50_000_000)), content_encoding=encoding)
    check(reply, 415, "unsupported_encoding")
    assert reply.error["message"].isprintable()
