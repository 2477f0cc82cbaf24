"""An engine that changed, with real glimpse: `ps` and `events` say whether it answers as before."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from viewfinder.catalog.catalog import Catalog
from viewfinder.core.config import FleetSettings, Settings
from viewfinder.core.paths import folders
from viewfinder.engines.llama_cpp import LlamaCpp
from viewfinder.fleet.fleet import Fleet
from viewfinder.fleet.health import upgrade, upgrade_checks
from viewfinder.gateway.control import make_control
from viewfinder.gateway.listen import serving_control
from viewfinder.host.ownership import OwnerLock, control_socket

from .conftest import PATIENCE_S, run

AT_ONCE = Settings(fleet=FleetSettings(canary=False, upgrade_idle_s=0.1))


@pytest.fixture(autouse=True)
def any_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine of the tests is in use, and times on it prove nothing: the answers count."""
    monkeypatch.setattr(upgrade_checks, "MOST_IN_USE", 1.0)
    monkeypatch.setattr(upgrade_checks, "USE_LOOK_S", 0.01)
    monkeypatch.setattr(upgrade, "UNCLEAR", 1e6)
    monkeypatch.setattr(upgrade, "SLOWER", 1e6)
    monkeypatch.setattr(upgrade, "EQUAL", 1e6)


@asynccontextmanager
async def serving_glimpse(home: Path) -> AsyncIterator[Fleet]:
    """A fleet of its own, with the control socket that the commands find; glimpse has been compared."""
    lock = OwnerLock.acquire(home)
    try:
        with control_socket(lock) as listener:
            lock.announce("http://127.0.0.1:1", listener.getsockname())
            async with (
                Fleet(Catalog(), AT_ONCE, folders()) as fleet,
                serving_control(make_control(fleet), listener),
            ):
                await fleet.load("glimpse")
                (entry,) = fleet._entries.values()
                async with asyncio.timeout(PATIENCE_S):
                    while not entry.upgrade.is_done:  # noqa: ASYNC110
                        await asyncio.sleep(0.02)
                yield fleet
    finally:
        lock.release()


def rewrite(home: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change what is stored of the engine that ran last."""
    file = home / "upgrades.json"
    notes = json.loads(file.read_text())
    (note,) = notes.values()
    change(note["references"][-1])
    file.write_text(json.dumps(notes))


def older(reference: dict[str, Any]) -> None:
    reference["identity"] |= {"version": "1.0", "packages": {"xllamacpp": "1.0"}}


def older_and_other(reference: dict[str, Any]) -> None:
    older(reference)
    for bench in reference["benches"]:
        bench["answers"] = {name: answer[::-1] for name, answer in bench["answers"].items()}


async def test_what_ps_and_events_say_after_an_upgrade(home: Path) -> None:
    async with serving_glimpse(home) as fleet:
        assert fleet.view().servers[0].upgrade is None  # nothing to compare with
    rewrite(home, older)
    installed = LlamaCpp().installed_version()
    async with serving_glimpse(home):
        shown = json.loads((await asyncio.to_thread(run, "ps", "--json", home=home)).stdout)
        found = shown["servers"][0]["upgrade"]
        assert found["verdict"] == "as before"
        assert found["sentence"].startswith("as before (the same 8 answers, ")
        assert found["since"] == f"xllamacpp 1.0 > {installed}"
    rewrite(home, older_and_other)
    async with serving_glimpse(home) as fleet:
        (event,) = [one.details for one in fleet.events.recent if one.kind == "upgrade"]
        assert event["verdict"] == "other answers"
        assert event["back"] == "pip install 'xllamacpp==1.0'"
        table = (await asyncio.to_thread(run, "ps", home=home)).stdout
        words = " ".join(table.split())
        assert "other answers to 8 of 8 known requests" in words
        assert "to go back: pip install 'xllamacpp==1.0'" in words
