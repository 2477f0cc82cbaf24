"""What may be pooled: the same digest, and nothing else."""

from pathlib import Path
from typing import Any

import pytest

from viewfinder.catalog.catalog import Catalog
from viewfinder.catalog.hashes import Hashes
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.core.version import VERSION
from viewfinder.engines.registry import engine_named
from viewfinder.host.hardware import this_machine
from viewfinder.host.power import Power
from viewfinder.measure.store.fingerprint import Fingerprint, differences, explanations, take

CATALOG = Catalog()
GLIMPSE = CATALOG.get("glimpse").variants[0]


def fingerprint(**changed: Any) -> Fingerprint:
    fields = {"version": "1", "files": "abc", "settings": EngineSettings(), "power": Power()} | changed
    return take(GLIMPSE, engine_named("llama.cpp"), machine=this_machine(), **fields)


def test_the_same_twice() -> None:
    assert fingerprint() == fingerprint()
    assert fingerprint().digest == fingerprint().digest
    assert Fingerprint.model_validate_json(fingerprint().model_dump_json()).digest == fingerprint().digest
    assert differences(fingerprint(), fingerprint()) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"version": "2"}, "engine_version: 1 > 2"),
        ({"files": "abd"}, "the model's files"),
        ({"settings": EngineSettings(context_tokens=512)}, "flags.context_tokens: 4096 > 512"),
        ({"settings": EngineSettings(cache_type="q8_0")}, "flags.cache_type: - > q8_0"),
        ({"power": Power(source="battery")}, "source: unknown > battery"),
        ({"power": Power(governor="powersave")}, "governor: unknown > powersave"),
    ],
)
def test_whatever_decides_a_number_decides_the_digest(changed: dict[str, Any], said: str) -> None:
    assert fingerprint(**changed).digest != fingerprint().digest
    assert differences(fingerprint(), fingerprint(**changed)) == [said]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"version": "2"}, ["engine version 1 then, 2 now"]),
        ({"files": "abd", "version": "2"}, ["engine version 1 then, 2 now", "other model files"]),
        ({"settings": EngineSettings(context_tokens=512)}, ["setting context tokens 4096 then, 512 now"]),
        ({"power": Power(source="battery")}, ["power source unknown then, battery now"]),
        ({}, []),
    ],
)
def test_what_may_explain_a_change_in_words(changed: dict[str, Any], said: list[str]) -> None:
    assert explanations(fingerprint(), fingerprint(**changed)) == said


def test_long_values_are_not_printed() -> None:
    ours = fingerprint()
    machine = ours.machine.model_copy(update={"features": ("one", "two"), "os": "Other 1"})
    assert explanations(ours, ours.model_copy(update={"machine": machine, "libraries": {}})) == [
        *(f"{name} {version} then, none now" for name, version in ours.libraries.items()),
        f"operating system {ours.machine.os} then, Other 1 now",
        "other processor features",
    ]


def test_who_agreed_to_what_decides_nothing() -> None:
    assert fingerprint(settings=EngineSettings(remote_code=("x",))) == fingerprint()


def test_options_at_their_defaults_or_of_another_engine_decide_nothing() -> None:
    """Results of before there were options stay comparable."""
    assert fingerprint().flags.keys() == {
        "context_tokens",
        "slots",
        "threads",
        "image_tokens",
        "llama_server",
    }
    mlx = engine_named("mlx")
    machine, power = this_machine(), Power()
    plain, chosen = (
        take(GLIMPSE, mlx, "1", "abc", settings, machine, power)
        for settings in (EngineSettings(), EngineSettings(cache_type="q8_0"))
    )
    assert plain == chosen


def test_what_is_in_it() -> None:
    found = fingerprint()
    assert (found.viewfinder, found.engine, found.variant) == (VERSION, "llama.cpp", GLIMPSE.name)
    assert {"xllamacpp", "httptools", "pillow"} == found.libraries.keys()
    assert found.machine.cpu == this_machine().cpu
    assert abs(found.machine.memory_bytes - this_machine().memory_bytes) <= 2**29


def test_the_version_is_that_of_the_program_that_would_start(tmp_path: Path) -> None:
    engine = engine_named("llama.cpp")
    found = engine.find()
    assert found is not None
    assert engine.version(EngineSettings()) == found.version
    native = tmp_path / "llama-server"
    native.write_text("#!/bin/sh\necho 'version: 20000 (abcdef0)'\n")
    native.chmod(0o700)
    assert engine.version(EngineSettings(llama_server=native)) == "native 20000 (abcdef0)"


def test_the_hash_is_that_of_the_files(tmp_path: Path) -> None:
    assert len(Hashes(tmp_path / "hashes.json").of(GLIMPSE, CATALOG.resolve(GLIMPSE))) == 64
