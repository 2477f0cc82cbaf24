import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from viewfinder.host.memory import MemorySample, high_water_bytes, measure_tree

MIB = 1024 * 1024
SIZE = 24 * MIB
NOISE = 1 * MIB
"""How much two starts of one program may differ."""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the exact counts are Linux's")


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    file = tmp_path / "weights.gguf"
    file.write_bytes(os.urandom(SIZE))
    return file


@pytest.fixture
def weights_in_memory() -> Iterator[Path]:
    """Weights on a tmpfs."""
    with tempfile.NamedTemporaryFile(dir="/dev/shm", suffix=".gguf") as file:
        file.write(os.urandom(SIZE))
        file.flush()
        yield Path(file.name)


@pytest.fixture
def measure(start):
    """The memory of a program, once it is ready."""

    async def measure(program: str, *arguments: object, processes: int = 1) -> MemorySample:
        child = await start(program, *arguments)
        pids = child.pids()
        assert len(pids) == processes
        sample = measure_tree(pids)
        assert sample.footprint_bytes == sample.anonymous_bytes + sample.swap_bytes + sample.mapped_bytes
        return sample

    return measure


@pytest.mark.parametrize(("kind", "processes"), [("private", 1), ("shared", 1), ("forked", 2)])
async def test_allocated_memory_is_anonymous_and_counts_once(measure, kind, processes):
    few = await measure("allocates", kind, 8, processes=processes)
    many = await measure("allocates", kind, 8 + SIZE // MIB, processes=processes)
    assert many.anonymous_bytes - few.anonymous_bytes == pytest.approx(SIZE, abs=NOISE)
    assert many.pss_bytes - few.pss_bytes == pytest.approx(SIZE, abs=NOISE)
    assert many.mapped_bytes == few.mapped_bytes == 0


async def test_mapped_weights_are_mapped_and_not_anonymous(measure, weights):
    none = await measure("maps_files", weights)
    read = await measure("maps_files", weights, f"0:{SIZE}")
    assert read.mapped_bytes - none.mapped_bytes == SIZE
    assert read.anonymous_bytes == pytest.approx(none.anonymous_bytes, abs=NOISE)
    assert read.footprint_bytes - none.footprint_bytes == pytest.approx(SIZE, abs=NOISE)


async def test_a_changed_private_copy_is_anonymous_and_not_mapped(measure, weights):
    none = await measure("maps_files", weights)
    changed = await measure("maps_files", weights, f"0:{SIZE}", "write")
    assert changed.mapped_bytes == 0
    assert changed.anonymous_bytes - none.anonymous_bytes == pytest.approx(SIZE, abs=NOISE)


async def test_weights_on_a_tmpfs_count_once(measure, weights_in_memory):
    none = await measure("maps_files", weights_in_memory)
    read = await measure("maps_files", weights_in_memory, f"0:{SIZE}")
    assert read.mapped_bytes == 0
    assert read.anonymous_bytes - none.anonymous_bytes == pytest.approx(SIZE, abs=NOISE)
    assert read.footprint_bytes - none.footprint_bytes == pytest.approx(SIZE, abs=NOISE)


async def test_a_tree_is_the_sum_of_its_processes(start):
    children = [await start("allocates", "private", 8) for _ in range(2)]
    both = measure_tree(pid for child in children for pid in child.pids())
    each = [measure_tree(child.pids()) for child in children]
    assert both.anonymous_bytes == sum(sample.anonymous_bytes for sample in each)


async def test_the_dead_count_nothing(start):
    child = await start("sleeps")
    pids = child.pids()
    await child.stop(0)
    assert measure_tree(pids) == MemorySample(0, 0, 0, 0, 0)


def test_the_caller_is_never_measured():
    with pytest.raises(ValueError, match="does not measure itself"):
        measure_tree([os.getpid()])


async def test_the_kernel_remembers_the_peak(start):
    child = await start("grows_and_shrinks", SIZE // MIB)
    before = high_water_bytes(child.pids())
    for word in ("grown", "shrunk"):
        os.kill(child.pid, signal.SIGUSR1)
        await until(lambda word=word: word in child.tail())
    assert high_water_bytes(child.pids()) - before == pytest.approx(SIZE, abs=NOISE)
    await child.stop(0)
    assert high_water_bytes([child.pid]) == 0
