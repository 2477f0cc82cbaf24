"""A gateway whose fleet has one model of the faulty engine, which comes from an entry point."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.faults.gateway import FaultyCatalog, Gateway, Reply, gateway, picture
from tests.processes import left_of
from viewfinder.core.config import Settings
from viewfinder.fleet.health import canary_checks, stall
from viewfinder.fleet.process import restart

PLUGIN = Path(__file__).parent / "plugin"
MODEL = "faulty"
PATIENCE_S = 20.0


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    """The faulty engine's distribution, as if it were installed."""
    monkeypatch.syspath_prepend(str(PLUGIN))


@dataclass(frozen=True)
class Faulty:
    """A model with a fault behind a gateway, and the files of its engine."""

    gateway: Gateway
    memory: Path

    async def ask(self, color: str | None = "red", words: str = "What color is it?", **fields: Any) -> Reply:
        return await self.gateway.ask(MODEL, words, picture(color) if color else None, **fields)

    def arm(self) -> None:
        """Turn on the fault of the running process."""
        (self.memory / "armed").touch()

    def starts(self) -> int:
        """The number of processes that were started."""
        return len(list((self.memory / "starts").iterdir())) if (self.memory / "starts").exists() else 0

    def events(self, kind: str) -> list[dict[str, Any]]:
        """The details of the events of this kind so far."""
        return [event.details for event in self.gateway.fleet.events.recent if event.kind == kind]

    @property
    def view(self) -> Any:
        (view,) = [view for view in self.gateway.fleet.view().servers if view.model == MODEL]
        return view

    async def until(self, state: str) -> None:
        """Wait until the server process is in this state."""
        await until(lambda: self.view.state == state)


Serving = Callable[..., Awaitable[Faulty]]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shortens the waits that have no influence on the outcome."""
    monkeypatch.setattr(restart, "LONGEST_BACKOFF_S", 0.1)
    monkeypatch.setattr(canary_checks, "FRESH_IDLE_S", 0.05)
    monkeypatch.setattr(stall, "LEAST_LOOK_S", 0.5)


@pytest.fixture
async def serving(plugin: None, quick: None, tmp_path: Path) -> AsyncIterator[Serving]:
    """Serves one model with a fault; no process may be left at the end."""
    before = set(psutil.Process().children(recursive=True))
    async with AsyncExitStack() as stack:

        async def start(
            fault: str,
            when: str = "always",
            *,
            fleet: Mapping[str, Any] | None = None,
            place: str = "",
            **engine: Any,
        ) -> Faulty:
            settings = Settings.model_validate({"port": 0, "engine": engine, "fleet": fleet or {}})
            catalog = FaultyCatalog({MODEL: f"{fault}/{when}"}, tmp_path / place)
            running = await stack.enter_async_context(gateway(catalog, settings))
            return Faulty(running, catalog.memory_of(MODEL))

        yield start
    assert left_of(set(psutil.Process().children(recursive=True)) - before) == []


async def until(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
