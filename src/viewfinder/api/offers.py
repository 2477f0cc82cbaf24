"""Models that other programs have on this disk, with the command that uses each here; called for `models`."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from viewfinder.api.setup import open_catalog
from viewfinder.catalog.catalog import is_here
from viewfinder.catalog.other_programs import OtherModel, other_models
from viewfinder.core.config import Settings, load_settings
from viewfinder.engines.registry import engine_named


@dataclass(frozen=True, slots=True)
class Offer:
    """`command` uses the model as it lies there; empty where it cannot be used, and `trouble` says why."""

    program: str
    name: str
    size_bytes: int
    vision: bool
    engine: str
    model: str
    mmproj: str
    command: str
    trouble: str


def offers(*, settings: Settings | None = None) -> tuple[list[Offer], bool]:
    """What other programs have that no card lists as here, and whether there was time to look at all."""
    cards = open_catalog(settings or load_settings()).cards()
    listed = [variant.repo for card in cards for variant in card.variants if is_here(variant)]
    models, is_all = other_models(listed)
    return [_offer(one) for one in models], is_all


def _offer(one: OtherModel) -> Offer:
    engine = engine_named(one.engine)
    missing = "" if engine.find() else f"{engine.title} is not installed: {engine.install}"
    trouble = one.trouble or missing
    photo: Sequence[str] = ["PHOTO"] if one.vision else []
    words = ["viewfinder", "ask", shlex.quote(one.reference), *photo, "QUESTION"]
    return Offer(
        program=one.program,
        name=one.name,
        size_bytes=one.size_bytes,
        vision=one.vision,
        engine=one.engine,
        model=one.reference,
        mmproj=str(one.mmproj or ""),
        command="" if trouble else " ".join(words),
        trouble=trouble,
    )
