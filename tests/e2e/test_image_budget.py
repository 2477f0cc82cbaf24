"""The measured image budget on a real engine: glimpse on llama.cpp, which gets it at its start."""

from pathlib import Path
from typing import Any

import requests

from tests.fleet.record.test_image_budgets import stored, write
from viewfinder.catalog.catalog import Catalog
from viewfinder.engines.registry import engine_named
from viewfinder.scenes.messages import image_message
from viewfinder.scenes.scene import make_scene

from .conftest import Served, serving

ASKED = image_message(make_scene("budget/1"), "What color is the circle?")
ONE_TILE, ALL_TILES = 24, 58
"""Image tokens of a square picture with their separators: a tile and the overview, and four tiles."""


def tokens(served: Served, content: Any) -> int:
    body = {"model": "glimpse", "messages": [{"role": "user", "content": content}]}
    reply = requests.post(f"{served.url}/v1/chat/completions/input_tokens", json=body, timeout=60)
    assert reply.status_code == 200, reply.text
    return int(reply.json()["input_tokens"])


def with_detail(detail: str) -> list[dict[str, Any]]:
    (image, text) = ASKED["content"]
    return [{**image, "image_url": {**image["image_url"], "detail": detail}}, text]


def test_the_engine_is_started_with_it(tmp_path: Path) -> None:
    variant = Catalog().get("glimpse").variants[0]
    version = engine_named(variant.engine).installed_version()
    measured = stored(
        "20 tokens",
        "all tokens",
        cheapest="20 tokens",
        model="glimpse",
        variant=variant.name,
        engine_version=version,
    )
    write(tmp_path, measured)
    with serving(tmp_path) as served:
        text = tokens(served, "What color is the circle?")
        assert tokens(served, ASKED["content"]) - text == ONE_TILE
        body = {"model": "glimpse", "messages": [ASKED], "max_tokens": 8}
        reply = requests.post(f"{served.url}/v1/chat/completions", json=body, timeout=60)
        assert reply.headers["x-viewfinder-image-budget"].startswith("20 tokens (measured 2026-11-30: ")
        high = with_detail("high")
        assert tokens(served, high) - text == ALL_TILES, "a process of its own, without the budget"
        body = {"model": "glimpse", "messages": [{"role": "user", "content": high}], "max_tokens": 8}
        reply = requests.post(f"{served.url}/v1/chat/completions", json=body, timeout=60)
        assert reply.headers["x-viewfinder-image-budget"] == "full (detail: high)"
        assert reply.json()["model"] == "glimpse"
        estimate = requests.post(f"{served.url}/v1/estimate", json=body, timeout=60).json()
        assert (estimate["model"], estimate["state"]) == ("glimpse", "ready")
        up = requests.get(f"{served.url}/fleet", timeout=60).json()
        assert {one["model"] for one in up["servers"]} == {"glimpse", "glimpse:full-images"}
        body |= {"model": "glimpse:full-images"}
        reply = requests.post(f"{served.url}/v1/chat/completions", json=body, timeout=60)
        said = "full (the engine was started without its budget)"
        assert reply.headers["x-viewfinder-image-budget"] == said
        assert tokens(served, ASKED["content"]) - text == ONE_TILE
