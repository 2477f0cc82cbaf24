"""Settings that change while we run: wrong ones change nothing, right ones hold at once."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from pydantic import SecretStr

from viewfinder.api.reloading import Reloading
from viewfinder.api.setup import open_catalog
from viewfinder.catalog.catalog import Catalog
from viewfinder.core.config import Settings, load_settings
from viewfinder.core.errors import ViewfinderError


class Served:
    """A `serve` reduced to its settings: those that were applied, in order."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.applied: list[Settings] = []
        self.was_applied = asyncio.Event()
        self.reported: list[dict[str, Any]] = []
        settings = load_settings().model_copy(update={"host": "127.0.0.1", "port": 4711})
        self.reloading = Reloading(
            open_catalog(settings),
            settings,
            reread=load_settings,
            open_catalog=open_catalog,
            apply=self.apply,
            report=lambda **details: self.reported.append(details),
        )

    async def apply(self, catalog: Catalog, settings: Settings, changed: set[str]) -> None:
        assert catalog.names()
        self.changed = changed
        self.applied.append(settings)
        self.was_applied.set()

    async def written(self, text: str) -> bool:
        self.file.write_text(text)
        return await self.reloading.reload()


@pytest.fixture
def served(home: Path) -> Served:
    return Served(home / "viewfinder.toml")


@pytest.fixture
async def running(served: Served) -> AsyncIterator[Served]:
    task = asyncio.create_task(served.reloading.run(check_ms=20))
    yield served
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_changes_are_applied_and_the_bound_address_stays(served: Served) -> None:
    assert await served.written('api_key = "new"\n[limits]\nimages = 3\n')
    (new,) = served.applied
    assert new.api_key == SecretStr("new")
    assert (new.limits.images, new.host, new.port) == (3, "127.0.0.1", 4711)
    assert served.reloading.current == new
    assert served.changed == set()


async def test_only_the_models_that_a_change_concerns_must_restart(served: Served) -> None:
    assert await served.written("[engine_for.glimpse]\nslots = 3\n")
    assert served.changed == {"glimpse"}
    assert await served.written("[engine_for.glimpse]\nslots = 3\n[fleet]\nqueue = 9\n")
    assert served.changed == set()


async def test_each_reload_is_reported_with_what_changed_and_no_value(served: Served) -> None:
    text = 'port = 9999\napi_key = "xyzzy"\n[limits]\nimages = 3\n[engine_for.glimpse]\nslots = 3\n'
    assert await served.written(text)
    assert await served.written(text)
    assert not await served.written("[engine]\nslots = 0\n")
    applied, unchanged, refused = served.reported
    assert applied["outcome"] == "applied"
    assert {*applied["settings"]} == {"api_key", "limits.images", "engine_for", "port"}
    assert applied["models"] == ["glimpse"]
    assert unchanged["outcome"] == "unchanged"
    assert refused["outcome"] == "refused"
    assert "engine.slots" in refused["reason"]
    assert "xyzzy" not in repr(served.reported)


async def test_settings_without_a_change_change_nothing(served: Served) -> None:
    assert await served.written("[engine]\nslots = 2\n")  # the default
    assert served.applied == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[engine]\nslots = 0\n", "engine.slots"),
        ("[engine\n", "not valid TOML"),
        ('[variants]\nglimpse = "nonesuch"\n', "has no variant 'nonesuch'"),
        ("\udcff", "viewfinder.toml"),
    ],
)
async def test_wrong_settings_are_reported_and_change_nothing(
    served: Served, text: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    before = served.reloading.current
    served.file.write_bytes(text.encode("utf-8", "surrogateescape"))
    with caplog.at_level(logging.ERROR):
        assert not await served.reloading.reload()
    assert "The settings were not reloaded:" in caplog.text
    assert said in caplog.text
    assert (served.applied, served.reloading.current) == ([], before)
    assert await served.written("[engine]\nslots = 3\n")  # fixed


async def test_an_open_address_keeps_its_key(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    (home / "viewfinder.toml").write_text('host = "0.0.0.0"\napi_key = "key"\n')
    served = Served(home / "viewfinder.toml")
    served.reloading.current = served.reloading.current.model_copy(update={"host": "0.0.0.0"})
    assert not await served.written('host = "0.0.0.0"\n')
    assert "no API key is set" in caplog.text
    assert not await served.written('host = "127.0.0.1"\n')  # we are still bound to the open one


async def test_changes_that_need_a_new_start_are_reported(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    assert await served.written("port = 9999\nstrict_port = true\n")
    assert "A change of port, strict_port takes effect at the next start." in caplog.text
    assert served.applied == []
    caplog.clear()
    assert await served.reloading.reload()
    assert "next start" not in caplog.text  # reported once


async def test_a_changed_file_is_seen(running: Served) -> None:
    running.file.write_text("[engine]\nslots = 3\n")
    await asyncio.wait_for(running.was_applied.wait(), 10)
    running.was_applied.clear()
    other = running.file.with_suffix(".new")  # as editors do it
    other.write_text("[engine]\nslots = 4\n")
    other.replace(running.file)
    await asyncio.wait_for(running.was_applied.wait(), 10)
    assert [settings.engine.slots for settings in running.applied] == [3, 4]


async def test_a_deleted_file_does_not_mean_the_defaults(
    running: Served, caplog: pytest.LogCaptureFixture
) -> None:
    running.file.write_text("[engine]\nslots = 3\n")
    await asyncio.wait_for(running.was_applied.wait(), 10)
    running.file.unlink()
    async with asyncio.timeout(10):
        while "is gone" not in caplog.text:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    assert running.reloading.current.engine.slots == 3


async def test_a_reload_can_be_requested(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    task = asyncio.create_task(served.reloading.run(check_ms=3_600_000))
    monkeypatch.setenv("VIEWFINDER_ENGINE__SLOTS", "5")  # a change without a file
    served.reloading.request()
    await asyncio.wait_for(served.was_applied.wait(), 10)
    assert served.reloading.current.engine.slots == 5
    task.cancel()


async def test_a_file_that_cannot_be_watched_can_still_be_reloaded(
    served: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise OSError("OS file watch limit reached")

    monkeypatch.setattr("viewfinder.api.reloading.awatch", refuse)
    task = asyncio.create_task(served.reloading.run())
    served.file.write_text("[engine]\nslots = 3\n")
    await asyncio.sleep(0)
    served.reloading.request()
    await asyncio.wait_for(served.was_applied.wait(), 10)
    assert "is not watched (OS file watch limit reached)" in caplog.text
    task.cancel()


@pytest.mark.parametrize("error", [ViewfinderError("It did not work."), KeyError("It did not work.")])
async def test_a_fleet_that_fails_to_reload_does_not_stop_the_watch(
    running: Served, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    works = running.reloading._apply

    async def broken(catalog: Catalog, settings: Settings, changed: set[str]) -> None:
        raise error

    running.reloading._apply = broken
    running.file.write_text("[engine]\nslots = 3\n")
    async with asyncio.timeout(10):
        while "It did not work" not in caplog.text:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    running.reloading._apply = works
    running.file.write_text("[engine]\nslots = 33\n")
    await asyncio.wait_for(running.was_applied.wait(), 10)
