"""`models` and `variants`: all models, which variant this machine would run, and why; starts nothing."""

from viewfinder.api.first_choice import first_choices, suitable_size
from viewfinder.api.measured import judged, results_here
from viewfinder.api.peers import catalog_with_peers
from viewfinder.api.setup import open_catalog
from viewfinder.catalog.card import ModelCard, Variant, age
from viewfinder.catalog.catalog import Catalog
from viewfinder.core import paths
from viewfinder.core.config import Settings, load_settings
from viewfinder.core.errors import ModelFilesError, ViewfinderError
from viewfinder.fleet.budget import budget_bytes
from viewfinder.fleet.choice import Option, choose, look
from viewfinder.fleet.health.profile import PROFILES, Profiles, need_bytes
from viewfinder.fleet.listing import FirstChoice, ModelDetails, ModelLine, VariantLine
from viewfinder.host.hardware import this_machine
from viewfinder.host.machine_memory import machine_memory

ELSEWHERE = "another variant was chosen"


class _Known:
    """What is known of variants on this computer, read once."""

    def __init__(self, settings: Settings, catalog: Catalog | None = None) -> None:
        self.catalog, self.fleet = catalog or catalog_with_peers(settings), settings.fleet
        self._engine_of = settings.engine_of
        self.results = results_here()
        self.measured = judged(self.results)
        self._profiles = Profiles(paths.home() / PROFILES)
        self._usable_bytes = min(budget_bytes(settings.fleet), machine_memory().available_bytes)

    def status(self, card: ModelCard, variant: Variant) -> str:
        result = self.results.get((card.name, variant.name))
        return result.status if result else ""

    def memory(self, card: ModelCard, option: Option) -> tuple[int | None, bool, bool | None]:
        """How much a variant needs, whether that was measured here, and whether as much is free now."""
        profile = self._profiles.get(card.name, option.variant.name, option.version or "")
        need = need_bytes(profile, option.variant, self._engine_of(card.name))
        return need, profile is not None, None if need is None else need <= self._usable_bytes


def models(*, settings: Settings | None = None) -> list[ModelLine]:
    """Every model of the catalog, and whether it can be loaded here: the user's own first, then those of
    today, newest first, then those that were replaced."""
    return _lines(_Known(settings or load_settings()))


def overview(
    *, settings: Settings | None = None, catalog: Catalog | None = None
) -> tuple[list[FirstChoice], list[ModelLine]]:
    """Which to try first on this computer, and `models`; `catalog` is that of a running fleet."""
    settings = settings or load_settings()
    known = _Known(settings, catalog)
    lines = _lines(known)
    return first_choices(lines, known.results, suitable_size(settings, this_machine())), lines


def variants(
    model: str, *, settings: Settings | None = None, catalog: Catalog | None = None
) -> list[VariantLine]:
    """Every variant of a model, best first; `model` is its name or a repository's id. Raises UnknownModel."""
    known = _Known(settings or load_settings(), catalog)
    whole, choice = known.catalog.card(model), known.catalog.get(model)
    options = choose(choice, look(choice, known.measured, known.fleet))
    others = whole.narrowed(variant for variant in whole.variants if variant not in choice.variants)
    lines = [_variant_line(known, whole, option, option.why) for option in options]
    if others.variants:
        rest = choose(others, look(others, known.measured, known.fleet))
        lines += [_variant_line(known, whole, option, option.refused or ELSEWHERE) for option in rest]
    return lines


def details(model: str, *, settings: Settings | None = None, catalog: Catalog | None = None) -> ModelDetails:
    """What a model's card says; `model` as in `variants`. Raises UnknownModel."""
    card = (catalog or open_catalog(settings or load_settings())).card(model)
    return ModelDetails(
        card.name,
        card.title,
        card.summary,
        card.license,
        age(card.year, card.replaced_by),
        card.limits,
        card.quirks,
        card.checked,
    )


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


def _lines(known: _Known) -> list[ModelLine]:
    cards = sorted(map(known.catalog.get, known.catalog.names()), key=_place)
    return [_line(known, card) for card in cards]


def _place(card: ModelCard) -> tuple[bool, bool, int, str]:
    return bool(card.replaced_by), card.year is not None, -(card.year or 0), card.name


def _line(known: _Known, card: ModelCard) -> ModelLine:
    catalog = known.catalog
    best = choose(card, look(card, known.measured, known.fleet))[0]
    note = best.refused or _trouble(catalog, best.variant)
    needs, needs_measured, fits_now = known.memory(card, best)
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
        purpose=card.purpose,
        license=card.license,
        short_license=card.short_license,
        limits=card.limits,
        needs_bytes=needs,
        needs_measured=needs_measured,
        fits_now=fits_now,
        runs=best.chosen,
        measured=known.status(card, best.variant),
    )


def _variant_line(known: _Known, card: ModelCard, option: Option, why: str) -> VariantLine:
    variant = option.variant
    needs, needs_measured, fits_now = known.memory(card, option)
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
        needs_bytes=needs,
        fits=option.fits,
        here=option.here,
        chosen=option.chosen and why != ELSEWHERE,
        why=why,
        needs_measured=needs_measured,
        fits_now=fits_now,
        measured=known.status(card, variant),
    )


def _trouble(catalog: Catalog, variant: Variant) -> str:
    """Why a variant's files cannot be loaded."""
    try:
        catalog.resolve(variant)
    except ModelFilesError as error:
        return str(error)
    return ""
