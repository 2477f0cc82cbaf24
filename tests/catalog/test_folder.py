"""Model folders: glimpse's own, complete, truncated, corrupt, and with links that lead out."""

import json
import os
import random
import shutil
import struct
from pathlib import Path
from typing import Any

import pytest

from viewfinder.catalog.catalog import WEIGHTS
from viewfinder.catalog.folder import CONFIG_BYTES, check_folder, check_safetensors
from viewfinder.core.errors import ModelFilesError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(WEIGHTS / "glimpse" / "hf", tmp_path / "model"))


def configure(folder: Path, **more: Any) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | more))


def safetensors(file: Path, header: object, data: bytes = b"") -> Path:
    content = header if isinstance(header, bytes) else json.dumps(header).encode()
    file.write_bytes(struct.pack("<Q", len(content)) + content + data)
    return file


def tensor(begin: int = 0, end: int = 8, dtype: str = "F16", shape: Any = (2, 2)) -> dict[str, Any]:
    return {"w": {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}}


def shard(folder: Path, names: list[str]) -> None:
    """List the files of the weights in an index, as large models do."""
    told = {"weight_map": {f"layer.{number}": name for number, name in enumerate(names)}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(told))


def test_glimpses_folder_is_complete_and_described(folder: Path) -> None:
    header = check_folder(folder)
    assert (header.model_type, header.vision, header.is_mlx, header.remote_code) == (
        "idefics3",
        True,
        False,
        False,
    )
    assert (header.quantization, header.context_tokens, header.image_input_px) == ("F16", 2048, 96)


def test_an_mlx_folder_is_recognized_by_its_quantization(folder: Path) -> None:
    configure(folder, quantization={"group_size": 64, "bits": 4})
    header = check_folder(folder)
    assert (header.is_mlx, header.quantization) == (True, "4-bit")


def test_a_folder_without_a_vision_part_sees_nothing(folder: Path) -> None:
    configure(folder, vision_config=None)
    assert not check_folder(folder).vision


def test_python_that_would_run_is_noticed(folder: Path) -> None:
    configure(folder, auto_map={"AutoModel": "modeling.Thing"})
    assert check_folder(folder).remote_code


def test_cut_anywhere_the_weights_are_truncated(folder: Path) -> None:
    file = folder / "model.safetensors"
    whole = file.read_bytes()
    header_bytes = 8 + struct.unpack("<Q", whole[:8])[0]
    for length in (0, 7, 8, 100, header_bytes - 1, header_bytes, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:length])
        with pytest.raises(ModelFilesError, match="is truncated") as refused:
            check_folder(folder)
        assert refused.value.reason == "model_truncated"
    file.write_bytes(whole)
    check_folder(folder)


def test_a_header_is_read_without_its_weights(tmp_path: Path) -> None:
    """A file of 1 TB, most of it a hole: only its header may be read."""
    size = 2**40
    file = safetensors(tmp_path / "big.safetensors", tensor(0, size, "U8", [2**20, 2**20]))
    os.truncate(file, file.stat().st_size + size)
    check_safetensors(file)


@pytest.mark.parametrize(
    ("header", "says"),
    [
        (b"", "no header that can be read"),
        (b"{", "no header that can be read"),
        (b"[]", "no header that can be read"),
        (b"\xff" * 20, "no header that can be read"),
        (b'{"a":' * 2000, "no header that can be read"),
        ({"w": 1}, "a tensor that cannot be"),
        (tensor(8, 0), "a tensor that cannot be"),
        (tensor(-8, 0), "a tensor that cannot be"),
        (tensor(0, 6), "a tensor that cannot be"),
        (tensor(dtype="F32"), "a tensor that cannot be"),
        (tensor(shape=[-2, -2]), "a tensor that cannot be"),
        (tensor(shape=["2", 2]), "a tensor that cannot be"),
        (tensor(shape=[2] * 17), "a tensor that cannot be"),
        (tensor(shape=None), "a tensor that cannot be"),
        ({"w": {"dtype": "F16", "shape": [4], "data_offsets": [0]}}, "a tensor that cannot be"),
        (tensor(0, 2**62, "U8", [2**62]), "is truncated"),
    ],
)
def test_an_invalid_header_is_named(tmp_path: Path, header: object, says: str) -> None:
    with pytest.raises(ModelFilesError, match=says):
        check_safetensors(safetensors(tmp_path / "a.safetensors", header, b"\0" * 8))


@pytest.mark.parametrize(
    "header", [{}, tensor(), tensor(0, 0, shape=[0, 5]), tensor(0, 2, shape=[]), tensor(0, 3, "F4_NEW", [6])]
)
def test_unusual_headers_are_sound(tmp_path: Path, header: object) -> None:
    check_safetensors(
        safetensors(tmp_path / "a.safetensors", {"__metadata__": {"a": "b"}} | header, b"\0" * 8)
    )


@pytest.mark.parametrize("length", [100_000_001, 2**63, 2**64 - 1])
def test_a_header_longer_than_any_is_not_read(tmp_path: Path, length: int) -> None:
    file = tmp_path / "a.safetensors"
    file.write_bytes(struct.pack("<Q", length) + b"{}")
    with pytest.raises(ModelFilesError, match=f"claims a header of {length:,} bytes"):
        check_safetensors(file)


def test_flipped_bytes_never_end_in_a_traceback(folder: Path) -> None:
    file = folder / "model.safetensors"
    whole = file.read_bytes()
    rng, refused = random.Random(7), 0
    for _ in range(200):
        spoiled = bytearray(whole)
        for _ in range(3):
            spoiled[rng.randrange(0, 3000)] = rng.randrange(256)
        file.write_bytes(spoiled)
        try:
            check_folder(folder)
        except ModelFilesError:
            refused += 1
    assert refused > 50


def test_every_file_of_the_index_must_be_there(folder: Path) -> None:
    shard(folder, ["model.safetensors", "model-2.safetensors"])
    words = r"model-2\.safetensors is missing \(1 of 2 weight files are missing"
    with pytest.raises(ModelFilesError, match=words) as refused:
        check_folder(folder)
    assert refused.value.reason == "model_missing"
    shutil.copy(folder / "model.safetensors", folder / "model-2.safetensors")
    check_folder(folder)


@pytest.mark.parametrize(
    "names", [[], ["../model.safetensors"], ["/etc/passwd"], [""], [7], [["a"]], [{}], ["a/b.safetensors"]]
)
def test_an_index_may_name_files_of_the_folder_alone(folder: Path, names: list[Any]) -> None:
    shard(folder, names)
    with pytest.raises(ModelFilesError, match="does not name the files"):
        check_folder(folder)


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (None, "config.json is missing"),
        ("", "is not a JSON object"),
        ("[1]", "is not a JSON object"),
        ("{}", "does not say what kind of model"),
        ('{"model_type": 7}', "does not say what kind of model"),
        ('{"model_type": ' + "[" * 5000, "is not a JSON object"),
        (" " * (CONFIG_BYTES + 1), "has more than 4,194,304 bytes"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_an_invalid_config_is_named(folder: Path, config: str | None, says: str) -> None:
    (folder / "config.json").unlink()
    if config is not None:
        (folder / "config.json").write_text(config)
    with pytest.raises(ModelFilesError, match=says):
        check_folder(folder)


@pytest.mark.parametrize(
    "odd", [{"vision_config": [1]}, {"quantization": {"bits": "4"}}, {"text_config": 3}, {"dtype": ["F16"]}]
)
def test_odd_values_in_a_config_are_harmless(folder: Path, odd: dict[str, Any]) -> None:
    configure(folder, **odd)
    check_folder(folder)


def test_pickles_alone_are_refused(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ModelFilesError, match="pickles") as refused:
        check_folder(folder)
    assert refused.value.reason == "pickle_weights"


def test_a_link_that_leads_out_is_refused(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.json"
    outside.write_text('{"secret": 1}')
    for name in ("added.json", "sub/added.json", "config.json"):
        link = folder / name
        link.parent.mkdir(exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(outside)
        with pytest.raises(ModelFilesError, match=f"{name} is a link that leads out") as refused:
            check_folder(folder)
        assert refused.value.reason == "link_leads_out"
        if name != "config.json":
            link.unlink()


def test_links_within_the_folders_that_are_allowed_are_fine(folder: Path, tmp_path: Path) -> None:
    (folder / "again.json").symlink_to("config.json")
    check_folder(folder)
    blobs = tmp_path / "blobs"
    blobs.mkdir()
    (folder / "model.safetensors").rename(blobs / "abc")
    (folder / "model.safetensors").symlink_to("../blobs/abc")
    with pytest.raises(ModelFilesError, match="leads out"):
        check_folder(folder)
    check_folder(folder, tmp_path)


def test_what_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelFilesError, match="is not a folder"):
        check_folder(tmp_path / "none")
