"""Each computing thread of an engine has a core of its own, and only where that helps."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from viewfinder.catalog.catalog import Catalog
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.engines import cores
from viewfinder.engines.llama_cpp import LlamaCpp
from viewfinder.host.hardware import Machine, this_machine

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="macOS places threads itself")


def machine(physical: int = 8, gpu: str = "") -> Machine:
    return this_machine().model_copy(update={"cores_physical": physical, "gpu": gpu})


def test_with_as_many_threads_as_cores_each_has_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    assert cores.environment(0, machine(), {}) == cores.SHARES_CORES | cores.ONE_A_CORE
    assert cores.environment(8, machine(4), {}) == cores.SHARES_CORES | cores.ONE_A_CORE


@pytest.mark.parametrize(
    ("threads", "physical", "gpu", "kept"),
    [
        (4, 8, "", {}),
        (0, 4, "", {}),  # two threads of the processor in each core
        (0, 8, "NVIDIA H200", {}),
        (0, 8, "", {"GOMP_CPU_AFFINITY": "0-3"}),
        (0, 8, "", {"OMP_PROC_BIND": "false"}),
    ],
)
def test_else_the_kernel_places_them(
    threads: int, physical: int, gpu: str, kept: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    assert cores.environment(threads, machine(physical, gpu), kept) == cores.SHARES_CORES | kept


def test_the_users_own_words_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    assert cores.environment(1, machine(), {"GOMP_SPINCOUNT": "7"}) == {"GOMP_SPINCOUNT": "7"}


def places(pid: int) -> list[set[int]]:
    """The cores that each thread of a process may use."""
    return [os.sched_getaffinity(int(task.name)) for task in Path(f"/proc/{pid}/task").iterdir()]


async def test_only_those_that_compute_are_bound(tmp_path: Path) -> None:
    """llama.cpp reads and writes in others, which would all be bound to the first core with it."""
    catalog = Catalog()
    variant = catalog.get("glimpse").variants[0]
    every = os.sched_getaffinity(0)
    settings = EngineSettings(threads=len(every))
    launch = LlamaCpp().launch(variant, catalog.resolve(variant), settings, tmp_path / "a.sock")
    environment = {**launch.environment, **cores.ONE_A_CORE}
    child = await asyncio.create_subprocess_exec(
        *launch.argv, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        assert child.stdout is not None
        async for line in child.stdout:
            if line.startswith(b"listening"):
                break
        reader, writer = await asyncio.open_unix_connection(tmp_path / "a.sock")
        body = b'{"prompt": "What", "n_predict": 2}'
        writer.write(b"POST /completion HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        assert b"200" in await reader.readline()
        placed = places(child.pid)
        writer.close()
    finally:
        child.kill()
        await child.communicate()
    assert {frozenset({core}) for core in every} <= {frozenset(place) for place in placed}
    if len(every) > 1:
        assert placed.count(every) > 1
