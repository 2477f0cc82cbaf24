"""Long texts stand in a body's JSON, and none of their bytes is copied."""

import json

import pytest

from viewfinder.wire.long_text import LongText, dumps


def test_a_body_with_long_texts_is_its_json() -> None:
    first, second = LongText((b"data:", b"AAAA", b"")), LongText((b"data:BB",))
    body = {"messages": [{"url": first}, {"text": 'long "0" \\u00e9 é'}, {"url": second}], "n": 1}
    pieces = dumps(body)
    assert json.loads(b"".join(pieces)) == {
        "messages": [{"url": "data:AAAA"}, {"text": 'long "0" \\u00e9 é'}, {"url": "data:BB"}],
        "n": 1,
    }
    for piece in (*first.pieces, *second.pieces):
        assert any(sent is piece for sent in pieces)


def test_a_body_without_one_is_one_piece() -> None:
    assert dumps({"messages": []}) == [b'{"messages":[]}']


def test_its_length_and_text() -> None:
    text = LongText((b"abc", b"de"))
    assert (len(text), str(text)) == (5, "abcde")


@pytest.mark.parametrize("piece", [b'a"', b"a\\", "é".encode()])
def test_nothing_leaves_its_string(piece: bytes) -> None:
    """A decoder that an image has taken over could add fields to the request otherwise."""
    with pytest.raises(ValueError, match="cannot stand in JSON"):
        LongText((b"data:", piece))


def test_other_objects_are_no_json() -> None:
    with pytest.raises(TypeError):
        dumps({"a": object()})
