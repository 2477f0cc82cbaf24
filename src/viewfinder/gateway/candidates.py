"""The models among which an `auto:` name chooses, with what each can do and how it is now; used by `auto`."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from viewfinder.catalog.peers import is_elsewhere
from viewfinder.core.config import Settings
from viewfinder.core.errors import EngineMissing, UnknownModel
from viewfinder.fleet.fleet import Fleet
from viewfinder.fleet.routing import ModelNow
from viewfinder.gateway.context import context_of

LOOK_AGAIN_S = 5.0
"""Which models are here, and which variant of each would answer, is looked up at most this often, as it takes
the disk; which of them are up is looked up for every request."""


class Candidates:
    """The models that are here; `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._looked: list[ModelNow] = []
        self._looked_s: float | None = None
        self._source: tuple[object, object] | None = None
        self._tools: dict[tuple[str, str], bool] = {}
        """By model and variant, of each that was up: whether its template has a place for tools."""

    async def now(self, fleet: Fleet, settings: Settings) -> list[ModelNow]:
        """Every model that is here, as it is at the moment of the return."""
        source = (fleet.catalog, settings)
        is_new = self._source is None or any(a is not b for a, b in zip(source, self._source, strict=True))
        if is_new or self._looked_s is None or self._clock() - self._looked_s >= LOOK_AGAIN_S:
            looked = []
            for card in fleet.cards():
                with suppress(UnknownModel):  # the settings were reloaded meanwhile
                    looked.append(_look(fleet, settings, card.name))
                await asyncio.sleep(0)  # 2 ms each: others come between
            self._looked, self._looked_s, self._source = looked, self._clock(), source
        found = []
        for one in self._looked:
            with suppress(UnknownModel):
                found.append(self._with_state(fleet, settings, one))
        return found

    def _with_state(self, fleet: Fleet, settings: Settings, known: ModelNow) -> ModelNow:
        server = fleet.server_of(known.model)
        if server is not None and fleet.variant_of(known.model).name != known.variant:
            known = _look(fleet, settings, known.model)
        key = known.model, known.variant
        if server is not None and server.state == "ready" and (template := server.client.endpoint.template):
            self._tools[key] = template.tools
        return replace(known, state=fleet.state_of(known.model), tools=self._tools.get(key))


def _look(fleet: Fleet, settings: Settings, name: str) -> ModelNow:
    card = fleet.card(name)
    try:
        variant = fleet.variant_of(name)
    except EngineMissing as error:
        return ModelNow(name, "", trouble=error.message)
    if is_elsewhere(variant):
        return ModelNow(
            name, variant.name, trouble=f"at the gateway {variant.name}, where nothing is measured"
        )
    return ModelNow(
        name,
        variant.name,
        variant.engine,
        vision=variant.vision,
        text=variant.text,
        images=variant.images,
        context=context_of(card, variant, settings),
        size_bytes=variant.size_bytes,
        limits=card.limits,
    )
