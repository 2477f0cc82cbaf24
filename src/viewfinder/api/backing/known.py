"""The models for the web page, their logs and post-mortems; implements `backing.KnownModels`."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from viewfinder.api import logs
from viewfinder.api.stored import stored_models
from viewfinder.catalog.catalog import Catalog
from viewfinder.core import paths
from viewfinder.core.config import Settings
from viewfinder.core.errors import BadRequest
from viewfinder.dashboard.backing import OneModel, Overview, Pulls
from viewfinder.fleet.listing import FirstChoice, ModelDetails, ModelLine, VariantLine

FRESH_S = 3.0
"""How long an overview may be shown again: it opens many files, and a page is asked again with each event."""

Listed = tuple[tuple[FirstChoice, ...], tuple[ModelLine, ...]]


class ListedModels:
    """`catalog` and `settings` are those in use."""

    def __init__(
        self,
        catalog: Callable[[], Catalog],
        settings: Callable[[], Settings],
        pulls: Pulls,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._catalog, self._settings, self._pulls, self._clock = catalog, settings, pulls, clock
        self._seen: Listed | None = None
        self._seen_s = 0.0
        self._looking = asyncio.Lock()

    def forget(self) -> None:
        """Files or results have changed: the next overview is a new one."""
        self._seen = None

    async def overview(self) -> Overview:
        first, lines = await self._listed()
        return Overview(first, lines, self._pulling())

    async def one(self, name: str) -> OneModel:
        model = self._catalog().card(name).name
        _, lines = await self._listed()
        about, several = await asyncio.to_thread(_about, model, self._settings(), self._catalog())
        return OneModel(
            line=next(line for line in lines if line.name == model),
            details=about,
            variants=several,
            results=tuple(one for one in await asyncio.to_thread(stored_models) if one.model == model),
            is_pulling=model in self._pulling(),
        )

    async def logs(self, name: str, lines: int) -> tuple[str, ...]:
        model = self._catalog().card(name).name
        return await asyncio.to_thread(lambda: tuple(logs.lines(logs.log_file(model), lines)))

    async def post_mortem(self, file: str) -> Mapping[str, Any]:
        return await asyncio.to_thread(_post_mortem, file)

    def _pulling(self) -> tuple[str, ...]:
        return tuple(one.model for one in self._pulls.all() if not one.is_over)

    async def _listed(self) -> Listed:
        async with self._looking:
            if self._seen is None or self._clock() - self._seen_s > FRESH_S:
                self._seen = await asyncio.to_thread(_lines, self._settings(), self._catalog())
                self._seen_s = self._clock()
            return self._seen


def _lines(settings: Settings, catalog: Catalog) -> Listed:
    from viewfinder.api.models import overview  # with all that recommends: not before somebody looks

    first, lines = overview(settings=settings, catalog=catalog)
    return tuple(first), tuple(lines)


def _about(name: str, settings: Settings, catalog: Catalog) -> tuple[ModelDetails, tuple[VariantLine, ...]]:
    from viewfinder.api.models import details, variants

    about = details(name, settings=settings, catalog=catalog)
    return about, tuple(variants(name, settings=settings, catalog=catalog))


def _post_mortem(name: str) -> Mapping[str, Any]:
    """The one file of the folder that has this name: a name that leads elsewhere is none."""
    for file in paths.log_folder().glob("deaths/*.json"):
        if file.name == name and file.is_file():
            with suppress(ValueError):  # somebody else's
                content: Mapping[str, Any] = json.loads(file.read_bytes())
                return content
    raise BadRequest(
        "There is no post-mortem of that name.",
        hint="`viewfinder events` names those of the last deaths; the oldest are deleted.",
        code="post_mortem_not_found",
    )
