"""The head of a cluster that keeps its state in Redis fails, and the database of the conversations, too."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.cluster.conftest import PATIENCE_S, Load, Nodes, running_nodes, until, view_of
from tests.cluster.pictures import QUESTION, ask, picture
from tests.cluster.test_faults_ray import of_another, ready_nodes, right_answers
from tests.e2e.conftest import Served
from tests.postgres_server import PostgresServer, binaries

REDIS = shutil.which("redis-server")

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(REDIS is None, reason="redis-server is not here"),
    pytest.mark.skipif(binaries() is None, reason="PostgreSQL is not here"),
]


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """Debian's Redis, in memory alone; gives its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
    with (folder / "redis.log").open("w") as log:
        process = subprocess.Popen([str(REDIS), *words], cwd=folder, stdout=log)
        try:
            until(lambda: "Ready to accept connections" in (folder / "redis.log").read_text())
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=PATIENCE_S)


@pytest.fixture(scope="module")
def database() -> Iterator[PostgresServer]:
    server = PostgresServer()
    yield server
    server.close()


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory, database: PostgresServer) -> Iterator[Nodes]:
    folder = tmp_path_factory.mktemp("kept")
    stored = {"VIEWFINDER_STORE_URL": database.url}
    with redis_server(folder) as redis, running_nodes(folder, RAY_REDIS_ADDRESS=redis, **stored) as made:
        yield made
        database.stop()


def turn(served: Served, text: str, previous: str | None = None, image: str = "") -> dict[str, str]:
    """One turn of a conversation that the gateways keep; what was answered."""
    parts = [{"type": "input_text", "text": text}]
    parts += [{"type": "input_image", "image_url": image}] if image else []
    body = {
        "model": "glimpse",
        "temperature": 0,
        "previous_response_id": previous,
        "input": [{"role": "user", "content": parts}],
    }
    reply = httpx2.post(f"{served.url}/v1/responses", json=body, timeout=PATIENCE_S)
    assert reply.status_code == 200, reply.text
    return {"id": reply.json()["id"], "text": reply.json()["output"][0]["content"][0]["text"]}


def replicas(served: Served) -> list[tuple[str, int | None]]:
    """The replicas with their engines."""
    seen = view_of(served)
    return sorted(
        (node.replica, one.pid) for node in seen.nodes for one in seen.servers if one.node == node.name
    )


def test_the_head_fails_and_what_it_kept_is_there_again(nodes: Nodes, database: PostgresServer) -> None:
    """First its state server alone, under load: nothing is lost. Then the whole computer, with a gateway on
    it: the replicas stay with their engines, the next gateway finds them, and a conversation continues."""
    with nodes.serving("glimpse", gateway="first", replicas=2, most_replicas=2) as first:
        until(lambda: len(ready_nodes(first)) == 2)
        right, before = right_answers(first), replicas(first)
        load = Load(first.url, 3, ask)
        until(lambda: len(load.outcomes) > 10)
        nodes.cluster.head_node.kill_gcs_server()
        seen = len(load.outcomes)
        until(lambda: len(load.outcomes) > seen + 15)
        nodes.cluster.head_node.start_gcs_server()
        seen = len(load.outcomes)
        until(lambda: len(load.outcomes) > seen + 15)
        outcomes = load.stop()
        assert [one for one in outcomes if one.error or not one.complete] == []
        assert of_another(outcomes, right) == []
        assert until(lambda: replicas(first) == before), "all is as it was"

        one = turn(first, QUESTION, image=picture(0))
        assert one["text"] == right["0"]
        database.stop()
        database.start()
        two = turn(first, "What color is it?", one["id"])
        nodes.kill_head()
        first.process.kill()
        first.process.wait(timeout=PATIENCE_S)
        nodes.start_head()
        with nodes.serving("glimpse", gateway="second", replicas=2, most_replicas=2) as second:
            until(lambda: len(view_of(second).nodes) == 2)
            assert replicas(second) == before
            assert right_answers(second) == right
            three = turn(second, "What color is it?", one["id"])
            assert three["text"] == two["text"]
