"""Several nodes of Ray on this computer, and real gateways before them; `make test-cluster` has Ray."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import psutil
import pytest

from tests.e2e.conftest import Served, serving
from tests.miniatures import internvl35_gguf, smolvlm
from tests.processes import left_of
from viewfinder.api.control import Control
from viewfinder.catalog.catalog import Catalog
from viewfinder.fleet.view import FleetView

if TYPE_CHECKING:
    from ray.cluster_utils import Cluster

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "tests" / "faults" / "plugin"
PATIENCE_S = 60.0
CANARY_REQUESTS = 5
OBJECT_STORE_BYTES = 80 * 2**20
MINIATURES = ("small-smolvlm", "small-internvl")
QUICK = {
    "health_check_initial_delay_ms": 1000,
    "health_check_period_ms": 500,
    "health_check_failure_threshold": 4,
}
"""How soon Ray notices that a node is gone; its own values are for networks."""
HEAD = {
    "num_cpus": 0,
    "object_store_memory": OBJECT_STORE_BYTES,
    "include_dashboard": False,
    "_system_config": QUICK,
}


@dataclass
class Nodes:
    """A cluster with a head that runs no replicas, and its workers."""

    cluster: "Cluster"
    home: Path
    workers: list[Any] = field(default_factory=list)

    @property
    def address(self) -> str:
        return str(self.cluster.address)

    def grow_to(self, count: int) -> None:
        """Have this many workers."""
        with pytest.MonkeyPatch.context() as patch:  # a test has a home of its own
            patch.setenv("VIEWFINDER_HOME", str(self.home))
            while len(self.workers) < count:
                node = self.cluster.add_node(
                    num_cpus=1, object_store_memory=OBJECT_STORE_BYTES, include_dashboard=False
                )
                self.workers.append(node)

    def kill(self, node: Any) -> None:
        """Kill a worker as a loss of power does."""
        self.workers.remove(node)
        self.cluster.remove_node(node, allow_graceful=False)

    def kill_head(self) -> None:
        """Kill the head as a loss of power does: what it keeps nowhere else is lost."""
        self.cluster.head_node.kill_all_processes(check_alive=False, allow_graceful=False)

    def start_head(self) -> None:
        """Start a head where the killed one was."""
        port = int(self.address.rpartition(":")[2])
        self.cluster.head_node = None
        self.cluster.add_node(wait=False, gcs_server_port=port, **HEAD)

    @contextmanager
    def serving(self, *names: str, gateway: str = "", **cluster: Any) -> Iterator[Served]:
        """`viewfinder serve --ray`, with these settings of `[cluster]`; `gateway` names its home."""
        self.grow_to(2)  # the tests before may have killed them
        given = {"VIEWFINDER_CONFIG": str(self.home.parent / "viewfinder.toml")}
        given |= {f"VIEWFINDER_CLUSTER__{name.upper()}": str(value) for name, value in cluster.items()}
        home = self.home.parent / (gateway or "gateway")
        home.mkdir(exist_ok=True)
        with serving(home, "--port", "0", *names, "--ray", self.address, **given) as served:
            yield served


@pytest.fixture(scope="session")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    """Two workers at first; tests add those that they kill."""
    with running_nodes(tmp_path_factory.mktemp("nodes")) as made:
        yield made


@contextmanager
def running_nodes(folder: Path, **others: str) -> Iterator[Nodes]:
    """A head and two workers, with these variables in their environment; nothing of them may be left."""
    pytest.importorskip("ray", reason="make test-cluster installs it")
    from ray.cluster_utils import Cluster

    home = folder / "node"
    home.mkdir()
    models = "".join(
        f'[models.{name}]\nmodel = "{files / text}"\nmmproj = "{files / projector}"\n'
        for name, files, text, projector in written_miniatures(folder)
    )
    (folder / "viewfinder.toml").write_text(f"[fleet]\ncanary_requests = {CANARY_REQUESTS}\n{models}")
    environment = {
        "VIEWFINDER_HOME": str(home),
        "VIEWFINDER_CONFIG": str(folder / "viewfinder.toml"),
        "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "src", PLUGIN))),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_enable_metrics_collection": "0",
        "RAY_DISABLE_IMPORT_WARNING": "1",
        **others,
    }
    before = set(psutil.Process().children(recursive=True))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        cluster = Cluster(initialize_head=True, head_node_args=HEAD)
        try:
            made = Nodes(cluster, home)
            made.grow_to(2)
            yield made
        finally:
            tree = set(psutil.Process().children(recursive=True)) - before
            cluster.shutdown()
            assert left_of(tree, within_s=20.0) == []


def written_miniatures(folder: Path) -> Iterator[tuple[str, Path, str, str]]:
    """Two more models, by name, with their folder and files: one answers as glimpse does, one at random."""
    for name, module in zip(MINIATURES, (smolvlm, internvl35_gguf), strict=True):
        made = folder / name
        made.mkdir()
        module.write_gguf(made)
        yield name, made, module.TEXT_FILE, module.PROJECTOR_FILE


def glimpse_files() -> tuple[Path, Path]:
    """The files of the embedded model, which serve under other names, too."""
    files = Catalog().resolve(Catalog().get("glimpse").variant())
    assert files.mmproj is not None
    return files.model, files.mmproj


def view_of(served: Served) -> FleetView:
    """What `viewfinder ps` shows of a gateway."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VIEWFINDER_HOME", str(served.home))
        return Control().fleet()


def until(condition: Callable[[], Any], patience_s: float = PATIENCE_S) -> Any:
    """The first true value of the condition."""
    deadline_s = time.monotonic() + patience_s
    while not (value := condition()):
        assert time.monotonic() < deadline_s, "it took too long"
        time.sleep(0.1)
    return value


def engines_below(home: Path) -> list[psutil.Process]:
    """The engines of a home's fleets, wherever their parents are."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if any(str(home / "run") in word for word in words):
            found.append(process)
    return found


@dataclass(frozen=True)
class Outcome:
    """What a client got: the status, the words, the code of an error, and whether a stream was complete."""

    asked: str
    status: int
    words: str
    error: str = ""
    complete: bool = True


class Load:
    """Clients that ask about pictures of known colors, without a pause, until `stop`."""

    def __init__(self, url: str, clients: int, ask: Callable[[httpx2.Client, int], Outcome]) -> None:
        self.outcomes: list[Outcome] = []
        self._url, self._ask, self._stopped = url, ask, threading.Event()
        self._pool = ThreadPoolExecutor(clients)
        self._clients = [self._pool.submit(self._run, number) for number in range(clients)]

    def _run(self, number: int) -> None:
        with httpx2.Client(base_url=self._url, timeout=PATIENCE_S) as client:
            turn = number
            while not self._stopped.is_set():
                self.outcomes.append(self._ask(client, turn))
                turn += 1

    def stop(self) -> list[Outcome]:
        """All outcomes, once the last requests are answered."""
        self._stopped.set()
        for client in self._clients:
            client.result()
        self._pool.shutdown()
        return self.outcomes


if sys.platform != "linux":  # Ray's own clean-up differs there
    collect_ignore_glob = ["test_*_ray.py"]
