"""What was measured of a variant on this machine (memory, load time, rates), kept on disk.

Written by `watchdog` when a process ends; read for the memory plan, eviction and `stall`.
"""

import logging
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter

from viewfinder.catalog.card import Variant
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.core.notebook import Notebook
from viewfinder.fleet.health.rates import Rates

PROFILES = "profiles.json"
"""The file's name in the state folder."""
_WEIGHTS_FACTOR, _BESIDE_WEIGHTS_BYTES = 1.2, 300_000_000
"""Where the context's memory is not known, a variant takes the size of its files times the factor, plus the
constant, which is for the image encoder and the engine's buffers."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Profile:
    """`ready_bytes` is the memory last measured, `peak_bytes` the highest ever measured."""

    ready_bytes: int
    peak_bytes: int
    load_s: float
    rates: Rates = field(default_factory=Rates.unknown)


_STORED = TypeAdapter(Profile)


class Profiles:
    """The profiles of one file, by model, variant and the version of its engine."""

    def __init__(self, file: Path) -> None:
        self._notes = Notebook(file)

    def get(self, model: str, variant: str, engine_version: str) -> Profile | None:
        """The stored profile, a new object at each call; None when it was never measured."""
        kept = self._notes.get(_key(model, variant, engine_version))
        try:
            return None if kept is None else _STORED.validate_python(kept)
        except ValueError:
            _log.warning("The profile of %s (%s) cannot be read; it is measured again.", model, variant)
            return None

    def put(self, model: str, variant: str, engine_version: str, profile: Profile) -> None:
        self._notes.put(_key(model, variant, engine_version), _STORED.dump_python(profile, mode="json"))


def need_bytes(
    profile: Profile | None, variant: Variant, settings: EngineSettings | None = None
) -> int | None:
    """How much memory a variant needs: measured, or else estimated; None: unknown."""
    if profile is None:
        return estimated_bytes(variant, settings)
    return max(profile.peak_bytes, profile.ready_bytes)


def estimated_bytes(variant: Variant, settings: EngineSettings | None = None) -> int | None:
    """About how much memory a variant needs; None: unknown.

    By the size of its files, the context of all slots, where the model's card or header says what a token
    takes, and a constant for the image encoder and the engine's buffers.
    """
    size_bytes = variant.size_bytes or variant.download_bytes
    if size_bytes is None:
        return None
    if variant.cache_bytes is None:
        return int(_WEIGHTS_FACTOR * size_bytes) + _BESIDE_WEIGHTS_BYTES
    settings = settings or EngineSettings()
    tokens = min(settings.context_tokens, variant.context_tokens or settings.context_tokens)
    return size_bytes + tokens * settings.slots * variant.cache_bytes + _BESIDE_WEIGHTS_BYTES


def _key(model: str, variant: str, engine_version: str) -> str:
    return f"{model} {variant} {engine_version}"
