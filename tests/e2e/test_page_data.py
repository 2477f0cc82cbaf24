"""The data under /fleet as curl gets it: a real `serve`, a real hub on loopback, real benches of glimpse."""

import io
import json
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import psutil
import pytest
from PIL import Image

from tests.catalog.hub_server import HubServer
from viewfinder.catalog.catalog import Catalog
from viewfinder.scenes.drawing import encode_png, paint
from viewfinder.scenes.messages import data_url
from viewfinder.scenes.scene import make_scene

from .conftest import PATIENCE_S, Served, serving

NAME, VARIANT = "smolvlm-500m", "llama.cpp-q8_0"
PAIR = "ggml-org/SmolVLM-500M-Instruct-GGUF"
MODEL_BYTES, HELD_AT = 400_000, 160_000
SCENE = make_scene("page", things=1)


class Fleet:
    """A client of one server."""

    def __init__(self, served: Served) -> None:
        self.served = served

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """The status and the JSON of an answer."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.served.url}{path}", data, headers, method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def get(self, path: str) -> Any:
        status, answer = self.ask("GET", path)
        assert status == 200, answer
        return answer

    def until(self, path: str, is_so: Callable[[Any], bool]) -> Any:
        """What stands there when it is so."""
        give_up_s = time.monotonic() + PATIENCE_S
        while not is_so(seen := self.get(path)):
            assert time.monotonic() < give_up_s, seen
            time.sleep(0.02)
        return seen


@pytest.fixture(scope="module")
def hub() -> Iterator[HubServer]:
    """A hub with small files under the names of a card's files."""
    variant = Catalog().get(NAME).variant(VARIANT)
    with HubServer().running() as server:
        server.publish(PAIR, {str(variant.model): b"m" * MODEL_BYTES, str(variant.mmproj): b"p" * 100})
        yield server


@pytest.fixture(scope="module")
def fleet(hub: HubServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("page")
    given = {"HF_HOME": str(folder / "hf"), "HF_ENDPOINT": hub.address}
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HF_HUB_CACHE", "HF_TOKEN"):
            patch.delenv(name, raising=False)
        for name, value in given.items():
            patch.setenv(name, value)
        with serving(folder / "home", "--port", "0") as served:
            yield Fleet(served)


def rated(**more: object) -> dict[str, object]:
    picture = data_url("png", encode_png(SCENE))
    return {"image": picture, "question": "What is it?", "answer": "A star.", "right": False, **more}


def own_bench(**more: object) -> dict[str, object]:
    return {"models": ["glimpse"], "own_questions": True, "only": True, **more}


def pulled(fleet: Fleet, status: str) -> Any:
    """The one download, when it has this status."""
    seen = fleet.until("/fleet/pulls", lambda seen: seen["pulls"] and seen["pulls"][0]["status"] == status)
    return seen["pulls"][0]


def line_of(fleet: Fleet, model: str) -> Any:
    return next(line for line in fleet.get("/fleet/models")["models"] if line["name"] == model)


def test_a_model_is_pulled_cancelled_and_resumed_and_needs_no_restart(fleet: Fleet, hub: HubServer) -> None:
    assert not line_of(fleet, NAME)["here"]
    hub.faults.hold_at = HELD_AT
    wanted = {"model": NAME, "variant": VARIANT}
    status, line = fleet.ask("POST", "/fleet/pulls", wanted)
    assert (status, line["status"]) == (202, "queued")
    assert hub.holding.wait(PATIENCE_S)
    downloading = pulled(fleet, "downloading")
    assert downloading["total_bytes"] == MODEL_BYTES + 100
    assert downloading["file"].endswith(".gguf")
    assert line_of(fleet, NAME)["pulling"]
    assert fleet.ask("POST", "/fleet/pulls", wanted)[1]["status"] == "downloading", "the same one"

    status, line = fleet.ask("DELETE", f"/fleet/pulls/{NAME}")
    assert (status, line["status"]) == (200, "cancelled")
    hub.faults.hold_at = None
    hub.let_go.set()
    fleet.ask("POST", "/fleet/pulls", wanted)
    done = pulled(fleet, "done")
    assert done["done_bytes"] == done["total_bytes"] == MODEL_BYTES + 100
    resumed_at = [one.begins_at for one in hub.file_requests]
    assert max(resumed_at) > HELD_AT // 2, "it resumes where it was stopped"
    line = line_of(fleet, NAME)
    assert (line["here"], line["pulling"], line["size_bytes"]) == (True, False, MODEL_BYTES + 100)
    assert NAME in [model["id"] for model in fleet.get("/v1/models")["data"]], "and the API has it"

    assert fleet.ask("DELETE", f"/fleet/pulls/{NAME}")[0] == 200
    assert fleet.get("/fleet/pulls") == {"pulls": []}


def test_a_pull_that_fails_says_what_to_do(fleet: Fleet, hub: HubServer) -> None:
    hub.faults.answers = [(401, {"X-Error-Code": "GatedRepo"})]
    fleet.ask("POST", "/fleet/pulls", {"model": "smolvlm2-2.2b"})
    failed = pulled(fleet, "failed")
    assert failed["code"] == "repository_gated"
    assert "hf auth login" in failed["hint"]
    assert fleet.ask("DELETE", "/fleet/pulls/smolvlm2-2.2b")[0] == 200


@pytest.mark.parametrize(
    "name",
    ["hf:someone/thing", "someone/thing", "/etc/passwd", "../x", "-h", "--variant", "x" * 200, "\x1b[2J"],
)
def test_only_the_catalog_can_be_pulled_and_measured(fleet: Fleet, hub: HubServer, name: str) -> None:
    before = len(hub.requests)
    for path, body in (("/fleet/pulls", {"model": name}), ("/fleet/bench", {"models": [name]})):
        status, answer = fleet.ask("POST", path, body)
        assert (status, answer["error"]["code"]) == (404, "model_not_found")
    assert fleet.get("/fleet/pulls") == {"pulls": []}
    assert fleet.get("/fleet/bench")["status"] == "none"
    assert len(hub.requests) == before


def test_a_rated_answer_is_measured_and_a_wrong_one_is_seen_with_its_picture(fleet: Fleet) -> None:
    status, answer = fleet.ask("POST", "/fleet/bench", own_bench())
    assert (status, answer["error"]["code"]) == (400, "no_questions")
    _, outcome = fleet.ask("POST", "/fleet/questions", rated())
    assert (outcome["asked"], outcome["kept"]["without_answer"]) == (False, 1), "nobody said what is right"
    _, outcome = fleet.ask("POST", "/fleet/questions", rated(right_answer="a zebra"))
    assert (outcome["asked"], outcome["kept"]["questions"]) == (True, 1)

    status, begun = fleet.ask("POST", "/fleet/bench", own_bench())
    assert (status, begun["status"]) == (202, "running")
    status, answer = fleet.ask("POST", "/fleet/bench", own_bench())
    assert (status, answer["error"]["code"]) == (409, "bench_running")
    assert "DELETE /fleet/bench" in answer["error"]["message"]
    ended = fleet.until("/fleet/bench", lambda seen: seen["status"] != "running")
    assert (ended["status"], ended["said"], ended["share"]) == ("done", "glimpse: not judged", 1.0)

    run = fleet.get("/fleet/results")["results"][0]["run"]
    assert run == ended["run"]
    result = fleet.get(f"/fleet/results/{run}/glimpse")
    assert result["result"]["status"] == "not judged"
    (wrong,) = result["wrong"]
    assert (wrong["question"], wrong["expected"]) == ("What is it?", ["a zebra"])
    with urllib.request.urlopen(f"{fleet.served.url}{wrong['picture']}") as picture:  # noqa: S310
        assert picture.headers["content-type"] == "image/png"
        shown = Image.open(io.BytesIO(picture.read()))
    assert shown.tobytes() == paint(SCENE).tobytes(), "the picture that was rated, pixel by pixel"

    guide = fleet.get("/fleet/results/guide")
    assert "glimpse" in json.dumps(guide["own"])


def test_a_bench_is_stopped_and_what_was_measured_is_kept(fleet: Fleet) -> None:
    fleet.ask("POST", "/fleet/bench", {"models": ["glimpse"]})
    running = fleet.until("/fleet/bench", lambda seen: seen["so_far"] and seen["so_far"][0]["graded"] > 3)
    assert running["run"]
    status, stopped = fleet.ask("DELETE", "/fleet/bench")
    assert (status, stopped["status"]) == (200, "stopped")
    assert stopped["said"].startswith(f"Stopped. What was measured is kept as run {running['run']}:")
    assert stopped["to_resume"] == running["run"]
    assert fleet.ask("DELETE", "/fleet/bench")[1]["error"]["code"] == "no_bench"


def test_a_kill_of_serve_leaves_no_bench(fleet: Fleet) -> None:
    """The last test of this file: the server is gone after it."""
    fleet.ask("POST", "/fleet/bench", {"resume": True})
    fleet.until("/fleet/bench", lambda seen: is_measured(fleet.served.tree))
    tree = fleet.served.tree
    fleet.served.process.send_signal(signal.SIGKILL)
    fleet.served.process.wait(PATIENCE_S)
    _, left = psutil.wait_procs(tree, timeout=5)
    assert left == []


def is_measured(tree: list[psutil.Process]) -> bool:
    """Whether the bench and its engine are among the processes of `serve`."""
    words = []
    for process in tree:
        with suppress(psutil.Error):  # it has just ended
            words.append(" ".join(process.cmdline()))
    return any("bench --progress" in one for one in words) and any("llama_cpp_child" in one for one in words)
