"""What Ollama keeps on this disk, read only: manifests that name files, and the files under their hashes.

Called by `other_programs`, which lists them, and by `local_files`, for the projector of one of the files.
Layout: https://github.com/ollama/ollama/blob/main/server/modelpath.go
"""

import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import orjson

from viewfinder.catalog.headers import start_of
from viewfinder.catalog.hub import expanded

_MEDIA = "application/vnd.ollama.image."
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
_BLOB = re.compile(r"sha256-[0-9a-f]{64}")
_USUAL_HOST, _USUAL_OWNER = "registry.ollama.ai", "library"
MANIFEST_BYTES, MOST_MANIFESTS, MOST_LAYERS = 262_144, 500, 100
_OF_THE_SERVICE = Path("/usr/share/ollama/.ollama/models")
"""Where its service on Linux keeps them, as a user of its own."""


@dataclass(frozen=True, slots=True)
class OllamaModel:
    """One model of Ollama: as it is called there, and its files, which are named by their hashes."""

    name: str
    model: Path
    mmproj: Path | None


def models_folders() -> list[Path]:
    """`OLLAMA_MODELS`, or else where Ollama keeps its models by itself."""
    if chosen := os.environ.get("OLLAMA_MODELS"):
        return [Path(chosen)]
    own = expanded("~/.ollama/models")
    return [own, *([_OF_THE_SERVICE] if sys.platform == "linux" else [])]


def models_in(folder: Path) -> Iterator[OllamaModel]:
    """The models of a folder in the order of their names; what cannot be read is left out."""
    top = folder / "manifests"
    for manifest in islice(_manifests(top), MOST_MANIFESTS):
        layers = _layers(manifest)
        if model := _blob(folder, layers.get("model")):
            yield OllamaModel(_name(manifest.relative_to(top)), model, _blob(folder, layers.get("projector")))


def projector_of_blob(model: Path) -> Path | None:
    """The projector that a manifest names beside this file; None for a file that is none of Ollama's."""
    if model.parent.name != "blobs" or not _BLOB.fullmatch(model.name):
        return None
    return next(
        (one.mmproj for one in models_in(model.parent.parent) if one.model == model and one.mmproj), None
    )


def _manifests(folder: Path, depth: int = 4) -> Iterator[Path]:
    """The files four folders deep (host, owner, name, tag); no link to a folder is followed."""
    try:
        entries = sorted(islice(os.scandir(folder), MOST_MANIFESTS), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if depth > 1 and entry.is_dir(follow_symlinks=False):
            yield from _manifests(Path(entry.path), depth - 1)
        elif depth == 1 and entry.is_file(follow_symlinks=False):
            yield Path(entry.path)


def _layers(manifest: Path) -> Mapping[str, str]:
    """The hashes of a manifest's layers by their kind ("model", "projector"); the first of each counts."""
    try:
        content = orjson.loads(start_of(manifest, MANIFEST_BYTES))
    except (OSError, ValueError):
        return {}
    layers = content.get("layers") if isinstance(content, dict) else None
    found: dict[str, str] = {}
    for layer in layers[:MOST_LAYERS] if isinstance(layers, list) else []:
        kind, digest = (
            (layer.get(key) for key in ("mediaType", "digest")) if isinstance(layer, dict) else ("", "")
        )
        if isinstance(kind, str) and isinstance(digest, str) and (hexadecimal := _DIGEST.fullmatch(digest)):
            found.setdefault(kind.removeprefix(_MEDIA), hexadecimal[1])
    return found


def _blob(folder: Path, digest: str | None) -> Path | None:
    blob = folder / "blobs" / f"sha256-{digest}"
    try:
        return blob if digest and blob.is_file() else None
    except OSError:
        return None


def _name(manifest: Path) -> str:
    """As a user of Ollama writes it: "qwen2.5vl:7b"."""
    host, owner, name, tag = manifest.parts
    shown = [] if host == _USUAL_HOST else [host]
    return "/".join([*shown, *([] if owner == _USUAL_OWNER and not shown else [owner]), f"{name}:{tag}"])
