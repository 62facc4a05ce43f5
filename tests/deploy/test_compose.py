"""The compose file: valid, complete, closed to the outside, and pointing at files that exist.

compose-spec.json is the Compose specification's own schema as docker-compose 1.29.2 ships it (Apache-2.0). It allows
far more than we use, so the part that is used here is written down below as well: a key that is not listed there is a
mistake or belongs on the list.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest

from pipeline.config.load import load_config
from pipeline.config.settings import PREFIX, Settings
from pipeline.hub.access import Access
from pipeline.kafka.local.jars import KAFKA_VERSION
from pipeline.notify.config import load_targets
from tests.deploy.deployment import DEPLOY, ROOT, load_yaml

TEXTS = {"type": "array", "items": {"type": "string"}, "minItems": 1}
DURATION = {"type": "string", "pattern": r"^\d+[smh]$"}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["services"],
    "additionalProperties": False,
    "patternProperties": {"^x-": {}},
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]*$"},
        "services": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "additionalProperties": False,
                "anyOf": [{"required": ["image"]}, {"required": ["build"]}],
                "required": ["healthcheck", "restart", "logging"],
                "properties": {
                    "image": {"type": "string", "pattern": r"^[a-z0-9./-]+:v?\d+\.\d+\.\d+$"},
                    "build": {
                        "type": "object",
                        "additionalProperties": False,
                        "required": ["context", "dockerfile"],
                        "properties": {"context": {"type": "string"}, "dockerfile": {"type": "string"}},
                    },
                    "command": TEXTS,
                    "environment": {"type": "object", "additionalProperties": {"type": "string"}},
                    "volumes": TEXTS,
                    "ports": TEXTS,
                    "tmpfs": TEXTS,
                    "user": {"type": "string", "pattern": r"^\d+:\d+$"},
                    "read_only": {"type": "boolean"},
                    "cap_drop": TEXTS,
                    "security_opt": TEXTS,
                    "depends_on": {
                        "type": "object",
                        "additionalProperties": {
                            "type": "object",
                            "required": ["condition"],
                            "additionalProperties": False,
                            "properties": {
                                "condition": {"enum": ["service_healthy", "service_completed_successfully"]}
                            },
                        },
                    },
                    "healthcheck": {
                        "type": "object",
                        "additionalProperties": False,
                        "oneOf": [{"required": ["test", "interval", "timeout", "retries"]}, {"required": ["disable"]}],
                        "properties": {
                            "test": TEXTS,
                            "interval": DURATION,
                            "timeout": DURATION,
                            "start_period": DURATION,
                            "retries": {"type": "integer", "minimum": 1},
                            "disable": {"const": True},
                        },
                    },
                    "restart": {"enum": ["no", "unless-stopped"]},
                    "stop_grace_period": DURATION,
                    "logging": {
                        "type": "object",
                        "required": ["driver"],
                        "additionalProperties": False,
                        "properties": {"driver": {"type": "string"}, "options": {"type": "object"}},
                    },
                },
            },
        },
        "volumes": {"type": "object", "additionalProperties": {"type": "null"}},
    },
}
COMPOSE: dict[str, Any] = load_yaml(DEPLOY / "compose.yaml")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("worker", "notify", "hub", "topics")


def test_the_file_is_valid() -> None:
    """Only known keys with values of the right form; every service has a health check, a restart policy and a log."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(COMPOSE, SCHEMA)


def test_the_file_follows_the_compose_specification() -> None:
    """The specification's own schema accepts the file."""
    schema = json.loads((Path(__file__).parent / "compose-spec.json").read_bytes())
    validator = jsonschema.Draft201909Validator(schema)
    # The top-level name was added to the specification after that release.
    validator.validate({key: value for key, value in COMPOSE.items() if key != "name"})
    assert not validator.is_valid({"services": {"kafka": {"imaeg": "x"}}})


@pytest.mark.parametrize(
    "change",
    [
        {"services": {"a": {"restart": "no"}}},
        {"service": {}},
        {"services": {"a": SERVICES["kafka"] | {"image": "apache/kafka:latest"}}},
        {"services": {"a": SERVICES["kafka"] | {"helthcheck": {}}}},
    ],
    ids=["no image", "unknown key", "unpinned image", "misspelt key"],
)
def test_the_schema_refuses_what_is_wrong(change: dict[str, Any]) -> None:
    """The check above can fail."""
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(COMPOSE | change, SCHEMA)


def test_nothing_listens_beyond_this_machine() -> None:
    """Only the four pages for people are published, on the loopback address; Kafka and the worker are not."""
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert set(published) == {"hub", "grafana", "prometheus", "alertmanager"}
    for ports in published.values():
        for port in ports:
            assert re.fullmatch(r"127\.0\.0\.1:(\d+):\1", port)


def test_mounts_exist_and_are_read_only() -> None:
    """What is mounted from the tree is there and cannot be written to; named volumes are declared and used."""
    used = set()
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source, _, *mode = volume.split(":")
            if source.startswith("."):
                assert (DEPLOY / source).exists(), source
                assert mode == ["ro"]
            else:
                used.add(source)
    assert used == set(COMPOSE["volumes"])


def test_services_wait_for_services_that_can_be_waited_for() -> None:
    """Health is awaited of services that report it, completion of jobs that end."""
    for name, service in SERVICES.items():
        for other, rule in service.get("depends_on", {}).items():
            if rule["condition"] == "service_healthy":
                assert "test" in SERVICES[other]["healthcheck"], name
            else:
                assert SERVICES[other]["restart"] == "no", name


def test_our_services_run_without_privileges() -> None:
    """What is ours has a numeric user that is not root, a read-only file system and no capability."""
    for name in OURS:
        service = SERVICES[name]
        assert int(service["user"].split(":")[0]) > 0
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert (DEPLOY / service["build"]["context"]).resolve() == ROOT
        assert (ROOT / service["build"]["dockerfile"]).is_file()


def test_our_settings_are_known_and_valid() -> None:
    """A TOCSIN_ variable that does not exist would stop the worker at start; so would a bad configuration file."""
    for name in OURS:
        environment = SERVICES[name]["environment"]
        fields = {key.removeprefix(PREFIX).lower(): value for key, value in environment.items()}
        assert set(fields) <= set(Settings.model_fields)
        Settings(**fields)
    load_config(DEPLOY / "tocsin.toml")
    (target,) = load_targets(DEPLOY / "notify.toml").targets.values()
    assert urlsplit(target.url or "").hostname in SERVICES


def test_the_hub_is_reached_by_other_machines_only_with_a_token_and_keeps_its_store() -> None:
    """It listens on all addresses of its container, and compose refuses to start it without a token."""
    hub = SERVICES["hub"]
    environment = hub["environment"]
    fields = {key.removeprefix(PREFIX).lower(): value for key, value in environment.items()}
    assert Access(Settings(**fields)).by_token
    assert environment["TOCSIN_HUB_TOKEN"].startswith("${TOCSIN_HUB_TOKEN:?")
    assert hub["ports"] == [f"127.0.0.1:{Settings().hub_port}:{Settings().hub_port}"]
    assert "hub-store:/var/lib/tocsin" in hub["volumes"]
    assert f"127.0.0.1:{Settings().hub_port}/healthz" in hub["healthcheck"]["test"][-1]
    config = load_yaml(DEPLOY / "prometheus" / "prometheus.yml")
    (job,) = [job for job in config["scrape_configs"] if job["job_name"] == "tocsin-hub"]
    assert job["static_configs"] == [{"targets": [f"{environment['TOCSIN_HUB_NAMES']}:{Settings().hub_port}"]}]


def test_prometheus_finds_workers_and_alertmanager() -> None:
    """The scrape job and the alerting section name services of this file."""
    config = load_yaml(DEPLOY / "prometheus" / "prometheus.yml")
    (job,) = [job for job in config["scrape_configs"] if job["job_name"] == "tocsin"]
    for discovery in job["dns_sd_configs"]:
        assert set(discovery["names"]) <= set(SERVICES)
        assert discovery["port"] == Settings().metrics_port
    for manager in config["alerting"]["alertmanagers"]:
        for targets in manager["static_configs"]:
            assert {target.split(":")[0] for target in targets["targets"]} <= set(SERVICES)
    for pattern in config["rule_files"]:
        assert list((DEPLOY / "prometheus").glob(pattern))


def test_kafka_is_the_version_that_the_tests_run_on() -> None:
    """The image is of the release that the integration tests start."""
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{KAFKA_VERSION}"
