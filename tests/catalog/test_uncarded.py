"""Cards for models that have none: all their facts are read from the files."""

import json
import shutil
from pathlib import Path

import pytest

from viewfinder.catalog.catalog import WEIGHTS
from viewfinder.catalog.uncarded import (
    Repository,
    card_of_files,
    card_of_repository,
    is_reference,
    name_from,
    parse_reference,
    short_name,
)
from viewfinder.core.config import LocalModel
from viewfinder.core.errors import BadRequest

from . import gguf_maker as make

GLIMPSE = WEIGHTS / "glimpse"


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    folder = tmp_path / ("c" * 40)
    folder.mkdir()
    return folder


@pytest.mark.parametrize(
    ("words", "repo", "revision"),
    [
        ("hf:someone/thing", "someone/thing", ""),
        ("hf:some-one_1/Thing-1.5B.Q4@main", "some-one_1/Thing-1.5B.Q4", "main"),
        ("hf:a/b@" + "0" * 40, "a/b", "0" * 40),
        ("hf:a/b@v1.0-rc_1", "a/b", "v1.0-rc_1"),
    ],
)
def test_a_reference_names_a_repository(words: str, repo: str, revision: str) -> None:
    assert is_reference(words)
    assert parse_reference(words) == Repository(repo, revision)


@pytest.mark.parametrize(
    "words",
    [
        *(
            "hf:",
            "hf:thing",
            "hf:a/b/c",
            "hf:/b",
            "hf:a/",
            "hf:a/b@",
            "hf:a/b@-x",
            "hf:a/b@../x",
            "hf:a/b@x/y",
        ),
        *("hf:../b", "hf:a/..", "hf:a/.b", "hf:-a/b", "hf:a/b-", "hf:a/b.", "hf:a--b/c", "hf:a/b..c"),
        *(
            "hf:a/b.git",
            "hf:a/b c",
            "hf:a/b\n",
            "hf:a/b\x00",
            "hf:a/b?x=1",
            "hf:a/b#c",
            "hf:a\\b",
            "hf:a/%2e",
        ),
        *(
            "hf:\N{LATIN SMALL LETTER A WITH ACUTE}/b",
            "hf:a/" + "b" * 97,
            "HF:a/b",
            "a/b",
            "hf:https://x/a/b",
        ),
    ],
)
def test_what_is_no_reference_is_refused(words: str) -> None:
    with pytest.raises(BadRequest, match="names no repository") as refused:
        parse_reference(words)
    assert "hf:owner/name" in refused.value.hint


@pytest.mark.parametrize("words", ["./folder", "../x", "a/b", "/a", "~/a", "model.gguf", "M.GGUF", "."])
def test_paths_are_references(words: str) -> None:
    assert is_reference(words)


@pytest.mark.parametrize("words", ["glimpse", "smolvlm-500m", "a.b", "hf", "qwen2.5-vl:7b"])
def test_names_are_not(words: str) -> None:
    assert not is_reference(words)


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("Thing-1.5B", "Thing-1.5B"),
        ("my model!", "my-model-"),
        ("...", "model"),
        ("é", "model"),
        ("auto:auto:own", "own"),
    ],
)
def test_a_name_is_made_of_any_words(words: str, name: str) -> None:
    assert name_from(words) == name


@pytest.mark.parametrize(
    ("served", "name"),
    [
        ("org/SmolVLM-500M", "SmolVLM-500M"),
        ("/home/me/models/SmolVLM-500M-Q8_0.gguf", "SmolVLM-500M-Q8_0"),
        (r"C:\models\a.GGUF", "a"),
        ("/models/a/", "a"),
        ("qwen2.5-vl:7b", "qwen2.5-vl:7b"),
        ("/", "/"),
    ],
)
def test_a_servers_name_for_its_model_is_shown_short(served: str, name: str) -> None:
    assert short_name(served) == name


def test_a_folder_is_a_card(tmp_path: Path) -> None:
    (variant,) = card_of_files("mine", LocalModel(model=GLIMPSE / "hf")).variants
    assert (variant.engine, variant.source, variant.model) == ("transformers", "disk", GLIMPSE / "hf")
    assert (variant.vision, variant.text, variant.quantization) == (True, True, "F16")
    assert (variant.context_tokens, variant.image_input_px) == (2048, 96)
    assert variant.size_bytes == sum(file.stat().st_size for file in (GLIMPSE / "hf").iterdir())


def test_a_folder_with_a_gguf_pair_is_served_by_llama_cpp() -> None:
    (variant,) = card_of_files("mine", LocalModel(model=GLIMPSE)).variants
    assert (variant.engine, variant.vision, variant.quantization) == ("llama.cpp", True, "F16")
    assert variant.model == GLIMPSE / "glimpse-f16.gguf"
    assert variant.mmproj == GLIMPSE / "mmproj-glimpse-f16.gguf"
    assert variant.context_tokens == 2048


def test_a_quantized_folder_is_mlxs(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(GLIMPSE / "hf", tmp_path / "mlx"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"quantization": {"bits": 8}}))
    (variant,) = card_of_files("mine", LocalModel(model=folder)).variants
    assert (variant.engine, variant.quantization) == ("mlx", "8-bit")


def test_a_folder_that_cannot_be_read_still_has_a_card(tmp_path: Path) -> None:
    """A mistake in one entry of the settings must not take the other models away."""
    (variant,) = card_of_files("mine", LocalModel(model=tmp_path)).variants
    assert (variant.engine, variant.vision, variant.text) == ("transformers", False, True)


def test_publishers_python_is_reported(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(GLIMPSE / "hf", tmp_path / "coded"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"auto_map": {"AutoModel": "x.Y"}}))
    card = card_of_files("mine", LocalModel(model=folder))
    assert card.quirks == ("The Python code in its repository is not run.",)
    assert not card.variants[0].remote_code


def test_a_repositorys_pair_lies_below_its_commit(snapshot: Path) -> None:
    for file in GLIMPSE.glob("*.gguf"):
        shutil.copy(file, snapshot)
    (variant,) = card_of_repository("thing", Repository("someone/thing"), snapshot).variants
    assert (variant.repo, variant.source, variant.revision) == ("someone/thing", "hub", snapshot.name)
    assert (variant.model, variant.mmproj) == (Path("glimpse-f16.gguf"), Path("mmproj-glimpse-f16.gguf"))
    assert (variant.engine, variant.vision) == ("llama.cpp", True)


@pytest.mark.parametrize(
    ("repo", "engine"), [("someone/thing", "transformers"), ("mlx-community/thing", "mlx")]
)
def test_a_repositorys_folder_is_all_of_its_commit(snapshot: Path, repo: str, engine: str) -> None:
    shutil.copytree(GLIMPSE / "hf", snapshot, dirs_exist_ok=True)
    card = card_of_repository("thing", Repository(repo), snapshot)
    (variant,) = card.variants
    assert (variant.model, variant.mmproj, variant.engine, variant.vision) == (Path(), None, engine, True)
    assert repo in card.summary


def test_what_a_token_of_the_context_takes_is_read_from_the_header(tmp_path: Path) -> None:
    own = card_of_files("own", LocalModel(model=GLIMPSE / "glimpse-f16.gguf")).variant()
    assert own.cache_bytes == 4 * 2 * (32 + 32) * 2  # layers, heads, a key and a value, 16 bits
    stated = {"llama.attention.head_count_kv": 3, "llama.attention.key_length": 8}
    file = make.model(tmp_path / "a.gguf", **stated, **{"llama.attention.value_length": 16})
    assert card_of_files("a", LocalModel(model=file)).variant().cache_bytes == 2 * 3 * (8 + 16) * 2
    mixed = {"llama.full_attention_interval": 4, "llama.attention.value_length": 16}
    file = make.model(tmp_path / "b.gguf", **stated, **mixed)
    assert card_of_files("b", LocalModel(model=file)).variant().cache_bytes is None
