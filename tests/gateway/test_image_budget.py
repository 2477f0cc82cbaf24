"""The image budget of a request: which pictures the engine gets, and what the header says."""

from pathlib import Path
from typing import Any

from tests.fleet.record.test_image_budgets import stored, write

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
