"""The activity of real programs."""

import asyncio
from collections.abc import Callable

from viewfinder.host.activity import Activity, read_activity
from viewfinder.host.child import Child


async def changed(child: Child, total: Callable[[Activity], float], by: float = 0.0) -> None:
    """Wait until a total has grown by more than `by`."""
    before = total(read_activity(child))
    async with asyncio.timeout(10):
        while total(read_activity(child)) <= before + by:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_a_sleeping_program_shows_no_activity(start) -> None:
    child = await start("sleeps")
    async with asyncio.timeout(10):
        while child.output_bytes < len("ready\n"):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    before = read_activity(child)
    await asyncio.sleep(0.3)
    now = read_activity(child)
    assert now.at_s > before.at_s
    assert (now.cpu_s, now.output_bytes, now.read_bytes) == (
        before.cpu_s,
        before.output_bytes,
        before.read_bytes,
    )


async def test_a_talking_program_prints(start) -> None:
    child = await start("talks_for_a_while", 20, ready=False)
    await changed(child, lambda activity: activity.output_bytes)


async def test_the_work_of_every_process_of_the_tree_counts(start) -> None:
    child = await start("computes_in_a_fork")
    await changed(child, lambda activity: activity.cpu_s, by=0.05)


async def test_ended_processes_count_0(start) -> None:
    child = await start("sleeps")
    await child.stop(0)
    activity = read_activity(child)
    assert activity == Activity(activity.at_s, 0.0, child.output_bytes, 0)
