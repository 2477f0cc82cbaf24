"""Pictures of one shape each, no two alike, and clients that ask what they show."""

import json
from functools import cache

import httpx2

from tests.cluster.conftest import Outcome
from viewfinder.scenes.drawing import encode_png
from viewfinder.scenes.messages import data_url
from viewfinder.scenes.scene import make_scene

QUESTION = "What is in this image?"
KINDS = 8


@cache
def picture(number: int) -> str:
    """The data URL of a picture with one shape."""
    return data_url("png", encode_png(make_scene(f"cluster {number}", things=1)))


def body_of(number: int, *, stream: bool, model: str = "glimpse") -> dict[str, object]:
    """A request about one of the pictures."""
    parts = [
        {"type": "image_url", "image_url": {"url": picture(number % KINDS)}},
        {"type": "text", "text": QUESTION},
    ]
    return {
        "model": model,
        "stream": stream,
        "temperature": 0,
        "messages": [{"role": "user", "content": parts}],
    }


def ask(client: httpx2.Client, number: int, *, stream: bool | None = None, model: str = "glimpse") -> Outcome:
    """What is answered about a picture; every other request is a stream where nothing is said."""
    is_stream = bool(number % 2) if stream is None else stream
    reply = client.post("/v1/chat/completions", json=body_of(number, stream=is_stream, model=model))
    asked = str(number % KINDS)
    if reply.status_code != 200:
        return Outcome(asked, reply.status_code, "", reply.json()["error"]["code"], complete=False)
    if not is_stream:
        return Outcome(asked, 200, reply.json()["choices"][0]["message"]["content"])
    return _streamed(asked, reply.text)


def _streamed(asked: str, text: str) -> Outcome:
    words, error, is_complete = "", "", False
    for line in text.split("\n"):
        data = line.removeprefix("data: ")
        if data == "[DONE]":
            is_complete = True
        elif data:
            event = json.loads(data)
            error = error or event.get("error", {}).get("code", "")
            for choice in event.get("choices", ()):
                words += choice["delta"].get("content") or ""
    return Outcome(asked, 200, words, error, is_complete)
