"""Models that other programs keep on this disk: listed by header, and nothing can hurt or hang."""

import hashlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from viewfinder.catalog.catalog import WEIGHTS, Catalog
from viewfinder.catalog.local_files import projector_of
from viewfinder.catalog.other_programs import OtherModel, other_models

from . import gguf_maker as make

MEDIA = "application/vnd.ollama.image"
COMMIT = "0" * 39 + "1"
GLIMPSE = WEIGHTS / "glimpse"


@pytest.fixture(autouse=True)
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder of its own; the variables of the programs are not set."""
    for name in ("OLLAMA_MODELS", "HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("viewfinder.catalog.ollama._OF_THE_SERVICE", tmp_path / "none")
    return tmp_path


def blob(folder: Path, file: Path, kind: str) -> dict[str, str]:
    """Put a file where Ollama would; returns its layer of a manifest."""
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    (folder / "blobs").mkdir(parents=True, exist_ok=True)
    (folder / "blobs" / f"sha256-{digest}").write_bytes(file.read_bytes())
    return {"mediaType": f"{MEDIA}.{kind}", "digest": f"sha256:{digest}"}


def manifest(folder: Path, name: str, layers: object) -> Path:
    file = folder / "manifests" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"schemaVersion": 2, "layers": layers}))
    return file


def in_hub(disk: Path, repo: str, **files: Callable[[Path], object]) -> Path:
    folder = disk / ".cache" / "huggingface" / "hub" / f"models--{repo.replace('/', '--')}"
    snapshot = folder / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(COMMIT)
    for name, write in files.items():
        write(snapshot / name.replace("__", "."))
    return snapshot


def listed() -> list[OtherModel]:
    models, is_all = other_models()
    assert is_all
    return models


def test_an_empty_disk_has_none() -> None:
    assert listed() == []


def test_ollamas_manifest_names_a_model_and_its_projector(disk: Path) -> None:
    folder = disk / ".ollama" / "models"
    model, projector = (
        blob(folder, GLIMPSE / file, kind)
        for file, kind in (("glimpse-f16.gguf", "model"), ("mmproj-glimpse-f16.gguf", "projector"))
    )
    manifest(
        folder, "registry.ollama.ai/library/glim/2b", [{"mediaType": f"{MEDIA}.license"}, model, projector]
    )
    manifest(folder, "registry.ollama.ai/someone/words/latest", [model])
    manifest(folder, "hf.co/someone/words/Q8_0", [model])
    seeing, blind, third = sorted(listed(), key=lambda one: not one.vision)
    assert (seeing.program, seeing.name, seeing.vision) == ("Ollama", "glim:2b", True)
    assert seeing.reference == str(folder / "blobs" / model["digest"].replace(":", "-"))
    assert seeing.size_bytes == sum(
        (GLIMPSE / file).stat().st_size for file in ("glimpse-f16.gguf", "mmproj-glimpse-f16.gguf")
    )
    assert {blind.name, third.name} == {"someone/words:latest", "hf.co/someone/words:Q8_0"}
    assert seeing.mmproj == projector_of(Path(seeing.reference))
    card = Catalog().add(seeing.reference)
    assert card.variant().mmproj == seeing.mmproj
    assert card.variant().vision


def test_a_model_that_only_ollama_can_run_says_so(disk: Path) -> None:
    folder = disk / "elsewhere"
    one = make.model(disk / "m.gguf", arch="gemma3", **{"gemma3.vision.block_count": 27})
    manifest(folder, "registry.ollama.ai/library/gemma3/4b", [blob(folder, one, "model")])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OLLAMA_MODELS", str(folder))
        (found,) = listed()
    assert (found.name, found.vision) == ("gemma3:4b", False)
    assert "made for Ollama" in found.trouble


@pytest.mark.parametrize("place", [".lmstudio/models", ".cache/lm-studio/models", "chosen"])
def test_lm_studios_folders_have_pairs(disk: Path, place: str) -> None:
    folder = disk / place / "publisher" / "thing-GGUF"
    make.model(folder / "thing-Q4_K_M.gguf")
    make.projector(folder / "mmproj-thing.gguf")
    (disk / ".lmstudio").mkdir(exist_ok=True)
    (disk / ".lmstudio" / "settings.json").write_text(json.dumps({"downloadsFolder": str(disk / "chosen")}))
    (one,) = listed()
    assert (one.program, one.name, one.vision) == ("LM Studio", "publisher/thing-GGUF", True)
    assert one.reference == str(folder / "thing-Q4_K_M.gguf")


def test_the_hubs_cache_has_repositories_without_a_card(disk: Path) -> None:
    in_hub(disk, "someone/thing-GGUF", m__gguf=make.model, mmproj__gguf=make.projector)
    in_hub(
        disk, "someone/two-GGUF", alpha__gguf=make.model, beta__gguf=lambda file: make.model(file, name="b")
    )
    seeing = {"model_type": "smolvlm", "vision_config": {"image_size": 8}}
    for repo, config in (("someone/vlm", seeing), ("someone/bert", {"model_type": "bert"})):
        in_hub(
            disk,
            repo,
            config__json=lambda file, config=config: file.write_text(json.dumps(config)),
            model__safetensors=lambda file: file.write_bytes(b"\0" * 8),
        )
    found = {one.reference: (one.engine, one.vision) for one in listed()}
    assert found == {
        "hf:someone/thing-GGUF": ("llama.cpp", True),
        "hf:someone/two-GGUF/alpha.gguf": ("llama.cpp", False),
        "hf:someone/two-GGUF/beta.gguf": ("llama.cpp", False),
        "hf:someone/vlm": ("transformers", True),
    }
    assert Catalog().add("hf:someone/thing-GGUF").variant().vision
    known, _ = other_models(["Someone/Thing-GGUF"])
    assert "hf:someone/thing-GGUF" not in {one.reference for one in known}


def test_without_main_a_repository_is_named_with_its_commit(disk: Path) -> None:
    in_hub(disk, "someone/thing", m__gguf=make.model)
    (disk / ".cache/huggingface/hub/models--someone--thing/refs/main").unlink()
    (one,) = listed()
    assert one.reference == f"hf:someone/thing@{COMMIT}"
    assert Catalog().add(one.reference).name == "thing"


def test_what_is_broken_or_hostile_is_left_out_and_nothing_hangs(disk: Path) -> None:
    folder = disk / ".ollama" / "models"
    good = blob(folder, GLIMPSE / "glimpse-f16.gguf", "model")
    library = "registry.ollama.ai/library"
    for number, layers in enumerate(
        (
            None,
            7,
            [None, [], {"mediaType": 1, "digest": []}],
            [{**good, "digest": "sha256:../../passwd"}],
        )
    ):
        manifest(folder, f"{library}/bad{number}/latest", layers)
    manifest(folder, f"{library}/deep/latest", None).write_text("[" * 100_000)
    os.mkfifo(folder / "manifests" / library / "deep" / "pipe")
    (folder / "manifests" / library / "loop").symlink_to(folder / "manifests")
    pipe = "a" * 64
    os.mkfifo(folder / "blobs" / f"sha256-{pipe}")
    manifest(folder, f"{library}/pipe/latest", [{**good, "digest": f"sha256:{pipe}"}])
    lies = disk / "lies"
    lies.write_bytes(b"GGUF\x03\0\0\0" + b"\xff" * 8 + b"\xff" * 8)
    manifest(folder, f"{library}/lies/latest", [blob(folder, lies, "model")])
    studio = disk / ".lmstudio" / "models"
    make.model(studio / "a" / "b" / "fine.gguf")
    (studio / "a" / "loop").symlink_to(studio)
    (studio / "a" / "b" / "self.gguf").symlink_to(studio / "a" / "b" / "self.gguf")
    os.mkfifo(disk / ".lmstudio" / "settings.json")
    snapshot = in_hub(disk, "someone/loop", m__gguf=lambda file: file.symlink_to(file))
    (snapshot / "up").symlink_to(snapshot)
    refs = disk / ".cache/huggingface/hub/models--someone--loop/refs/main"
    refs.unlink()
    os.mkfifo(refs)
    began = time.monotonic()
    assert [one.name for one in listed() if one.program != "hub cache"] == ["a/b"]
    assert time.monotonic() - began < 2


def test_a_file_that_may_not_be_read_is_left_out(disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    make.model(disk / ".lmstudio" / "models" / "a" / "b" / "m.gguf")
    assert len(listed()) == 1
    monkeypatch.setattr("viewfinder.catalog.headers.os.open", refuse)
    assert listed() == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read all")
def test_a_folder_that_may_not_be_read_is_left_out(disk: Path) -> None:
    make.model(disk / ".lmstudio" / "models" / "a" / "b" / "m.gguf")
    for closed in (".ollama/models/manifests", ".cache/huggingface/hub", ".lmstudio/models/a"):
        (disk / closed).mkdir(parents=True, exist_ok=True)
        (disk / closed).chmod(0)
    try:
        assert listed() == []
    finally:
        (disk / ".lmstudio/models/a").chmod(0o700)


def test_a_disk_full_of_models_costs_a_moment_and_the_rest_is_said_to_be_there(disk: Path) -> None:
    first = make.model(disk / "m.gguf").read_bytes()
    for number in range(300):
        folder = disk / ".lmstudio" / "models" / "a" / f"{number:03}"
        folder.mkdir(parents=True)
        (folder / "m.gguf").write_bytes(first)
    began = time.process_time()
    assert len(listed()) == 300
    assert time.process_time() - began < 2
    ticks = iter(range(10_000))
    models, is_all = other_models(limit_s=50, clock=lambda: float(next(ticks)))
    assert not is_all
    assert 10 < len(models) < 300
