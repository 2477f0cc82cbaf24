"""/metrics as Prometheus reads it."""

import asyncio
from typing import Any, get_args

from prometheus_client.parser import text_string_to_metric_families

from viewfinder.fleet.record.events import Kind
from viewfinder.gateway.metrics import COUNTED

BOTH = {"model": "both", "variant": "llama.cpp-f16"}

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


async def scrape(gateway: Any) -> Samples:
    async with gateway.http.get(f"{gateway.url}/metrics") as reply:
        assert reply.status == 200
        assert reply.headers["content-type"].startswith("text/plain")
        text = await reply.text()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def read(request: Any) -> None:
    async with request as reply:
        await reply.read()


def value(samples: Samples, name: str, **labels: str) -> float | None:
    return samples.get((f"viewfinder_{name}", tuple(sorted(labels.items()))))


async def test_the_gateways_own_requests(gateway: Any) -> None:
    await read(gateway.post("hello"))
    async with gateway.post("hello", model="nonesuch") as reply:
        assert reply.status == 404
    async with gateway.http.get(f"{gateway.url}/a/strangers/path") as reply:
        assert reply.status == 404
    samples = await scrape(gateway)
    chat = "/v1/chat/completions"
    assert value(samples, "http_requests_total", path=chat, status="200") == 1
    assert value(samples, "http_requests_total", path=chat, status="404") == 1
    assert value(samples, "http_requests_total", path="other", status="404") == 1
    assert value(samples, "http_request_duration_seconds_count", path=chat) == 2
    assert "strangers" not in repr(samples)


async def test_every_route_is_counted_under_its_own_path(gateway: Any) -> None:
    """/v1/answers/{id} was counted as "other", because the paths were listed a second time, without it."""
    for path in ("/v1/answers/nonesuch", "/v1/models", "/v1/models/both", "/v1/models/nonesuch", "/health"):
        await read(gateway.http.get(f"{gateway.url}{path}"))
    await read(gateway.http.get(f"{gateway.url}/v1/chat/completions"))  # it is POST
    await read(gateway.http.get(f"{gateway.url}/ready", headers={"host": "evil.example"}))
    samples = await scrape(gateway)
    for path, status, number in (
        ("/v1/answers/{id}", 404, 1),
        ("/v1/models", 200, 1),
        ("/v1/models/{name}", 200, 1),
        ("/v1/models/{name}", 404, 1),
        ("/health", 200, 1),
        ("/v1/chat/completions", 405, 1),
        ("/ready", 403, 1),
    ):
        assert value(samples, "http_requests_total", path=path, status=str(status)) == number, path
    assert not any(("path", "other") in labels for _, labels in samples)


async def test_the_fleet_as_it_is(gateway: Any) -> None:
    assert value(await scrape(gateway), "leases", **BOTH) is None
    await read(gateway.post("hello"))
    samples = await scrape(gateway)
    assert value(samples, "leases", **BOTH) == 0
    assert value(samples, "memory_bytes", **BOTH) == 12_345_678
    assert value(samples, "memory_need_bytes", **BOTH) is None  # not known
    assert value(samples, "verified", **BOTH) == 1
    assert value(samples, "queue_requests") == 2
    assert value(samples, "memory_budget_bytes") == 10**9
    states = {key[1]: number for key, number in samples.items() if key[0] == "viewfinder_server_state"}
    assert len(states) == 7
    assert [dict(labels)["state"] for labels, number in states.items() if number] == ["ready"]


async def test_what_happened_is_counted(gateway: Any) -> None:
    events = gateway.fleet.events
    for _ in range(2):
        events.emit("load", "both", variant="v", engine="e")
        events.emit("ready", "both", spawned_s=0.25, listening_s=0.5, ready_s=1.0, variant="v")
    events.emit("unload", "both", why="evicted")
    events.emit("unload", "both", why="idle")
    events.emit("death", "both", explanation="It was killed.", up_s=1.0, post_mortem=None)
    events.emit("restart", "both", after_s=1.0, deaths=1)
    events.emit("failed", "both", reason="It died too often.")
    events.emit("quarantine", "both", fault="stale", evidence={})
    events.emit("canary", "both", good=False, scenes=3)
    events.emit("suspect", "both", answers=["a", "b", "c"])
    events.emit("replay", "both", reason="engine_died")
    events.emit("stall", "both", phase="prefill", silent_s=9.0, expected_s=1.0)
    events.refusals.add("queue_full", "both")
    for _ in range(3):
        events.refusals.add("overloaded")
    events.emit("reload", "", outcome="applied", settings=["limits.images"], models=[])
    samples = await scrape(gateway)
    for name, number in {
        "loads": 2,
        "loads_ready": 2,
        "deaths": 1,
        "restarts": 1,
        "failures": 1,
        "quarantines": 1,
        "suspect_answers": 3,
        "replays": 1,
        "stalls": 1,
    }.items():
        assert value(samples, f"{name}_total", model="both") == number, name
    assert value(samples, "unloads_total", model="both", why="evicted") == 1
    assert value(samples, "canary_rounds_total", model="both", good="false") == 1
    assert value(samples, "load_seconds_total", model="both", stage="ready") == 2.0
    assert value(samples, "load_seconds_total", model="both", stage="spawned") == 0.5
    assert value(samples, "refused_total", model="both", code="queue_full") == 1
    assert value(samples, "refused_total", model="other", code="overloaded") == 3
    assert value(samples, "reloads_total", model="other", outcome="applied") == 1


async def test_series_begin_at_0_so_that_the_first_of_a_kind_is_an_increase(gateway: Any) -> None:
    gateway.fleet.events.emit("load", "both", variant="x", engine="y")
    samples = await scrape(gateway)
    for name in ("deaths", "restarts", "failures", "stalls", "quarantines", "replays", "suspect_answers"):
        assert value(samples, f"{name}_total", model="both") == 0, name
    assert value(samples, "canary_rounds_total", model="both", good="false") == 0
    assert value(samples, "reloads_total", model="other", outcome="refused") == 0


def test_every_kind_of_event_is_counted() -> None:
    assert set(get_args(Kind)) == {*COUNTED, "suspect", "refused"}


async def test_clients_cannot_create_series(gateway: Any) -> None:
    for number in range(100):
        gateway.fleet.events.refusals.add("overloaded", f"stranger-{number}")
    samples = await scrape(gateway)
    assert value(samples, "refused_total", model="other", code="overloaded") == 100
    assert "stranger" not in repr(samples)


async def test_a_client_that_disconnected_before_the_answer_has_its_own_status(gateway: Any) -> None:
    asking = asyncio.create_task(read(gateway.post("wait")))
    while not gateway.engine.asked:  # noqa: ASYNC110
        await asyncio.sleep(0.005)
    asking.cancel()
    await gateway.engine.abandoned.wait()
    samples = await scrape(gateway)
    assert value(samples, "http_requests_total", path="/v1/chat/completions", status="499") == 1


async def test_it_needs_the_key_where_one_is_set(start: Any) -> None:
    gateway = await start(api_key="key")
    async with gateway.http.get(f"{gateway.url}/metrics") as reply:
        assert reply.status == 401
    async with gateway.http.get(f"{gateway.url}/metrics", headers={"authorization": "Bearer key"}) as reply:
        assert reply.status == 200
        assert 'status="401"' in await reply.text()
