"""The catalog: built-in cards, the user's own files, and errors in files."""

from pathlib import Path

import gguf
import numpy as np
import pytest

from viewfinder.catalog.card import ModelCard
from viewfinder.catalog.catalog import Catalog, ModelFiles
from viewfinder.catalog.headers import check_gguf
from viewfinder.core.config import LocalModel, RunningServer
from viewfinder.core.errors import BadRequest, ModelFilesError, UnknownModel


def write_gguf(path: Path, architecture: str, **values: int | bool) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = gguf.GGUFWriter(path, architecture)
    for key, value in values.items():
        add = writer.add_bool if isinstance(value, bool) else writer.add_uint32
        add(key.replace("__", "."), value)
    if architecture != "clip":
        writer.add_string("tokenizer.ggml.model", "gpt2")  # what every language model has
    writer.add_tensor("weight", np.ones((8, 32), dtype=np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture
def pair(tmp_path: Path) -> LocalModel:
    return LocalModel(
        model=write_gguf(tmp_path / "mine.gguf", "llama"),
        mmproj=write_gguf(tmp_path / "mmproj.gguf", "clip", clip__vision__image_size=384),
    )


def test_glimpse_is_there_and_sees() -> None:
    card = Catalog().get("glimpse")
    variant = card.variant()
    assert variant.engine == "llama.cpp"
    assert variant.vision
    assert variant.text
    assert variant.mmproj is not None
    assert variant.source == "package"


def test_package_files_are_resolved_and_their_size_is_known(tmp_path: Path) -> None:
    model = write_gguf(tmp_path / "glimpse/glimpse-f16.gguf", "llama")
    mmproj = write_gguf(tmp_path / "glimpse/mmproj-glimpse-f16.gguf", "clip")
    catalog = Catalog(weights=tmp_path)
    variant = catalog.get("glimpse").variant()
    files = catalog.resolve(variant)
    assert (files.model, files.mmproj) == (model, mmproj)
    assert files.size_bytes == model.stat().st_size + mmproj.stat().st_size == variant.size_bytes


def test_missing_package_files_are_an_error_when_resolved(tmp_path: Path) -> None:
    catalog = Catalog(weights=tmp_path)
    variant = catalog.get("glimpse").variant()
    assert variant.size_bytes is None
    with pytest.raises(ModelFilesError, match=r"glimpse-f16\.gguf is missing") as caught:
        catalog.resolve(variant)
    assert "install it again" in caught.value.hint


def test_a_name_that_comes_close_is_offered(pair: LocalModel) -> None:
    catalog = Catalog({"smolvlm": pair})
    with pytest.raises(UnknownModel, match="'glimps'") as caught:
        catalog.get("glimps")
    assert "Did you mean glimpse?" in caught.value.hint
    assert caught.value.param == "model"
    with pytest.raises(UnknownModel) as caught:
        catalog.get("zzz")
    assert "Did you mean" not in caught.value.hint
    assert "viewfinder models" in caught.value.hint


def test_a_long_unknown_name_is_cut_in_the_message() -> None:
    with pytest.raises(UnknownModel) as caught:
        Catalog().get("x" * 1_000_000)
    assert len(str(caught.value)) < 400


def test_own_files_become_a_card(pair: LocalModel) -> None:
    catalog = Catalog({"mine": pair})
    assert catalog.names() == [*Catalog().names(), "mine"]
    variant = catalog.get("mine").variant()
    assert (variant.engine, variant.quantization, variant.vision, variant.image_input_px) == (
        "llama.cpp",
        "F16",
        True,
        384,
    )
    assert catalog.resolve(variant).mmproj == pair.mmproj


def test_own_files_without_a_projector_see_nothing(pair: LocalModel) -> None:
    assert pair.mmproj is not None
    assert Catalog({"mine": LocalModel(model=pair.model)}).get("mine").variant().mmproj == pair.mmproj
    pair.mmproj.unlink()
    variant = Catalog({"mine": LocalModel(model=pair.model)}).get("mine").variant()
    assert not variant.vision
    assert variant.image_input_px is None


def test_a_tiled_models_input_is_its_longest_edge(tmp_path: Path, pair: LocalModel) -> None:
    tiled = write_gguf(
        tmp_path / "tiled.gguf",
        "clip",
        clip__vision__image_size=96,
        clip__vision__preproc_image_size=192,
    )
    catalog = Catalog({"mine": LocalModel(model=pair.model, mmproj=tiled)})
    assert catalog.get("mine").variant().image_input_px == 192


def test_a_projector_for_sound_gives_no_vision(tmp_path: Path, pair: LocalModel) -> None:
    deaf = write_gguf(tmp_path / "sound.gguf", "clip", clip__has_vision_encoder=False)
    catalog = Catalog({"mine": LocalModel(model=pair.model, mmproj=deaf)})
    assert not catalog.get("mine").variant().vision


def test_relative_paths_are_made_absolute(pair: LocalModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(pair.model.parent)
    catalog = Catalog({"mine": LocalModel(model=Path(pair.model.name))})
    monkeypatch.chdir("/")
    assert catalog.resolve(catalog.get("mine").variant()).model == pair.model


def test_swapped_files_are_told_apart(pair: LocalModel) -> None:
    assert pair.mmproj is not None
    catalog = Catalog({"swapped": LocalModel(model=pair.mmproj, mmproj=pair.model)})
    with pytest.raises(ModelFilesError, match="is an image projector, not a language model"):
        catalog.resolve(catalog.get("swapped").variant())
    catalog = Catalog({"twice": LocalModel(model=pair.model, mmproj=pair.model)})
    with pytest.raises(ModelFilesError, match="is a language model, not an image projector"):
        catalog.resolve(catalog.get("twice").variant())


def test_a_truncated_file_still_has_a_card_and_is_refused_when_loaded(pair: LocalModel) -> None:
    pair.model.write_bytes(pair.model.read_bytes()[:-64])
    catalog = Catalog({"cut": pair})
    with pytest.raises(ModelFilesError, match="is truncated"):
        catalog.resolve(catalog.get("cut").variant())


def test_a_repositorys_id_finds_its_card_and_leaves_its_variants() -> None:
    catalog = Catalog()
    card = catalog.get("mlx-community/llava-v1.6-mistral-7b-4bit")
    assert (card.name, [variant.name for variant in card.variants]) == ("llava-1.6-mistral-7b", ["mlx-4bit"])
    assert catalog.get("MLX-Community/LLaVA-v1.6-Mistral-7B-4bit") == card
    moondream = catalog.get("vikhyatk/moondream2")
    assert [variant.engine for variant in moondream.variants] == ["llama.cpp", "mlx", "transformers"]
    assert catalog.card("vikhyatk/moondream2") == catalog.get("moondream2")


def test_the_users_wish_leaves_one_variant() -> None:
    catalog = Catalog(wanted={"moondream2": "mlx-bf16"})
    assert [variant.name for variant in catalog.get("moondream2").variants] == ["mlx-bf16"]
    assert [variant.name for variant in catalog.get("vikhyatk/moondream2").variants] == ["mlx-bf16"]
    assert len(catalog.card("moondream2").variants) > 1
    # the name of a repository overrides a chosen variant that is in another repository
    (newer,) = catalog.get("ggml-org/moondream2-20250414-GGUF").variants
    assert newer.name == "llama.cpp-f16-2025-04"


def test_a_wish_may_use_a_repositorys_id() -> None:
    catalog = Catalog(wanted={"vikhyatk/moondream2": "mlx-bf16"})
    assert [variant.name for variant in catalog.get("moondream2").variants] == ["mlx-bf16"]


@pytest.mark.parametrize(
    ("model", "variant"),
    [("moondream2", "mlx"), ("vikhyatk/moondream2", "llama.cpp-f16-2025-04"), ("glimpse", "")],
)
def test_a_wish_for_a_variant_that_is_not_there_lists_those_that_are(model: str, variant: str) -> None:
    with pytest.raises(BadRequest, match="has no variant") as caught:
        Catalog(wanted={model: variant})
    assert "llama.cpp-f16" in caught.value.hint


def test_a_wish_for_an_unknown_model_is_refused() -> None:
    with pytest.raises(UnknownModel):
        Catalog(wanted={"nonesuch": "llama.cpp"})


@pytest.mark.parametrize("name", ["glimpse", "", "../x", "a b", "-x", "x" * 101, "mod\nel", "model\n"])
def test_names_that_cannot_be_used_are_refused(pair: LocalModel, name: str) -> None:
    with pytest.raises(BadRequest) as caught:
        Catalog({name: pair})
    assert caught.value.hint


def test_a_card_knows_its_variants_by_name() -> None:
    card = Catalog().get("glimpse")
    assert isinstance(card, ModelCard)
    assert card.variant("llama.cpp-f16") is card.variants[0]
    with pytest.raises(BadRequest, match="has no variant 'other'"):
        card.variant("other")


def test_glimpses_card_agrees_with_its_files() -> None:
    catalog = Catalog()
    variant = catalog.get("glimpse").variant()
    files = catalog.resolve(variant)
    assert files.mmproj is not None
    assert check_gguf(files.model).quantization == variant.quantization
    assert check_gguf(files.mmproj).values["clip.vision.preproc_image_size"] == variant.image_input_px
    assert files.size_bytes == variant.size_bytes


def test_the_size_of_a_folder_is_that_of_its_files(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "config.json").write_bytes(b"{}")
    (tmp_path / "sub" / "model.safetensors").write_bytes(b"12345")
    assert ModelFiles(tmp_path).size_bytes == 7


def test_a_running_server_is_a_model_and_cannot_take_a_models_name():
    server = RunningServer.model_validate({"base_url": "http://127.0.0.1:11434/v1/", "model": "llava:7b"})
    variant = Catalog(endpoints={"far": server}).get("far").variant()
    assert (variant.engine, variant.repo, server.root) == ("endpoint", "llava:7b", "http://127.0.0.1:11434")
    with pytest.raises(BadRequest, match="already taken"):
        Catalog(endpoints={"glimpse": server})
    with pytest.raises(BadRequest, match="'auto:best' is invalid"):
        Catalog(endpoints={"auto:best": server})
