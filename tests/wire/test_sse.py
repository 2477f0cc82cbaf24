"""Events from bytes that are split anywhere."""

from itertools import pairwise, repeat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from viewfinder.core.errors import EngineRefused
from viewfinder.wire.sse import DONE, DONE_EVENT, MAX_EVENT_BYTES, EventReader, event


def read(*pieces: bytes) -> list[str]:
    reader = EventReader()
    return [payload for piece in pieces for payload in reader.feed(piece)]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_every_line_ending(end: bytes) -> None:
    assert read(end.join([b"data: a", b"", b"data: b", b"", b""])) == ["a", "b"]


def test_a_carriage_return_and_its_line_feed_may_come_apart() -> None:
    assert read(b"data: a\r", b"\n\r", b"\ndata: b\r", b"", b"\n", b"\r\n") == ["a", "b"]
    assert read(b"data: a\r", b"\ndata: b\r", b"\n\r", b"\n") == ["a\nb"]


def test_a_line_feed_after_a_finished_event_is_no_second_end() -> None:
    assert read(b"data: a\r\n\r", b"\n", b"data: b\n", b"\n") == ["a", "b"]


def test_comments_and_other_fields_are_dropped() -> None:
    assert read(b": ping\n\nevent: x\nid: 1\nretry: 5\ndata:a\n\ndatabase: b\n\n: c\n\n") == ["a"]


def test_a_byte_order_mark_belongs_to_no_field() -> None:
    """The first event of a server that begins with one was lost."""
    assert read(b"\xef\xbb", b"\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\n") == ["a"]
    assert read(b"\xef\xbb\xbf\ndata: a\n\n") == ["a"]


def test_one_space_after_the_colon_belongs_to_the_field() -> None:
    assert read(b"data:  a \n\ndata\n\n") == [" a ", ""]


def test_several_data_lines_are_one_payload() -> None:
    assert read(b"data: a\ndata: b\n\n") == ["a\nb"]


def test_done() -> None:
    assert read(DONE_EVENT) == [DONE] == ["[DONE]"]


def test_an_event_without_an_end_is_never_given() -> None:
    assert read(b"data: a\n\ndata: b\n") == ["a"]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"])), max_size=4),
    st.lists(st.integers(0, 200), max_size=6),
    st.sampled_from([b"\n", b"\r\n", b"\r"]),
)
def test_what_is_written_is_read_wherever_it_is_cut(payloads: list[str], cuts: list[int], end: bytes) -> None:
    stream = b"".join(event(payload.encode()) for payload in payloads).replace(b"\n", end)
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    assert read(*(stream[a:b] for a, b in pairwise(places))) == payloads


def test_a_character_cut_in_two_arrives_whole() -> None:
    stream = event("caf\u00e9 \N{GRINNING FACE}".encode())
    assert read(*(stream[at : at + 1] for at in range(len(stream)))) == ["caf\u00e9 \N{GRINNING FACE}"]


@pytest.mark.parametrize(
    "piece",
    [b"x" * 65536, b"data: " + b"x" * 65536, b"data: " + b"x" * 65536 + b"\n"],
    ids=["line", "data", "lines"],
)
def test_an_endless_event_is_refused_before_it_fills_memory(piece: bytes) -> None:
    pieces = repeat(piece, 2 * MAX_EVENT_BYTES // len(piece))
    with pytest.raises(EngineRefused, match="more than"):
        read(*pieces)


def test_the_largest_event_passes() -> None:
    payload = b"x" * (MAX_EVENT_BYTES - len(b"data: "))
    assert read(event(payload)) == [payload.decode()]


def test_the_limit_is_on_one_event_and_not_on_a_stream() -> None:
    assert len(read(*repeat(event(b"x" * 2**20), 20))) == 20


def test_bytes_that_are_not_text_are_refused() -> None:
    with pytest.raises(EngineRefused, match="UTF-8"):
        read(b"data: \xff\n\n")
