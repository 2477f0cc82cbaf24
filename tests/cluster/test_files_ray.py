"""Files of the cluster: `deploy/serve.yaml`, which a gateway finds deployed, and the models' on each node."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest
import yaml

from tests.cluster.conftest import PATIENCE_S, Load, Nodes, glimpse_files, until, view_of
from tests.cluster.pictures import ask
from tests.e2e.conftest import run
from viewfinder.catalog.catalog import Catalog
from viewfinder.catalog.hub import MAIN, repository_folder

pytestmark = pytest.mark.cluster

DEPLOY = Path(__file__).parents[2] / "deploy"
SERVE = Path(sys.executable).with_name("serve")
REMOVE = """
import sys, ray
from ray import serve
ray.init(sys.argv[1], namespace="viewfinder", log_to_driver=False)
serve.delete("viewfinder")
"""


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Ray's own, when it is imported
def test_serve_takes_both_files() -> None:
    from ray.serve.schema import ServeDeploySchema

    (service, *_) = yaml.safe_load_all((DEPLOY / "kuberay.yaml").read_text())
    for text in ((DEPLOY / "serve.yaml").read_text(), service["spec"]["serveConfigV2"]):
        document = yaml.safe_load(text)
        read = ServeDeploySchema.model_validate(document)
        assert {*document} <= {*ServeDeploySchema.model_fields}
        assert {*document["applications"][0]} <= {*type(read.applications[0]).model_fields}
        assert read.proxy_location.value == "Disabled"


def test_a_gateway_uses_what_the_file_deployed_and_leaves_it(nodes: Nodes) -> None:
    """Gateways with other settings come and go; the replica stays, with its model."""
    done = subprocess.run(
        [SERVE, "run", "--non-blocking", "--address", nodes.address, DEPLOY / "serve.yaml"],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    try:
        assert done.returncode == 0, done.stderr
        replicas = []
        for number in range(2):
            with nodes.serving(gateway=f"of-file-{number}", target_requests=5) as served:
                until(lambda: [one.model for one in view_of(served).servers if one.state == "ready"])
                view = view_of(served)
                assert [one.model for one in view.servers] == ["glimpse"]
                replicas.append([(node.replica, one.pid) for node in view.nodes for one in view.servers])
                with httpx2.Client(base_url=served.url, timeout=PATIENCE_S) as client:
                    assert ask(client, number).complete
        assert replicas[0] == replicas[1]
    finally:
        subprocess.run([sys.executable, "-c", REMOVE, nodes.address], timeout=PATIENCE_S, check=True)


MODEL = "lfm2.5-vl-450m"


def cached(hub: Path, change: Callable[[bytearray], None] = lambda _: None) -> str:
    """A hub's cache that has a model of the catalog; its weights are glimpse's, with this change."""
    variant = Catalog().get(MODEL).variant()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HOME", str(hub))
        repository = repository_folder(variant.repo)
    commit = "a" * 40
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / MAIN).write_text(commit)
    folder = repository / "snapshots" / commit
    folder.mkdir(parents=True)
    model, projector = glimpse_files()
    weights = bytearray(model.read_bytes())
    change(weights)
    (folder / variant.model).write_bytes(weights)
    assert variant.mmproj is not None
    shutil.copy(projector, folder / variant.mmproj)
    return str(hub)


def one_bit(weights: bytearray) -> None:
    weights[-1000] ^= 1


def test_a_node_whose_weights_differ_serves_nothing_of_them(nodes: Nodes, tmp_path: Path) -> None:
    """Of two nodes one has a copy with a wrong bit, which would answer, wrongly perhaps."""
    right, damaged = cached(tmp_path / "right"), cached(tmp_path / "damaged", one_bit)
    for node in [*nodes.workers]:
        nodes.kill(node)
    with pytest.MonkeyPatch.context() as patch:
        for number, hub in enumerate((damaged, right), start=1):
            patch.setenv("HF_HOME", hub)
            nodes.grow_to(number)
        with nodes.serving(MODEL, gateway="of-files", replicas=2, most_replicas=2) as served:
            until(lambda: len(view_of(served).nodes) == 2)
            load = Load(served.url, 2, lambda client, number: ask(client, number, model=MODEL))
            until(lambda: len(load.outcomes) >= 12)
            assert [one for one in load.stop() if one.error or not one.complete] == []
            refusing = until(lambda: [one for one in view_of(served).nodes if one.refused])[0]
            assert refusing.name not in {one.node for one in view_of(served).servers}
            reason = refusing.refused[MODEL]
            shown = run("cluster", "status", home=served.home)
            assert f"{refusing.name} does not serve '{MODEL}': {reason}" in shown.stdout
            told = run("events", home=served.home).stdout
            assert "are not those of the gateway" in told
