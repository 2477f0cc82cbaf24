"""Stop strings in texts that arrive in pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viewfinder.wire.stops import Stops


def said(pieces: list[str], *strings: str) -> list[str]:
    stops = Stops(strings)
    return [stops.cut(piece, last=at == len(pieces) - 1) for at, piece in enumerate(pieces)]


def test_nothing_is_held_when_nothing_ends_the_text() -> None:
    assert said(["A ", "red ", "circle."]) == ["A ", "red ", "circle."]
    assert said(["A ", "red ", "circle."], "blue") == ["A ", "red ", "circle."]


def test_a_string_across_pieces_is_never_sent() -> None:
    assert said(["A r", "ed", " cir", "cle."], "red c") == ["A ", "", "", ""]


def test_text_that_only_starts_like_one_is_sent_once_that_is_known() -> None:
    assert said(["A re", "al ", "one."], "red") == ["A ", "real ", "one."]
    assert said(["A re"], "red") == ["A re"]


def test_the_first_of_several_counts() -> None:
    assert said(["one two three"], "three", "two") == ["one "]


def test_it_is_known_whether_one_has_come() -> None:
    stops = Stops(["b"])
    assert stops.met is None
    stops.cut("abc", last=False)
    assert stops.met


@given(
    st.text("ab", max_size=12), st.lists(st.integers(1, 4), max_size=6), st.text("ab", min_size=1, max_size=4)
)
def test_pieces_do_not_matter(text: str, sizes: list[int], string: str) -> None:
    pieces, rest = [], text
    for size in sizes:
        pieces.append(rest[:size])
        rest = rest[size:]
    assert "".join(said([*pieces, rest], string)) == text.split(string, maxsplit=1)[0]


@pytest.mark.parametrize("string", ["aab", "abab"])
def test_a_beginning_within_a_beginning(string: str) -> None:
    text = f"aa{string}b"
    assert "".join(said(list(text), string)) == text[: text.index(string)]
