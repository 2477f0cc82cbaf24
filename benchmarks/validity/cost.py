"""The time that the instrument itself takes: against raw clients on the same server, in turns."""

import asyncio
import random
import socket
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import orjson
from rich.progress import track

from benchmarks.validity.stand_in import QUESTION, Pace, standing_in
from benchmarks.validity.table import SHORT, Row, Table
from viewfinder.client.chat import CHAT_PATH, ChatClient
from viewfinder.client.endpoint import Endpoint
from viewfinder.host.hardware import this_machine
from viewfinder.measure.prompts import body, text_message
from viewfinder.measure.store.rows import Run, Sample
from viewfinder.measure.store.store import Store

PACE = Pace(ttft_s=0.03, itl_s=0.005, words=5)
MOST_OF_A_REQUEST = 0.01
MOST_OF_A_CORE = 0.05
RATE = 50
ROUNDS = 60 if SHORT else 300
RUN = "cost"
OPEN_LOOP_S = 8 if SHORT else 40

Ask = Callable[[], Awaitable[None]]
Costs = dict[str, tuple[float, float]]
"""Median seconds of the wall clock and of this process's processors, by client."""


def prove() -> Table:
    with (
        standing_in(PACE) as endpoint,
        tempfile.TemporaryDirectory() as folder,
        Store(Path(folder) / "results.sqlite") as store,
    ):
        store.begin(Run(RUN, "", "", "", this_machine()))
        costs = asyncio.run(in_turns(endpoint, store))
        core, asked, late_s = asyncio.run(open_loop(endpoint, store))
    rows = [against(raw, costs) for raw in ("socket", "aiohttp")]
    rows.append(
        Row(
            f"processor at {RATE} requests/s",
            f"at most {100 * MOST_OF_A_CORE:.0f} % of a core",
            f"{100 * core:.1f} % ({1000 * core / RATE:.2f} ms a request)",
            core <= MOST_OF_A_CORE,
        )
    )
    return Table(
        "cost",
        "What the instrument itself costs",
        f"A request of {1000 * PACE.e2e_s:.0f} ms ({PACE.words} words), asked {ROUNDS} times each by the "
        "instrument (`client/chat`, with the exchange kept in the results file), by a raw socket and by raw "
        f"aiohttp, in turns; medians. Then {asked} requests at random moments, {RATE} a second, without "
        "waiting for answers.",
        tuple(rows),
        "The raw clients read the same bytes and do nothing with them. Of the processor, one after the "
        f"other takes {', '.join(f'{1000 * costs[name][1]:.2f} ms by {name}' for name in sorted(costs))}. At "
        f"{RATE} requests/s the slowest was sent {1000 * late_s:.0f} ms after its time.",
    )


async def in_turns(endpoint: Endpoint, store: Store) -> Costs:
    assert endpoint.socket is not None
    request = body("any", [text_message(QUESTION)])
    data = orjson.dumps({**request, "stream": True, "stream_options": {"include_usage": True}})
    connector = aiohttp.UnixConnector(str(endpoint.socket), force_close=True)
    async with (
        ChatClient(endpoint) as client,
        aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session,
    ):
        askers: dict[str, Ask] = {
            "instrument": lambda: by_instrument(client, request, store),
            "socket": lambda: by_socket(endpoint.socket, data),
            "aiohttp": lambda: by_aiohttp(session, endpoint.url(CHAT_PATH), data),
        }
        spent: dict[str, list[tuple[float, float]]] = defaultdict(list)
        rng = random.Random(0)
        for number in track(range(ROUNDS + 5), "Cost", transient=True):
            for name in rng.sample(list(askers), len(askers)):
                wall_s, processor_s = time.perf_counter(), time.process_time()
                await askers[name]()
                if number >= 5:  # the first ones import modules and open connections
                    spent[name].append((time.perf_counter() - wall_s, time.process_time() - processor_s))
    return {
        name: (statistics.median(w for w, _ in both), statistics.median(p for _, p in both))
        for name, both in spent.items()
    }


async def by_instrument(client: ChatClient, request: dict[str, Any], store: Store) -> None:
    exchange = await client.exchange(request, timeout_s=60)
    assert not exchange.error, exchange.error
    store.add(Sample(RUN, "any", 1, "texts", QUESTION, exchange))


async def by_socket(path: Path | None, data: bytes) -> None:
    head = f"POST {CHAT_PATH} HTTP/1.1\r\nHost: engine\r\nContent-Type: application/json\r\n"
    with socket.socket(socket.AF_UNIX) as raw:
        raw.connect(str(path))
        raw.sendall(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)
        while raw.recv(65536):
            pass


async def by_aiohttp(session: aiohttp.ClientSession, url: str, data: bytes) -> None:
    async with session.post(url, data=data, headers={"Content-Type": "application/json"}) as reply:
        async for _ in reply.content.iter_any():
            pass


def against(raw: str, costs: Costs) -> Row:
    """The time that the instrument takes longer than a raw client, as a share of the request."""
    ours_s, theirs_s = costs["instrument"][0], costs[raw][0]
    share = (ours_s - theirs_s) / PACE.e2e_s
    return Row(
        f"added time, against raw {raw}",
        f"at most {100 * MOST_OF_A_REQUEST:.0f} % of the request",
        f"{100 * share:+.2f} % ({1000 * ours_s:.2f} ms against {1000 * theirs_s:.2f} ms)",
        share <= MOST_OF_A_REQUEST,
    )


async def open_loop(endpoint: Endpoint, store: Store) -> tuple[float, int, float]:
    """The share of a core, the number of requests, and the delay of the one that was sent latest."""
    rng, request = random.Random(1), body("any", [text_message(QUESTION)])
    moments, at_s = [], 0.0
    while at_s < OPEN_LOOP_S:
        moments.append(at_s)
        at_s += rng.expovariate(RATE)
    late_s = 0.0
    async with ChatClient(endpoint) as client, asyncio.TaskGroup() as group:
        start_s, processor_s = time.perf_counter(), time.process_time()
        for moment_s in moments:
            await asyncio.sleep(max(0.0, start_s + moment_s - time.perf_counter()))
            late_s = max(late_s, time.perf_counter() - start_s - moment_s)
            group.create_task(by_instrument(client, request, store))
        core = (time.process_time() - processor_s) / (time.perf_counter() - start_s)
    return core, len(moments), late_s
