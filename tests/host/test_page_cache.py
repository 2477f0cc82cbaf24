import os
import tempfile
from pathlib import Path

import pytest

from viewfinder.host.page_cache import CAN_DROP, drop, resident_bytes

MIB = 1024 * 1024
SIZE = 8 * MIB

pytestmark = pytest.mark.skipif(not CAN_DROP, reason="only Linux can drop a file's pages and prove it")


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A file that was just written: its pages are in memory, and not yet on the disk."""
    file = tmp_path / "weights.gguf"
    file.write_bytes(os.urandom(SIZE))
    return file


def test_what_was_read_is_in_memory_until_it_is_dropped(weights: Path, tmp_path: Path) -> None:
    other = tmp_path / "mmproj.gguf"
    other.write_bytes(b"x" * 5000)
    assert resident_bytes(weights) == SIZE
    assert resident_bytes(other) == 8192, "two pages"
    assert drop([weights, other]) == 0
    assert resident_bytes(weights) == resident_bytes(other) == 0
    assert len(weights.read_bytes()) == SIZE
    assert resident_bytes(weights) == SIZE


def test_a_part_counts_as_a_part(weights: Path) -> None:
    drop([weights])
    with weights.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)  # no reading ahead
        os.pread(file.fileno(), 100, SIZE // 2)
    assert 0 < resident_bytes(weights) < SIZE // 4


async def test_what_another_process_maps_stays_and_is_reported(start, weights):
    child = await start("maps_files", weights, f"0:{SIZE}")
    assert drop([weights]) == SIZE
    await child.stop(0)
    assert drop([weights]) == 0


def test_a_file_in_memory_stays() -> None:
    with tempfile.NamedTemporaryFile(dir="/dev/shm") as file:
        file.write(b"x" * MIB)
        file.flush()
        assert drop([Path(file.name)]) == MIB


def test_an_empty_file_has_nothing_to_drop(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert drop([tmp_path / "empty"]) == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a second user")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_file_of_another_user_counts_as_in_memory(weights: Path) -> None:
    """The kernel reports such a file as resident, so it never looks like proof."""
    drop([weights])
    weights.chmod(0o644)
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        weights.parent.chmod(0o755)
        with weights.open("rb") as file:
            os.setuid(65534)
            os.write(writing, b"%d" % resident_bytes(Path(f"/proc/self/fd/{file.fileno()}")))
        os._exit(0)
    os.waitpid(child, 0)
    assert int(os.read(reading, 100)) == SIZE
