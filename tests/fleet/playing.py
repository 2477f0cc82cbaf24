"""Stories: what happens to a fleet on the virtual clock, told from its first request to its end."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from viewfinder.core.config import FleetSettings, Limits, Settings
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.core.paths import Folders
from viewfinder.fleet.fleet import Fleet
from viewfinder.fleet.record.request_shape import RequestShape
from viewfinder.gateway.relay import Relay
from viewfinder.wire.chat import parse_request

from .virtual_time import VirtualLoop
from .world import HOLDS, World


def relay(fleet: Fleet, model: str, number: int = 0, words: int = 3, *, stream: bool = True) -> Relay:
    """A request for so many words, on its way."""
    body = {"model": model, "messages": [{"role": "user", "content": "?"}], "stream": stream}
    request = parse_request(json.dumps(body).encode(), Limits()).request
    shape = RequestShape(characters=1, max_tokens=words, stream=stream)
    engines_body = {"messages": body["messages"], "asks": number, "words": words}
    return Relay(fleet, request, engines_body, shape, Limits())


async def said(relay: Relay) -> str:
    """Its whole answer, by a client that reads on."""
    return "".join([chunk["choices"][0]["delta"].get("content", "") async for chunk in relay.chunks()])


Story = Callable[[World, Fleet], Coroutine[Any, Any, None]]


def play(story: Story, folder: Path, slots: int = 2, budget_gb: float = 2.0, **words: Any) -> World:
    """Let a story happen to a fleet, close it, and make sure that nothing is left and nothing went wrong.

    `a` and `b` fit together, `c` fits alone; `words` are fleet settings.
    """
    world, loop = World(folder, HOLDS), VirtualLoop()
    settings = settings_of(slots, memory_budget_gb=budget_gb, **words)

    async def tell() -> None:
        async with Fleet(world.catalog, settings, Folders(folder / "run", folder, folder)) as fleet:
            await story(world, fleet)

    with world.below_the_fleet():
        try:
            loop.run(tell())
            assert not asyncio.all_tasks(loop)
        finally:
            loop.end()
    assert not world.problems, "\n".join(world.problems)
    assert world.alive() == []
    return world


def settings_of(slots: int, **words: Any) -> Settings:
    return Settings(engine=EngineSettings(slots=slots, start_timeout_s=5), fleet=FleetSettings(**words))
