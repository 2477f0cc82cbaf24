"""The nodes on this computer, the gateways before them, and what their processes take; used by `measuring`.

Every gateway is a real `viewfinder serve`, and every engine the stand-in of `engine`.
"""

import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.peers.asking import Way, over_tcp
from viewfinder.api.control import Control

ROOT = Path(__file__).parents[2]
SLOTS = 4
OBJECT_STORE_BYTES = 80 * 2**20
STOP_S = 60
PATIENCE_S = 90.0
PARTS = {
    "ray::ServeReplica:viewfinder:Node": "replicas",
    "ray::ServeReplica:viewfinder:Board": "board",
    "ray::ServeController": "controller",
    "raylet": "raylets",
    "gcs_server": "gcs",
}
"""The processes of a cluster, by how their command lines begin."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway, and how it is asked."""

    way: Way
    home: Path
    process: subprocess.Popen[str]

    def replicas(self) -> int:
        """How many nodes have the model."""
        os.environ["VIEWFINDER_HOME"] = str(self.home)
        servers = Control().fleet().servers
        return len({one.node for one in servers if one.state == "ready" and one.node})

    def cpu_s(self) -> dict[str, float]:
        """The processor time that each part has taken, and the engines and we, in seconds."""
        spent: dict[str, float] = defaultdict(float)
        ours = {
            self.process.pid,
            *(one.pid for one in psutil.Process(self.process.pid).children(recursive=True)),
        }
        for process in psutil.Process().children(recursive=True):  # others may run Ray here, too
            with suppress(psutil.Error):
                part = _part_of(process.cmdline() or [""]) or ("gateway" if process.pid in ours else "others")
                spent[part] += sum(process.cpu_times()[:2])
        spent["clients"] = sum(psutil.Process().cpu_times()[:2])
        return spent


def _part_of(words: list[str]) -> str:
    """Of what a process is a part, by its command line; empty: of none, or of a gateway."""
    if any(word.endswith("scale/engine.py") for word in words):
        return "engines"
    first = Path(words[0]).name if words[0].startswith("/") else words[0]
    return next((part for beginning, part in PARTS.items() if first.startswith(beginning)), "")


@contextmanager
def stand_in(folder: Path) -> Iterator[dict[str, str]]:
    """The settings with which fleets start the stand-in for llama.cpp; it cannot see: no canary."""
    program = folder / "llama-server"
    command = shlex.join([sys.executable, str(Path(__file__).with_name("engine.py"))])
    program.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    program.chmod(0o755)
    yield {
        "VIEWFINDER_ENGINE__LLAMA_SERVER": str(program),
        "VIEWFINDER_ENGINE__SLOTS": str(SLOTS),
        "VIEWFINDER_FLEET__CANARY": "false",
        "VIEWFINDER_LOG_LEVEL": "error",
        "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "src"))),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_enable_metrics_collection": "0",
        "RAY_DISABLE_IMPORT_WARNING": "1",
    }


@contextmanager
def nodes(count: int, environment: Mapping[str, str], folder: Path) -> Iterator[str]:
    """A head without replicas and this many nodes; gives the address."""
    from ray.cluster_utils import Cluster

    (folder / "node").mkdir()
    os.environ.update(environment, VIEWFINDER_HOME=str(folder / "node"))
    given: dict[str, Any] = {"object_store_memory": OBJECT_STORE_BYTES, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **given})
    try:
        for _ in range(count):
            cluster.add_node(num_cpus=1, **given)
        yield str(cluster.address)
    finally:
        cluster.shutdown()


@contextmanager
def gateway(environment: Mapping[str, str], address: str = "", replicas: int = 0) -> Iterator[Gateway]:
    """`viewfinder serve` of glimpse's name with the stand-in; with an address, before that many nodes."""
    with tempfile.TemporaryDirectory(prefix="vf-") as home:
        words = ["serve", "--json", "--port", "0", "glimpse", *(("--ray", address) if address else ())]
        own = {"VIEWFINDER_HOME": home}
        if address:
            own |= {
                "VIEWFINDER_CLUSTER__REPLICAS": str(replicas),
                "VIEWFINDER_CLUSTER__MOST_REPLICAS": str(replicas),
            }
        process = subprocess.Popen(
            [sys.executable, "-m", "viewfinder", *words],
            env={**os.environ, **environment, **own},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            made = Gateway(Way(over_tcp(_port(process))), Path(home), process)
            _until(lambda: not address or made.replicas() == replicas)
            yield made
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=STOP_S)


def _port(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    document = ""
    while not document.endswith("\n}\n"):
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"serve ended with {process.wait()} before it listened")
        document += line
    return int(json.loads(document)["url"].rpartition(":")[2])


def _until(condition: Any) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline_s:
            raise TimeoutError("the replicas were not there in time")
        time.sleep(0.2)
