"""One gateway for requests byte by byte, and a watch on the event loop of every gateway of the tests here."""

import asyncio
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile import beside
from tests.hostile.loop_watch import LoopWatch
from tests.hostile.raw import KEY, Gateway, request, running
from viewfinder.gateway import listen


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A block that our code causes comes again; one that a busy host makes of a virtual machine does not."""
    again = pytest.mark.flaky(reruns=2, only_rerun=[beside.BLOCKED])
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(again)


@pytest.fixture(scope="module", autouse=True)
def watches() -> Iterator[list[LoopWatch]]:
    """One on each loop that serves a gateway in this process; `Served` has its own."""
    watches: list[LoopWatch] = []
    original = listen._Server.startup

    async def startup(self: listen._Server, sockets: list[socket.socket] | None = None) -> None:
        await original(self, sockets)
        watches.append(LoopWatch(asyncio.get_running_loop(), of_loop=True))
        watches[-1].start()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listen._Server, "startup", startup)
        yield watches
    for watch in watches:
        watch.stop()


@pytest.fixture(autouse=True)
def longest_block(watches: list[LoopWatch], request: pytest.FixtureRequest) -> Iterator[None]:
    """No gateway blocks its event loop for longer than the limit; `tests/conftest` prints the longest."""
    beside.BLOCKS_MS.clear()
    for watch in watches:
        watch.longest_s = 0.0
    yield
    seen = [*beside.BLOCKS_MS, *(1000 * watch.longest_s for watch in watches)]
    if seen:
        request.node.user_properties.append(("loop_block_ms", round(max(seen), 1)))
        assert max(seen) < beside.SHARED_BLOCK_MS, beside.BLOCKED


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("gateway")
    with running(folder, api_key=KEY, allowed_origins=("https://app.example",)) as gateway:
        yield gateway
        assert gateway.refused is None


@pytest.fixture
def gateway(one: Gateway) -> Iterator[Gateway]:
    """After each request the same gateway still serves, and no model was loaded."""
    yield one
    ready = one.send(request("GET /ready"))
    assert ready.status == 200
    assert set(json.loads(ready.body)["models"].values()) == {"stopped"}
    assert one.chat(model="nobody").status == 404
