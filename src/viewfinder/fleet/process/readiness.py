"""Waits until a starting engine is ready; called by `life`.

The timeout limits the time without progress, not the load: log output and growing memory renew it. So a large
model on a slow disk has enough time, and an engine that hangs is noticed.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

import psutil

from viewfinder.client.chat import ChatClient
from viewfinder.core.errors import EngineDied, EngineStalled, ViewfinderError
from viewfinder.host.child import Child

LEAST_POLL_S, FIRST_POLL_S, LONGEST_POLL_S = 0.003, 0.005, 0.05
"""The time between two looks. An engine that becomes ready prints it, so each line brings the next look."""
LONGEST_START = 20
_GROWTH_BYTES = 4 * 1024 * 1024
_LOOK_AT_MEMORY_EVERY_S = 1.0


async def wait_until_ready(
    child: Child, client: ChatClient, health: str, silence_s: float, on_listening: Callable[[], None]
) -> None:
    """Return when GET `health` answers 200; `on_listening` is called at the first HTTP answer of any status.

    Raises EngineDied when the engine exits first, and EngineStalled after `silence_s` without progress, or
    after LONGEST_START times as long with it: an engine may write to its log for ever.
    """
    progress = _Progress(child)
    poll_s, listening = FIRST_POLL_S, False
    give_up_s = time.monotonic() + LONGEST_START * silence_s
    while child.exit is None:
        try:
            status, _ = await client.get(health, timeout_s=5.0)
        except ViewfinderError:
            status = 0
        if status and not listening:
            listening = True
            on_listening()
        if status == 200:
            return
        if progress.silent_for_s() > silence_s:
            raise EngineStalled(
                f"The engine made no progress for {silence_s:g} s while loading.",
                hint="See its log, or raise engine.start_timeout_s.",
            )
        if time.monotonic() > give_up_s:
            raise EngineStalled(
                f"The engine was not ready after {LONGEST_START * silence_s:g} s, although it made progress.",
                hint="See its log, or raise engine.start_timeout_s.",
            )
        await asyncio.sleep(LEAST_POLL_S)  # while it loads it prints hundreds of lines
        await child.prints(within_s=poll_s)
        poll_s = min(LONGEST_POLL_S, poll_s * 1.5)
    raise EngineDied("The engine ended while loading.")


class _Progress:
    """Remembers when the engine last wrote to its log or used more memory."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self._seen_s = time.monotonic()
        self._looked_s = self._seen_s
        self._largest_bytes = 0

    def silent_for_s(self) -> float:
        now_s = time.monotonic()
        if now_s - self._looked_s >= _LOOK_AT_MEMORY_EVERY_S:
            self._looked_s = now_s
            resident = _resident_bytes(self._child.pids())
            if resident > self._largest_bytes + _GROWTH_BYTES:
                self._largest_bytes, self._seen_s = resident, now_s
        return now_s - max(self._seen_s, self._child.last_output_s)


def _resident_bytes(pids: list[int]) -> int:
    total = 0
    for pid in pids:
        with suppress(psutil.Error):
            total += psutil.Process(pid).memory_info().rss
    return total
