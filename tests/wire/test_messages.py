"""A conversation as an engine gets it."""

import json
from typing import Any

from viewfinder.core.config import Limits
from viewfinder.wire.chat import parse_request


def engine_messages(*messages: dict[str, Any], images: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    body = json.dumps({"model": "glimpse", "messages": messages}).encode()
    given: list[dict[str, Any]] = parse_request(body, Limits()).request.for_engine(images)["messages"]
    return given


def picture(url: str, **more: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url, **more}}


def test_developer_is_system() -> None:
    assert engine_messages({"role": "developer", "content": "Be brief."}) == [
        {"role": "system", "content": "Be brief."}
    ]


def test_each_image_becomes_the_next_safe_one_and_detail_stays_here() -> None:
    sent = (
        {"role": "user", "content": [picture("theirs-1", detail="low"), {"type": "text", "text": "One?"}]},
        {"role": "assistant", "content": "Yes."},
        {
            "role": "user",
            "content": [{"type": "text", "text": "These?"}, picture("theirs-2"), picture("theirs-3")],
        },
    )
    assert engine_messages(*sent, images=("ours-1", "ours-2", "ours-3")) == [
        {"role": "user", "content": [picture("ours-1"), {"type": "text", "text": "One?"}]},
        {"role": "assistant", "content": "Yes."},
        {
            "role": "user",
            "content": [{"type": "text", "text": "These?"}, picture("ours-2"), picture("ours-3")],
        },
    ]


def test_a_round_of_tools_passes_unchanged() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    sent = [
        {"role": "user", "content": "Look."},
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "A circle."},
    ]
    assert engine_messages(*sent) == sent
