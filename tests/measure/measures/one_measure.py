"""Runs one measure on the faulty engine, whose model knows the pictures that it will be shown."""

import json
from collections.abc import Iterable
from pathlib import Path

from tests.faults.gateway import FaultyCatalog
from tests.faults.plugin.faulty_sight import digest_of, picture_in
from tests.measure.suites import small
from viewfinder.catalog.card import ModelCard
from viewfinder.catalog.catalog import Catalog
from viewfinder.core.config import Settings
from viewfinder.core.paths import Folders
from viewfinder.measure.prompts import Prompt
from viewfinder.measure.results import ModelResult
from viewfinder.measure.runner import run_suite
from viewfinder.measure.store.store import Store
from viewfinder.measure.suite import Suite

Truths = dict[str, dict[str, str]]
NOTHING = small("one measure", processes=0, images=0, texts=0, vision=0, text=0, follow_up=0)
"""A suite that asks nothing; each test adds the one measure that it is about."""


def truths(prompts: Iterable[Prompt]) -> Truths:
    """What is right to say of the pictures of these prompts."""
    return {
        digest_of(picture_in(prompt.messages[0]["content"][0]["image_url"]["url"])): {
            prompt.question: prompt.expected
        }
        for prompt in prompts
    }


def faulty(fault: str, known: Truths, memory: Path) -> FaultyCatalog:
    """The catalog of one model, "faulty", that has this fault."""
    catalog = FaultyCatalog({"faulty": f"{fault}/always"}, memory)
    catalog.file_of("faulty").write_text(json.dumps(known))
    return catalog


def folders_in(place: Path) -> Folders:
    """A run's folders."""
    for name in ("run", "logs"):
        (place / name).mkdir()
    return Folders(place / "run", place / "logs", place)


async def run(card: ModelCard, suite: Suite, catalog: Catalog, folders: Folders) -> ModelResult:
    """The result of a whole run."""
    with Store(folders.state / "results.sqlite") as store:
        (result,) = await run_suite(
            [card], suite, catalog=catalog, settings=Settings(), store=store, folders=folders
        )
    assert result.failure == ""
    return result


async def run_glimpse(suite: Suite, folders: Folders) -> ModelResult:
    """On llama.cpp."""
    catalog = Catalog()
    card = catalog.get("glimpse")
    return await run(card.narrowed([card.variants[0]]), suite, catalog, folders)
