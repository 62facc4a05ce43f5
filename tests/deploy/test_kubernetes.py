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
OBJECTS: dict[str, dict[str, Any]] = {
    document["kind"]: document for document in (load_yaml(FOLDER / name) for name in KUSTOMIZATION["resources"])
}
WORKLOADS = {kind: OBJECTS[kind]["spec"]["template"]["spec"] for kind in ("StatefulSet", "Job", "Deployment")}


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
    """Service, disruption budget and StatefulSet mean the same pods, and the job's pods are not among them."""
    worker = OBJECTS["StatefulSet"]["spec"]["template"]["metadata"]["labels"]
    assert OBJECTS["StatefulSet"]["spec"]["selector"]["matchLabels"] == worker
    assert OBJECTS["Service"]["spec"]["selector"] == worker
    assert OBJECTS["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == worker
    assert OBJECTS["Job"]["spec"]["template"]["metadata"]["labels"] != worker
    assert OBJECTS["StatefulSet"]["spec"]["serviceName"] == OBJECTS["Service"]["metadata"]["name"]


def test_pods_run_without_privileges() -> None:
    """Numeric user that is not root, read-only file system, no capability, no token, bounded memory."""
    for pod in WORKLOADS.values():
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
    for pod in WORKLOADS.values():
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
    (container,) = WORKLOADS["StatefulSet"]["containers"]
    (instance,) = container["env"]
    assert instance["name"] == PREFIX + "INSTANCE"
    assert instance["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name"


def test_probes_ask_what_the_worker_serves() -> None:
    """Liveness asks /healthz, readiness /readyz, on the port that the image listens on."""
    (container,) = WORKLOADS["StatefulSet"]["containers"]
    port = Settings().metrics_port
    assert container["ports"] == [{"name": "metrics", "containerPort": port}]
    assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "metrics"}
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "metrics"}
    assert OBJECTS["Service"]["spec"]["ports"][0]["port"] == port


def test_the_configuration_is_the_one_of_compose() -> None:
    """kustomize reads no file outside its folder, so the file stands twice; both are the same."""
    for name in ("tocsin.toml", "notify.toml"):
        assert (FOLDER / name).read_bytes() == (DEPLOY / name).read_bytes()


def test_notifications_run_once_and_keep_their_memory() -> None:
    """Two pods would tell everything twice; without the claim a new pod would not know what is open."""
    notify = OBJECTS["Deployment"]
    assert (notify["spec"]["replicas"], notify["spec"]["strategy"]) == (1, {"type": "Recreate"})
    volumes = WORKLOADS["Deployment"]["volumes"]
    (claim,) = [volume["persistentVolumeClaim"] for volume in volumes if "persistentVolumeClaim" in volume]
    assert claim == {"claimName": OBJECTS["PersistentVolumeClaim"]["metadata"]["name"]}
    (container,) = WORKLOADS["Deployment"]["containers"]
    (variable,) = container["env"]
    assert variable["name"].removeprefix(PREFIX).lower() in Settings.model_fields
    assert container["args"][-1] == str(container["ports"][0]["containerPort"])


def test_versions_agree() -> None:
    """Compose and Kubernetes run the same version of the image."""
    (image,) = KUSTOMIZATION["images"]
    compose = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    assert re.findall(r"image: tocsin:(\S+)", compose) == [image["newTag"]]
