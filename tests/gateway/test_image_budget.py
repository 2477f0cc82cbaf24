"""The image budget of a request: which pictures the engine gets, and what the header says."""

from pathlib import Path
from typing import Any

import pytest

from tests.fleet.record.test_image_budgets import stored, write
from viewfinder.fleet.record.image_budgets import StoredBudget
from viewfinder.fleet.record.measured_file import MeasuredSpan

from .test_chat import opened, picture, showing

HEADER = "x-viewfinder-image-budget"
LARGE = picture("red", (400, 200))


def measured(state: Path, cheapest: str = "128 px", **more: Any) -> None:
    names = ("64 px", "128 px", "256 px")
    write(state, stored(*names, cheapest=cheapest, model="both", variant="faulty", **more))


async def asked(gateway, messages: Any, **more: Any) -> tuple[list[tuple[int, int]], str | None]:
    """The sizes of the pictures that the engine gets, and the header."""
    body = {"model": "both", "messages": messages, **more}
    async with gateway.http.post(f"{gateway.url}/v1/chat/completions", json=body) as reply:
        assert reply.status == 200, await reply.text()
        said = reply.headers.get(HEADER)
    content = gateway.engine.asked[-1]["messages"][-1]["content"]
    parts = content if isinstance(content, list) else []
    return [opened(one["image_url"]["url"]).size for one in parts if "image_url" in one], said


async def load(gateway) -> None:
    """The version of an engine is known once it runs."""
    await gateway.fleet.load("both")


async def test_the_measured_budget_is_applied_and_said(gateway, tmp_path: Path) -> None:
    measured(tmp_path)
    await load(gateway)
    assert await asked(gateway, showing(LARGE)) == (
        [(128, 64)],
        "128 px (measured 2026-11-30: accuracy +0.0 points)",
    )
    small = await asked(gateway, showing(picture("red")))
    assert small[0] == [(40, 30)], "no picture is enlarged"
    assert await asked(gateway, showing(LARGE), stream=True) == await asked(gateway, showing(LARGE))


async def test_detail_high_overrides_it_and_low_keeps_its_meaning(gateway, tmp_path: Path) -> None:
    measured(tmp_path)
    await load(gateway)
    assert await asked(gateway, showing(LARGE, detail="high")) == ([(400, 200)], "full (detail: high)")
    huge = picture("red", (1000, 500))
    assert await asked(gateway, showing(huge, detail="low")) == ([(512, 256)], "512 px (detail: low)")
    both = showing(LARGE)[0]["content"][:1] + showing(LARGE, detail="high")[0]["content"]
    sizes, said = await asked(gateway, [{"role": "user", "content": both}])
    assert sizes == [(128, 64), (400, 200)]
    assert said is not None
    assert "128 px" in said
    assert said.endswith("; full (detail: high)")


async def test_nothing_measured_changes_nothing(gateway, tmp_path: Path) -> None:
    await load(gateway)
    before, said = await asked(gateway, showing(LARGE))
    assert (before, said) == ([(400, 200)], None)
    measured(tmp_path, engine_version="another")
    assert await asked(gateway, showing(LARGE)) == (before, None)


async def test_a_text_request_has_no_budget(gateway, tmp_path: Path) -> None:
    measured(tmp_path)
    await load(gateway)
    assert await asked(gateway, [{"role": "user", "content": "What is it?"}]) == ([], None)


async def test_no_smaller_budget_is_as_good(gateway, tmp_path: Path) -> None:
    measured(tmp_path, cheapest="256 px", evidence="every budget below 256 px is worse")
    await load(gateway)
    assert await asked(gateway, showing(LARGE)) == (
        [(400, 200)],
        "full (every budget below 256 px is worse)",
    )


async def test_the_setting(start, tmp_path: Path) -> None:
    gateway = await start(images={"budget": "full"})
    measured(tmp_path)
    await load(gateway)
    assert await asked(gateway, showing(LARGE)) == ([(400, 200)], "full (the setting images.budget)")


def span(value: float) -> MeasuredSpan:
    return MeasuredSpan(value=value, low=value, high=value, n=40)


def timed(state: Path, **more: Any) -> None:
    """64 px take 1 s, 128 px 2 s and 256 px 4 s."""
    budgets = [
        StoredBudget(name=f"{64 * k} px", first_s=span(k), whole_s=span(k), image_tokens=span(100 * k))
        for k in (1, 2, 4)
    ]
    measured(state, **{"budgets": budgets, **more})


@pytest.mark.parametrize(
    ("max_wait", "size", "says"),
    [
        (60, (128, 64), "128 px (measured 2026-11-30: accuracy +0.0 points); fits max_wait"),
        (1.5, (64, 32), "64 px (the largest that fits max_wait: 1.5 s)"),
    ],
)
async def test_the_largest_budget_in_time(
    gateway, tmp_path: Path, max_wait: float, size: tuple[int, int], says: str
) -> None:
    timed(tmp_path)
    await load(gateway)
    assert await asked(gateway, showing(LARGE), max_wait=max_wait) == ([size], says)
    assert "max_wait" not in gateway.engine.asked[-1]


async def refused(gateway, **more: Any) -> dict[str, Any]:
    body = {"model": "both", "messages": showing(LARGE), **more}
    async with gateway.http.post(f"{gateway.url}/v1/chat/completions", json=body) as reply:
        assert reply.status == 400
        error: dict[str, Any] = (await reply.json())["error"]
    assert gateway.engine.asked == []
    return error


async def test_no_budget_is_in_time(gateway, tmp_path: Path) -> None:
    timed(tmp_path)
    await load(gateway)
    error = await refused(gateway, max_wait=0.5)
    assert (error["code"], error["param"]) == ("max_wait_too_short", "max_wait")
    assert "about 1 s" in error["message"]
    assert "/v1/estimate" in error["message"]
    high = await refused(gateway, max_wait=3, messages=showing(LARGE, detail="high"))
    assert "about 4 s" in high["message"], "the whole picture was asked for"


@pytest.mark.parametrize("max_wait", [0, -1, 86_401, "2", True, [2]])
async def test_a_wait_that_is_none(gateway, max_wait: Any) -> None:
    assert (await refused(gateway, max_wait=max_wait))["param"] == "max_wait"


async def test_max_wait_without_a_measurement_or_an_image_says_so(gateway, tmp_path: Path) -> None:
    await load(gateway)
    sizes, said = await asked(gateway, showing(LARGE), max_wait=5)
    assert sizes == [(400, 200)]
    assert said is not None
    assert said.startswith("full (max_wait has no effect: its image budgets were not measured")
    assert "viewfinder bench both --suite standard" in said
    body = {"model": "both", "messages": [{"role": "user", "content": "Hi"}], "max_wait": 5}
    async with gateway.http.post(f"{gateway.url}/v1/chat/completions", json=body) as reply:
        assert reply.headers["x-viewfinder-ignored"] == "max_wait"


async def test_max_wait_of_a_model(start, tmp_path: Path) -> None:
    gateway = await start(defaults_for={"both": {"max_wait": 1.5}})
    timed(tmp_path)
    await load(gateway)
    assert (await asked(gateway, showing(LARGE)))[0] == [(64, 32)]
    assert (await asked(gateway, showing(LARGE), max_wait=60))[0] == [(128, 64)]
    assert await asked(gateway, [{"role": "user", "content": "Hi"}]) == ([], None)
