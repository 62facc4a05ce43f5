"""The Kubernetes manifests agree with each other, with the settings and with the image."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml

from pipeline.config.settings import PREFIX, Settings
from tests.deploy.deployment import DEPLOY, load_yaml

FOLDER = DEPLOY / "kubernetes"
KUSTOMIZATION = load_yaml(FOLDER / "kustomization.yaml")
OBJECTS: dict[tuple[str, str], dict[str, Any]] = {
    (document["kind"], document["metadata"]["name"]): document
    for document in (load_yaml(FOLDER / name) for name in KUSTOMIZATION["resources"])
}
WORKER, TOPICS = OBJECTS["StatefulSet", "tocsin"], OBJECTS["Job", "tocsin-topics"]
NOTIFY, HUB = OBJECTS["Deployment", "tocsin-notify"], OBJECTS["Deployment", "tocsin-hub"]
WORKLOADS = [one["spec"]["template"]["spec"] for one in (WORKER, TOPICS, NOTIFY, HUB)]


def test_no_file_is_forgotten() -> None:
    """Every manifest is in the kustomization, and every file that it names is there."""
    generated = {name for generator in KUSTOMIZATION["configMapGenerator"] for name in generator.get("files", [])}
    files = {path.name for path in FOLDER.iterdir()} - {"kustomization.yaml"}
    assert files == set(KUSTOMIZATION["resources"]) | generated


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not on PATH")
def test_kustomize_builds() -> None:
    """The kustomization renders, with the image and the generated names filled in; no cluster is asked."""
    done = subprocess.run(["kubectl", "kustomize", FOLDER], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    rendered = list(yaml.safe_load_all(done.stdout))
    assert len(rendered) == len(KUSTOMIZATION["resources"]) + len(KUSTOMIZATION["configMapGenerator"])
    (image,) = KUSTOMIZATION["images"]
    assert done.stdout.count(f"image: {image['newName']}:{image['newTag']}") == len(WORKLOADS)


def test_selectors_select_the_workers() -> None:
    """Service, disruption budget and StatefulSet mean the same pods, and no other ones are among them."""
    worker = WORKER["spec"]["template"]["metadata"]["labels"]
    service = OBJECTS["Service", "tocsin"]
    assert WORKER["spec"]["selector"]["matchLabels"] == worker
    assert service["spec"]["selector"] == worker
    assert OBJECTS["PodDisruptionBudget", "tocsin"]["spec"]["selector"]["matchLabels"] == worker
    for other in (TOPICS, NOTIFY, HUB):
        assert other["spec"]["template"]["metadata"]["labels"] != worker
    assert WORKER["spec"]["serviceName"] == service["metadata"]["name"]


def test_pods_run_without_privileges() -> None:
    """Numeric user that is not root, read-only file system, no capability, no token, bounded memory."""
    for pod in WORKLOADS:
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False
        for container in pod["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"]
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert "memory" in container["resources"]["limits"]


def test_mounted_volumes_and_configurations_exist() -> None:
    """Every mount has its volume, every reference its generated ConfigMap."""
    generated = {generator["name"] for generator in KUSTOMIZATION["configMapGenerator"]}
    for pod in WORKLOADS:
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        for volume in volumes.values():
            assert "configMap" not in volume or volume["configMap"]["name"] in generated
        for container in pod["containers"]:
            assert {mount["name"] for mount in container["volumeMounts"]} == set(volumes)
            for source in container["envFrom"]:
                assert "configMapRef" not in source or source["configMapRef"]["name"] in generated


def test_settings_are_known_and_the_pod_name_is_the_instance() -> None:
    """Unknown TOCSIN_ variables are refused at start; the name must be stable over restarts."""
    (environment,) = [g for g in KUSTOMIZATION["configMapGenerator"] if "literals" in g]
    fields = {}
    for literal in environment["literals"]:
        name, _, value = literal.partition("=")
        fields[name.removeprefix(PREFIX).lower()] = value
    assert set(fields) <= set(Settings.model_fields)
    Settings(**fields)
    (container,) = WORKER["spec"]["template"]["spec"]["containers"]
    (instance,) = container["env"]
    assert instance["name"] == PREFIX + "INSTANCE"
    assert instance["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name"


def test_probes_ask_what_the_worker_serves() -> None:
    """Liveness asks /healthz, readiness /readyz, on the port that the image listens on."""
    (container,) = WORKER["spec"]["template"]["spec"]["containers"]
    port = Settings().metrics_port
    assert container["ports"] == [{"name": "metrics", "containerPort": port}]
    assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "metrics"}
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "metrics"}
    assert OBJECTS["Service", "tocsin"]["spec"]["ports"][0]["port"] == port


def test_the_configuration_is_the_one_of_compose() -> None:
    """kustomize reads no file outside its folder, so the file stands twice; both are the same."""
    for name in ("tocsin.toml", "notify.toml"):
        assert (FOLDER / name).read_bytes() == (DEPLOY / name).read_bytes()


@pytest.mark.parametrize("workload", [NOTIFY, HUB], ids=["notify", "hub"])
def test_what_must_run_once_does_and_keeps_its_memory(workload: dict[str, Any]) -> None:
    """Two pods of notify would tell everything twice, two of the hub write to one file; both remember in a volume."""
    assert (workload["spec"]["replicas"], workload["spec"]["strategy"]) == (1, {"type": "Recreate"})
    pod = workload["spec"]["template"]
    assert workload["spec"]["selector"]["matchLabels"] == pod["metadata"]["labels"]
    volumes = pod["spec"]["volumes"]
    (claim,) = [volume["persistentVolumeClaim"] for volume in volumes if "persistentVolumeClaim" in volume]
    assert ("PersistentVolumeClaim", claim["claimName"]) in OBJECTS
    (container,) = pod["spec"]["containers"]
    ours = [variable["name"] for variable in container["env"] if variable["name"].startswith(PREFIX)]
    assert {name.removeprefix(PREFIX).lower() for name in ours} <= set(Settings.model_fields)
    (port,) = container["ports"]
    assert pod["metadata"]["annotations"]["prometheus.io/port"] == str(port["containerPort"])


def test_notifications_listen_where_they_are_scraped() -> None:
    """The port of the command is the container's."""
    (container,) = NOTIFY["spec"]["template"]["spec"]["containers"]
    assert container["args"][-1] == str(container["ports"][0]["containerPort"])


def test_the_hub_asks_for_a_token_and_answers_to_its_names() -> None:
    """Its secret must exist; probes come by the pod's address, people by the service and an ingress."""
    (container,) = HUB["spec"]["template"]["spec"]["containers"]
    assert {"secretRef": {"name": "tocsin-hub"}} in container["envFrom"]
    variables = {variable["name"]: variable.get("value", "") for variable in container["env"]}
    service = OBJECTS["Service", "tocsin-hub"]
    settings = Settings(hub_host=variables["TOCSIN_HUB_HOST"], hub_names=variables["TOCSIN_HUB_NAMES"])
    assert {service["metadata"]["name"], "$(POD_ADDRESS)"} < set(settings.hub_host_names)
    assert next(iter(variables)) == "POD_ADDRESS", "a variable is filled in only where it stands before"
    assert service["spec"]["selector"] == HUB["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["ports"][0]["port"] == container["ports"][0]["containerPort"] == Settings().hub_port
    for probe in ("livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"] == {"path": "/metrics", "port": "http"}


def test_versions_agree() -> None:
    """Compose and Kubernetes run the same version of the image."""
    (image,) = KUSTOMIZATION["images"]
    compose = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    assert re.findall(r"image: tocsin:(\S+)", compose) == [image["newTag"]]
