"""A graphics card is seldom at hand, so the driver's replies are simulated; its absence is real."""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from viewfinder.host import graphics_memory
from viewfinder.host.graphics_memory import graphics_bytes

NO_DRIVER = not Path("/proc/driver/nvidia/version").exists()


class Driver:
    """Two cards: for each the processes that compute and those that draw; None: the list is unavailable."""

    class NVMLError(Exception):
        pass

    def __init__(self, *cards: tuple[dict[int, int | None], dict[int, int | None] | None]) -> None:
        self.cards = cards

    def nvmlDeviceGetCount(self) -> int:
        return len(self.cards)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> Any:
        return self.cards[index]

    def nvmlDeviceGetComputeRunningProcesses(self, card: Any) -> list[Any]:
        return self._listed(card[0])

    def nvmlDeviceGetGraphicsRunningProcesses(self, card: Any) -> list[Any]:
        return self._listed(card[1])

    def _listed(self, held: dict[int, int | None] | None) -> list[Any]:
        if held is None:
            raise self.NVMLError
        return [SimpleNamespace(pid=pid, usedGpuMemory=size) for pid, size in held.items()]


@pytest.mark.skipif(not NO_DRIVER, reason="there is a driver here")
def test_without_a_driver_nothing_is_reported() -> None:
    assert graphics_bytes([os.getpid()]) is None


@pytest.mark.parametrize(
    ("cards", "held"),
    [
        ([({1: 100, 2: 20, 9: 7}, {})], 120),
        ([({1: 100}, {1: 100, 2: 5})], 105),
        ([({1: 100}, {}), ({1: 30}, None)], 130),
        ([({9: 7}, {})], None),
        ([({1: None}, {})], None),
    ],
    ids=["its own", "computes and draws", "two cards", "none of it", "not told"],
)
def test_what_the_tree_holds_on_all_cards(
    cards: list[Any], held: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graphics_memory, "nvml", lambda: Driver(*cards))
    assert graphics_bytes([1, 2]) == held
