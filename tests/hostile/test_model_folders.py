"""Model folders as publishers and people lay them out: read by their headers, or refused in one sentence.

Row 17 of issue 13. Nothing is started here: `Catalog.add` is all that comes before a start.
"""

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.catalog import gguf_maker as make
from viewfinder.catalog.catalog import WEIGHTS, Catalog
from viewfinder.catalog.gguf_facts import facts_by_name
from viewfinder.catalog.gguf_files import choose_pair
from viewfinder.catalog.gguf_names import base
from viewfinder.core.config import LocalModel
from viewfinder.core.errors import ModelFilesError

HF = WEIGHTS / "glimpse" / "hf"
Fill = Callable[[Path], object]


def added(reference: Path) -> tuple[str, str | None]:
    """The model's and the projector's path, relative to the folder of the reference."""
    (variant,) = Catalog().add(str(reference)).variants
    root = reference if reference.is_dir() else reference.parent
    mmproj = variant.mmproj
    return variant.model.relative_to(root).as_posix(), mmproj and mmproj.relative_to(root).as_posix()


def refused(reference: Path) -> ModelFilesError:
    with pytest.raises(ModelFilesError) as error:
        Catalog().add(str(reference))
    assert error.value.hint
    assert "\n" not in str(error.value)
    return error.value


PAIR = ("m-Q8_0.gguf", "mmproj-m-f16.gguf")


def pair(folder: Path) -> None:
    make.model(folder / PAIR[0])
    make.projector(folder / PAIR[1])


@pytest.mark.parametrize(
    "beside",
    [
        lambda folder: make.imatrix(folder / "a.imatrix.gguf"),
        lambda folder: make.imatrix(folder / "a.gguf"),
        lambda folder: make.mtp(folder / "mtp-m.gguf"),
        lambda folder: make.mtp(folder / "a-Q8_0.gguf"),
        lambda folder: make.draft(folder / "a-Q8_0.gguf"),
        lambda folder: make.draft(folder / "a.gguf", "dflash"),
        lambda folder: make.draft(folder / "a.gguf", "gemma4-assistant"),
        lambda folder: make.model(folder / "a-draft-Q8_0.gguf", width=32, name="a"),
        lambda folder: make.lora(folder / "a.gguf"),
        lambda folder: make.control_vector(folder / "a.gguf"),
        lambda folder: make.vocabulary(folder / "a.gguf"),
        lambda folder: make.painter(folder / "a.gguf"),
        lambda folder: make.model(folder / "a-Q8_0.gguf", width=32, name="text only"),
        lambda folder: make.model(folder / "m-Q4_K_M.gguf"),
        lambda folder: make.model(folder / "UD-Q4_K_XL" / "m-UD-Q4_K_XL.gguf"),
        lambda folder: make.projector(folder / "a-f16.gguf", **{"clip.has_vision_encoder": False}),
        lambda folder: make.projector(folder / "mmproj-other-Q8_0.gguf", width=128),
        lambda folder: make.projector(folder / "mmproj-m-f32.gguf"),
        lambda folder: (folder / ".cache").mkdir() or make.model(folder / ".cache" / "a.gguf"),
        lambda folder: (folder / "README.md").write_text("Hello"),
        lambda folder: (folder / "a-Q8_0.gguf.part1of2").write_bytes(b"GGUF"),
    ],
)
def test_what_lies_beside_a_model_is_not_the_model(tmp_path: Path, beside: Fill) -> None:
    """An importance matrix came first in the alphabet, was loaded, and died as an unknown architecture."""
    pair(tmp_path)
    beside(tmp_path)
    assert added(tmp_path) == PAIR


@pytest.mark.parametrize(
    ("model", "mmproj"),
    [
        ("m-f16.gguf", "a-vision-f16.gguf"),
        ("M-F16.GGUF", "MMPROJ-M.GGUF"),
        ("m.Gguf", "clip.GGUF"),
        ("ggml-model-Q4_K_M.gguf", "mmproj-model-f16.gguf"),
        ("m/m-Q8_0.gguf", "m/mmproj.gguf"),
        ("Q8_0/m-Q8_0.gguf", "mmproj-f16.gguf"),
        ("models/Q8_0/m-Q8_0.gguf", "models/mmproj/m.gguf"),
        ("m-q8_0.gguf", "vision/encoder.gguf"),
        ("m name (1)-Q8_0.gguf", "mmproj m name.gguf"),
    ],
)
def test_a_projector_is_found_whatever_it_is_called(tmp_path: Path, model: str, mmproj: str) -> None:
    make.model(tmp_path / model)
    make.projector(tmp_path / mmproj)
    assert added(tmp_path) == (model, mmproj)


def test_quantizations_in_folders_of_their_own_share_a_projector(tmp_path: Path) -> None:
    for kind in ("Q4_K_M", "UD-Q4_K_XL", "Q8_0", "BF16", "IQ4_XS", "MXFP4_MOE"):
        make.model(tmp_path / kind / f"Thing-2.5-7B-{kind}.gguf")
    make.projector(tmp_path / "mmproj-F16.gguf")
    assert added(tmp_path) == ("Q8_0/Thing-2.5-7B-Q8_0.gguf", "mmproj-F16.gguf")
    named = tmp_path / "IQ4_XS" / "Thing-2.5-7B-IQ4_XS.gguf"
    (variant,) = Catalog().add(str(named)).variants
    assert (variant.model, variant.mmproj) == (named, tmp_path / "mmproj-F16.gguf")


def test_one_model_with_two_ways_of_naming_is_one_model(tmp_path: Path) -> None:
    """MiniCPM-V-4 is published as ggml-model-Q4_0.gguf beside Model-3.6B-F16.gguf."""
    make.model(tmp_path / "ggml-model-Q4_0.gguf")
    make.model(tmp_path / "Model-3.6B-F16.gguf")
    make.projector(tmp_path / "mmproj-model-f16.gguf")
    assert added(tmp_path) == ("Model-3.6B-F16.gguf", "mmproj-model-f16.gguf")


def test_a_model_in_parts_is_read_with_all_of_them(tmp_path: Path) -> None:
    parts = make.split(tmp_path / "Q8_0" / "m-Q8_0.gguf", 3)
    make.projector(tmp_path / "mmproj-f16.gguf")
    assert added(tmp_path) == ("Q8_0/m-Q8_0-00001-of-00003.gguf", "mmproj-f16.gguf")
    (variant,) = Catalog().add(str(parts[1])).variants
    assert variant.model == parts[0], "any part stands for all"
    files = [*parts, tmp_path / "mmproj-f16.gguf"]
    assert variant.size_bytes == sum(file.stat().st_size for file in files)
    assert Catalog().resolve(variant).all == files
    parts[1].unlink()
    error = refused(tmp_path)
    assert "m-Q8_0-00002-of-00003.gguf (1 of the model's 3 parts" in error.message
    assert error.reason == "model_missing"


def two_pairs(folder: Path) -> None:
    for name, width in (("apple-7b", 64), ("pear-4b", 32)):
        make.model(folder / f"{name}-Q8_0.gguf", width=width, name=name)
        make.model(folder / f"{name}-Q4_K_M.gguf", width=width, name=name)
        make.projector(folder / f"mmproj-{name}-f16.gguf", width=width)


@pytest.mark.parametrize(
    "name", ["m-00003-of-01003", "m-00006-of-00001", "m-00001-of-00000", "m-00000-of-00002"]
)
def test_numbers_that_no_part_has_are_a_part_of_the_name(tmp_path: Path, name: str) -> None:
    """The first part was chosen for such a file, which did not exist."""
    make.model(tmp_path / f"{name}.gguf")
    assert added(tmp_path) == (f"{name}.gguf", None)


def test_a_projector_whose_first_part_is_missing_is_not_chosen(tmp_path: Path) -> None:
    make.model(tmp_path / "m.gguf")
    make.projector(tmp_path / "mmproj-00002-of-00002.gguf")
    assert added(tmp_path) == ("m.gguf", None)


def test_a_listing_of_thousands_of_pairs_is_asked_about_at_once() -> None:
    """Each model was compared with each projector, and each of these with all: 200 of each took 0.9 s."""
    paths = [f"{kind}{at}.gguf" for at in range(2000) for kind in ("m", "mmproj-m")]
    began_s = time.thread_time()
    with pytest.raises(ModelFilesError, match="has 2000 models"):
        choose_pair("hub", paths, facts_by_name)
    assert time.thread_time() - began_s < 1.5


def test_two_pairs_are_asked_about_and_then_matched(tmp_path: Path) -> None:
    two_pairs(tmp_path)
    error = refused(tmp_path)
    assert "has 2 models: apple-7b-Q8_0.gguf, pear-4b-Q8_0.gguf" in error.message
    assert (error.reason, "Name the file" in error.hint) == ("several_models", True)
    for name in ("apple-7b", "pear-4b"):
        for kind in ("Q8_0", "Q4_K_M"):
            assert added(tmp_path / f"{name}-{kind}.gguf") == (
                f"{name}-{kind}.gguf",
                f"mmproj-{name}-f16.gguf",
            )


def test_pairs_of_equal_width_are_matched_by_their_names(tmp_path: Path) -> None:
    for name in ("apple-7b", "apple-7b-tuned"):
        make.model(tmp_path / f"{name}-Q8_0.gguf", name=name)
        make.projector(tmp_path / f"mmproj-{name}-f16.gguf")
    refused(tmp_path)
    assert added(tmp_path / "apple-7b-tuned-Q8_0.gguf")[1] == "mmproj-apple-7b-tuned-f16.gguf"


def test_projectors_that_fit_equally_are_asked_about(tmp_path: Path) -> None:
    make.model(tmp_path / "pear.gguf")
    for name in ("apple", "plum"):
        make.projector(tmp_path / f"mmproj-{name}.gguf")
    error = refused(tmp_path)
    assert "mmproj-apple.gguf, mmproj-plum.gguf" in error.message
    assert "--mmproj" in error.hint


@pytest.mark.parametrize("name", ["mmproj-m.gguf", "b.gguf"])
def test_a_projector_that_does_not_fit_is_told_before_any_start(tmp_path: Path, name: str) -> None:
    """It took five starts and half a minute, and then said "Failed to init server"."""
    model = make.model(tmp_path / "m.gguf")
    mmproj = make.projector(tmp_path / name, width=128)
    error = refused(tmp_path)
    assert (error.reason, str(mmproj) in error.message) == ("wrong_projector", True)
    assert "embeddings of 128 numbers, and the model takes 64" in error.message
    assert added(model) == ("m.gguf", None), "alone, it runs without images"
    own = Catalog({"own": LocalModel(model=model, mmproj=mmproj)})
    with pytest.raises(ModelFilesError, match="does not fit"):
        own.resolve(own.get("own").variant())


@pytest.mark.parametrize(
    ("kind", "tensors", "width", "own"),
    [
        ("mlp", {"mm.0.weight": (64, 16), "mm.2.weight": (64, 64)}, 64, {}),
        ("mlp", {"mm.1.weight": (8, 8), "mm.3.weight": (64, 64), "mm.3.bias": (64,)}, 64, {}),
        ("qwen2.5vl_merger", {"mm.0.weight": (32, 32), "mm.2.bias": (64,)}, 64, {}),
        (
            "qwen3vl_merger",
            {"mm.2.bias": (64,), "v.deepstack.0.fc1.weight": (4, 4)},
            128,
            {"n_deepstack_layers": 1},
        ),
        ("gemma3", {"mm.input_projection.weight": (16, 64)}, 64, {}),
        ("gemma4v", {"mm.input_projection.weight": (64, 16)}, 64, {}),
        ("internvl", {"mm.1.weight": (8, 8), "mm.3.weight": (64, 8)}, 64, {}),
        ("pixtral", {"mm.1.weight": (64, 8), "mm.2.weight": (64, 64)}, 64, {}),
        ("resampler", {"resampler.proj.weight": (64, 64)}, 64, {}),
        ("of tomorrow", {"mm.9.weight": (7, 7)}, None, {}),
        ("mlp", {"mm.0.weight": (64, 16)}, None, {}),
    ],
)
def test_the_width_is_that_of_the_tensors(
    tmp_path: Path, kind: str, tensors: dict[str, tuple[int, ...]], width: int | None, own: dict[str, int]
) -> None:
    """`projection_dim` is 768 in the projector of a LLaVA that takes 4096: only the tensors are right.

    A type that is not known fits everything: the engine judges it.
    """
    values = {"clip.projector_type": kind, "clip.vision.projection_dim": 7}
    make.write(tmp_path / "mmproj.gguf", "clip", values, tensors)
    facts = {f"llama.{key}": value for key, value in own.items()}
    make.model(tmp_path / "fits.gguf", **facts)
    assert added(tmp_path) == ("fits.gguf", "mmproj.gguf")
    (tmp_path / "fits.gguf").unlink()
    make.model(tmp_path / "other.gguf", width=48, **facts)
    if width is None:
        assert added(tmp_path) == ("other.gguf", "mmproj.gguf")
    else:
        assert f"embeddings of {width} numbers" in refused(tmp_path).message


@pytest.mark.parametrize(
    ("fill", "says"),
    [
        (lambda folder: make.imatrix(folder / "m.gguf"), "is an importance matrix"),
        (lambda folder: make.draft(folder / "m.gguf"), "is a draft model"),
        (lambda folder: make.mtp(folder / "m.gguf"), "several tokens (MTP)"),
        (lambda folder: make.lora(folder / "m.gguf"), "is an adapter (LoRA)"),
        (lambda folder: make.control_vector(folder / "m.gguf"), "is a control vector"),
        (lambda folder: make.vocabulary(folder / "m.gguf"), "is a vocabulary without weights"),
        (lambda folder: make.painter(folder / "m.gguf"), "is no language model that llama.cpp runs"),
        (lambda folder: make.projector(folder / "m.gguf"), "an image projector"),
    ],
)
def test_alone_it_is_refused_as_what_it_is(tmp_path: Path, fill: Fill, says: str) -> None:
    fill(tmp_path)
    assert says in refused(tmp_path).message
    assert says in refused(tmp_path / "m.gguf").message


def text(*names: str) -> Fill:
    def fill(folder: Path) -> None:
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text("{}")

    return fill


@pytest.mark.parametrize(
    ("fill", "says"),
    [
        (text("adapter_config.json", "adapter_model.safetensors"), "an adapter (LoRA)"),
        (text("model_index.json", "unet/config.json", "vae/config.json"), "a pipeline of several models"),
        (
            text("params.json", "consolidated.safetensors", "tekken.json"),
            "publisher's own format (params.json)",
        ),
        (text("onnx/model.onnx", "tokenizer.json"), "an ONNX model"),
        (text("openvino_model.xml", "openvino_model.bin"), "an OpenVINO model"),
        (text("model.task"), "a LiteRT model"),
        (text("m.mlpackage/Manifest.json"), "a Core ML model"),
        (text("m.nemo"), "a NeMo model"),
        (text("m.llamafile"), "a llamafile"),
        (text("blobs/sha256-0123", "manifests/registry/library/llava/latest"), "Ollama's store"),
        (text("m-Q8_0.gguf.part1of2", "m-Q8_0.gguf.part2of2"), "cut into pieces"),
        (text("m.gguf-split-a", "m.gguf-split-b"), "cut into pieces"),
        (text("apple/config.json", "pear/config.json"), "has 2 models: apple, pear"),
        (text("README.md"), "config.json is missing"),
        (text(), "config.json is missing"),
    ],
)
def test_shapes_that_no_engine_reads_are_refused_in_one_sentence(
    tmp_path: Path, fill: Fill, says: str
) -> None:
    fill(tmp_path)
    assert says in refused(tmp_path).message or says in refused(tmp_path).hint


def test_the_way_to_join_pieces_can_be_pasted(tmp_path: Path) -> None:
    text("m-Q8_0.gguf.part2of2", "m-Q8_0.gguf.part1of2")(tmp_path)
    assert "cat m-Q8_0.gguf.part1of2 m-Q8_0.gguf.part2of2 > m-Q8_0.gguf" in refused(tmp_path).hint
    assert "cut into pieces" in refused(tmp_path / "m-Q8_0.gguf.part2of2").message


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("MODEL.SAFETENSORS", "Rename it to MODEL.safetensors"),
        ("model-00002-of-00003.safetensors", "has 1 of 3 weight files"),
        ("model-00001-of-00001.safetensors", "has no model.safetensors, which transformers looks for"),
        ("weights.safetensors", "Rename it to model.safetensors"),
    ],
)
def test_weights_that_engines_would_not_find_are_refused(tmp_path: Path, name: str, says: str) -> None:
    folder = Path(shutil.copytree(HF, tmp_path / "m"))
    (folder / "model.safetensors").rename(folder / name)
    assert says in str(refused(folder))


@pytest.mark.parametrize("inside", ["m", "snapshots/abc"])
def test_a_folder_around_the_model_is_looked_into(tmp_path: Path, inside: str) -> None:
    """A download often has a folder in the folder; the hub's cache has snapshots of links to blobs."""
    shutil.copytree(HF, tmp_path / inside)
    if "snapshots" in inside:
        (tmp_path / "refs").mkdir()
        (tmp_path / "refs" / "main").write_text("abc")
        blob = tmp_path / "blobs" / "0123"
        blob.parent.mkdir()
        (tmp_path / inside / "model.safetensors").rename(blob)
        (tmp_path / inside / "model.safetensors").symlink_to("../../blobs/0123")
    (variant,) = Catalog().add(str(tmp_path)).variants
    assert variant.model == tmp_path / inside


def test_the_weights_of_a_folder_are_no_model_of_their_own() -> None:
    assert "Name the folder" in refused(HF / "model.safetensors").hint


def test_a_file_without_an_ending_is_read_by_its_header(tmp_path: Path) -> None:
    """So are the blobs in Ollama's store."""
    blob = tmp_path / "blobs" / "sha256-0123"
    make.model(tmp_path / "m.gguf")
    blob.parent.mkdir()
    (tmp_path / "m.gguf").rename(blob)
    assert added(blob) == ("sha256-0123", None)


def test_weights_with_an_index_are_read(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(HF, tmp_path / "m"))
    (folder / "model.safetensors").rename(folder / "model-00001-of-00001.safetensors")
    index = {"weight_map": {"a": "model-00001-of-00001.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    Catalog().add(str(folder))


def test_a_damaged_file_beside_the_model_is_told_only_when_it_is_needed(tmp_path: Path) -> None:
    model = make.model(tmp_path / "m.gguf")
    (tmp_path / "mmproj-m.gguf").write_bytes(b"GGUF")
    assert "truncated" in refused(tmp_path).message
    assert added(model) == ("m.gguf", None)


def test_a_folder_that_is_refused_takes_no_other_model_away(tmp_path: Path) -> None:
    two_pairs(tmp_path)
    catalog = Catalog({"mine": LocalModel(model=tmp_path)})
    (variant,) = catalog.get("mine").variants
    with pytest.raises(ModelFilesError, match="has 2 models"):
        catalog.resolve(variant)
    catalog.resolve(catalog.get("glimpse").variant())


@pytest.mark.parametrize(
    ("name", "without"),
    [
        ("Qwen2.5-VL-7B-Instruct-Q4_K_M.gguf", "qwen2-5-vl-7b-instruct"),
        ("Qwen3-VL-8B-UD-Q4_K_XL-00001-of-00002.gguf", "qwen3-vl-8b"),
        ("Thing.i1-IQ3_XXS.gguf", "thing"),
        ("thing_q5_0.gguf", "thing"),
        ("gpt-oss-MXFP4_MOE.gguf", "gpt-oss"),
        ("model-BF16.GGUF", "model"),
        ("q8bert-f32.gguf", "q8bert"),
    ],
)
def test_the_quantization_is_no_part_of_a_models_name(name: str, without: str) -> None:
    assert base(name) == without
