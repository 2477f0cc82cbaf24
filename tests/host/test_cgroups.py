"""What containers allow: made folders of control groups in both versions, and real ones where we may."""

import math
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from viewfinder.host.cgroups import Cgroups, MemoryLimit
from viewfinder.host.hardware import thread_limit, usable_cores
from viewfinder.host.machine_memory import machine_memory, memory_total_bytes

MIB = 1024 * 1024
UNLIMITED = "9223372036854771712\n"
CLONE_NEWCGROUP = 0x02000000


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="control groups are Linux's")


def made(top: Path, membership: str, mounts: str, files: Mapping[str, object]) -> Cgroups:
    """A computer's control groups below a folder; `mounts` names the mounts relative to it."""
    for name, content in files.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(f"{content}\n")
    (top / "membership").write_text(membership)
    (top / "mounts").write_text(mounts.replace("TOP", str(top)))
    return Cgroups(top / "membership", top / "mounts")


V2 = "31 23 0:28 / TOP/v2 rw,relatime - cgroup2 cgroup2 rw\n"
V1 = (
    "30 23 0:27 / / rw - ext4 /dev/vda rw\n"
    "31 23 0:28 / TOP/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
    "32 23 0:29 / TOP/memory rw - cgroup cgroup rw,memory\n"
)
V1_MEMBER = "9:name=systemd:/x\n4:memory:/docker/1\n1:cpu,cpuacct:/docker/1\n0::/\n"


def test_version_2_walks_up_to_the_root(tmp_path: Path) -> None:
    """Kubernetes limits the pod, a group above the container's own."""
    groups = made(
        tmp_path,
        "0::/pod/app\n",
        V2,
        {
            "v2/pod/app/memory.max": "max",
            "v2/pod/app/memory.current": 100 * MIB,
            "v2/pod/app/cpu.max": "max 100000",
            "v2/pod/memory.max": 512 * MIB,
            "v2/pod/memory.current": 300 * MIB,
            "v2/pod/memory.stat": f"anon 1\ninactive_file {50 * MIB}\nactive_file {20 * MIB}",
            "v2/pod/cpu.max": "150000 100000",
        },
    )
    assert groups.memory() == [MemoryLimit(512 * MIB, (512 - 300 + 70) * MIB)]
    assert groups.cores() == 1.5


def test_the_tightest_of_several_groups_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "v2/a/b/memory.max": 900 * MIB,
        "v2/a/b/memory.high": 800 * MIB,
        "v2/a/memory.max": 400 * MIB,
        "v2/a/memory.current": 390 * MIB,
        "v2/a/b/cpu.max": "400000 100000",
        "v2/a/cpu.max": "50000 100000",
    }
    groups = made(tmp_path, "0::/a/b\n", V2, files)
    memory = machine_memory(groups)
    assert memory.total_bytes == 400 * MIB
    assert memory.available_bytes == min(10 * MIB, psutil.virtual_memory().available)
    assert memory.is_limited
    monkeypatch.setattr("viewfinder.host.machine_memory.Cgroups", lambda: groups)
    monkeypatch.setattr("time.monotonic", lambda: 1e9)
    assert memory_total_bytes() == 400 * MIB
    assert memory.computer_bytes == psutil.virtual_memory().total
    assert usable_cores(groups) == 1


def test_version_1_has_two_hierarchies(tmp_path: Path) -> None:
    files = {
        "memory/docker/1/memory.limit_in_bytes": 256 * MIB,
        "memory/docker/1/memory.usage_in_bytes": 200 * MIB,
        "memory/docker/1/memory.stat": f"inactive_file 7\ntotal_inactive_file {40 * MIB}",
        "memory/memory.limit_in_bytes": UNLIMITED,
        "cpu/docker/1/cpu.cfs_quota_us": 50_000,
        "cpu/docker/1/cpu.cfs_period_us": 100_000,
        "cpu/cpu.cfs_quota_us": -1,
        "cpu/cpu.cfs_period_us": 100_000,
    }
    groups = made(tmp_path, V1_MEMBER, V1, files)
    assert groups.memory() == [MemoryLimit(256 * MIB, 96 * MIB)]
    assert groups.cores() == 0.5


@pytest.mark.parametrize(
    ("membership", "root"),
    [
        ("4:memory:/docker/1\n1:cpu:/docker/1\n", "/docker/1"),  # the host's path, mounted as the root
        ("4:memory:/docker/1\n1:cpu:/docker/1\n", "/"),  # the host's path, of which nothing is seen here
        ("4:memory:/\n1:cpu:/\n", "/docker/1"),
        ("4:memory:/../../docker/1\n1:cpu:/..\n", "/"),
    ],
)
def test_a_container_that_sees_only_its_own_group(tmp_path: Path, membership: str, root: str) -> None:
    files = {"memory/memory.limit_in_bytes": 128 * MIB, "cpu/cpu.cfs_quota_us": 300_000}
    files["cpu/cpu.cfs_period_us"] = 100_000
    groups = made(tmp_path, membership, V1.replace(" / TOP", f" {root} TOP"), files)
    assert [limit.limit_bytes for limit in groups.memory()] == [128 * MIB]
    assert groups.cores() == 3


@pytest.mark.parametrize(
    ("membership", "mounts"),
    [("", ""), ("nonsense", V2), ("0::/a\n", "nonsense\n31 23\n"), ("0::/a\n", V2), ("0::/\n", V1)],
)
def test_without_limits_the_computer_counts(tmp_path: Path, membership: str, mounts: str) -> None:
    groups = made(tmp_path, membership, mounts, {"v2/a/memory.max": "max", "v2/memory.max": "nonsense"})
    for one in (groups, Cgroups(tmp_path / "no", tmp_path / "files")):
        assert one.memory() == []
        assert one.cores() is None
        memory = machine_memory(one)
        assert memory.total_bytes == memory.computer_bytes == psutil.virtual_memory().total
        assert not memory.is_limited


def test_a_limit_above_the_computers_memory_is_none(tmp_path: Path) -> None:
    groups = made(tmp_path, "0::/a\n", V2, {"v2/a/memory.max": 1 << 50, "v2/a/cpu.max": "99900000 100000"})
    assert not machine_memory(groups).is_limited
    assert usable_cores(groups) == usable_cores(Cgroups(tmp_path / "no", tmp_path / "no"))


@pytest.mark.parametrize("quota", ["100000 0", "-1 100000", "0 0", f"{10**400} 1", "1 2 3", "\u00b2 1"])
def test_a_quota_that_no_system_writes_is_none(tmp_path: Path, quota: str) -> None:
    """A period of 0 was divided by."""
    files = {"v2/a/cpu.max": quota, "v2/a/memory.max": -5, "v2/a/memory.current": -7}
    groups = made(tmp_path, "0::/a\n", V2, files)
    assert groups.cores() is None
    assert groups.memory() == []


@pytest.mark.parametrize(
    ("quota", "cores"), [(0.2, 1), (1.0, 1), (1.5, 1), (1.95, 2), (2.0, 2), (64.0, None)]
)
def test_threads_follow_the_quota(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: float, cores: int | None
) -> None:
    """A default of all cores under a quota of one took 1.56 times as long as one thread."""
    monkeypatch.setattr("os.cpu_count", lambda: 16)
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(16)), raising=False)
    groups = made(tmp_path, "0::/\n", V2, {"v2/cpu.max": f"{int(quota * 100_000)} 100000"})
    assert usable_cores(groups) == (cores or 16)
    assert thread_limit(groups) == (cores or 0), "0: the engine may use the whole computer"


def test_threads_follow_the_affinity(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 16)
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0, 3, 4}, raising=False)
    assert thread_limit(Cgroups(tmp_path / "no", tmp_path / "no")) == 3


V2_HYBRID = "40 23 0:40 / TOP/unified rw - cgroup2 cgroup2 rw\n"


@pytest.mark.parametrize(
    ("membership", "mounts", "files", "bytes_", "cores"),
    [
        pytest.param(
            "0::/docker/10/x\n",
            V2.replace(" / TOP", " /docker/1 TOP"),
            {"v2/memory.max": MIB, "v2/0/x/memory.max": 1},
            MIB,
            None,
            id="a name that begins like the root's",
        ),
        pytest.param(
            "0::/user@1..slice/app\n",
            V2,
            {"v2/user@1..slice/app/memory.max": MIB, "v2/user@1..slice/app/cpu.max": "200000 100000"},
            MIB,
            2.0,
            id="a name with two dots",
        ),
        pytest.param(
            "0::/../other\n",
            V2,
            {"v2/memory.max": MIB, "v2/cpu.max": "max 100000"},
            MIB,
            None,
            id="a process outside of what it sees",
        ),
        pytest.param(
            "nonsense\n4:memory:/docker/1\n1:cpu,cpuacct:/docker/1\n0::/docker/1\n",
            V1 + V2_HYBRID,
            {
                "memory/docker/1/memory.limit_in_bytes": MIB,
                "cpu/docker/cpu.cfs_quota_us": 250_000,
                "cpu/docker/cpu.cfs_period_us": 100_000,
                "cpu/docker/1/cpu.cfs_quota_us": -1,
                "cpu/docker/1/cpu.cfs_period_us": 100_000,
                "unified/docker/1/cgroup.procs": "",
            },
            MIB,
            2.5,
            id="hybrid, with the quota in the parent",
        ),
        pytest.param(
            "3:memory:/\n",
            V1,
            {
                "memory/memory.limit_in_bytes": UNLIMITED,
                "memory/memory.stat": f"cache 1\nhierarchical_memory_limit {MIB}\ntotal_inactive_file 5",
            },
            MIB,
            None,
            id="version 1, with the limit above what is seen",
        ),
        pytest.param(
            "0::/gone (deleted)\n",
            V2,
            {"v2/memory.high": MIB, "v2/cgroup.procs": ""},
            MIB,
            None,
            id="removed",
        ),
        pytest.param(
            "0::/a b\tc\n",
            V2.replace("TOP/v2", "TOP/v\\0402\\011"),
            {"v 2\t/a b\tc/memory.max": MIB},
            MIB,
            None,
            id="blanks",
        ),
        pytest.param("0::/a\n", V2, {"v2/a/memory.max": 0, "v2/a/cpu.max": ""}, None, None, id="nothing"),
        pytest.param(
            "0::/in\n",
            V2.replace(" / TOP", " /../.. TOP"),
            {
                "v2/a/b/in/cgroup.procs": f"1\n{os.getpid()}",
                "v2/a/b/in/memory.max": 3 * MIB,
                "v2/a/c/in/cgroup.procs": "1",
                "v2/a/c/in/memory.max": 1,
                "v2/a/memory.max": MIB,
                "v2/a/b/cpu.max": "100000 100000",
            },
            MIB,
            1.0,
            id="a namespace without a mount of its own",
        ),
    ],
)
def test_every_way_in_which_a_group_is_named(
    tmp_path: Path,
    membership: str,
    mounts: str,
    files: Mapping[str, object],
    bytes_: int | None,
    cores: float | None,
) -> None:
    groups = made(tmp_path, membership, mounts, files)
    assert min((limit.limit_bytes for limit in groups.memory()), default=None) == bytes_
    assert groups.cores() == cores


@pytest.fixture
def real_groups() -> Iterator[tuple[Path, Path]]:
    """Real groups of version 1 below this process's own, each limited by its parent, for a moment; skipped
    where we may make none."""
    own = [next(Cgroups().folders(kind), Path("/none")) for kind in ("cpu", "memory")]
    above = [folder / f"viewfinder-test-{os.getpid()}" for folder in own]
    folders = [folder / "inner" for folder in above]
    try:
        for folder in (*above, *folders):
            folder.mkdir()
        (above[0] / "cpu.cfs_quota_us").write_text("100000")
        (above[1] / "memory.limit_in_bytes").write_text(str(512 * MIB))
    except OSError:
        pytest.skip("this user may make no control groups here")
    else:
        yield folders[0], folders[1]
    finally:
        for folder in (*folders, *above):
            with suppress(OSError):
                folder.rmdir()


@pytest.mark.parametrize("namespace", [False, True])
def test_a_real_group_is_read(real_groups: tuple[Path, Path], namespace: bool) -> None:
    """The same from inside real control groups, in a process of their own. In a namespace of groups, with the
    mounts of the computer, the kernel says `0::/` and leaves out the names: the limit was not found."""
    asked = (
        "import os\n"
        f"for place in {[str(folder) for folder in real_groups]!r}:\n"
        "    open(place + '/cgroup.procs', 'w').write(str(os.getpid()))\n"
        + (f"import ctypes\nassert ctypes.CDLL(None).unshare({CLONE_NEWCGROUP}) == 0\n" if namespace else "")
        + "from viewfinder.host.hardware import this_machine\n"
        "from viewfinder.host.cgroups import Cgroups\n"
        "machine = this_machine()\n"
        "print(machine.memory_bytes, machine.cores_logical, Cgroups().cores())"
    )
    done = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, timeout=20, check=True
    )
    memory_bytes, cores, quota = done.stdout.split()
    assert (int(memory_bytes), int(cores)) == (512 * MIB, 1)
    assert math.isclose(float(quota), 1.0)
