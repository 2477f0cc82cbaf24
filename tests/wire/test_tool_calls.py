"""Tool calls in the text of an answer, whole and in pieces of every size."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viewfinder.wire.tool_calls import CallReader, NoCall, Reads

NAMES = ("say_color", "look")
CALL = '{"name": "look", "arguments": {"at": "a \\"}{ b", "n": [1, {"x": 2}]}}'
ARGUMENTS = {"at": 'a "}{ b', "n": [1, {"x": 2}]}


def streamed(
    reads: Reads, *pieces: str, reason: str = "stop", names: tuple[str, ...] = NAMES
) -> dict[str, Any]:
    """The message that a client puts together from a stream, and its finish reason."""
    reader = CallReader(reads, names)
    message: dict[str, Any] = {"content": "", "tool_calls": []}
    for at, piece in enumerate((*pieces, None)):
        delta = {"content": piece} if piece is not None else {}
        choice = {"index": 0, "delta": delta, "finish_reason": reason if at == len(pieces) else None}
        reader.rewrite(choice, "delta")
        message["content"] += delta.get("content") or ""
        for call in delta.get("tool_calls", ()):
            if call["index"] == len(message["tool_calls"]):
                message["tool_calls"].append({"id": call["id"], **call["function"]})
            else:
                message["tool_calls"][call["index"]]["arguments"] += call["function"]["arguments"]
        message["finish_reason"] = choice["finish_reason"]
    return message


def whole(reads: Reads, text: str, reason: str = "stop", names: tuple[str, ...] = NAMES) -> dict[str, Any]:
    choice = {"index": 0, "message": {"content": text}, "finish_reason": reason}
    CallReader(reads, names).rewrite(choice, "message")
    return {**choice["message"], "finish_reason": choice["finish_reason"]}  # type: ignore[dict-item]


@pytest.mark.parametrize("reads", ["auto", "forced"])
@given(cuts=st.lists(st.integers(1, len(CALL) - 1), max_size=8))
def test_a_call_in_any_pieces(reads: Reads, cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(CALL)]
    message = streamed(reads, *(CALL[a:b] for a, b in itertools.pairwise(edges)))
    (call,) = message["tool_calls"]
    assert (call["name"], json.loads(call["arguments"])) == ("look", ARGUMENTS)
    assert call["id"].startswith("call_")
    assert (message["content"], message["finish_reason"]) == ("", "tool_calls")


def test_name_and_id_come_before_the_arguments() -> None:
    reader = CallReader("forced", NAMES)
    seen = []
    for piece in ('{"name": "look",', ' "arguments": {', '"a": 1', "}", "}"):
        choice: dict[str, Any] = {"index": 0, "delta": {"content": piece}, "finish_reason": None}
        reader.rewrite(choice, "delta")
        seen += choice["delta"].get("tool_calls", [])
    first, *rest = seen
    assert (first["function"]["name"], first["type"]) == ("look", "function")
    assert len(rest) >= 2
    assert all(set(call) == {"index", "function"} for call in rest)


@pytest.mark.parametrize(
    "text",
    [
        "Red.",
        '{"color": "red"}',
        '{"name": "other", "arguments": {}}',
        '{"name": "look", "arguments": {"a": }}',
        '{"name": "look", "arguments": {"a": 1',
        '{"name": "look"',
        "```json\n[1]\n```",
        "",
        "  \n",
    ],
)
def test_what_is_no_call_stays_text(text: str) -> None:
    assert whole("auto", text)["content"] == (text or None)
    assert streamed("auto", *text)["content"] == text
    assert streamed("auto", *text)["finish_reason"] == "stop"


def test_text_is_not_held_back() -> None:
    reader = CallReader("auto", NAMES)
    choice: dict[str, Any] = {"index": 0, "delta": {"content": "R"}, "finish_reason": None}
    reader.rewrite(choice, "delta")
    assert choice["delta"]["content"] == "R"


@pytest.mark.parametrize("between", ["\n", "", ",\n", "\n```\n"])
def test_several_calls(between: str) -> None:
    message = whole("auto", f"```json\n{CALL}{between}{CALL}")
    assert [call["function"]["name"] for call in message["tool_calls"]] == ["look", "look"]
    assert len({call["id"] for call in message["tool_calls"]}) == 2
    assert "index" not in message["tool_calls"][0]


def test_the_arguments_of_the_only_tool() -> None:
    message = streamed("arguments", "\n ", '{"at":', '\n"a b"', " }", names=("look",))
    assert message["tool_calls"][0]["arguments"] == '{"at":"a b"}'
    assert message["finish_reason"] == "tool_calls"


def test_a_call_that_was_cut_off_says_so() -> None:
    message = whole("arguments", '{"at": "a', "length", names=("look",))
    assert (message["tool_calls"][0]["function"]["arguments"], message["finish_reason"]) == (
        '{"at":"a',
        "length",
    )
    assert whole("forced", '{"name": "lo', "length")["content"] is None


@pytest.mark.parametrize("reads", ["forced", "arguments", "native"])
@pytest.mark.parametrize("text", ["Red.", ""])
def test_an_answer_that_must_be_a_call_is_never_text(reads: Reads, text: str) -> None:
    with pytest.raises(NoCall):
        whole(reads, text, names=("look",))
    with pytest.raises(NoCall):
        streamed(reads, *text, names=("look",))


def test_a_long_call_is_read_once() -> None:
    """Each piece of a call of 200,000 pieces costs the same: reading it again from the start took minutes."""
    reader = CallReader("auto", NAMES)
    choice: dict[str, Any] = {}
    for piece in ('{"name": "look", "arguments": {"a": "', *["xy"] * 200_000, '"}}'):
        choice = {"index": 0, "delta": {"content": piece}, "finish_reason": None}
        reader.rewrite(choice, "delta")
    assert len(choice["delta"]["tool_calls"][0]["function"]["arguments"]) == 400_008
