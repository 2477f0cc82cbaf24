"""Downloads for the web page: each is a `viewfinder pull`, one at a time; implements `backing.Pulls`.

Only models of the catalog are pulled: a request over HTTP can name no repository and no path.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from viewfinder.api.backing.own_command import Failing, OwnCommand
from viewfinder.catalog.card import ModelCard
from viewfinder.catalog.catalog import Catalog
from viewfinder.core.config import Settings
from viewfinder.core.errors import BadRequest, ViewfinderError
from viewfinder.dashboard.backing import PullLine

GRACE_S = 5.0
"""How long a download may take to stop; what has arrived is on the disk already."""


class PullQueue:
    """A queue of downloads; `catalog` and `settings` are those in use, and `pulled` is called after each that
    succeeded."""

    def __init__(
        self,
        catalog: Callable[[], Catalog],
        settings: Callable[[], Settings],
        pulled: Callable[[], Awaitable[None]],
    ) -> None:
        self._catalog, self._settings, self._pulled = catalog, settings, pulled
        self._lines: dict[str, PullLine] = {}
        self._words: dict[str, list[str]] = {}
        """Of each that is not over: what is typed to pull it."""
        self._worker: asyncio.Task[None] | None = None
        self._running: tuple[str, asyncio.Task[None]] | None = None

    def all(self) -> tuple[PullLine, ...]:
        lines = list(self._lines.values())
        return (
            *(one for one in lines if not one.is_over),
            *reversed([one for one in lines if one.is_over]),
        )

    async def start(self, model: str, variant: str | None = None) -> PullLine:
        card = require_of_catalog(self._catalog(), model, "viewfinder pull")
        if variant is not None:
            card.variant(variant)
        now = self._lines.get(card.name)
        if now is not None and not now.is_over:
            return now
        variant = variant or self._settings().variants.get(card.name)
        chosen = ["--variant", variant] if variant else []
        self._words[card.name] = ["pull", "--progress", "json", *chosen, "--", model]
        self._lines.pop(card.name, None)
        self._lines[card.name] = PullLine(card.name, variant or "", "queued")
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        return self._lines[card.name]

    async def cancel(self, model: str) -> PullLine:
        with suppress(ViewfinderError):  # a name that is none is in no list either
            model = self._catalog().get(model).name
        line = self._lines.get(model)
        if line is None:
            raise BadRequest(
                f"'{model}' is not being pulled.", hint="GET /fleet/pulls lists them.", code="pull_not_found"
            )
        if line.is_over:
            return self._lines.pop(model)
        if self._running is not None and self._running[0] == model:
            self._running[1].cancel()
            await asyncio.wait([self._running[1]])
        self._words.pop(model, None)
        if not self._lines[model].is_over:  # it was only about to begin
            self._note(model, status="cancelled")
        return self._lines[model]

    async def close(self) -> None:
        """Stop the download in progress; what has arrived stays, and the next pull resumes."""
        tasks = [task for task in (self._worker, self._running and self._running[1]) if task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _work(self) -> None:
        """One after the other, in the order in which they were started."""
        while waiting := [name for name, line in self._lines.items() if line.status == "queued"]:
            self._note(waiting[0], status="preparing")
            task = asyncio.create_task(self._pull(waiting[0], self._words.pop(waiting[0])))
            self._running = (waiting[0], task)
            await asyncio.wait([task])
            self._running = None

    async def _pull(self, name: str, words: list[str]) -> None:
        command: OwnCommand | None = None
        try:
            command = await OwnCommand.start(words, lambda *line: self._heard(name, *line))
            failing = (await command.wait()).failing
        except asyncio.CancelledError:
            if command is not None:
                await command.stop(GRACE_S)
            self._note(name, status="cancelled", speed=None, left_s=None)
            return
        except ViewfinderError as error:
            failing = Failing(error.message, error.hint, error.reason)
        if failing is None:
            total = self._lines[name].total_bytes
            self._note(name, status="done", done_bytes=total or 0, speed=None, left_s=None)
            await self._pulled()
        else:
            told = {"error": failing.message, "hint": failing.hint, "code": failing.code}
            self._note(name, status="failed", speed=None, left_s=None, **told)

    def _heard(self, name: str, kind: str, fields: Mapping[str, Any]) -> None:
        if kind == "progress":
            known = {key: fields[key] for key in ("doing", "file", "done_bytes", "total_bytes", "left_s")}
            self._note(name, status="downloading", speed=fields["bytes_per_s"], **known)

    def _note(self, name: str, **known: Any) -> None:
        self._lines[name] = replace(self._lines[name], **known)


def require_of_catalog(catalog: Catalog, name: str, command: str) -> ModelCard:
    """The card of a model by a name of the catalog. Raises UnknownModel, and BadRequest for one that only
    this process knows, because `serve` was told its path or repository."""
    card = catalog.get(name)
    if catalog.was_added(card):
        raise BadRequest(
            f"'{name}' was named by its path or repository, and is not in the catalog.",
            hint=f"On the command line, use that: {command} REPOSITORY-OR-PATH",
            param="model",
        )
    return card
