"""Which variant of a card this machine runs, and why; called by `fleet`, `bench` and the model list.

A variant that its card does not serve, whose engine is not installed, or that a known issue of the installed
version refuses is never chosen. Of the others, the first difference decides:

    files         those that are here
    memory        those that this machine's memory can hold
    measured      those that did here what their card says
    engine        the order of the card's `prefer`, else of the engines' ranks on this machine
    card          the earlier in the card

Nothing falls back from one variant to another after that: what was chosen runs, or says why it does not.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

import psutil

from viewfinder.catalog.card import ModelCard, Variant
from viewfinder.catalog.known_issues import is_within, refusal, refused_by
from viewfinder.catalog.presence import is_here
from viewfinder.core.errors import EngineMissing
from viewfinder.engines.base import Engine
from viewfinder.engines.registry import engine_named, engines
from viewfinder.fleet.health.profile import estimated_bytes
from viewfinder.host.hardware import Machine, this_machine


@dataclass(frozen=True, slots=True)
class EngineState:
    """What a choice depends on of an engine, on one machine; `version` is None while it is not installed."""

    version: str | None
    title: str
    install: str
    known_good: str
    rank: int
    remark: str

    @classmethod
    def of(cls, engine: Engine, version: str | None, machine: Machine) -> Self:
        return cls(
            version,
            engine.title,
            engine.install,
            engine.known_good,
            engine.rank(machine),
            engine.remark(machine),
        )


@dataclass(frozen=True, slots=True)
class Measured:
    """What `bench` found of a variant on this machine with this version of its engine; None: not tried.

    `vision` and `text` say whether known answers were right; `blind` and `speechless`, whether every single
    question with an image, or without one, met an error or silence.
    """

    version: str
    failed: bool = False
    vision: bool | None = None
    text: bool | None = None
    blind: bool = False
    speechless: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that a choice depends on; `here` and `measured` name variants of the card."""

    engines: Mapping[str, EngineState]
    memory_bytes: int
    free_bytes: int
    here: frozenset[str] = frozenset()
    measured: Mapping[str, Measured] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Option:
    """A variant as the choice sees it; `refused` says why it can never be chosen here, when that is so."""

    variant: Variant
    version: str | None
    here: bool
    fits: bool | None
    """Whether this machine's memory can hold it; None: its size is not known."""
    refused: str
    fix: str
    """The line that lifts the refusal, where one does."""
    why: str = ""
    chosen: bool = False


MeasuredHere = Mapping[tuple[str, str], Measured]
"""By the names of model and variant."""


def choose_variant(card: ModelCard, measured: MeasuredHere | None = None) -> tuple[Variant, Engine]:
    """The variant of the card that runs on this machine now, and its engine.

    Raises EngineMissing, with the line that fixeses it, when none can.
    """
    options = choose(card, look(card, measured))
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
    """The variant with the capabilities that it has here: measured ones override those of its card.

    Wrong answers take no capability away, errors alone do; a new version of the engine is given a new chance.
    """
    found = (measured or {}).get((card.name, variant.name))
    if found is None or found.version != version:
        return variant
    able = {"vision": variant.vision and not found.blind, "text": variant.text and not found.speechless}
    return variant.model_copy(update=able)


def look(card: ModelCard, measured: MeasuredHere | None = None) -> Snapshot:
    """This machine now, as far as the card's variants are concerned."""
    machine = this_machine()
    installed = {name: engine.find() for name, engine in engines().items()}
    return Snapshot(
        engines={
            name: EngineState.of(engine, here.version if (here := installed[name]) else None, machine)
            for name, engine in engines().items()
        },
        memory_bytes=machine.memory_bytes,
        free_bytes=psutil.virtual_memory().available,
        here=frozenset(variant.name for variant in card.variants if is_here(variant)),
        measured={name: found for (model, name), found in (measured or {}).items() if model == card.name},
    )


def choose(card: ModelCard, snapshot: Snapshot) -> list[Option]:
    """Every variant of the card, best first, each with its reason; the first is chosen if it can run."""
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
    """Why a variant can never be chosen, and the line that fixeses it; both empty when it can."""
    state = snapshot.engines.get(variant.engine)
    if variant.not_served:
        return f"not served: {variant.not_served.rstrip('.')}", ""
    if state is None:
        known = ", ".join(sorted(snapshot.engines))
        return f"there is no engine {variant.engine} (known: {known})", ""
    if state.version is None:
        return f"{state.title} is not installed", state.install
    issue = refusal(variant.engine, state.version, card.name, variant.model_type)
    if issue is None:
        return "", ""
    return refused_by(issue, variant.engine, state.version), issue.command


_Rank = tuple[bool, bool, bool, int, int]


def _rank(card: ModelCard, option: Option, snapshot: Snapshot) -> _Rank:
    """What decides, first to last; less is better. The table at the top of this file says the same."""
    engine = option.variant.engine
    place = card.prefer.index(engine) if engine in card.prefer else len(card.prefer)
    return (
        not option.here,
        option.fits is False,
        bool(_shortfall(option, snapshot)),
        place if card.prefer else snapshot.engines[engine].rank,
        card.variants.index(option.variant),
    )


def _shortfall(option: Option, snapshot: Snapshot) -> str:
    """What a variant did not do when it was measured here, though its card says that it can."""
    found = snapshot.measured.get(option.variant.name)
    if found is None or found.version != option.version:
        return ""
    if found.failed:
        return "it failed when it was measured here"
    short = [
        name
        for name, declared, passed in (
            ("image", option.variant.vision, found.vision),
            ("text", option.variant.text, found.text),
        )
        if declared and passed is False
    ]
    return f"it did not pass the {' and '.join(short)} questions here" if short else ""


def _advantage(card: ModelCard, best: Option, second: Option, snapshot: Snapshot) -> str:
    """Why the best variant comes before the second: the first difference of their ranks."""
    orderer = "its card prefers" if card.prefer else "best on this machine:"
    words = (
        "its files are here",
        "it fits into memory",
        "it did what its card says when it was measured here",
        f"{orderer} {_title(best, snapshot)}",
        "first in its card",
    )
    return _first_difference(words, card, best, second, snapshot)


def _handicap(card: ModelCard, best: Option, other: Option, snapshot: Snapshot) -> str:
    """Why another variant comes after the best."""
    need = estimated_bytes(other.variant) or 0
    words = (
        "its files are not here",
        f"it needs about {_gb(need)} of memory, and this machine has {_gb(snapshot.memory_bytes)}",
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
    """What a person should know of the chosen variant beside why it was."""
    said = []
    need = estimated_bytes(chosen.variant)
    if chosen.fits is False and need:
        said.append(
            f"it needs about {_gb(need)} of memory, and this machine has {_gb(snapshot.memory_bytes)}"
        )
    elif need and need > snapshot.free_bytes:
        said.append(f"it needs about {_gb(need)} of memory, and {_gb(snapshot.free_bytes)} are free now")
    if shortfall := _shortfall(chosen, snapshot):
        said.append(shortfall)
    state = snapshot.engines[chosen.variant.engine]
    if chosen.version and state.known_good and not is_within(chosen.version, state.known_good):
        said.append(f"{state.title} {chosen.version} was not tested ({state.known_good} was)")
    if state.remark:
        said.append(state.remark)
    return "".join(f"; {words}" for words in said)


def _title(option: Option, snapshot: Snapshot) -> str:
    return snapshot.engines[option.variant.engine].title


def _gb(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.1f} GB"
