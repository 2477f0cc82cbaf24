"""`serve --ray`: a client cannot tell it from one machine, and people see the nodes."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.cluster.conftest import CANARY_REQUESTS, MINIATURES, PATIENCE_S, Load, Nodes, until, view_of
from tests.cluster.pictures import KINDS, ask, body_of
from tests.e2e.conftest import Served, run, serving
from viewfinder.api.control import Control

pytestmark = pytest.mark.cluster

WRONG: list[dict[str, Any] | str] = [
    "no JSON",
    {"model": "nope", "messages": [{"role": "user", "content": "Hi"}]},
    {"model": "glimpse", "messages": []},
    {"model": "glimpse", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": -1},
    {"model": "moondream2", "messages": [{"role": "user", "content": "Hi"}]},
    {"model": "glimpse", "messages": [{"role": "user", "content": "Hi " * 60_000}]},
    {
        "model": "glimpse",
        "messages": [
            {
                "role": "user",
                "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}],
            }
        ],
    },
]


@pytest.fixture(scope="module")
def clustered(nodes: Nodes) -> Iterator[Served]:
    with nodes.serving("glimpse", replicas=2, most_replicas=2) as served:
        yield served


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, nodes: Nodes) -> Iterator[Served]:
    config = str(nodes.home.parent / "viewfinder.toml")
    with serving(
        tmp_path_factory.mktemp("alone"), "--port", "0", "glimpse", VIEWFINDER_CONFIG=config
    ) as served:
        yield served


def same_but_for(answer: Any, *names: str) -> Any:
    """The answer without what differs between two requests."""
    if isinstance(answer, dict):
        return {name: same_but_for(value, *names) for name, value in answer.items() if name not in names}
    return [same_but_for(value, *names) for value in answer] if isinstance(answer, list) else answer


def test_answers_and_errors_are_those_of_one_machine(clustered: Served, alone: Served) -> None:
    with (
        httpx2.Client(base_url=clustered.url, timeout=PATIENCE_S) as there,
        httpx2.Client(base_url=alone.url, timeout=PATIENCE_S) as here,
    ):
        for number in range(KINDS):
            assert ask(there, number) == ask(here, number)
        for path in ("/v1/chat/completions", "/v1/chat/completions/input_tokens"):
            body = body_of(0, stream=False)
            one, other = there.post(path, json=body), here.post(path, json=body)
            ignored = ("id", "created", "cached_tokens", "prompt_tokens_details", "system_fingerprint")
            assert same_but_for(one.json(), *ignored) == same_but_for(other.json(), *ignored)
            assert one.headers.keys() == other.headers.keys()
        for body in WRONG:
            sent = {"content": body} if isinstance(body, str) else {"json": body}
            kind = {"content-type": "application/json"}
            one = there.post("/v1/chat/completions", headers=kind, **sent)
            other = here.post("/v1/chat/completions", headers=kind, **sent)
            assert (one.status_code, one.json()) == (other.status_code, other.json())
            assert one.headers.keys() == other.headers.keys()
        models = [client.get("/v1/models").json() for client in (there, here)]
        assert [one["id"] for one in models[0]["data"]] == [one["id"] for one in models[1]["data"]]


def test_nodes_and_their_models_are_shown(clustered: Served) -> None:
    view = until(lambda: (seen := view_of(clustered)) and len(seen.nodes) == 2 and seen)
    assert {one.model for one in view.servers} >= {"glimpse"}
    assert {one.node for one in view.servers} == {node.name for node in view.nodes}
    until(lambda: all(one.memory_bytes for one in view_of(clustered).servers if one.state == "ready"))
    shown = run("cluster", "status", home=clustered.home)
    assert shown.returncode == 0, shown.stderr
    for node in view.nodes:
        assert node.name in shown.stdout
        assert node.name in run("ps", home=clustered.home).stdout
    metrics = httpx2.get(f"{clustered.url}/metrics").text
    for node in view.nodes:
        assert f'viewfinder_cluster_leases{{node="{node.name}"}}' in metrics
        assert f'viewfinder_memory_bytes{{model="glimpse",node="{node.name}"' in metrics
    seen = httpx2.get(f"{clustered.url}/fleet", headers={"accept": "text/html"}).text
    assert " on 2 nodes" in seen
    for node in view.nodes:
        assert seen.count(f'id="server-glimpse@{node.name}"') == 1
        assert f"on node {node.name}" in seen


def test_events_of_the_nodes_are_heard_here(clustered: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIEWFINDER_HOME", str(clustered.home))
    until(lambda: {"ready", "canary"} <= {event.kind for event in Control().events()})
    assert all(event.details["node"] for event in Control().events() if event.kind == "ready")


def test_an_answer_is_confirmed_by_the_canary_of_its_node(clustered: Served) -> None:
    """The client asks the gateway, and the canary ran on the node."""
    with httpx2.Client(base_url=clustered.url, timeout=PATIENCE_S) as client:
        asked = partial(client.post, "/v1/chat/completions", json=body_of(1, stream=False))
        path = f"/v1/answers/{asked().json()['id']}"
        assert client.get(path).json()["model"] == "glimpse/llama.cpp-f16"
        for _ in range(CANARY_REQUESTS):  # all on the node of this conversation
            asked()
        until(lambda: client.get(path).json()["status"] == "confirmed")


def test_several_models_are_spread_and_unloaded_everywhere(clustered: Served) -> None:
    names = ("glimpse", *MINIATURES)
    load = Load(clustered.url, 6, lambda client, number: ask(client, number, model=names[number % 3]))
    until(lambda: len(load.outcomes) >= 60)
    outcomes = load.stop()
    assert [one for one in outcomes if one.error or not one.complete] == []
    assert {one.model for one in view_of(clustered).servers if one.state == "ready"} == set(names)
    done = run("stop", MINIATURES[0], home=clustered.home)
    assert done.returncode == 0, done.stderr
    until(
        lambda: (
            not [
                one
                for one in view_of(clustered).servers
                if one.model == MINIATURES[0] and one.pid is not None
            ]
        )
    )


def test_a_conversation_stays_where_its_images_are_known(clustered: Served) -> None:
    """Also in the slot of its engine, while canaries take another one."""
    with httpx2.Client(base_url=clustered.url, timeout=PATIENCE_S) as client:
        asked = partial(client.post, "/v1/chat/completions", json=body_of(3, stream=False))
        first = asked().json()["usage"]
        again = [
            asked().json()["usage"]["prompt_tokens_details"]["cached_tokens"]
            for _ in range(4 * CANARY_REQUESTS)
        ]
    assert min(again) >= first["prompt_tokens"] - 4, "another node would have begun from the start"


def test_a_cluster_that_is_not_there_is_one_clear_error(tmp_path: Path) -> None:
    done = run("serve", "--port", "0", "--ray", "127.0.0.1:9", home=tmp_path, patience_s=90)
    assert done.returncode == 1
    assert "no_cluster" in done.stderr
    assert "Traceback" not in done.stderr
