"""`bench --ray`: models spread over nodes, in one store; stopped, resumed, a node lost, unlike nodes."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.bench_small import NODE_KIND
from tests.cluster.conftest import MINIATURES, PATIENCE_S, Nodes, engines_below, until
from tests.e2e.conftest import run
from viewfinder.measure import results
from viewfinder.measure.results import ModelResult
from viewfinder.measure.store.store import Store

pytestmark = pytest.mark.cluster

MODELS = ("glimpse", *MINIATURES)


class Bench:
    """A running `viewfinder bench --ray`."""

    def __init__(self, nodes: Nodes, home: Path, *words: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.cluster.bench_small", *words, "--ray", nodes.address],
            env={**os.environ, "VIEWFINDER_HOME": str(home)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said: list[str] = []

    def steps(self) -> Iterator[dict[str, Any]]:
        """What `--progress json` says, as it says it."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line)
            if line.startswith('{"progress"'):
                yield json.loads(line)["progress"]

    def until_both_measure(self) -> None:
        """Two models have had an answer that was graded."""
        for step in self.steps():
            if sum(one["graded"] > 0 for one in step["models"]) >= 2:
                return
        raise AssertionError("".join(self.said))

    def end(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=2 * PATIENCE_S)
        return self.process.returncode, out, "".join([*self.said, err])


@pytest.fixture(scope="module")
def home(nodes: Nodes) -> Path:
    """Of the computer whose store it is."""
    made = nodes.home.parent / "driver"
    made.mkdir()
    return made


def stored(home: Path) -> list[ModelResult]:
    with Store(home / "results.sqlite", for_reading=True) as store:
        return [one for run in store.runs() for one in results.readable(store.results_of(run.run))]


def test_it_is_stopped_and_resumed_and_a_node_is_lost(nodes: Nodes, home: Path) -> None:
    """Ctrl-C keeps what was measured, and leaves no engine; then a node dies, and the other measures its
    model."""
    bench = Bench(nodes, home, *MODELS, "--progress", "json")
    bench.until_both_measure()
    bench.process.send_signal(signal.SIGINT)
    code, _, said = bench.end()
    assert code == 130, said
    assert "What was measured is kept as run" in said
    assert f"viewfinder bench --ray {nodes.address} --resume" in said
    assert "Traceback" not in said
    until(lambda: engines_below(nodes.home) == [], patience_s=20)
    assert run("bench", "--resume", home=home).stderr.count("viewfinder bench --ray --resume") == 1

    again = Bench(nodes, home, "--resume", "--json", "--progress", "json")
    again.until_both_measure()
    nodes.kill(nodes.workers[-1])
    code, out, said = again.end()
    assert code == 0, said
    assert "was lost" in said
    printed = json.loads(out)
    assert {one["model"] for one in printed} == {*MODELS}
    found = stored(home)
    assert sorted(one.model for one in found) == sorted(MODELS), "each was measured once"
    assert all(one.fingerprint and one.status != "failed" for one in found)
    with Store(home / "results.sqlite", for_reading=True) as store:
        runs = {one.run: store.samples(one.run, one.model) for one in found}
    assert all(len(samples) > 10 for samples in runs.values())
    until(lambda: engines_below(nodes.home) == [], patience_s=20)
    assert "There is no interrupted run" in Bench(nodes, home, "--resume").end()[2]


def test_unlike_nodes_measure_each_model_and_the_guide_tells_them_apart(nodes: Nodes, home: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(NODE_KIND, "Another Processor 9000")
        nodes.grow_to(2)
    code, out, said = Bench(nodes, home, "glimpse", "--json").end()
    assert code == 0, said
    one, other = json.loads(out)
    assert (one["model"], other["model"]) == ("glimpse", "glimpse")
    assert "Another Processor 9000" in {one["machine"]["cpu"], other["machine"]["cpu"]}
    assert one["machine"]["cpu"] != other["machine"]["cpu"]
    assert one["fingerprint"] != other["fingerprint"]
    assert one["run"] != other["run"]
    guide = run("guide", home=home)
    assert guide.returncode == 0, guide.stderr
    assert "By kind of computer" in guide.stdout
    table = guide.stdout.partition("By kind of computer")[2].partition("##")[0]
    rows = [line for line in table.splitlines() if line.startswith("|") and "glimpse" in line]
    assert sum("Another Processor 9000" in row for row in rows) == 1
    assert len(rows) >= 2
