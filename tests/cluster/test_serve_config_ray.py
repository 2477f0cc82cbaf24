"""deploy/serve.yaml: Serve takes it, deploys it, and a gateway finds what it deployed."""

import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
import yaml

from tests.cluster.conftest import PATIENCE_S, Nodes, until, view_of
from tests.cluster.pictures import ask

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
                view = until(lambda: (seen := view_of(served)) and seen.nodes and seen)
                assert [one.model for one in view.servers if one.state == "ready"] == ["glimpse"]
                replicas.append([(node.replica, one.pid) for node in view.nodes for one in view.servers])
                with httpx2.Client(base_url=served.url, timeout=PATIENCE_S) as client:
                    assert ask(client, number).complete
        assert replicas[0] == replicas[1]
    finally:
        subprocess.run([sys.executable, "-c", REMOVE, nodes.address], timeout=PATIENCE_S, check=True)
