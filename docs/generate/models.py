"""Writes docs/models.md from the cards: `make docs`, or python -m docs.generate.models.

The variant that runs is chosen by `fleet/choice`, for a Mac and for a Linux computer with nothing pulled yet.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from viewfinder.catalog.card import ModelCard, Variant
from viewfinder.catalog.catalog import Catalog
from viewfinder.catalog.published import published
from viewfinder.core.version import IN_THE_CHECKOUT, install_command
from viewfinder.engines.base import Engine
from viewfinder.engines.registry import OURS
from viewfinder.fleet.choice import EngineState, Snapshot, choose
from viewfinder.host.hardware import METAL, Machine
from viewfinder.report.formats import markdown

ENGINES = {engine.name: engine for engine in OURS if engine.starts_servers}
MEMORY_BYTES = 16_000_000_000
MAC, LINUX = (
    Machine(cpu="", cores_physical=8, cores_logical=8, memory_bytes=MEMORY_BYTES, os="", python="", gpu=gpu)
    for gpu in (METAL, "")
)


@dataclass(frozen=True, slots=True)
class Use:
    """How to use a model on one kind of computer: what is installed, and which variant then runs."""

    where: str
    install: str
    variant: Variant


def write_models(cards: Sequence[ModelCard]) -> str:
    """The page, as Markdown."""
    environment = Environment(  # noqa: S701 Markdown, not HTML
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(text=markdown.text, code=markdown.code)
    cards = sorted(cards, key=_place)
    return environment.get_template("models.md.j2").render(
        cards=cards,
        overview=_overview(cards),
        variants=_variants,
        uses=_uses,
        engines=[(engine, _install(engine)) for engine in ENGINES.values()],
        orders=[", ".join(engine.title for engine in _order(machine)) for machine in (MAC, LINUX)],
    )


def _place(card: ModelCard) -> tuple[int, int, str]:
    """Glimpse, then the models of today, newest first, then the replaced ones, then those of the report."""
    if card.variants[0].source == "package":
        return 0, 0, card.name
    if card.published_as:
        rows = [row.model for row in published().models]
        return 3, rows.index(card.published_as), card.name
    return 2 if card.replaced_by else 1, -(card.year or 0), card.name


def _overview(cards: Sequence[ModelCard]) -> str:
    return markdown.table(
        ("Model", "Name", "Year", *(engine.title for engine in ENGINES.values()), "License", "Replaced by"),
        (
            (
                markdown.text(card.title),
                markdown.code(card.name),
                str(card.year),
                *(_smallest(card, engine) for engine in ENGINES),
                markdown.text(card.license),
                ", ".join(map(markdown.code, card.replaced_by)),
            )
            for card in cards
        ),
    )


def _smallest(card: ModelCard, engine: str) -> str:
    """The size of the smallest served variant on an engine, or why there is none."""
    variants = [one for one in card.variants if one.engine == engine]
    served = [one for one in variants if not one.not_served]
    if not served:
        return "not served" if variants else "-"
    return _size(min(served, key=lambda variant: variant.download_bytes or 0))


def _variants(card: ModelCard) -> str:
    return markdown.table(
        ("Variant", "Engine", "Model id", "Files", "Size", "Takes", "Images a request", "Context"),
        (
            (
                markdown.code(variant.name),
                ENGINES[variant.engine].title,
                markdown.code(variant.repo)
                + "".join(f" with {markdown.code(also)}" for also in variant.also),
                _files(variant),
                _size(variant),
                " and ".join(
                    word for word, able in (("images", variant.vision), ("text", variant.text)) if able
                ),
                str(variant.images or "several"),
                f"{variant.context_tokens:,}" if variant.context_tokens else "not stated",
            )
            for variant in card.variants
        ),
    )


def _files(variant: Variant) -> str:
    named = [file.name for file in (variant.model, variant.mmproj) if file is not None and file.suffix]
    return ", ".join(map(markdown.code, named)) or "the folder"


def _size(variant: Variant) -> str:
    size_bytes = variant.download_bytes
    if size_bytes is None:
        return "in the package"
    return f"{size_bytes / 1e9:.2f} GB" if size_bytes >= 1e9 else f"{size_bytes / 1e6:.0f} MB"


def _uses(card: ModelCard) -> list[Use]:
    """A Mac first, then Linux; one for both where they use the same variant."""
    mac, linux = _use(card, "a Mac", MAC), _use(card, "Linux", LINUX)
    if mac.variant == linux.variant:
        return [Use("a Mac and on Linux", mac.install, mac.variant)]
    return [mac, linux]


def _use(card: ModelCard, where: str, machine: Machine) -> Use:
    states = {name: EngineState(engine, _version(engine), machine) for name, engine in ENGINES.items()}
    best = choose(card, Snapshot(states, MEMORY_BYTES, MEMORY_BYTES))[0].variant
    return Use(where, _install(ENGINES[best.engine]), best)


def _order(machine: Machine) -> list[Engine]:
    return sorted(ENGINES.values(), key=lambda engine: engine.rank(machine))


def _install(engine: Engine) -> str:
    return install_command() if engine.comes_with_viewfinder else engine.install.removesuffix(IN_THE_CHECKOUT)


def _version(engine: Engine) -> str:
    """The version that the page is written for: the first that was tested."""
    return engine.known_good.partition(",")[0].removeprefix(">=")


if __name__ == "__main__":
    sys.stdout.write(write_models(Catalog().cards()))
