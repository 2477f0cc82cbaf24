"""A body that two parsers could read differently is refused."""

import json
import time
from collections.abc import Callable

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from viewfinder.core.errors import BadRequest
from viewfinder.wire import strict_json

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
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
        (b'{"maximum": 18446744073709551616}', "too large"),
        (b"[-9223372036854775809]", "too large"),
        (b"9" * 5000, "too long"),
        (b'{"a": 1, "a": 2}', "duplicate key"),
        (b'{"b": {"a": 1, "\\u0061": 2}}', "duplicate key"),
        (b'"\\ud800"', "surrogate"),
        (b'{"\\udc00": 1}', "surrogate"),
        (b'"a\\u0000b"', "NUL"),
        (b'{"\\u0000": 1}', "NUL"),
        (b"[" * 65 + b"]" * 65, "deeper than 64"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "deeper than 64"),
        (b"[" * 40_000, "deeper than 64"),
        (b"[" + b"{}," * 50_001 + b"{}]", "more than 50,000 values"),
        (b"[" + b'"",' * 100_001 + b"1]", "more than 50,000 values"),
        (b"{" + b",".join(b'"%d":1' % at for at in range(5000)) + b"}", "more than 4,096 keys"),
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


@pytest.mark.parametrize("text", ["1, 2, [3], {4}\n" * 20_000, '{"a": [1, 2, "\\\\"]}, ' * 20_000])
def test_marks_in_a_text_are_no_values(text: str) -> None:
    """Tables and JSON in a prompt were refused when they had too many commas."""
    assert strict_json.loads(json.dumps([text]).encode()) == [text]


def test_an_integer_that_is_taken_can_be_passed_on() -> None:
    """A schema with the maximum 10^20 was taken, could not be written for the engine, and ended as a 500."""
    for number in (2**64 - 1, -(2**63)):
        assert orjson.dumps(strict_json.loads(b"[%d]" % number)) == b"[%d]" % number


@pytest.mark.parametrize(("value", "times"), [(b"{}", 16), (b"[]", 6)])
def test_a_strict_parser_takes_little_longer_than_a_loose_one(value: bytes, times: float) -> None:
    """It took 30 times as long for 24,000 empty objects: every request beside 20 such bodies waited."""
    body = b"[" + b",".join([value] * 24_000) + b"]"

    def quickest_s(loads: Callable[[bytes], object]) -> float:
        def once_s() -> float:
            began_s = time.process_time()
            loads(body)
            return time.process_time() - began_s

        return min(once_s() for _ in range(7))

    assert quickest_s(strict_json.loads) < times * quickest_s(json.loads)
