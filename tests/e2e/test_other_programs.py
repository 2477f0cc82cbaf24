"""A model of another program is used where it lies, by the command that `models` prints."""

import hashlib
import json
import shlex
from pathlib import Path

import pytest

from viewfinder.api.offers import offers
from viewfinder.catalog.catalog import WEIGHTS

from .conftest import run

MEDIA = "application/vnd.ollama.image"


def test_a_model_of_ollama_is_used_with_its_projector(
    home: Path, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its files have no ending, and the projector is known from the manifest alone."""
    folder, layers = tmp_path / "ollama", []
    (folder / "blobs").mkdir(parents=True)
    for name, kind in (("glimpse-f16.gguf", "model"), ("mmproj-glimpse-f16.gguf", "projector")):
        content = (WEIGHTS / "glimpse" / name).read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        (folder / "blobs" / f"sha256-{digest}").write_bytes(content)
        layers.append({"mediaType": f"{MEDIA}.{kind}", "digest": f"sha256:{digest}"})
    manifest = folder / "manifests" / "registry.ollama.ai" / "library" / "glim" / "latest"
    manifest.parent.mkdir(parents=True)
    manifest.write_text(json.dumps({"layers": layers}))
    before = sorted(folder.rglob("*"))

    monkeypatch.setenv("OLLAMA_MODELS", str(folder))
    (offered,) = [one for one in offers()[0] if one.name == "glim:latest"]
    _, *words = shlex.split(offered.command)
    words[-2:] = [str(picture), "How many shapes are there?"]
    answer = run(*words, home=home)
    assert (answer.returncode, answer.stdout) == (0, "1.\n"), answer.stderr
    assert sorted(folder.rglob("*")) == before
