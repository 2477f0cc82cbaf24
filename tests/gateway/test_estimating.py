"""What a request will take, before it is run: by what was measured, and never with a model loaded."""

from pathlib import Path
from typing import Any

from viewfinder.core import paths
from viewfinder.engines.registry import engine_named
from viewfinder.fleet.health.profile import PROFILES, Profile, Profiles
from viewfinder.fleet.record.measured_costs import StoredCosts, cost_path
from viewfinder.fleet.record.measured_file import machine_digest
from viewfinder.host.hardware import this_machine

from .test_chat import picture, showing
from .test_image_budget import LARGE, load, measured, span, timed

MACHINE = machine_digest(this_machine())


async def estimated(gateway, messages: Any, **more: Any) -> dict[str, Any]:
    body = {"model": "both", "messages": messages, **more}
    async with gateway.http.post(f"{gateway.url}/v1/estimate", json=body) as reply:
        assert reply.status == 200, await reply.text()
        found: dict[str, Any] = await reply.json()
    assert gateway.engine.asked == []
    assert gateway.fleet.leases == 0
    return found


def costs(state: Path, measure: str, **known: float) -> None:
    stored = StoredCosts(
        model="both",
        variant="faulty",
        engine="llama.cpp",
        engine_version="1",
        machine=MACHINE,
        measured_at="2026-11-30T00:00:00+00:00",
        costs={name: span(value) for name, value in known.items()},
    )
    file = state / cost_path("both", "faulty", measure)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(stored.model_dump_json())


async def test_by_what_was_measured(gateway, tmp_path: Path) -> None:
    timed(tmp_path)
    costs(tmp_path, "latency", token_s=0.1, text_first_s=0.01)
    costs(tmp_path, "memory", peak_bytes=5e8)
    await load(gateway)
    found = await estimated(gateway, showing(LARGE))
    assert (found["object"], found["model"], found["variant"]) == ("estimate", "both", "faulty")
    assert (found["images"], found["state"], found["answer_tokens"]) == (1, "ready", None)
    assert found["image_budget"].startswith("128 px (measured")
    assert found["image_tokens"]["value"] == 200
    assert (found["first_token_s"]["value"], found["whole_s"]["value"]) == (2, 2)
    assert found["whole_s"]["requests"] == 40
    assert found["load_s"]["value"] == 0
    assert found["peak_memory_bytes"]["value"] == 5e8
    longer = await estimated(gateway, showing(LARGE), max_tokens=11)
    assert (longer["answer_tokens"], longer["whole_s"]["value"]) == (11, 3)
    high = await estimated(gateway, showing(picture("red", (200, 100)), detail="high"))
    assert high["first_token_s"]["value"] == 4
    small = await estimated(gateway, showing(picture("red")))
    assert small["image_tokens"]["value"] == 100, (
        "a picture smaller than its budget takes what such a one takes"
    )
    in_time = await estimated(gateway, showing(LARGE), max_wait=1.5)
    assert in_time["whole_s"]["value"] == 1


async def test_nothing_measured_says_what_measures_it(gateway) -> None:
    found = await estimated(gateway, showing(LARGE), model="one-eye")
    assert gateway.fleet.loads == [], "it loads nothing"
    assert found["image_budget"] is None
    for name in ("image_tokens", "first_token_s", "whole_s", "load_s", "peak_memory_bytes"):
        number = found[name]
        assert number["value"] is number["low"] is number["high"] is number["requests"] is None
        assert number["reason"]
    assert found["whole_s"]["command"] == "viewfinder bench one-eye --suite standard"
    assert found["load_s"]["command"] == "viewfinder load one-eye"


async def test_a_model_that_is_not_up_takes_its_load(gateway, tmp_path: Path) -> None:
    version = engine_named("llama.cpp").installed_version()
    Profiles(paths.home() / PROFILES).put("both", "faulty", version, Profile(3 * 10**8, 4 * 10**8, 1.5))
    found = await estimated(gateway, [{"role": "user", "content": "Hi"}])
    assert found["load_s"]["value"] == 1.5
    assert (found["peak_memory_bytes"]["low"], found["peak_memory_bytes"]["value"]) == (3e8, 4e8)
    assert found["image_tokens"]["value"] == 0
    assert gateway.fleet.loads == []


async def test_a_picture_larger_than_what_was_measured(gateway, tmp_path: Path) -> None:
    measured(tmp_path, cheapest="256 px")
    await load(gateway)
    found = await estimated(gateway, showing(LARGE))
    assert found["whole_s"]["value"] is None
    assert "400 pixels is larger" in found["whole_s"]["reason"]


async def test_what_would_be_refused_is_refused(gateway) -> None:
    for body, status in (
        ({"model": "nobody", "messages": showing(LARGE)}, 404),
        ({"model": "blind", "messages": showing(LARGE)}, 400),
        ({"model": "both", "messages": showing("data:image/png;base64,AAAA")}, 400),
        ({"model": "both"}, 400),
    ):
        async with gateway.http.post(f"{gateway.url}/v1/estimate", json=body) as reply:
            assert reply.status == status
            assert (await reply.json())["error"]["message"]
