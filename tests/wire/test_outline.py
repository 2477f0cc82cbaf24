"""A body is understood in the same way whether its data URLs are cut out or not."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from viewfinder.core.config import Limits
from viewfinder.core.errors import BadRequest, RequestTooLarge
from viewfinder.wire import strict_json
from viewfinder.wire.anthropic import Anthropic
from viewfinder.wire.chat import parse_request
from viewfinder.wire.outline import (
    LONG_BYTES,
    MOST_MARKS,
    RAW_WINDOW_BYTES,
    WINDOW_BYTES,
    image_urls,
    outline,
)

MOST_BYTES = 2**20
LONG = "data:image/png;base64," + "QUJD" * LONG_BYTES


def image(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def messages(*contents: Any, **fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": content} for content in contents], **fields}


def parsed(body: bytes, *, has_raw_base64: bool = False) -> Any:
    """The value of the body, with texts again where views are."""
    images = Anthropic().images if has_raw_base64 else image_urls
    value = outline(body, MOST_BYTES, has_raw_base64=has_raw_base64).parse(images)
    return json.loads(json.dumps(value, default=lambda view: bytes(view).decode()))


PIECES = st.sampled_from(
    [
        "data:",
        "data",
        '"',
        "\\",
        "/",
        "\\/",
        ",",
        ":",
        "{",
        "}",
        "[",
        "]",
        " ",
        "\n",
        "+",
        "é",
        "😀",
        "A" * LONG_BYTES,
    ]
)
TEXTS = st.lists(PIECES, max_size=6).map("".join) | st.just(LONG)
VALUES = st.recursive(
    TEXTS | st.integers(-(2**63), 2**64 - 1),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["url", "content", "image_url", "messages", "source", "data", "x"]),
            inner,
            max_size=3,
        )
        | st.lists(inner, max_size=2).map(lambda contents: messages([image("data:,"), *contents]))
    ),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(VALUES, st.booleans())
def test_every_value_is_what_json_makes_of_it(value: object, is_ascii: bool) -> None:
    body = json.dumps(value, ensure_ascii=is_ascii).encode()
    assert parsed(body) == strict_json.loads(body) == value
    assert parsed(body, has_raw_base64=True) == value


@settings(max_examples=200, deadline=None)
@given(st.lists(PIECES | st.just('"data:' + "A" * LONG_BYTES) | st.just('"url":'), max_size=8).map("".join))
def test_what_is_not_json_is_still_refused(text: str) -> None:
    body = text.encode()
    for raw in (False, True):
        try:
            strict_json.loads(body)
        except BadRequest:
            with pytest.raises(BadRequest):
                parsed(body, has_raw_base64=raw)
        else:
            assert parsed(body, has_raw_base64=raw) == strict_json.loads(body)


def test_an_image_is_not_copied() -> None:
    body = bytearray(json.dumps(messages([image(LONG)])).encode())
    url = outline(body, MOST_BYTES).parse(image_urls)["messages"][0]["content"][0]["image_url"]["url"]
    assert url.obj is body
    assert bytes(url) == LONG.encode()


@pytest.mark.parametrize("between", ["", " ", "\n\t ", " " * 64])
def test_raw_base64_is_cut_out_of_a_key_data(between: str) -> None:
    source = f'{{"type":"base64","data"{between}:{between}"{"A" * LONG_BYTES}"}}'
    content = f'[{{"type":"image","source":{source}}}]'
    body = bytearray(f'{{"messages":[{{"role":"user","content":{content}}}]}}'.encode())
    assert not outline(body, MOST_BYTES).cut
    value = outline(body, MOST_BYTES, has_raw_base64=True).parse(Anthropic().images)
    data = value["messages"][0]["content"][0]["source"]["data"]
    assert data.obj is body
    assert bytes(data) == b"A" * LONG_BYTES


def test_a_mark_across_two_windows() -> None:
    head = b'{"x":"' + b"x" * (RAW_WINDOW_BYTES - 40)
    for more in range(0, 60, 3):
        body = head + b"x" * more + b'","data":"' + b"A" * LONG_BYTES + b'"}'
        assert len(outline(body, MOST_BYTES, has_raw_base64=True).cut) == 1


def test_to_copy_a_picture_counts_as_work() -> None:
    body = b'{"data":"' + b"A" * 320_000 + b'"}'
    assert 10_000 < outline(body, MOST_BYTES, has_raw_base64=True).work_bytes < 11_000
    body = b'{"data":"data:' + b"A" * 320_000 + b'"}'
    assert outline(body, MOST_BYTES, has_raw_base64=True).work_bytes < 100


@pytest.mark.parametrize("escaped", ["\\/", "\\u002f", "\\u002F"])
def test_clients_that_escape_base64_are_understood(escaped: str) -> None:
    """PHP writes `\\/` for `/`, .NET `\\u002B` for `+`; the pieces never end within an escape."""
    payload = "A/" * (WINDOW_BYTES // 2) + "AAA/" * WINDOW_BYTES
    body = json.dumps(messages([image("data:image/png;base64," + payload)])).replace("/", escaped).encode()
    url = outline(body, MOST_BYTES).parse(image_urls)["messages"][0]["content"][0]["image_url"]["url"]
    assert bytes(url) == b"data:image/png;base64," + payload.encode()


def test_a_text_that_begins_like_a_data_url() -> None:
    text = "data:\n" + 'a,"b"\n' * 1000
    request = parse_request(json.dumps({"model": "glimpse", **messages(text)}).encode(), Limits()).request
    assert request.messages[0].content == text


@pytest.mark.parametrize(
    "value",
    [
        {"x" * 3: {LONG: 1}},
        LONG,
        {**messages("x"), "model": LONG},
        messages("x", tools=[{"url": LONG}]),
        messages([{"type": "image_url", "image_url": LONG}], model="glimpse"),
    ],
    ids=["key", "outermost", "model", "url of a tool", "no object"],
)
def test_a_data_url_where_none_belongs(value: Any) -> None:
    with pytest.raises(BadRequest) as refused:
        parse_request(json.dumps(value).encode(), Limits())
    assert len(str(refused.value)) < 300


LARGE: dict[str, Callable[[], bytes]] = {
    "text": lambda: b'{"messages": "' + b"aabb" * 15_000_000 + b'"}',
    "marks": lambda: b'{"messages": ["' + b'","data:' * 5_000_000 + b'"]}',
    "escaped marks": lambda: b'{"messages": ["data:' + b'\\"data:' * 5_000_000 + b'"]}',
    "backslashes": lambda: b'"data:' + b"\\" * 60_000_000,
    "no image": lambda: b'{"a":"data:' + b"A" * 60_000_000 + b'"}',
    "keys": lambda: b"[" + b'"data",' * 8_000_000 + b"0]",
    "no source": lambda: b'{"data":"' + b"A" * 60_000_000 + b'"}',
    "blanks": lambda: (b'{"data"' + b" " * 60 + b":" + b" " * 60) * 500_000,
}
"""Made when they are sent; half a gigabyte stayed in memory for as long as any test ran."""


@pytest.mark.parametrize("name", LARGE)
@pytest.mark.parametrize("raw", [False, True], ids=["urls", "raw"])
def test_large_text_is_refused_before_it_is_parsed(name: str, raw: bool) -> None:
    """60 MB of `aabb` were parsed, and refused after 49 s."""
    body = LARGE[name]()
    began_s = time.process_time()
    with pytest.raises(BadRequest):
        outline(body, MOST_BYTES, has_raw_base64=raw).parse(Anthropic().images if raw else image_urls)
    assert time.process_time() - began_s < 1


def test_no_data_url_is_cut_out_behind_thousands_of_others() -> None:
    urls = [LONG[:5000]] + ["data:,"] * MOST_MARKS + [LONG]
    assert len(outline(json.dumps(urls).encode(), MOST_BYTES).cut) == 1
    assert parsed(json.dumps(urls).encode()) == urls


def test_the_limit_is_for_what_is_left() -> None:
    body = json.dumps(messages([image(LONG), {"type": "text", "text": "x" * 1000}])).encode()
    left = len(outline(body, MOST_BYTES).rest)
    assert outline(body, left).cut
    with pytest.raises(RequestTooLarge) as refused:
        outline(body, left - 1)
    assert "limits.text_bytes" in refused.value.hint


RARE = {
    "capitals": '"DATA:image/png;base64,',
    "a blank": '" data:image/png;base64,',
    "many blanks": '"' + " " * 300 + "Data:image/png;base64,",
    "a line break": '"\\n\\tdata:image/png;base64,',
    "control characters": '"\\u0001\\u001fdata:image/png;base64,',
    "a break within": '"da\\nta:image/png;base64,',
    "escapes": '"\\u0064ata:image\\/png;base64,',
}


@pytest.mark.parametrize("begun", RARE.values(), ids=RARE)
@pytest.mark.parametrize("is_anthropics", [False, True])
def test_however_a_data_url_begins_it_may_be_large(begun: str, is_anthropics: bool) -> None:
    """Those of more than 2 MiB were "too large without its images", smaller ones an image."""
    url = begun + "QUJD" * (MOST_BYTES // 2) + '"'
    others = "[" + ", ".join(f'"text {at}"' for at in range(100)) + "]"
    place = f'"source": {{"url": {url}}}' if is_anthropics else f'"image_url": {{"url": {url}}}'
    body = f'{{"x": {others}, "messages": [{{"content": [{{"type": "image", {place}}}]}}], "y": "{LONG}"}}'
    outlined = outline(bytearray(body.encode()), MOST_BYTES, has_raw_base64=is_anthropics)
    value = outlined.parse(Anthropic().images if is_anthropics else image_urls)
    part = value["messages"][0]["content"][0]
    found = part["source" if is_anthropics else "image_url"]["url"]
    assert bytes(found).decode() == json.loads(url)
    assert value["y"] == LONG
    assert len(value["x"]) == 100
    assert outlined.work_bytes > len(url)


@pytest.mark.parametrize(
    "body",
    [
        b'{"messages": "' + b"x" * (MOST_BYTES + 1) + b'"}',
        b"[" + b'"",' * MOST_BYTES + b'""]',
        b"[" + b":" * MOST_BYTES * 2,
        b"[" + b'"a:", ' * MOST_BYTES + b"1]",
        b'["' + b'\\", \\"' * MOST_BYTES + b'"]',
        b'{"a:": ' + b"1, " * MOST_BYTES + b'"b": "c"}',
    ],
    ids=range(6),
)
def test_what_is_no_image_is_still_too_large_and_soon(body: bytes) -> None:
    began_s = time.process_time()
    with pytest.raises(BadRequest):
        parse_request(body, Limits(text_bytes=MOST_BYTES))
    assert time.process_time() - began_s < 2
