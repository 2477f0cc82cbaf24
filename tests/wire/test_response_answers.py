"""Replies and streams as the official client reads them: each is validated with its own types."""

import json
from collections.abc import Iterable
from typing import Any

import orjson
import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from viewfinder.wire.replies import error_body
from viewfinder.wire.responses.answer import ResponseAnswer
from viewfinder.wire.responses.request import ResponseRequest
from viewfinder.wire.sse import EventReader

EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
ID = f"resp_{'ab' * 16}"
USAGE = {
    "prompt_tokens": 7,
    "completion_tokens": 3,
    "total_tokens": 10,
    "prompt_tokens_details": {"cached_tokens": 5},
}
TOKEN = {"token": "é", "logprob": -0.5, "bytes": None, "top_logprobs": [{"token": "a", "logprob": -1.0}]}


def answer(**fields: Any) -> ResponseAnswer:
    request = ResponseRequest.model_validate({"model": "m", "input": "Hi.", **fields})
    return ResponseAnswer(request, created_s=1, first_number=1)


def chunk(delta: dict[str, Any], reason: str | None = None, **more: Any) -> dict[str, Any]:
    return {"id": ID, "choices": [{"index": 0, "delta": delta, "finish_reason": reason, **more}]}


def events_of(made: ResponseAnswer, chunks: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    data = b"".join(b"".join(made.events(one)) for one in chunks)
    made.finish()
    return read(data + b"".join(made.ended()))


def read(data: bytes) -> list[dict[str, Any]]:
    events = [json.loads(one) for one in EventReader().feed(data)]
    for event in events:
        EVENT.validate_python(event)
    return events


def whole(message: dict[str, Any], reason: str = "stop", **more: Any) -> dict[str, Any]:
    made = answer(**more.pop("fields", {}))
    reply = {"id": ID, "choices": [{"message": message, "finish_reason": reason, **more}], "usage": USAGE}
    sent: dict[str, Any] = json.loads(orjson.dumps(made.whole(reply)))
    return sent


def test_a_whole_reply_has_every_field_of_the_clients_type() -> None:
    reply = whole({"content": "Red."}, fields={"metadata": {"a": "b"}, "instructions": "Short."})
    parsed = Response.model_validate(reply)
    assert parsed.output_text == "Red."
    assert parsed.status == "completed"
    assert parsed.metadata == {"a": "b"}
    assert parsed.usage is not None
    assert parsed.usage.input_tokens_details.cached_tokens == 5
    assert parsed.output[0].id == f"msg_{'ab' * 16}0001"


@pytest.mark.parametrize(
    ("reason", "status", "why"),
    [("length", "incomplete", "max_output_tokens"), ("content_filter", "incomplete", "content_filter")],
)
def test_what_was_cut_is_incomplete(reason: str, status: str, why: str) -> None:
    reply = whole({"content": "Re"}, reason)
    assert (reply["status"], reply["incomplete_details"]) == (status, {"reason": why})
    assert reply["output"][0]["status"] == "incomplete"


def test_thoughts_words_and_calls_are_items() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    reply = whole({"reasoning_content": "Hm.", "content": "So.", "tool_calls": [call]}, "tool_calls")
    assert [item["type"] for item in reply["output"]] == ["reasoning", "message", "function_call"]
    assert reply["output"][2]["call_id"] == "c1"
    assert reply["status"] == "completed"
    Response.model_validate(reply)


def test_an_empty_answer_is_an_empty_message() -> None:
    reply = whole({"content": ""})
    assert Response.model_validate(reply).output_text == ""
    assert len(reply["output"]) == 1


def test_the_tokens_of_a_whole_reply() -> None:
    reply = whole({"content": "é"}, logprobs={"content": [TOKEN] * 600})
    tokens = reply["output"][0]["content"][0]["logprobs"]
    assert len(tokens) == 600
    assert tokens[0]["bytes"] == [195, 169]


def test_a_stream_of_words() -> None:
    usage = {"id": ID, "choices": [], "usage": USAGE}
    events = events_of(
        answer(),
        [
            chunk({"role": "assistant", "content": ""}),
            chunk({"content": "Re"}),
            chunk({"content": "d."}),
            chunk({}, "stop"),
            usage,
        ],
    )
    assert [event["type"].removeprefix("response.") for event in events] == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert [event["sequence_number"] for event in events] == list(range(10))
    assert events[6]["text"] == events[7]["part"]["text"] == "Red."
    last = events[-1]["response"]
    assert last["output"] == [events[-2]["item"]]
    assert last["usage"]["total_tokens"] == 10
    assert events[0]["response"]["status"] == "in_progress"


def test_a_stream_of_thoughts_words_and_two_calls() -> None:
    def call(
        index: int, id: str | None = None, name: str | None = None, arguments: str = ""
    ) -> dict[str, Any]:
        return {
            "tool_calls": [{"index": index, "id": id, "function": {"name": name, "arguments": arguments}}]
        }

    events = events_of(
        answer(),
        [
            chunk({"reasoning_content": "Hm"}),
            chunk({"reasoning_content": "."}),
            chunk({"content": "So."}),
            chunk(call(0, "c1", "look", "{")),
            chunk(call(0, arguments="}")),
            chunk(call(1, "c2", "look", "[")),
            chunk(call(0, arguments=" ")),
            chunk(call(1, arguments="]")),
            chunk({}, "tool_calls"),
        ],
    )
    output = events[-1]["response"]["output"]
    assert [item["type"] for item in output] == ["reasoning", "message", "function_call", "function_call"]
    assert [item.get("arguments") for item in output[2:]] == ["{} ", "[]"]
    done = [event["item"]["id"] for event in events if event["type"] == "response.output_item.done"]
    assert done == [item["id"] for item in output]
    texts = [event["text"] for event in events if event["type"].endswith("_text.done")]
    assert texts == ["Hm.", "So."]
    for item in output[2:]:
        deltas = [
            event["delta"]
            for event in events
            if event["type"].endswith("arguments.delta") and event["item_id"] == item["id"]
        ]
        assert "".join(deltas) == item["arguments"]


def test_a_stream_that_was_cut_is_incomplete() -> None:
    events = events_of(answer(), [chunk({"content": "Re"}), chunk({}, "length")])
    assert events[-1]["type"] == "response.incomplete"
    assert events[-2]["item"]["status"] == "incomplete"


def test_a_stream_of_tokens() -> None:
    events = events_of(answer(), [chunk({"content": "é"}, logprobs={"content": [TOKEN]}), chunk({}, "stop")])
    deltas = [event for event in events if event["type"].endswith("delta")]
    assert deltas[0]["logprobs"][0]["token"] == "é"
    assert events[-1]["response"]["output"][0]["content"][0]["logprobs"] == deltas[0]["logprobs"]


def test_an_empty_stream_has_an_empty_message() -> None:
    events = events_of(answer(), [chunk({"role": "assistant", "content": ""}), chunk({}, "stop")])
    assert events[-1]["response"]["output"][0]["content"][0]["text"] == ""
    assert "response.output_item.added" in [event["type"] for event in events]


def test_a_stream_that_fails_says_so_twice() -> None:
    """Some clients look for the error, others for the response's status."""
    made = answer()
    data = b"".join(made.events(chunk({"content": "Re"})))
    data += b"".join(made.failed(error_body("The engine died.", "server_error", "engine_died", None)))
    events = read(data)
    assert [event["type"] for event in events[-2:]] == ["error", "response.failed"]
    assert events[-2]["message"] == "The engine died."
    response = events[-1]["response"]
    assert (response["status"], response["error"]["message"]) == ("failed", "The engine died.")
    assert response["store"] is False
