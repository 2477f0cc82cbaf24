"""Each fault of an engine has the outcome of the published table: what a client sees, and what is left.

`serving` checks for each of them that no process is left.
"""

import asyncio
import itertools

import psutil
import pytest

from tests.faults.conftest import MODEL, Faulty, Serving, until
from tests.faults.gateway import Reply, picture
from tests.faults.table import A_ROW, ENGINES, RED, Fault
from tests.processes import alive
from viewfinder.core.config import MIB
from viewfinder.core.paths import log_folder
from viewfinder.engines.registry import engines
from viewfinder.fleet.health import watchdog
from viewfinder.gateway.relay import SPARE_PIECES
from viewfinder.host import child
from viewfinder.host.output import FILE_BYTES

INTERVAL = 6
"""Answers between two canaries."""
ROWS = [fault for fault in ENGINES if fault.test == A_ROW]


def test_the_engine_is_found_by_its_entry_point(plugin: None) -> None:
    assert engines()["faulty"].install == "pip install faulty-engine"


async def test_without_a_fault_it_answers(serving: Serving) -> None:
    faulty = await serving("none")
    assert [(await faulty.ask(color)).words for color in ("red", "blue", None)] == ["red", "blue", "none"]
    assert await faulty.ask(stream=False) == RED
    assert faulty.view.state == "ready"


@pytest.mark.parametrize("fault", ROWS, ids=lambda fault: fault.name)
async def test_the_outcome_is_that_of_the_table(serving: Serving, fault: Fault) -> None:
    faulty = await serving(fault.name, fault.when, fleet=fault.fleet, **fault.engine)
    if fault.when == "armed":  # it worked for a while
        assert await faulty.ask() == RED
        faulty.arm()
    seen = [await faulty.ask() for _ in fault.replies]
    assert seen == list(fault.replies)
    await faulty.until(fault.state)
    assert faulty.starts() == fault.starts
    assert faulty.view.leases == faulty.view.waiting == 0
    assert not fault.kind or faulty.events(fault.kind)


@pytest.mark.parametrize(
    "fault",
    [
        "dies",
        "empty",
        "error-body",
        "error-in-a-200",
        "garbage",
        "no-newline",
        "second-call-fails",
        "wrong-order",
    ],
)
async def test_a_fault_of_one_process_is_not_seen_by_the_client(serving: Serving, fault: str) -> None:
    """The first process has the fault, and its canary is known: it is replaced, and the request retried."""
    faulty = await serving(fault, "armed")
    await verified(faulty)
    faulty.arm()
    stream = fault in ("empty", "no-newline", "wrong-order")
    assert [await faulty.ask(stream=stream) for _ in range(2)] == [RED] * 2
    assert faulty.starts() == 2
    assert faulty.events("replay")


@pytest.mark.parametrize("fault", ["previous-image", "first-image"])
async def test_the_canary_finds_an_engine_that_mixes_up_images(serving: Serving, fault: str) -> None:
    faulty = await serving(fault, "armed", fleet={"canary_requests": INTERVAL})
    await verified(faulty)
    faulty.arm()
    await found_and_marked(faulty)


@pytest.mark.parametrize("stream", [True, False])
async def test_an_answer_in_progress_when_the_canary_fails_is_not_delivered(
    serving: Serving, stream: bool
) -> None:
    faulty = await serving("previous-image", "armed", fleet={"canary_requests": INTERVAL})
    await verified(faulty)
    faulty.arm()
    answering = asyncio.create_task(faulty.ask("blue", "What color is it, at length?", stream=stream))
    await asyncio.sleep(0.3)
    for _ in range(INTERVAL):
        await faulty.ask("green")
    reply = await answering
    assert faulty.events("quarantine")
    if stream:  # its first words were sent, so it is cut off
        assert reply.error == "engine_quarantined"
    else:  # nothing was sent, so it was retried
        assert (reply.words.partition(" ")[0], reply.complete) == ("blue", True)


async def test_the_canary_finds_what_a_disconnected_client_has_broken(serving: Serving) -> None:
    faulty = await serving("corrupt-after-abort", "armed", fleet={"canary_requests": INTERVAL})
    await verified(faulty)
    faulty.arm()
    assert (await faulty.ask("green")).words == "green"
    await faulty.gateway.leave(MODEL, "What color is it, at length?", picture("red"))
    await asyncio.sleep(0.3)  # it keeps answering, with no client left
    await found_and_marked(faulty)


async def test_an_endless_answer_is_cut(serving: Serving) -> None:
    faulty = await serving("endless")
    reply = await faulty.ask(max_tokens=8)
    assert reply == Reply(200, "and " * (8 + SPARE_PIECES + 1), complete=True)
    await faulty.gateway.leave(MODEL, "What color is it?", picture("red"))
    await until(lambda: not faulty.view.leases)
    assert faulty.starts() == 1


async def test_a_leak_is_counted(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "MEMORY_EVERY_S", 0.1)
    faulty = await serving("leaks")
    assert [await faulty.ask() for _ in range(4)] == [RED] * 4
    await until(lambda: faulty.view.need_bytes > 128 * MIB)


@pytest.mark.parametrize("fault", ["forks-three", "escapes-its-session", "ignores-sigterm"])
async def test_an_unload_leaves_nothing(serving: Serving, fault: str) -> None:
    faulty = await serving(fault)
    assert await faulty.ask() == RED
    engine = psutil.Process(faulty.view.pid)
    tree = [engine, *engine.children(recursive=True), *engine.parent().children(recursive=True)]
    assert len(tree) > 2 or fault == "ignores-sigterm"
    await faulty.gateway.fleet.unload(MODEL)
    assert faulty.view.state == "stopped"
    assert alive(tree) == []


async def test_a_flood_of_output_is_bounded(serving: Serving) -> None:
    faulty = await serving("floods-stdout")
    assert [await faulty.ask() for _ in range(2)] == [RED] * 2
    logged_bytes = sum(log.stat().st_size for log in log_folder().glob(f"{MODEL}.log*"))
    assert 0 < logged_bytes <= 2 * FILE_BYTES


async def test_a_death_is_explained(serving: Serving) -> None:
    faulty = await serving("killed-for-memory", "first")
    assert await faulty.ask() == RED
    (death,) = faulty.events("death")
    assert "signal 9, SIGKILL" in death["explanation"]
    assert "memory" in death["explanation"], "nobody has to guess whether it had run out"


@pytest.mark.parametrize("for_memory", [True, False])
async def test_an_idle_model_that_was_killed_for_memory_stays_down(
    serving: Serving, monkeypatch: pytest.MonkeyPatch, for_memory: bool
) -> None:
    """It was started again at once, took the memory again, and was killed again, while nobody asked."""
    monkeypatch.setattr(child.memory_kills, "happened", lambda: for_memory)
    faulty = await serving("dies-after-two", "armed")
    assert await faulty.ask() == RED
    psutil.Process(faulty.view.pid).kill()
    if for_memory:
        await faulty.until("stopped")
        await asyncio.sleep(0.3)
        assert (faulty.starts(), faulty.view.state) == (1, "stopped")
        assert faulty.events("unload") == [{"why": "memory"}]
        assert "memory ran out" in faulty.events("death")[0]["explanation"]
    else:
        await until(lambda: faulty.starts() == 2)
    assert await faulty.ask() == RED
    assert faulty.starts() == 2


async def test_a_stolen_socket_is_not_trusted(serving: Serving) -> None:
    """It stops listening after an answer, and a foreign program listens on the same port."""
    received = []

    async def steal(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.read(100))
        writer.close()

    faulty = await serving("socket-stolen", "armed")
    assert await faulty.ask() == RED
    port = listening_port(faulty.view.pid)
    faulty.arm()
    assert await faulty.ask() == RED
    await until(lambda: listening_port(faulty.view.pid) is None)
    async with await asyncio.start_server(steal, "127.0.0.1", port) as thief:
        assert [await faulty.ask() for _ in range(3)] == [RED] * 3
        assert thief.is_serving()
    assert [words for words in received if words] == []
    assert faulty.starts() == 2
    assert listening_port(faulty.view.pid) not in (port, None)


def listening_port(pid: int) -> int | None:
    """The TCP ports on which a process listens."""
    connections = psutil.Process(pid).net_connections("tcp")
    return next((one.laddr.port for one in connections if one.status == psutil.CONN_LISTEN), None)


async def test_after_too_many_deaths_the_model_is_given_up(serving: Serving) -> None:
    """A planted killer: after five deaths within a minute no request starts the model."""
    faulty = await serving("none")
    for _ in range(5):
        assert await faulty.ask() == RED
        psutil.Process(faulty.view.pid).kill()
        await until(lambda: faulty.view.state != "ready")
    starts = faulty.starts()
    assert await faulty.ask() == Reply(503, "", "model_failed")
    assert faulty.view.state == "failed"
    assert faulty.starts() == starts == 5
    await faulty.gateway.fleet.load(MODEL)
    assert await faulty.ask() == RED


async def verified(faulty: Faulty) -> None:
    """Ask once, and wait until the model's canary is chosen and has passed."""
    assert await faulty.ask() == RED
    await until(lambda: bool(faulty.view.verified))


async def found_and_marked(faulty: Faulty) -> None:
    """Ask until the canary detects it: the wrong answers are marked, and none follows."""
    colors = ["red", "blue", "green"]
    wrong = 0
    for color in itertools.cycle(colors):
        reply = await faulty.ask(color)
        if faulty.events("quarantine"):
            break
        wrong += reply.words != color
        await asyncio.sleep(0.02)
    assert 0 < wrong <= 2 * INTERVAL
    (suspect,) = faulty.events("suspect")
    assert len(suspect["answers"]) >= wrong
    assert [(await faulty.ask(color)).words for color in colors] == colors
    assert faulty.starts() == 2
    await faulty.until("ready")
