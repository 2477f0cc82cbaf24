"""deploy/serve.yaml and deploy/kuberay.yaml: what they say; `tests/cluster` deploys the first."""

import importlib
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.test_container import environment, instructions
from viewfinder.api.clustered import ServeArguments
from viewfinder.catalog.catalog import Catalog
from viewfinder.core.config import load_settings

ROOT = Path(__file__).parents[2]
SERVE, KUBERAY = ROOT / "deploy" / "serve.yaml", ROOT / "deploy" / "kuberay.yaml"
PART = {"app.kubernetes.io/part-of": "viewfinder"}
ENGINES_STOP_S = 20


def served() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(SERVE.read_text())
    return document


def objects(kind: str) -> list[dict[str, Any]]:
    return [one for one in yaml.safe_load_all(KUBERAY.read_text()) if one["kind"] == kind]


def ray_service() -> dict[str, Any]:
    (one,) = objects("RayService")
    spec: dict[str, Any] = one["spec"]
    return spec


def pods() -> Iterator[dict[str, Any]]:
    """The template of every pod: the head, the workers, the gateway."""
    cluster = ray_service()["rayClusterConfig"]
    yield cluster["headGroupSpec"]["template"]
    for group in cluster["workerGroupSpecs"]:
        yield group["template"]
    for one in objects("Deployment"):
        yield one["spec"]["template"]


def test_both_deploy_the_same_application() -> None:
    (application,) = served()["applications"]
    module, _, name = application["import_path"].partition(":")
    assert callable(getattr(importlib.import_module(module), name))
    assert served()["proxy_location"] == "Disabled"
    assert application["route_prefix"] is None
    assert yaml.safe_load(ray_service()["serveConfigV2"]) == served()


def test_what_it_names_exists() -> None:
    arguments = ServeArguments(**served()["applications"][0]["args"])
    assert arguments.models
    for name in arguments.models:
        assert Catalog().get(name).name == name
    settings = load_settings(**arguments.settings)
    (group,) = ray_service()["rayClusterConfig"]["workerGroupSpecs"]
    assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
    assert settings.cluster.replicas <= group["minReplicas"]
    assert settings.cluster.most_replicas == group["maxReplicas"]
    cores = float(group["template"]["spec"]["containers"][0]["resources"]["limits"]["cpu"])
    assert settings.cluster.cpus <= cores


def test_a_setting_that_is_misspelled_is_refused() -> None:
    with pytest.raises(ValueError, match="modles"):
        ServeArguments(modles=["glimpse"])  # type: ignore[call-arg]


def test_every_pod_has_few_rights() -> None:
    for pod in pods():
        spec = pod["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert [f"USER {spec['securityContext']['runAsUser']}:{spec['securityContext']['runAsGroup']}"] == [
            f"USER {words}" for name, words in instructions() if name == "USER"
        ]
        assert spec["automountServiceAccountToken"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC"} & {*spec}
        for container in spec["containers"]:
            rights = container["securityContext"]
            assert rights["allowPrivilegeEscalation"] is False
            assert rights["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["limits"]["memory"] == container["resources"]["requests"]["memory"]


def test_kubernetes_sets_no_setting_of_ours() -> None:
    """A service named viewfinder would set VIEWFINDER_PORT to an address in each pod."""
    assert "viewfinder" in [one["metadata"]["name"] for one in objects("Service")]
    assert all(pod["spec"]["enableServiceLinks"] is False for pod in pods())


def test_the_probes_do_not_ask_the_proxies_that_are_off() -> None:
    """KubeRay's own ask port 8000 of every worker, with wget."""
    for pod in pods():
        for container in pod["spec"]["containers"]:
            for probe in (container["readinessProbe"], container["livenessProbe"]):
                assert {*probe} & {"exec", "httpGet", "tcpSocket"} == {"httpGet"}
                assert probe["httpGet"]["port"] in (52365, "http")


def test_files_reach_all_nodes_and_what_a_node_learns_stays_its_own() -> None:
    own = environment()
    for pod in pods():
        volumes = {one["name"]: one for one in pod["spec"]["volumes"]}
        for container in pod["spec"]["containers"]:
            paths = {one["mountPath"]: volumes[one["name"]] for one in container["volumeMounts"]}
            assert "persistentVolumeClaim" in paths[own["HF_HOME"]]
            assert "emptyDir" in paths[own["HOME"]]


def test_answers_have_the_time_to_finish() -> None:
    needed_s = load_settings().fleet.drain_s + ENGINES_STOP_S
    _, *others = pods()
    assert all(pod["spec"]["terminationGracePeriodSeconds"] >= needed_s for pod in others)


def test_only_the_gateway_is_open_to_others() -> None:
    everywhere, gateway = (one["spec"] for one in objects("NetworkPolicy"))
    assert all(PART.items() <= pod["metadata"]["labels"].items() for pod in pods())
    assert everywhere["podSelector"]["matchLabels"] == PART
    (rule,) = everywhere["ingress"]
    assert [one["podSelector"]["matchLabels"] for one in rule["from"]] == [
        PART,
        {"app.kubernetes.io/name": "kuberay-operator"},
    ]
    assert [one["ports"] for one in gateway["ingress"]] == [[{"port": "http", "protocol": "TCP"}]]
    (deployment,) = objects("Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert gateway["podSelector"]["matchLabels"].items() <= labels.items()
    for service in objects("Service"):
        assert service["spec"]["selector"].items() <= labels.items()


def test_the_gateway_needs_a_key_and_joins_the_head() -> None:
    (deployment,) = objects("Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    given = {one["name"]: one for one in container["env"]}
    assert "secretKeyRef" in given["VIEWFINDER_API_KEY"]["valueFrom"]
    shell, option, line = container["command"]
    assert (shell, option) == ("bash", "-c")
    (service,) = objects("RayService")
    assert f"--address={service['metadata']['name']}-head-svc:6379" in shlex.split(line)
    assert line.endswith("exec viewfinder serve --ray auto")


def test_the_image_has_the_extra_where_it_is_asked_for() -> None:
    (run,) = [words for name, words in instructions() if name == "RUN" and "pip install" in words]
    assert '".${EXTRAS:+[$EXTRAS]}"' in run
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for text in (SERVE, KUBERAY, ROOT / "deploy" / "Dockerfile", ROOT / "docs" / "cluster.md"):
        assert {*re.findall(r"EXTRAS=([a-z]+)", text.read_text())} <= {*extras}
    assert "EXTRAS=cluster" in KUBERAY.read_text()
    asked = re.search(r"rayVersion: \"(.*)\"", KUBERAY.read_text())
    assert asked is not None
    assert f"ray[serve]>={asked[1].removesuffix('.0')}" in extras["cluster"]
