"""The fleet of a node with a model of the tests' own engine; imported by replicas of `test_canary_ray`."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from viewfinder.catalog.card import ModelCard, Variant
from viewfinder.catalog.catalog import Catalog, ModelFiles
from viewfinder.core.config import Settings
from viewfinder.core.paths import folders
from viewfinder.fleet.fleet import Fleet
from viewfinder.fleet.health import canary_checks

MODEL = "faulty"
FAULT = "first-image/armed"


class OneFaultyModel(Catalog):
    """The catalog of every node: the model's file, what it knows of pictures, is in one folder for all."""

    def __init__(self, memory: Path) -> None:
        super().__init__()
        self._memory = memory
        variant = Variant(name="faulty", engine="faulty", repo=FAULT, vision=True, text=True)
        self._cards[MODEL] = ModelCard(
            name=MODEL, title=FAULT, license="MIT", summary="A fault.", variants=(variant,)
        )

    def resolve(self, variant: Variant) -> ModelFiles:
        return (
            ModelFiles(self._memory / "truths.json")
            if variant.engine == "faulty"
            else super().resolve(variant)
        )


@asynccontextmanager
async def open_node(memory: str, settings: Settings, names: tuple[str, ...]) -> AsyncIterator[Fleet]:
    canary_checks.FRESH_IDLE_S = 0.05
    async with Fleet(OneFaultyModel(Path(memory)), settings, folders()) as fleet:
        yield fleet


def wrong(truths: dict[str, dict[str, str]]) -> str:
    """A file of what it knows in which every answer is wrong."""
    return json.dumps({one: dict.fromkeys(known, "never") for one, known in truths.items()})
