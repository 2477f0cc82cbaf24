"""The most that a process tree came to, on a program that grows and shrinks."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import PIPE, Popen

import pytest

from viewfinder.measure import tree_memory
from viewfinder.measure.tree_memory import Peak, read

GROWS = Path(__file__).parents[1] / "children" / "grows_and_shrinks.py"
MIB = 1024 * 1024
SIZE = 24 * MIB

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the exact counts are Linux's")


@pytest.fixture
def child() -> Iterator[Popen[bytes]]:
    with Popen([sys.executable, str(GROWS), str(SIZE // MIB)], stdout=PIPE) as started:
        assert started.stdout
        assert started.stdout.readline() == b"ready\n"
        yield started
        started.kill()


def signal_once(child: Popen[bytes]) -> None:
    """Have it grow, or shrink, and wait until it has."""
    os.kill(child.pid, signal.SIGUSR1)
    assert child.stdout
    child.stdout.readline()


def test_the_highest_sample_is_kept(child: Popen[bytes]) -> None:
    peak = Peak(lambda: [child.pid])
    peak.look()
    assert peak.highest
    before = peak.highest.footprint_bytes
    signal_once(child)
    peak.look()
    signal_once(child)
    peak.look()
    assert peak.highest.footprint_bytes - before == pytest.approx(SIZE, abs=MIB)
    assert read([child.pid]).footprint_bytes < before + MIB


def test_a_tree_that_does_not_grow_is_not_measured_again(
    child: Popen[bytes], count_reads: Callable[[], int]
) -> None:
    peak = Peak(lambda: [child.pid])
    for _ in range(50):
        peak.look()
    assert count_reads() == 1
    signal_once(child)
    for _ in range(50):
        peak.look()
    assert count_reads() == 2


def test_a_sample_that_was_taken_anyway_counts(child: Popen[bytes]) -> None:
    peak = Peak(lambda: [child.pid])
    high = read([child.pid]).model_copy(update={"footprint_bytes": 10**12})
    peak.take(high)
    peak.look()
    assert peak.highest == high


def test_a_process_that_starts_later_is_found(child: Popen[bytes]) -> None:
    now_s = 10.0
    pids: list[int] = []
    peak = Peak(lambda: list(pids), clock=lambda: now_s)
    peak.look()
    assert peak.highest is None
    pids.append(child.pid)
    peak.look()
    assert peak.highest is None, "the tree is listed now and then"
    now_s += 1
    peak.look()
    assert peak.highest


@pytest.fixture
def count_reads(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How often an exact sample was taken."""
    taken: list[int] = []

    def counting(pids: list[int], *, look_around: bool = False) -> object:
        taken.append(1)
        return read(pids, look_around=look_around)

    monkeypatch.setattr(tree_memory, "read", counting)
    return lambda: len(taken)
