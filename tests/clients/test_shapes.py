"""Requests of agents that cannot be run here, in the shapes that their public source gives them."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.clients.row import HERE
from tests.e2e.conftest import Served, serving
from viewfinder.scenes.drawing import paint, saved
from viewfinder.scenes.scene import make_scene

SHAPES = sorted((HERE / "shapes").glob("*.json"))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("served"), "--port", "0", "glimpse") as running:
        yield running


def image_url() -> str:
    """A red circle as JPEG."""
    picture = saved(paint(make_scene("clients/76", things=1)), "jpeg", quality=90)
    return "data:image/jpeg;base64," + base64.b64encode(picture).decode()


def words_of(reply: httpx2.Response) -> str:
    """The words of an answer of either API, streamed or whole; a stream without its end fails here."""
    if not reply.headers["content-type"].startswith("text/event-stream"):
        return str(reply.json()["choices"][0]["message"]["content"])
    data = [line[6:] for line in reply.text.splitlines() if line.startswith("data: ")]
    events = [json.loads(one) for one in data if one != "[DONE]"]
    if "choices" not in events[0]:
        assert events[-1]["type"] in ("response.completed", "response.incomplete"), events[-1]
        return "".join(event["delta"] for event in events if event["type"] == "response.output_text.delta")
    assert data[-1] == "[DONE]"
    return "".join(choice["delta"].get("content") or "" for event in events for choice in event["choices"])


@pytest.mark.parametrize("file", SHAPES, ids=lambda file: file.stem)
def test_an_agents_request_is_answered(file: Path, served: Served) -> None:
    shape = json.loads(file.read_text())
    body = json.dumps(shape["body"]).replace("IMAGE_URL", image_url())
    reply = httpx2.post(
        served.url + shape["path"], content=body, headers={"Content-Type": "application/json"}, timeout=60
    )
    assert reply.status_code == 200, reply.text
    said = words_of(reply)
    assert said
    assert shape["said"] in said.lower()
    assert shape["source"]
