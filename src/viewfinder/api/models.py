"""`models` and `variants`: all models, which variant this machine would run, and why; starts nothing."""

from dataclasses import dataclass

from viewfinder.api.measured import measured_here
from viewfinder.api.setup import open_catalog
from viewfinder.catalog.card import ModelCard, Variant, age
from viewfinder.catalog.catalog import Catalog
from viewfinder.core.config import FleetSettings, Settings, load_settings
from viewfinder.core.errors import ModelFilesError, ViewfinderError
from viewfinder.fleet.choice import MeasuredHere, Option, choose, look
from viewfinder.fleet.health.profile import estimated_bytes

ELSEWHERE = "another variant was chosen"


@dataclass(frozen=True, slots=True)
class ModelLine:
    """One row of the model list: the variant that a request would use here, or the card's first.

    `ready` says that it can be loaded now, `note` why not. `fits` is about what models may use of
    this machine's memory, None when the size is not known; `size_bytes` is that of the files here, else of
    the download. `aliases` are its other names in the settings, `replaced_by` the names of newer models
    to use instead.
    """

    name: str
    title: str
    variant: str
    engine: str
    vision: bool
    text: bool
    size_bytes: int | None
    fits: bool | None
    here: bool
    ready: bool
    why: str
    note: str
    aliases: tuple[str, ...] = ()
    year: int | None = None
    replaced_by: tuple[str, ...] = ()

    @property
    def age(self) -> str:
        """The year and what to use instead, in words; empty for the user's own."""
        return age(self.year, self.replaced_by)


@dataclass(frozen=True, slots=True)
class VariantLine:
    """One variant of a model; `why` says why it is chosen or not."""

    model: str
    variant: str
    engine: str
    version: str
    model_id: str
    quantization: str
    vision: bool
    text: bool
    size_bytes: int | None
    needs_bytes: int | None
    fits: bool | None
    here: bool
    chosen: bool
    why: str


def models(*, settings: Settings | None = None) -> list[ModelLine]:
    """Every model of the catalog, and whether it can be loaded here: the user's own first, then those of
    today, newest first, then those that were replaced."""
    settings = settings or load_settings()
    catalog, measured = open_catalog(settings), measured_here()
    cards = sorted(map(catalog.get, catalog.names()), key=_place)
    return [_line(catalog, card, measured, settings.fleet) for card in cards]


def variants(model: str, *, settings: Settings | None = None) -> list[VariantLine]:
    """Every variant of a model, best first; `model` is its name or a repository's id. Raises UnknownModel."""
    settings = settings or load_settings()
    catalog = open_catalog(settings)
    whole, choice, measured = catalog.card(model), catalog.get(model), measured_here()
    options = choose(choice, look(choice, measured, settings.fleet))
    others = whole.narrowed(variant for variant in whole.variants if variant not in choice.variants)
    lines = [_variant_line(whole, option, option.why) for option in options]
    if others.variants:
        rest = choose(others, look(others, measured, settings.fleet))
        lines += [_variant_line(whole, option, option.refused or ELSEWHERE) for option in rest]
    return lines


def limits_note(model: str, *, settings: Settings | None = None) -> str:
    """One line on what a model does not know, with the command that gets the smallest one here that does;
    empty for a model without such limits, and for one that nobody knows."""
    settings = settings or load_settings()
    catalog = open_catalog(settings)
    try:
        card = catalog.card(model)
    except ViewfinderError:
        return ""
    if not card.limits:
        return ""
    others = [
        line
        for line in models(settings=settings)
        if line.vision and line.fits and line.size_bytes and not catalog.card(line.name).limits
    ]
    others = [line for line in others if not line.replaced_by] or others
    best = min(others, key=lambda line: (not line.here, line.size_bytes), default=None)
    if best is None:
        return f"{card.name} {card.limits}."
    use = f"use {best.name}" if best.here else f"viewfinder pull {best.name}"
    return f"{card.name} {card.limits}; for photographs: {use}"


def age_note(model: str, *, settings: Settings | None = None) -> str:
    """One line on the year of a model, and what to use instead; empty where its card has none."""
    card = open_catalog(settings or load_settings()).card(model)
    words = age(card.year, card.replaced_by)
    return f"{card.name}: {words}." if words else ""


def _place(card: ModelCard) -> tuple[bool, bool, int, str]:
    return bool(card.replaced_by), card.year is not None, -(card.year or 0), card.name


def _line(catalog: Catalog, card: ModelCard, measured: MeasuredHere, fleet: FleetSettings) -> ModelLine:
    best = choose(card, look(card, measured, fleet))[0]
    note = best.refused or _trouble(catalog, best.variant)
    return ModelLine(
        name=card.name,
        title=card.title,
        variant=best.variant.name,
        engine=best.variant.engine,
        vision=best.variant.vision,
        text=best.variant.text,
        size_bytes=best.variant.size_bytes or best.variant.download_bytes,
        fits=best.fits,
        here=best.here,
        ready=not note,
        why=best.why,
        note=note,
        aliases=tuple(alias for alias, name in catalog.other_names().items() if name == card.name),
        year=card.year,
        replaced_by=card.replaced_by,
    )


def _variant_line(card: ModelCard, option: Option, why: str) -> VariantLine:
    variant = option.variant
    return VariantLine(
        model=card.name,
        variant=variant.name,
        engine=variant.engine,
        version=option.version or "",
        model_id=variant.repo,
        quantization=variant.quantization,
        vision=variant.vision,
        text=variant.text,
        size_bytes=variant.size_bytes or variant.download_bytes,
        needs_bytes=estimated_bytes(variant),
        fits=option.fits,
        here=option.here,
        chosen=option.chosen and why != ELSEWHERE,
        why=why,
    )


def _trouble(catalog: Catalog, variant: Variant) -> str:
    """Why a variant's files cannot be loaded."""
    try:
        catalog.resolve(variant)
    except ModelFilesError as error:
        return str(error)
    return ""
