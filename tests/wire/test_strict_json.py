"""A body that two parsers could read differently is refused."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from viewfinder.core.errors import BadRequest
from viewfinder.wire import strict_json

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(PLAIN)
def test_every_json_value_is_parsed(value: object) -> None:
    assert strict_json.loads(json.dumps(value).encode()) == value


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=40) | st.text('{}[]",:0123456789eNaInfity\\ud8\0 ', max_size=40).map(str.encode))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        strict_json.loads(body)
    except BadRequest as error:
        assert error.reason == "invalid_json"  # noqa: PT017 - both outcomes are right


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"{", "is not JSON (line 1, column 2)"),
        (b"{}{}", "is not JSON (line 1, column 3)"),
        (b"\xef\xbb\xbf{}", "is not JSON"),
        (b'{"a": 1,}', "is not JSON"),
        (b"\xff\xfe", "is not UTF-8"),
        (b'{"a": NaN}', "NaN"),
        (b"[-Infinity]", "NaN"),
        (b"[1e999]", "too large"),
        (b"9" * 5000, "too long"),
        (b'{"a": 1, "a": 2}', "duplicate key"),
        (b'{"b": {"a": 1, "\\u0061": 2}}', "duplicate key"),
        (b'"\\ud800"', "surrogate"),
        (b'{"\\udc00": 1}', "surrogate"),
        (b'"a\\u0000b"', "NUL"),
        (b'{"\\u0000": 1}', "NUL"),
        (b"[" * 65 + b"]" * 65, "deeper than 64"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "deeper than 64"),
        (b"[" * 200_000, "deeper than 64"),
        (b"[" + b"{}," * 250_001 + b"{}]", "more than 250,000 values"),
    ],
    ids=lambda value: repr(value[:24]),
)
def test_refused(body: bytes, fault: str) -> None:
    with pytest.raises(BadRequest) as caught:
        strict_json.loads(body)
    assert caught.value.reason == "invalid_json"
    assert fault in caught.value.message
    assert len(str(caught.value)) < 200


def test_the_deepest_that_is_taken() -> None:
    assert strict_json.loads(b"[" * 64 + b"]" * 64) != []
    assert strict_json.loads(b'{"a":' * 64 + b"1" + b"}" * 64) != {}


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert strict_json.loads(b'"\\ud83d\\ude00"') == "\N{GRINNING FACE}"
