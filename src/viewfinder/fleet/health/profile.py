"""What was measured of a variant on this machine (memory, load time, rates), kept on disk.

Written by `watchdog` when a process ends; read for the memory plan, eviction and `stall`.
"""

import logging
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter

from viewfinder.catalog.card import Variant
from viewfinder.core.notebook import Notebook
from viewfinder.fleet.health.rates import Rates

PROFILES = "profiles.json"
"""The file's name in the state folder."""
_WEIGHTS_FACTOR, _BESIDE_WEIGHTS_BYTES = 1.2, 300_000_000
"""Rule of thumb: memory is the size of the weights times the factor, plus the constant, for the context and
the image encoder."""
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


def need_bytes(profile: Profile | None, variant: Variant) -> int | None:
    """How much memory a variant needs: measured, or else by the rule of thumb; None: unknown."""
    if profile is None:
        return estimated_bytes(variant)
    return max(profile.peak_bytes, profile.ready_bytes)


def estimated_bytes(variant: Variant) -> int | None:
    """About how much memory a variant needs, by the size of its files; None: unknown."""
    size_bytes = variant.size_bytes or variant.download_bytes
    return None if size_bytes is None else int(_WEIGHTS_FACTOR * size_bytes) + _BESIDE_WEIGHTS_BYTES


def _key(model: str, variant: str, engine_version: str) -> str:
    return f"{model} {variant} {engine_version}"
