import os
import sys

import pytest

from viewfinder.host.mapped import MODEL_FILE_BYTES, also_mapped_by, mapped_model_bytes
from viewfinder.host.memory import measure_tree

MIB = 1024 * 1024
SIZE = 24 * MIB

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture
def weights(tmp_path):
    """A file whose name does not show that it holds weights, as in a hub's cache."""
    file = tmp_path / "5a3b6c"
    file.write_bytes(os.urandom(SIZE))
    return file


async def test_a_mapped_file_counts_to_the_page(start, weights):
    child = await start("maps_files", weights, f"0:{SIZE}")
    assert mapped_model_bytes(child.pids()) == SIZE


async def test_others_that_map_the_same_file_are_found(start, weights):
    child = await start("maps_files", weights, f"0:{SIZE}", "fork")
    assert also_mapped_by(child.pids()) == [], "its own tree is no other"
    other = await start("maps_files", weights, f"0:{SIZE}")
    assert also_mapped_by(child.pids()) == other.pids()
    idle = await start("maps_files", weights)
    assert also_mapped_by(idle.pids()) == [], "it maps none"


@pytest.mark.parametrize(
    "parts",
    [
        (f"0:{SIZE}", f"0:{SIZE}"),  # one library maps the whole for the header, another for the tensors
        (f"0:{SIZE // 2}", f"{SIZE // 2}:{SIZE}"),  # a mapping that was cut by unmapping a part of it
        (f"0:{SIZE * 3 // 4}", f"{SIZE // 4}:{SIZE}"),
    ],
)
async def test_a_file_mapped_twice_counts_once(start, weights, parts):
    child = await start("maps_files", weights, *parts)
    assert mapped_model_bytes(child.pids()) == SIZE


async def test_a_file_mapped_twice_by_each_of_two_processes_counts_once(start, weights):
    child = await start("maps_files", weights, f"0:{SIZE}", "fork", f"0:{SIZE}")
    assert len(child.pids()) == 2
    assert mapped_model_bytes(child.pids()) == SIZE


async def test_a_file_under_two_names_counts_once(start, weights, tmp_path):
    (tmp_path / "link").hardlink_to(weights)
    first = await start("maps_files", weights, f"0:{SIZE}")
    second = await start("maps_files", tmp_path / "link", f"0:{SIZE}")
    assert mapped_model_bytes([*first.pids(), *second.pids()]) == SIZE


async def test_two_servers_on_one_file_each_hold_it(start, weights):
    """PSS is half of it for each: a model would look smaller when it is served twice."""
    first = await start("maps_files", weights, f"0:{SIZE}")
    alone = measure_tree(first.pids())
    second = await start("maps_files", weights, f"0:{SIZE}")
    beside = measure_tree(first.pids())
    assert alone.mapped_bytes == beside.mapped_bytes == measure_tree(second.pids()).mapped_bytes == SIZE
    assert alone.pss_bytes - beside.pss_bytes > SIZE / 2 - MIB


async def test_what_was_read_counts_and_what_was_only_mapped_does_not(start, weights):
    """Up to the 16 pages that the kernel maps around one that is touched."""
    child = await start("maps_files", weights, f"0:{SIZE}:{SIZE // 2}")
    assert mapped_model_bytes(child.pids()) == pytest.approx(SIZE / 2, abs=64 * 1024)


async def test_a_changed_private_copy_is_not_the_file(start, weights):
    child = await start("maps_files", weights, f"0:{SIZE}", "write")
    assert mapped_model_bytes(child.pids()) == 0


async def test_a_file_deleted_under_the_engine_still_counts(start, weights):
    child = await start("maps_files", weights, f"0:{SIZE}")
    weights.unlink()
    assert mapped_model_bytes(child.pids()) == SIZE


@pytest.mark.parametrize(
    ("name", "size_bytes", "counted"),
    [
        ("tiny.gguf", 64 * 1024, True),
        ("mmproj.safetensors", 64 * 1024, True),
        ("notes.txt", 64 * 1024, False),
        ("with a space", MODEL_FILE_BYTES, True),
        ("locale-archive", 2 * MIB, False),
        ("libthing.so", 2 * MIB, False),
        ("libthing.so.6.2", 2 * MIB, False),
    ],
)
async def test_which_files_are_model_files(start, tmp_path, name, size_bytes, counted):
    file = tmp_path / name
    file.write_bytes(os.urandom(size_bytes))
    child = await start("maps_files", file, f"0:{size_bytes}")
    assert mapped_model_bytes(child.pids()) == (size_bytes if counted else 0)
