"""POST /v1/messages on a real engine: which stop sequence ended the answer."""

import json
from typing import Any

import pytest
import requests

from .conftest import Served

QUESTION = [{"role": "user", "content": "What is the capital of France?"}]


def message(served: Served, **fields: Any) -> tuple[str, dict[str, Any]]:
    """The text of the answer, and why it ended."""
    body = {"model": "glimpse", "max_tokens": 32, "temperature": 0, "messages": QUESTION, **fields}
    reply = requests.post(f"{served.url}/v1/messages", json=body, timeout=60)
    assert reply.status_code == 200, reply.text
    assert "verbose" not in reply.text
    if not fields.get("stream"):
        said = reply.json()
        return said["content"][0]["text"], said
    lines = [line for line in reply.text.splitlines() if line.startswith("data: ")]
    events = [json.loads(line.removeprefix("data: ")) for line in lines]
    text = "".join(one["delta"]["text"] for one in events if one["type"] == "content_block_delta")
    return text, next(one["delta"] for one in events if one["type"] == "message_delta")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("sequences", "text", "reason", "sequence"),
    [
        (["is"], "Par", "stop_sequence", "is"),
        (["x", "ris", "is"], "Pa", "stop_sequence", "ris"),
        (["nowhere"], "Paris.", "end_turn", None),
        ([], "Paris.", "end_turn", None),
    ],
)
def test_the_sequence_that_ended_it_is_named(
    served: Served, sequences: list[str], text: str, reason: str, sequence: str | None, stream: bool
) -> None:
    said, ended = message(served, stop_sequences=sequences, stream=stream)
    assert (said, ended["stop_reason"], ended["stop_sequence"]) == (text, reason, sequence)
