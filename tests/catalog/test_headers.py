"""GGUF headers, on real files written with the `gguf` package."""

import random
import struct
from pathlib import Path

import gguf
import numpy as np
import pytest
from gguf.constants import GGML_QUANT_SIZES

from viewfinder.catalog.headers import TENSOR_TYPES, check_gguf
from viewfinder.core.errors import ModelFilesError


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """A small GGUF with every kind of value: scalars, texts, arrays of numbers, texts and arrays."""
    path = tmp_path / "small.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_uint32("llama.block_count", 2)
    writer.add_float32("llama.rope.freq_base", 10000.0)
    writer.add_bool("tokenizer.ggml.add_bos_token", True)
    writer.add_array("tokenizer.ggml.tokens", [f"word{i}" for i in range(50)])
    writer.add_array("tokenizer.ggml.scores", [0.5] * 50)
    writer.add_array("nested", [[1, 2], [3, 4]])
    writer.add_string("tokenizer.chat_template", "x" * 70_000)
    writer.add_tensor("token_embd.weight", np.ones((50, 64), dtype=np.float16))
    writer.add_tensor("output_norm.weight", np.ones(64, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_a_complete_file_is_described(whole: Path) -> None:
    header = check_gguf(whole)
    assert (header.architecture, header.quantization) == ("llama", "F16")
    assert header.values["llama.block_count"] == 2
    assert header.values["tokenizer.ggml.add_bos_token"] is True
    assert "tokenizer.ggml.tokens" not in header.values
    assert "tokenizer.chat_template" not in header.values, "long texts are skipped"


def test_the_last_tensor_ends_where_the_header_says(whole: Path) -> None:
    """One byte less than required is truncated, the required bytes are enough."""
    required = check_gguf(whole).required_bytes
    data = whole.read_bytes()
    whole.write_bytes(data[:required])
    assert check_gguf(whole).required_bytes == required
    whole.write_bytes(data[: required - 1])
    with pytest.raises(
        ModelFilesError, match=rf"truncated: {required - 1:,} of {required:,} bytes"
    ) as caught:
        check_gguf(whole)
    assert caught.value.reason == "model_truncated"
    assert caught.value.hint


def test_quantised_tensors_are_measured_in_blocks(tmp_path: Path) -> None:
    path = tmp_path / "q8.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    quantised = gguf.quants.quantize(np.ones((4, 64), np.float32), gguf.GGMLQuantizationType.Q8_0)
    writer.add_tensor("a", quantised, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    header = check_gguf(path)
    assert header.quantization == "Q8_0"
    path.write_bytes(path.read_bytes()[: header.required_bytes])
    check_gguf(path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ModelFilesError, match="truncated"):
        check_gguf(path)


def test_cut_anywhere_it_is_truncated_and_nothing_else(whole: Path) -> None:
    data = whole.read_bytes()
    required = check_gguf(whole).required_bytes
    for length in [*range(4, 400), *range(400, required, 997)]:
        whole.write_bytes(data[:length])
        with pytest.raises(ModelFilesError, match="is truncated"):
            check_gguf(whole)


def alignment(text: bytes) -> bytes:
    """A file whose alignment is a text; the error had all of it."""
    key = b"general.alignment"
    value = struct.pack("<Q", len(key)) + key + struct.pack("<IQ", 8, len(text)) + text
    tensor = struct.pack("<Q", 1) + b"t" + struct.pack("<IQIQ", 1, 1, 0, 0)
    return b"GGUF" + struct.pack("<IQQ", 3, 1, 1) + value + tensor + bytes(99)


def repeated(values: int = 0, tensors: int = 0) -> bytes:
    """A file with one name several times, which no engine opens: the last one counted."""
    value, tensor = struct.pack("<QcIB", 1, b"k", 0, 7), struct.pack("<QcIQIQ", 1, b"t", 1, 1, 0, 0)
    return b"GGUF" + struct.pack("<IQQ", 3, tensors, values) + value * values + tensor * tensors + bytes(99)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html><html>Not found</html>", "is not a GGUF file"),
        (b"tjgg" + bytes(60), "is in GGML, the format before GGUF"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "Git LFS pointer"),
        (b"GGUF" + struct.pack("<IQQ", 3, 2**60, 0), "claims"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 2**60), "claims"),
        (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "big-endian"),
        (b"GGUF" + struct.pack("<IQQ", 1, 0, 0), "an old format, GGUF version 1"),
        (b"GGUF" + struct.pack("<IQQ", 77, 0, 0), "an unknown format, GGUF version 77"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 2**63), "truncated"),
        (b"GGUF" + struct.pack("<IQQQIIQ", 3, 0, 1, 0, 9, 8, 2**62), "truncated"),
        (b"GGUF" + struct.pack("<IQQQI", 3, 0, 1, 0, 99), "unknown kind 99"),
        (repeated(values=2), "has the value 'k' twice"),
        (repeated(tensors=2), "has the tensor 't' twice"),
        (
            alignment(b"\x1b]0;x\x07" * 9000),
            r"has the alignment '\\x1b\]0;x\\x07\\x1b\]0;x\\x07\\x1b\]0;x\\x07\\x1b\]'\.",
        ),
    ],
)
def test_what_is_not_a_model_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    with pytest.raises(ModelFilesError, match=says):
        check_gguf(path)


def test_deeply_nested_arrays_end_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "deep.gguf"
    path.write_bytes(b"GGUF" + struct.pack("<IQQQI", 3, 0, 1, 0, 9) + struct.pack("<IQ", 9, 1) * 5000)
    with pytest.raises(ModelFilesError, match="corrupt"):
        check_gguf(path)


def test_flipped_bytes_never_end_in_a_traceback(whole: Path) -> None:
    data = whole.read_bytes()
    rng = random.Random(7)
    refused = 0
    for _ in range(400):
        spoiled = bytearray(data)
        for _ in range(3):
            spoiled[rng.randrange(4, 1200)] = rng.randrange(256)
        whole.write_bytes(spoiled)
        try:
            check_gguf(whole)
        except ModelFilesError:
            refused += 1
    assert refused > 100


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelFilesError, match="does not exist"):
        check_gguf(tmp_path / "none.gguf")
    with pytest.raises(ModelFilesError, match="is not a file"):
        check_gguf(tmp_path)


def test_the_table_of_types_is_ggmls() -> None:
    theirs = {int(kind): (kind.name, *sizes) for kind, sizes in GGML_QUANT_SIZES.items()}
    assert {kind: sizes for kind, sizes in theirs.items() if kind in TENSOR_TYPES} == TENSOR_TYPES
