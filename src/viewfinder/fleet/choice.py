"""Which variant of a card this machine runs, and why; called by `fleet`, `bench` and the list of models.

A variant is never chosen when its card says that it is not served, when its engine is not installed, or when
a known issue of the installed version rules it out. Of the others, the first of these differences decides:

    files         here before not here
    memory        fits into what models may use of this machine's memory before too large
    measured      passed its questions here, or was not measured, before failed
    engine        the order of the card's `prefer`, otherwise the engines' ranks on this machine
    card          the order in the card

There is no fallback to another variant afterwards: the chosen one runs, or its error says why it cannot.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from viewfinder.catalog.card import ModelCard, Variant
from viewfinder.catalog.catalog import is_here
from viewfinder.catalog.full_images import base_name
from viewfinder.catalog.known_issues import is_within, refusal, refused_by
from viewfinder.core.config import FleetSettings
from viewfinder.core.errors import EngineMissing
from viewfinder.engines.base import Engine
from viewfinder.engines.registry import engine_named, engines
from viewfinder.fleet.budget import budget_bytes
from viewfinder.fleet.health.profile import estimated_bytes
from viewfinder.host.hardware import Machine, this_machine
from viewfinder.host.machine_memory import machine_memory


@dataclass(frozen=True, slots=True)
class EngineState:
    """One engine on one machine; `version` None: it is not installed."""

    engine: Engine
    version: str | None
    machine: Machine


@dataclass(frozen=True, slots=True)
class MeasuredVariant:
    """What `bench` measured for a variant on this machine with this version of its engine.

    `vision` and `text` are whether known questions with and without an image were answered right (None: not
    asked). `blind` and `speechless` are whether every one of them failed or got an empty answer.
    """

    version: str
    failed: bool = False
    vision: bool | None = None
    text: bool | None = None
    blind: bool = False
    speechless: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that a choice depends on; `here` and `measured` contain names of the card's variants."""

    engines: Mapping[str, EngineState]
    memory_bytes: int
    """What all models together may use."""
    free_bytes: int
    here: frozenset[str] = frozenset()
    measured: Mapping[str, MeasuredVariant] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Option:
    """A variant with what decided about it; `refused` is why it can never be chosen here, empty if it can."""

    variant: Variant
    version: str | None
    here: bool
    fits: bool | None
    """Whether models may use that much memory here; None: the variant's size is unknown."""
    refused: str
    fix: str
    """The command that makes it available, if there is one."""
    why: str = ""
    chosen: bool = False


MeasuredHere = Mapping[tuple[str, str], MeasuredVariant]
"""By the names of the model and the variant."""


def choose_variant(
    card: ModelCard, measured: MeasuredHere | None = None, settings: FleetSettings | None = None
) -> tuple[Variant, Engine]:
    """The variant of the card to run on this machine now, and its engine.

    Raises EngineMissing, with the command that fixes it, when none can run.
    """
    options = choose(card, look(card, measured, settings))
    for option in options:
        if option.chosen:
            return option.variant, engine_named(option.variant.engine)
    fix = next((option.fix for option in options if option.fix), "")
    raise EngineMissing(
        f"'{card.name}' cannot run here: "
        + "; ".join(f"{option.variant.name}: {option.refused}" for option in options)
        + ".",
        hint=f"Run: {fix}" if fix else f"`viewfinder models {card.name}` lists its other variants.",
    )


def as_measured(card: ModelCard, variant: Variant, version: str, measured: MeasuredHere | None) -> Variant:
    """The variant with the capabilities that were measured here; they override those of its card.

    Only errors and empty answers remove a capability, wrong answers do not, and what another version of the
    engine did does not count.
    """
    result = (measured or {}).get((base_name(card.name), variant.name))
    if result is None or result.version != version:
        return variant
    able = {"vision": variant.vision and not result.blind, "text": variant.text and not result.speechless}
    return variant.model_copy(update=able)


def look(
    card: ModelCard, measured: MeasuredHere | None = None, settings: FleetSettings | None = None
) -> Snapshot:
    """The state of this machine now, for a choice among the card's variants; `settings` may set a budget."""
    machine = this_machine()
    return Snapshot(
        engines={
            name: EngineState(engine, here.version if (here := engine.find()) else None, machine)
            for name, engine in engines().items()
        },
        memory_bytes=budget_bytes(settings or FleetSettings()),
        free_bytes=machine_memory().available_bytes,
        here=frozenset(variant.name for variant in card.variants if is_here(variant)),
        measured={
            name: result
            for (model, name), result in (measured or {}).items()
            if model == base_name(card.name)
        },
    )


def choose(card: ModelCard, snapshot: Snapshot) -> list[Option]:
    """Every variant of the card, best first, each with a reason; the first is chosen if it can run."""
    options = [_option(card, variant, snapshot) for variant in card.variants]
    runnable = sorted((one for one in options if not one.refused), key=lambda one: _rank(card, one, snapshot))
    refused = [replace(option, why=option.refused) for option in options if option.refused]
    if not runnable:
        return refused
    best, *others = runnable
    why = _advantage(card, best, others[0], snapshot) if others else "the only one that can run here"
    chosen = replace(best, why=why + _remarks(best, snapshot), chosen=True)
    return [chosen, *(replace(one, why=_handicap(card, best, one, snapshot)) for one in others), *refused]


def _option(card: ModelCard, variant: Variant, snapshot: Snapshot) -> Option:
    state = snapshot.engines.get(variant.engine)
    refused, fix = _refusal(card, variant, snapshot)
    need = estimated_bytes(variant)
    return Option(
        variant=variant,
        version=state.version if state else None,
        here=variant.name in snapshot.here,
        fits=None if need is None else need <= snapshot.memory_bytes,
        refused=refused,
        fix=fix,
    )


def _refusal(card: ModelCard, variant: Variant, snapshot: Snapshot) -> tuple[str, str]:
    """Why a variant can never be chosen, and the command that fixes it; both empty when it can be chosen."""
    state = snapshot.engines.get(variant.engine)
    if variant.not_served:
        return f"not served: {variant.not_served.rstrip('.')}", ""
    if state is None:
        known = ", ".join(sorted(snapshot.engines))
        return f"there is no engine {variant.engine} (known: {known})", ""
    if state.version is None:
        return f"{state.engine.title} is not installed", state.engine.install
    issue = refusal(variant.engine, state.version, card.name, variant.model_type)
    if issue is None:
        return "", ""
    return refused_by(issue, variant.engine, state.version), issue.command


_Rank = tuple[bool, bool, bool, int, int]


def _rank(card: ModelCard, option: Option, snapshot: Snapshot) -> _Rank:
    """The sort key, lower is better, in the order of the table at the top of this file."""
    engine = option.variant.engine
    state = snapshot.engines[engine]
    preferred = card.prefer.index(engine) if engine in card.prefer else len(card.prefer)
    return (
        not option.here,
        option.fits is False,
        bool(_shortfall(option, snapshot)),
        preferred if card.prefer else state.engine.rank(state.machine),
        card.variants.index(option.variant),
    )


def _shortfall(option: Option, snapshot: Snapshot) -> str:
    """What a variant failed at when it was measured here, although its card declares it; or empty."""
    result = snapshot.measured.get(option.variant.name)
    if result is None or result.version != option.version:
        return ""
    if result.failed:
        return "it failed when it was measured here"
    short = [
        name
        for name, declared, passed in (
            ("image", option.variant.vision, result.vision),
            ("text", option.variant.text, result.text),
        )
        if declared and passed is False
    ]
    return f"it did not pass the {' and '.join(short)} questions here" if short else ""


def _advantage(card: ModelCard, best: Option, second: Option, snapshot: Snapshot) -> str:
    """Why the best variant comes before the second: by the first difference of their ranks."""
    order = "its card prefers" if card.prefer else "best on this machine:"
    words = (
        "its files are here",
        "it fits into memory",
        "it passed its questions when it was measured here",
        f"{order} {_title(best, snapshot)}",
        "first in its card",
    )
    return _first_difference(words, card, best, second, snapshot)


def _handicap(card: ModelCard, best: Option, other: Option, snapshot: Snapshot) -> str:
    """Why another variant comes after the best."""
    need = estimated_bytes(other.variant) or 0
    words = (
        "its files are not here",
        f"it needs about {_gb(need)} of memory, and models may use {_gb(snapshot.memory_bytes)} here",
        _shortfall(other, snapshot),
        f"{_title(best, snapshot)} comes before {_title(other, snapshot)} "
        + ("in its card" if card.prefer else "on this machine"),
        "later in its card",
    )
    return _first_difference(words, card, best, other, snapshot)


def _first_difference(
    words: tuple[str, ...], card: ModelCard, one: Option, other: Option, snapshot: Snapshot
) -> str:
    ranks = zip(_rank(card, one, snapshot), _rank(card, other, snapshot), strict=True)
    return next(word for word, (mine, yours) in zip(words, ranks, strict=True) if mine != yours)


def _remarks(chosen: Option, snapshot: Snapshot) -> str:
    """What else a person should know of the chosen variant."""
    remarks = []
    need = estimated_bytes(chosen.variant)
    if chosen.fits is False and need:
        remarks.append(
            f"it needs about {_gb(need)} of memory, and models may use {_gb(snapshot.memory_bytes)} here"
        )
    elif need and need > snapshot.free_bytes:
        remarks.append(f"it needs about {_gb(need)} of memory, and {_gb(snapshot.free_bytes)} are free now")
    if shortfall := _shortfall(chosen, snapshot):
        remarks.append(shortfall)
    state = snapshot.engines[chosen.variant.engine]
    known_good = state.engine.known_good
    if chosen.version and known_good and not is_within(chosen.version, known_good):
        remarks.append(f"{state.engine.title} {chosen.version} was not tested ({known_good} was)")
    if remark := state.engine.remark(state.machine):
        remarks.append(remark)
    return "".join(f"; {words}" for words in remarks)


def _title(option: Option, snapshot: Snapshot) -> str:
    return snapshot.engines[option.variant.engine].engine.title


def _gb(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.1f} GB"
