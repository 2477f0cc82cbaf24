"""Fuzz targets of what reads files: headers of models, model folders, settings, control groups, keys."""

import io
import math
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from unittest import mock

from pydantic import ValidationError

from viewfinder.catalog import folder as folders
from viewfinder.catalog.gguf_facts import FileFacts, facts_by_name, facts_of, fits, misfit, require_model
from viewfinder.catalog.gguf_files import choose_pair, require_known
from viewfinder.catalog.headers import GGUFHeader, _Reader, peek_gguf
from viewfinder.catalog.other_shapes import refusal
from viewfinder.catalog.peek import Peek
from viewfinder.catalog.remote import Hub, RemoteFile
from viewfinder.catalog.repository import folder_files
from viewfinder.core.config import load_settings
from viewfinder.core.errors import BadRequest, HubError, ModelFilesError, ViewfinderError
from viewfinder.core.settings_files import CONFIG_VARIABLE
from viewfinder.gateway.keys import KeyFile, Keys
from viewfinder.host.cgroups import Cgroups

from .oracle import attempt, require

NAME = Path("model.gguf")
MEBIBYTE = 1 << 20


@cache
def _scratch() -> Path:
    """A folder of this process. libFuzzer removes nothing when it exits, so `session` has one around it."""
    found = tempfile.TemporaryDirectory()
    _scratches.append(found)
    return Path(found.name)


_scratches: list[tempfile.TemporaryDirectory[str]] = []
"""Each is removed when this process exits."""


def read_gguf(data: bytes) -> None:
    """A header is read or refused; a file's beginning never says anything that the whole does not say."""
    whole = attempt(lambda: _Reader(NAME, io.BytesIO(data), len(data)).header(), ModelFilesError)
    start = attempt(lambda: peek_gguf(str(NAME), data[: len(data) * 3 // 4]), ModelFilesError)
    for result in (whole, start):
        if result.error is None:
            _require_facts(result.value)
    if whole.error is None:
        require(whole.value.required_bytes <= len(data), f"{whole.value.required_bytes} of {len(data)} bytes")
        require(start.error is None, f"its beginning is refused: {start.error}")
        known = whole.value.values.items() >= start.value.values.items() or _has_nan(start.value)
        require(known, "its beginning says something else")
        require(start.value.shapes.items() <= whole.value.shapes.items(), "its beginning has other tensors")


def _require_facts(header: GGUFHeader) -> None:
    facts = facts_of(header)
    require(facts.width is None or facts.width >= 0, f"a width of {facts.width}")
    attempt(lambda: require_model(NAME, facts), ModelFilesError)
    if fits(facts, facts) is False:
        raise misfit(NAME, facts, NAME, facts)
    require(len(facts.name) <= 65_536, "a long name")


def _has_nan(header: GGUFHeader) -> bool:
    return any(isinstance(value, float) and math.isnan(value) for value in header.values.values())


def choose_files(data: bytes) -> None:
    """Of a stranger's listing, files are chosen that are in it, or it is refused."""
    names = [line[:200] for line in data.decode("utf-8", "replace").split("\n") if line]
    facts = {name: _facts_from(name) for name in names}

    def look(path: str) -> FileFacts:
        return facts.get(path) or facts_by_name(path)

    for named in ("", *names[:1]):
        chosen = attempt(lambda named=named: choose_pair("here", names, look, named=named), ModelFilesError)  # type: ignore[misc]
        if chosen.error is None and chosen.value is not None and not named:
            missing = set(chosen.value.files) - set(names)
            require(not missing, f"chosen, and not listed: {missing}")
    peek = Peek(_OneFile(b""), "owner/name", "0" * 40, dict.fromkeys(names, _listed("model.gguf", 1)))
    attempt(lambda: choose_pair("here", names, peek), ModelFilesError)
    attempt(lambda: require_known("here", names, look), ModelFilesError)
    attempt(lambda: folder_files("here", names), ModelFilesError)
    refused = refusal("here", names)
    require(refused is None or len(refused.message) < 5000, "a long message")


def _facts_from(name: str) -> FileFacts:
    """The kind by the name, and a width of its own for some."""
    by_name = facts_by_name(name)
    width = 64 * (len(name) % 3) or None
    return FileFacts(by_name.kind, name=name[:1], width=width, is_read=bool(len(name) % 5))


class _OneFile(Hub):
    """A hub on which every file begins alike."""

    def __init__(self, start: bytes) -> None:
        self.start = start

    def start_of(self, repo: str, commit: str, path: str, size_bytes: int) -> bytes:
        return self.start[:size_bytes]


def peek_at_hub(data: bytes) -> None:
    """Facts of a file on the hub, by its first bytes or else by its name."""
    head, _, start = data.partition(b"\n")
    name = head.decode("utf-8", "replace") or "model.gguf"
    try:
        listed = _listed(name, len(start))
    except ValidationError:
        return
    files = {listed.path: listed}
    facts = attempt(lambda: Peek(_OneFile(start), "owner/name", "0" * 40, files)(listed.path), HubError)
    require(facts.error is None and isinstance(facts.value, FileFacts), f"no facts: {facts.error}")


def _listed(name: str, size_bytes: int) -> RemoteFile:
    return RemoteFile.model_validate({"rfilename": name, "size": size_bytes, "blobId": "0" * 40})


FOLDER_FILES = (
    "config.json",
    "model.safetensors",
    "model.safetensors.index.json",
    "model-00001-of-00002.safetensors",
)
GOOD_CONFIG = b'{"model_type": "idefics3", "vision_config": {"image_size": 64}}'
GOOD_WEIGHTS = (2).to_bytes(8, "little") + b"{}"


def check_model_folder(data: bytes) -> None:
    """A model folder is complete, or one sentence says what is wrong with it."""
    name, content = FOLDER_FILES[data[0] % len(FOLDER_FILES)] if data else "config.json", data[1:]
    folder = _scratch() / "model"
    folder.mkdir(exist_ok=True)
    for file in folder.iterdir():
        file.unlink()
    (folder / "config.json").write_bytes(GOOD_CONFIG)
    (folder / "model.safetensors").write_bytes(GOOD_WEIGHTS)
    (folder / name).write_bytes(content)
    attempt(lambda: folders.check_folder(folder), ModelFilesError)
    attempt(lambda: folders.require_usual_names(folder), ModelFilesError)


def read_settings(data: bytes) -> None:
    """A settings file is read, or the error names the setting."""
    file = _scratch() / "viewfinder.toml"
    file.write_bytes(data)
    with mock.patch.dict(os.environ, {CONFIG_VARIABLE: str(file)}):
        found = attempt(load_settings, BadRequest)
    if found.error is None:
        require(0 <= found.value.port <= 65_535, "a port that cannot be")
        for name in found.value.engine_for:
            found.value.engine_of(name)
        repr(found.value)


def read_cgroups(data: bytes) -> None:
    """Limits are those of the files, never negative, whatever they hold."""
    if sys.platform != "linux":
        return
    parts = (data.split(b"\0") + [b""] * 6)[:6]
    root = _scratch() / "groups"
    (root / "ours").mkdir(parents=True, exist_ok=True)
    membership, mounts = root / "membership", root / "mounts"
    membership.write_bytes(parts[0])
    mounts.write_bytes(parts[1].replace(b"ROOT", bytes(root)))
    for name, content in zip(
        ("cpu.max", "memory.max", "memory.current", "memory.stat"), parts[2:], strict=True
    ):
        (root / "ours" / name).write_bytes(content)
    groups = Cgroups(membership, mounts)
    cores = groups.cores()
    require(cores is None or cores > 0, f"{cores} cores")
    for limit in groups.memory():
        require(0 <= limit.left_bytes <= limit.limit_bytes, f"impossible: {limit}")


def read_keys(data: bytes) -> None:
    """A file of keys is read or reported, and opens nothing to a key that is not in it."""
    file = _scratch() / "keys.json"
    file.write_bytes(data)
    keys = KeyFile(file)
    stored = attempt(keys.all, ViewfinderError)
    if stored.error is None:
        require(keys.find(b"a key that nobody has") is None, "a wrong key opens")
    require(
        stored.error is None or _silenced(Keys(file=KeyFile(file))), "an unreadable file opens everything"
    )


def _silenced(keys: Keys) -> bool:
    with _without_log():
        return keys.are_needed


@contextmanager
def _without_log() -> Iterator[None]:
    with mock.patch("viewfinder.gateway.keys._log"):
        yield
