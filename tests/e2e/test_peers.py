"""Two real gateways, of which one shows the models of the other: what a client gets, and what it is told when
the other one goes away and comes back."""

import base64
import json
import signal
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.conftest import PATIENCE_S, Served, run, serving
from viewfinder.catalog.catalog import Catalog
from viewfinder.scenes.drawing import encode_png
from viewfinder.scenes.scene import make_scene

PICTURE = "data:image/png;base64," + base64.b64encode(encode_png(make_scene("command", things=1))).decode()


@dataclass
class Two:
    """`here` shows the models of `there`, which has a model of its own (`mine`), takes four messages at most,
    and names `here` among its own gateways."""

    here: Served
    there: Served
    environment: dict[str, str]
    words: tuple[str, ...]
    stack: ExitStack

    def stop_there(self) -> None:
        self.there.process.send_signal(signal.SIGKILL)
        self.there.process.wait(timeout=PATIENCE_S)

    def start_there(self) -> None:
        self.there = self.stack.enter_context(serving(self.there.home, *self.words, **self.environment))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    files = Catalog().resolve(Catalog().get("glimpse").variant())
    ports = free_port(), free_port()
    key = {"VIEWFINDER_API_KEY": "key-of-there"}
    there = {
        **key,
        "VIEWFINDER_MODELS": json.dumps({"mine": {"model": str(files.model), "mmproj": str(files.mmproj)}}),
        "VIEWFINDER_LIMITS__MESSAGES": "4",
        "VIEWFINDER_ENDPOINTS": json.dumps(
            {"back": {"kind": "viewfinder", "base_url": f"http://127.0.0.1:{ports[0]}"}}
        ),
    }
    desk = {
        "kind": "viewfinder",
        "base_url": f"http://127.0.0.1:{ports[1]}/v1",
        "api_key": "key-of-there",
    }
    folder = tmp_path_factory.mktemp("two")
    with ExitStack() as stack:
        words = ("--port", str(ports[1]), "--strict-port")
        both = (
            serving(
                folder / "here",
                *("--port", str(ports[0]), "--strict-port"),
                VIEWFINDER_ENDPOINTS=json.dumps({"desk": desk}),
            ),
            serving(folder / "there", *words, **there),
        )
        with ThreadPoolExecutor(2) as threads:
            first, second = threads.map(stack.enter_context, both)
        made = Two(first, second, there, words, stack)
        assert eventually(made, "reachable")
        yield made


def call(
    served: Served, path: str, body: dict[str, Any] | None = None, key: str = "", **headers: str
) -> tuple[int, dict[str, str], Any]:
    data = json.dumps(body).encode() if body is not None else None
    if key:
        headers["authorization"] = f"Bearer {key}"
    request = urllib.request.Request(  # noqa: S310
        f"{served.url}{path}", data, {"content-type": "application/json", **headers}
    )
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as reply:  # noqa: S310
            raw, status, found = reply.read(), reply.status, dict(reply.headers)
    except urllib.error.HTTPError as error:
        raw, status, found = error.read(), error.code, dict(error.headers)
    is_json = found.get("content-type", "").startswith("application/json")
    return status, found, json.loads(raw) if is_json else raw.decode()


def question(model: str, **more: Any) -> dict[str, Any]:
    content = [
        {"type": "text", "text": "What color is it?"},
        {"type": "image_url", "image_url": {"url": PICTURE}},
    ]
    return {"model": model, "messages": [{"role": "user", "content": content}], "temperature": 0, **more}


def test_its_models_are_shown_by_their_names(two: Two) -> None:
    listed = {one["id"]: one for one in call(two.here, "/v1/models")[2]["data"]}
    assert listed["mine"]["capabilities"] == ["text", "vision"]
    assert (listed["glimpse"]["variant"], listed["desk/glimpse"]["variant"]) == ("llama.cpp-f16", "desk")
    assert listed["desk/glimpse"]["alias_of"] == "glimpse"
    assert call(two.here, "/v1/models/desk/mine")[2]["variant"] == "desk"
    shown = run("ps", home=two.here.home).stdout
    assert "gateway desk at http://127.0.0.1" in shown
    assert "reachable; viewfinder 0.1.0; models: " in shown
    assert 'viewfinder_peer_up{peer="desk"} 1.0' in call(two.here, "/metrics")[2]


def test_the_same_answers_whole_and_streamed(two: Two) -> None:
    """With its key, its canary and its tools; the model here of the same name is another one."""
    _, _, direct = call(two.there, "/v1/chat/completions", question("mine"), "key-of-there")
    said = direct["choices"][0]["message"]["content"]
    for name in ("mine", "desk/mine", "desk/glimpse"):
        status, _, answer = call(two.here, "/v1/chat/completions", question(name))
        assert (status, answer["choices"][0]["message"]["content"]) == (200, said)
    assert call(two.here, f"/v1/answers/{answer['id']}")[2]["status"] in ("unconfirmed", "confirmed")
    _, _, events = call(two.here, "/v1/chat/completions", question("mine", stream=True))
    chunks = [json.loads(line[6:]) for line in events.splitlines() if line.startswith("data: {")]
    assert (
        "".join(one["choices"][0]["delta"].get("content") or "" for one in chunks if one["choices"]) == said
    )
    assert events.rstrip().endswith("[DONE]")
    _, _, counted = call(two.here, "/v1/chat/completions/input_tokens", question("mine"))
    assert counted["input_tokens"] == direct["usage"]["prompt_tokens"]
    states = {
        one["model"]: one["state"] for one in call(two.there, "/fleet", None, "key-of-there")[2]["servers"]
    }
    assert states == {"mine": "ready", "glimpse": "ready"}
    here = call(two.here, "/fleet")[2]
    assert {one["variant"] for one in here["servers"]} == {"desk"}, "nothing was loaded here"


def test_its_errors_are_passed_on_unchanged(two: Two) -> None:
    body = question("mine")
    body["messages"] *= 5
    there = call(two.there, "/v1/chat/completions", body, "key-of-there")
    here = call(two.here, "/v1/chat/completions", body)
    assert here[0] >= 400
    assert (here[0], here[2]) == (there[0], there[2])


def test_a_request_passes_one_gateway(two: Two) -> None:
    """Each names the other: neither lists the other's models to it, nor passes its requests on."""
    via = {"x-viewfinder-via": "another", "key": "key-of-there"}
    ids = {one["id"] for one in call(two.there, "/v1/models", **via)[2]["data"]}
    assert "mine" in ids
    assert not any("back" in one for one in ids)
    status, _, refused = call(two.there, "/v1/chat/completions", question("back/glimpse"), **via)
    assert (status, refused["error"]["code"]) == (404, "model_not_found")


def test_it_goes_away_and_comes_back(two: Two) -> None:
    """Without a restart here; what is here answers all the time."""
    two.stop_there()
    for _ in range(2):
        status, headers, refused = call(two.here, "/v1/chat/completions", question("mine"))
        assert (status, refused["error"]["code"]) == (503, "peer_unreachable")
        assert headers["retry-after"] == "5"
    assert call(two.here, "/v1/chat/completions", question("glimpse"))[0] == 200
    assert eventually(two, "unreachable")
    two.start_there()
    assert eventually(two, "reachable")
    assert call(two.here, "/v1/chat/completions", question("mine"))[0] == 200
    states = [one["details"]["state"] for one in call(two.here, "/fleet/events")[2] if one["kind"] == "peer"]
    assert states[-2:] == ["unreachable", "reachable"]


def eventually(two: Two, state: str) -> bool:
    """Whether the stream of the fleet tells that the other gateway has this state."""
    with urllib.request.urlopen(f"{two.here.url}/fleet/stream", timeout=PATIENCE_S) as stream:  # noqa: S310
        for line in stream:
            fleet = json.loads(line[6:]) if line.startswith(b"data: {") else {}
            if state in [peer["state"] for peer in fleet.get("peers", ())]:
                return True
    return False
