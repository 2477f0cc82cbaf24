"""What is kept of a model to notice an upgrade: with which engine and files it ran, its mini-benches with
them, and what the last upgrade changed. Written by `upgrade_checks`, read for `ps` and by the guide.
"""

import hashlib
import json
import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from viewfinder.core.engine_settings import EngineSettings
from viewfinder.core.notebook import Notebook
from viewfinder.fleet.health.upgrade import MiniBench, UpgradeFinding
from viewfinder.host.hardware import Machine

UPGRADES = "upgrades.json"
"""The file's name in the state folder."""
_COMMANDS = ("pip ", "hf ")
KEPT_BENCHES = 5
"""Mini-benches kept of one engine with one set of files: after so many, none is made until it changes."""
KEPT_REFERENCES = 3
"""The engines (or files) whose mini-benches are kept: one that comes back is compared with itself."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FileState:
    """One of a model's files, or its folder (0 bytes), as it was."""

    path: str
    size_bytes: int
    changed_s: float

    @classmethod
    def of(cls, file: Path) -> "FileState":
        """Raises OSError."""
        stat = file.stat()
        return cls(str(file), 0 if file.is_dir() else stat.st_size, stat.st_mtime)

    @property
    def is_there(self) -> bool:
        """Whether it is still the same file."""
        try:
            return FileState.of(Path(self.path)) == self
        except OSError:
            return False


@dataclass(frozen=True, slots=True)
class RanWith:
    """What a model was run with. `packages` are the engine's Python packages with their versions, none for a
    program of its own; `weights` is the hash of the files; `revision` is that of the hub, if known."""

    engine: str
    version: str
    packages: Mapping[str, str]
    weights: str
    files: tuple[FileState, ...] = ()
    repo: str = ""
    revision: str = ""

    def is_like(self, other: "RanWith") -> bool:
        """Whether neither the engine nor the content of the files differs."""
        return self._decisive == other._decisive

    @property
    def _decisive(self) -> tuple[object, ...]:
        return self.engine, self.version, dict(self.packages), self.weights


@dataclass(frozen=True, slots=True)
class EngineReference:
    """The mini-benches of one engine with one set of files, the oldest first."""

    identity: RanWith
    benches: tuple[MiniBench, ...]

    def with_bench(self, bench: MiniBench) -> "EngineReference":
        return replace(self, benches=(*self.benches, bench)[-KEPT_BENCHES:])


@dataclass(frozen=True, slots=True)
class UpgradeReport:
    """What was found after a change: `since` says what changed, `says` what is different now, `back` how to
    undo it (a command, if there is one). `at_s` is wall-clock time."""

    model: str
    variant: str
    verdict: UpgradeFinding
    says: str
    since: str
    back: str
    at_s: float

    @property
    def sentence(self) -> str:
        if self.verdict == "as before":
            return f"{self.says} since {self.since}"
        return f"{self.says} since {self.since}; to go back: {self.back}"

    @property
    def is_back_a_command(self) -> bool:
        return self.back.startswith(_COMMANDS) and ";" not in self.back

    def as_json(self) -> dict[str, Any]:
        """What `ps --json` shows of it."""
        return {name: getattr(self, name) for name in ("verdict", "sentence", "since", "back", "at_s")}


@dataclass(frozen=True, slots=True)
class UpgradeNote:
    """All that is kept of one variant: its references, the current one last, and its last report."""

    references: tuple[EngineReference, ...] = ()
    report: UpgradeReport | None = None

    @property
    def current(self) -> EngineReference | None:
        return self.references[-1] if self.references else None

    def former(self, now: RanWith) -> EngineReference | None:
        """What this engine with these files is compared with: itself, if it ran here before, else the one
        that ran last. None: nothing changed, or nothing is known."""
        if self.current is None or self.current.identity.is_like(now):
            return None
        same = [one for one in self.references if one.identity.is_like(now)]
        return same[-1] if same else self.current

    def with_bench(
        self, identity: RanWith, bench: MiniBench, report: UpgradeReport | None = None
    ) -> "UpgradeNote":
        """With one more mini-bench; its reference is the current one from now on."""
        same = [one for one in self.references if one.identity.is_like(identity)]
        others = tuple(one for one in self.references if not one.identity.is_like(identity))
        own = replace(same[-1], identity=identity) if same else EngineReference(identity, ())
        kept = (*others, own.with_bench(bench))[-KEPT_REFERENCES:]
        return UpgradeNote(kept, report or self.report)


_STORED = TypeAdapter(UpgradeNote)


class UpgradeNotes:
    """The notes of one file, by model, variant and what else decides a time."""

    def __init__(self, file: Path) -> None:
        self._notes = Notebook(file)

    def get(self, key: str) -> UpgradeNote:
        """What is known; an empty note where nothing is."""
        return _read(key, self._notes.get(key))

    def put(self, key: str, note: UpgradeNote) -> None:
        self._notes.put(key, _STORED.dump_python(note, mode="json"))

    def reports(self) -> list[UpgradeReport]:
        """The last report of each variant, the newest first."""
        notes = (_read(key, stored) for key, stored in self._notes.all().items())
        found: dict[tuple[str, str], UpgradeReport] = {}
        for report in sorted((note.report for note in notes if note.report), key=lambda one: -one.at_s):
            found.setdefault((report.model, report.variant), report)
        return list(found.values())


def key_of(model: str, variant: str, settings: EngineSettings, machine: Machine) -> str:
    """What must be the same for two mini-benches to be compared, apart from the engine and the files."""
    decisive = settings.model_dump(mode="json", exclude={"remote_code", "start_timeout_s", "llama_server"})
    text = json.dumps([decisive, machine.cpu, machine.cores_physical], sort_keys=True)
    return f"{model} {variant} {hashlib.sha256(text.encode()).hexdigest()[:12]}"


def what_changed(then: RanWith, now: RanWith) -> str:
    """What differs, from what to what."""
    return ", ".join(_changes(then, now))


def way_back(then: RanWith, now: RanWith) -> str:
    """How to undo the change: the command, or where the former file is."""
    return "; ".join((*_back_to_the_engine(then, now), *_back_to_the_files(then, now)))


def _changes(then: RanWith, now: RanWith) -> Iterator[str]:
    packages = [
        f"{name} {then.packages.get(name, 'none')} > {now.packages.get(name, 'none')}"
        for name in {**then.packages, **now.packages}
        if then.packages.get(name) != now.packages.get(name)
    ]
    if packages and then.packages and now.packages:
        yield from packages
    elif then.version != now.version:
        yield f"{now.engine} {then.version} > {now.version}"
    if then.weights != now.weights:
        yield "the model's files changed"


def _back_to_the_engine(then: RanWith, now: RanWith) -> Iterator[str]:
    former = [
        f"'{name}=={version}'" for name, version in then.packages.items() if now.packages.get(name) != version
    ]
    if then.packages and now.packages and former:
        yield f"pip install {' '.join(former)}"
    elif then.packages and not now.packages:
        yield "remove engine.llama_server from the settings"
    elif then.version != now.version:
        yield f"set engine.llama_server to the former program, {then.version}"


def _back_to_the_files(then: RanWith, now: RanWith) -> Iterator[str]:
    if then.weights == now.weights or not then.files:
        return
    model = then.files[0]
    if model.is_there:
        yield f"the former file is still {model.path}"
    elif then.repo and then.revision:
        yield f"hf download {then.repo} --revision {then.revision}"
    else:
        day = time.strftime("%Y-%m-%d", time.localtime(model.changed_s))
        size = f"{model.size_bytes:,} bytes, " if model.size_bytes else ""
        yield f"put the former {Path(model.path).name} ({size}of {day}) back as {model.path}"


def _read(key: str, stored: object) -> UpgradeNote:
    try:
        return UpgradeNote() if stored is None else _STORED.validate_python(stored)
    except ValueError:
        _log.warning("The upgrades of %s cannot be read; they are noted again.", key.split(maxsplit=1)[0])
        return UpgradeNote()
