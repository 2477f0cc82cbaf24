"""Which files of a repository a model needs, by their names."""

import pytest

from viewfinder.catalog.gguf_facts import facts_by_name
from viewfinder.catalog.gguf_files import Pair, choose_pair
from viewfinder.catalog.repository import folder_files, repository_files, tokenizer_files
from viewfinder.core.errors import ModelFilesError

REPO = "someone/thing"


@pytest.mark.parametrize(
    ("paths", "model", "mmproj"),
    [
        (
            ["a-Q4_K_M.gguf", "a-Q8_0.gguf", "a-f16.gguf", "mmproj-a-f16.gguf", "mmproj-a-Q8_0.gguf"],
            "a-Q8_0.gguf",
            "mmproj-a-Q8_0.gguf",
        ),
        (["a-IQ2_M.gguf", "a.Q4_K_M.gguf", "mmproj-a-F16.gguf"], "a.Q4_K_M.gguf", "mmproj-a-F16.gguf"),
        (
            ["model_q8_0.gguf", "A-mmproj-bf16.gguf", "A-mmproj-f32.gguf"],
            "model_q8_0.gguf",
            "A-mmproj-bf16.gguf",
        ),
        (["a-f32.gguf", "a-f16.gguf"], "a-f16.gguf", None),
        (["q8_0/a-Q8_0.gguf", "a-Q8_0.gguf"], "a-Q8_0.gguf", None),
        (
            ["it-text-model-f16.gguf", "it-mmproj-f16.gguf", "x.safetensors"],
            "it-text-model-f16.gguf",
            "it-mmproj-f16.gguf",
        ),
        (["a-Q8_0-00001-of-00002.gguf", "a-Q4_K_S.gguf"], "a-Q4_K_S.gguf", None),
    ],
)
def test_quantizations_are_chosen_by_name(paths: list[str], model: str, mmproj: str | None) -> None:
    for order in (paths, paths[::-1]):
        assert choose_pair(REPO, order, facts_by_name) == Pair(model, mmproj)


@pytest.mark.parametrize("paths", [[], ["config.json"], ["a.imatrix.gguf"], ["mtp-a.gguf"]])
def test_without_a_language_model_there_is_no_pair(paths: list[str]) -> None:
    assert choose_pair(REPO, paths, facts_by_name) is None


def test_a_model_in_parts_needs_all_of_them() -> None:
    parts = [f"a-Q8_0-0000{number}-of-00003.gguf" for number in (1, 2, 3)]
    pair = choose_pair(REPO, parts, facts_by_name)
    assert pair is not None
    assert pair.files == parts
    with pytest.raises(ModelFilesError, match=r"lacks a-Q8_0-00003-of-00003.gguf") as refused:
        choose_pair(REPO, parts[:2], facts_by_name)
    assert refused.value.reason == "model_missing"


FOLDER = [
    *("config.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"),
    *("model.safetensors.index.json", "tokenizer.json", "tokenizer.model", "merges.txt", "vocab.tiktoken"),
    *("chat_template.jinja", "additional_chat_templates/tool.jinja", "bpe.merges"),
]
LEFT_OUT = [
    *("README.md", ".gitattributes", "modeling_thing.py", "pytorch_model.bin", "training_args.bin", "a.pkl"),
    *(
        "a.pt",
        "a.pth",
        "flax.msgpack",
        "tf_model.h5",
        "a.ckpt",
        "onnx/model.onnx",
        "cat.png",
        ".cache/a.json",
    ),
    *("consolidated.safetensors", "original/model.safetensors", "run.sh", "a.so"),
]


def test_a_folder_is_its_safe_files() -> None:
    assert folder_files(REPO, FOLDER + LEFT_OUT) == sorted(FOLDER)
    assert repository_files(REPO, LEFT_OUT + FOLDER, facts_by_name) == sorted(FOLDER)


def test_python_is_added_only_when_it_was_agreed_to() -> None:
    assert folder_files(REPO, FOLDER + LEFT_OUT, python=True) == sorted([*FOLDER, "modeling_thing.py"])


@pytest.mark.parametrize(
    "weights", ["consolidated.safetensors", "sub/model.safetensors", "MODEL.SAFETENSORS"]
)
def test_unusual_weights_are_weights_when_there_are_no_others(weights: str) -> None:
    assert folder_files(REPO, ["config.json", weights, "a.bin"]) == sorted(["config.json", weights])


@pytest.mark.parametrize(
    "pickle", ["pytorch_model.bin", "a.pt", "a.pth", "a.pkl", "a.ckpt", "a.msgpack", "a.h5"]
)
def test_pickles_alone_are_refused(pickle: str) -> None:
    with pytest.raises(ModelFilesError, match="only weights") as refused:
        folder_files(REPO, ["config.json", pickle])
    assert refused.value.reason == "pickle_weights"
    assert "safetensors or GGUF" in refused.value.hint


def test_no_weights_at_all_are_refused() -> None:
    with pytest.raises(ModelFilesError, match="no weights in someone/thing") as refused:
        folder_files(REPO, ["config.json", "README.md"])
    assert refused.value.reason == "no_weights"


def test_a_tokenizer_needs_no_weights() -> None:
    assert tokenizer_files(["tokenizer.json", "model.safetensors", "pytorch_model.bin", ".x.json"]) == [
        "tokenizer.json"
    ]
