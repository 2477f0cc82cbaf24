"""A kill for memory is told apart from other kills by the kernel's count."""

import sys
from pathlib import Path

import pytest

from viewfinder.host.cgroups import Cgroups
from viewfinder.host.oom import BURST_S, MemoryKills, counter_file

V1, V2 = "4:memory:/a/b\n1:cpu:/\n0::/\n", "0::/a/b\n"
MOUNTS = "1 0 0:1 / {0}/memory rw - cgroup cgroup rw,memory\n2 0 0:2 / {0} rw - cgroup2 cgroup2 rw\n"


@pytest.mark.skipif(sys.platform != "linux", reason="control groups are Linux's")
@pytest.mark.parametrize(
    ("membership", "file"),
    [
        (V2, "a/b/memory.events"),
        (V1, "memory/a/b/memory.oom_control"),
        ("4:memory:/docker/1\n", "memory/memory.oom_control"),  # a container that sees only its own group
    ],
)
def test_the_count_of_our_own_cgroup_is_found(tmp_path: Path, membership: str, file: str) -> None:
    (tmp_path / "self").write_text(membership)
    (tmp_path / "mounts").write_text(MOUNTS.format(tmp_path))
    groups = Cgroups(tmp_path / "self", tmp_path / "mounts")
    assert counter_file(groups) is None
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).touch()
    assert counter_file(groups) == tmp_path / file


def test_without_cgroups_it_is_unknown(tmp_path: Path) -> None:
    assert counter_file(Cgroups(tmp_path / "nothing", tmp_path / "nothing")) is None
    assert MemoryKills(None).happened() is None


def test_a_rise_of_the_count_is_noticed_once_for_all_that_fall_together(tmp_path: Path) -> None:
    now_s = 0.0
    count = tmp_path / "memory.events"
    count.write_text("oom 3\noom_kill 3\n")
    kills = MemoryKills(count, lambda: now_s)
    assert kills.happened() is False
    count.write_text("oom 4\noom_kill 4\n")
    assert kills.happened() is True
    assert kills.happened() is True
    now_s = BURST_S
    assert kills.happened() is False


@pytest.mark.parametrize("text", ["", "oom 3\n", "oom_kill x\n", "one two three\n"])
def test_with_an_unreadable_count_it_is_unknown(tmp_path: Path, text: str) -> None:
    (tmp_path / "memory.events").write_text(text)
    assert MemoryKills(tmp_path / "memory.events").happened() is None
