"""The computer and the software that a model was measured with; results whose fingerprints differ are never
pooled.

Made by `runner` before anything is measured, kept by `store` with every run, compared when a run is resumed.
"""

import hashlib
import importlib.metadata
import json
from contextlib import suppress
from typing import Any

from pydantic import Field

from viewfinder.catalog.card import Variant
from viewfinder.core.engine_settings import OPTIONS, EngineSettings
from viewfinder.core.version import VERSION
from viewfinder.engines.base import Engine
from viewfinder.host.hardware import Machine
from viewfinder.host.power import Power
from viewfinder.measure.figures import Frozen

_GIB = 2**30
FILES = "the model's files"
_TITLES = {
    "engine_version": "engine version",
    "files": "model files",
    "variant": "variant",
    "engine": "engine",
    "flags.": "setting ",
    "libraries.": "",
    "source": "power source",
    "governor": "governor",
    "machine.os": "operating system",
    "machine.features": "processor features",
    "machine.": "",
    "viewfinder": "Viewfinder",
}
"""What a field, or each field that begins so, is called."""
_OUR_LIBRARIES = ("httptools", "pillow")
"""The libraries that read the timed replies, and that draw and encode the images."""


class Fingerprint(Frozen):
    """Everything that is known to decide how fast and how well a variant answers here."""

    viewfinder: str
    machine: Machine
    source: str
    """The source of power: mains, battery, unknown."""
    governor: str
    engine: str
    engine_version: str
    libraries: dict[str, str] = Field(default_factory=dict)
    variant: str
    files: str
    """The hash of all of the model's files; empty for a server that Viewfinder did not start."""
    flags: dict[str, Any] = Field(default_factory=dict)
    """The engine's settings; of its options, those that differ from the defaults."""

    @property
    def digest(self) -> str:
        """12 hexadecimal digits; results with equal digests may be pooled."""
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def take(
    variant: Variant,
    engine: Engine,
    version: str,
    files: str,
    settings: EngineSettings,
    machine: Machine,
    power: Power,
) -> Fingerprint:
    """The fingerprint of a variant on this computer as it is now; `files` is the hash of its files."""
    flags = settings.model_dump(mode="json", exclude={"remote_code", "start_timeout_s", *OPTIONS})
    ignored = engine.ignored(settings)
    flags |= {name: value for name, value in settings.chosen_options().items() if name not in ignored}
    if variant.server is not None:
        flags = {"base_url": variant.server.root, "model": variant.server.model}
    return Fingerprint(
        viewfinder=VERSION,
        # The memory that a kernel reserves for itself differs from boot to boot.
        machine=machine.model_copy(update={"memory_bytes": round(machine.memory_bytes / _GIB) * _GIB}),
        source=power.source,
        governor=power.governor,
        engine=engine.name,
        engine_version=version,
        libraries=_versions((*engine.libraries, *_OUR_LIBRARIES)),
        variant=variant.name,
        files=files,
        flags=flags,
    )


def differences(then: Fingerprint, now: Fingerprint) -> list[str]:
    """Each difference as "name: then > now"; of a hash, only that it differs."""
    return [
        FILES if name == "files" else f"{name}: {was or '-'} > {is_now or '-'}"
        for name, was, is_now in changed(then, now)
    ]


def explanations(then: Fingerprint, now: Fingerprint) -> list[str]:
    """The same as clauses of a sentence, the likeliest to explain a change first:
    `engine version b11 then, b12 now`."""
    return [_clause(*one) for one in sorted(changed(then, now), key=lambda one: _place(one[0]))]


def _clause(name: str, was: Any, is_now: Any) -> str:
    if name == "files" or isinstance(was or is_now, list):
        return f"other {_title(name)}"
    return f"{_title(name)} {was or 'none'} then, {is_now or 'none'} now"


def changed(then: Fingerprint, now: Fingerprint) -> list[tuple[str, Any, Any]]:
    """The name of each field that differs, with its value then and now."""
    pairs = _pairs("", then.model_dump(mode="json"), now.model_dump(mode="json"))
    return [one for one in pairs if one[1] != one[2]]


def _place(name: str) -> int:
    return next((place for place, start in enumerate(_TITLES) if name.startswith(start)), len(_TITLES))


def _title(name: str) -> str:
    for start, title in _TITLES.items():
        if name.startswith(start):
            return f"{title}{name.removeprefix(start)}".replace("_", " ")
    return name.replace("_", " ")


def _pairs(place: str, then: Any, now: Any) -> list[tuple[str, Any, Any]]:
    if isinstance(then, dict) and isinstance(now, dict):
        return [
            pair
            for key in (*then, *(key for key in now if key not in then))
            for pair in _pairs(f"{place}.{key}".strip("."), then.get(key), now.get(key))
        ]
    return [(place, then, now)]


def _versions(packages: tuple[str, ...]) -> dict[str, str]:
    versions = {}
    for package in packages:
        with suppress(importlib.metadata.PackageNotFoundError):
            versions[package] = importlib.metadata.version(package)
    return versions
