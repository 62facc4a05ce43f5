"""Prometheus rules: complete, explained, valid, and ringing when they should."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from pipeline.notify.targets.alertmanager import alertname
from schemas.alert import KINDS
from tests.deploy.deployment import (
    DEPLOY,
    RULE_FILES,
    alerting_rules,
    dashboards,
    load_yaml,
    panels,
    recorded_names,
    rules,
)

ALERTS = alerting_rules()
RUNBOOKS = {path.stem: path for path in (DEPLOY / "runbooks").glob("*.md")}
RUNBOOK_BASE = "{{ or $externalLabels.runbooks `deploy/runbooks` }}"
"""The external label of Prometheus's configuration, or where the pages are in this tree."""
RULE_TESTS = sorted((DEPLOY / "prometheus" / "tests").glob("*.test.yml"))
needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not on PATH (Debian package: prometheus)"
)


def test_an_alert_says_how_bad_what_and_what_to_do() -> None:
    """Every alert has a duration, a severity, summary, description and the path of its runbook."""
    for name, rule in ALERTS.items():
        assert name.startswith("Tocsin")
        assert re.fullmatch(r"\d+[smh]", rule["for"]), name
        severity = rule["labels"]["severity"]
        assert severity in {"info", "warning", "critical", "{{ $labels.severity }}"}, name
        annotations = rule["annotations"]
        assert set(annotations) == {"summary", "description", "runbook_url"}, name
        assert len(re.sub(r"{{.*?}}", "", annotations["summary"])) <= 110, name
        assert annotations["runbook_url"] == f"{RUNBOOK_BASE}/{name}.md"


def test_every_runbook_has_its_alert() -> None:
    """A runbook without an alert is found by nobody."""
    assert set(RUNBOOKS) == set(ALERTS)


def test_both_kinds_that_page_have_a_rule_a_tile_and_a_place_in_the_flood() -> None:
    """A crisis and a high-reach post page; the others do not."""
    series = 'tocsin_brand_episode_since_timestamp_seconds{kind="%s"}'
    recorded = {rule["record"]: rule["expr"] for rule in rules() if "record" in rule}
    for kind, name in (("crisis", "crisis"), ("high_reach_post", "high_reach_post")):
        (record,) = [record for record, expr in recorded.items() if series % kind in expr]
        assert record == f"tocsin:brand_{name}_since:last"
        assert any(record in rule["expr"] for rule in ALERTS.values())
        tiles = [target["expr"] for panel in panels(dashboards()["crises.json"]) for target in panel["targets"]]
        assert any(f'kind="{kind}"' in expr for expr in tiles)
        assert kind in ALERTS["TocsinCrisisFlood"]["expr"]


def test_a_runbook_has_the_four_parts() -> None:
    """Meaning, impact, where to look, what to do; links lead somewhere."""
    parts = ["## Meaning", "## Impact", "## Where to look", "## What to do"]
    for name, page in RUNBOOKS.items():
        text = page.read_text(encoding="utf-8")
        assert re.findall(r"^#+ .*", text, re.MULTILINE) == [f"# {name}", *parts]
        for link in re.findall(r"\]\(([^)]+)\)", text):
            assert (page.parent / link).is_file(), f"{name}: {link}"


def test_recorded_names_follow_the_convention() -> None:
    """level:metric:operation, so that a recorded series is told from an exposed one at a glance."""
    for name in recorded_names():
        assert re.fullmatch(r"tocsin:[a-z_]+:[a-z0-9_]+", name)


def test_every_alert_has_a_unit_test() -> None:
    """Each alert is named in a promtool test, once where it rings at least."""
    text = "".join(path.read_text(encoding="utf-8") for path in RULE_TESTS)
    for name in ALERTS:
        assert re.search(rf"{name}\b", text), name
    for path in RULE_TESTS:
        for rule_file in load_yaml(path)["rule_files"]:
            assert (path.parent / rule_file).resolve() in RULE_FILES


@needs_promtool
@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "config", str(DEPLOY / "prometheus" / "prometheus.yml")],
        ["check", "rules", *map(str, RULE_FILES)],
        ["test", "rules", *map(str, RULE_TESTS)],
    ],
    ids=["config", "rules", "unit tests"],
)
def test_promtool_accepts(arguments: list[str]) -> None:
    """Prometheus's own tool finds the configuration and the rules valid, and the rules' unit tests pass."""
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(
    shutil.which("amtool") is None, reason="amtool is not on PATH (Debian package: prometheus-alertmanager)"
)
def test_amtool_accepts() -> None:
    """Alertmanager's own tool finds its configuration valid."""
    path = DEPLOY / "alertmanager" / "alertmanager.yml"
    done = subprocess.run(["amtool", "check-config", path], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def receiver_of(*labels: str) -> str:
    """Who is called about an alert with these labels."""
    path = DEPLOY / "alertmanager" / "alertmanager.yml"
    command = ["amtool", "config", "routes", "test", f"--config.file={path}", *labels]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


@pytest.mark.skipif(
    shutil.which("amtool") is None, reason="amtool is not on PATH (Debian package: prometheus-alertmanager)"
)
def test_warnings_call_as_critical_alerts_do() -> None:
    """Most crises begin as a warning, and some stay one."""
    for severity in ("warning", "critical"):
        assert receiver_of("alertname=TocsinCrisisOpen", "brand=acme", f"severity={severity}") == "on-call"
    assert receiver_of("alertname=Other", "severity=info") == "nobody"


def test_a_second_brand_is_a_page_of_its_own() -> None:
    """Alerts of one group wait for each other; a brand's never wait for another brand's."""
    route = load_yaml(DEPLOY / "alertmanager" / "alertmanager.yml")["route"]
    assert {"alertname", "brand", "severity"} <= set(route["group_by"])


def test_the_address_of_the_runbooks_is_set_in_one_place_and_no_alert_carries_it_as_a_label() -> None:
    """An external label is the only text of Prometheus's configuration that a template can read."""
    config = load_yaml(DEPLOY / "prometheus" / "prometheus.yml")
    assert config["global"]["external_labels"]["runbooks"].startswith("https://")
    assert {"action": "labeldrop", "regex": "runbooks"} in config["alerting"]["alert_relabel_configs"]


def test_alertmanager_routes_lead_to_receivers() -> None:
    """Every route and inhibition names a receiver or an alert that exists."""
    config = load_yaml(DEPLOY / "alertmanager" / "alertmanager.yml")
    receivers = {receiver["name"] for receiver in config["receivers"]}
    routes = [config["route"]]
    while routes:
        route = routes.pop()
        assert route.get("receiver", config["route"]["receiver"]) in receivers
        routes += route.get("routes", [])
    for inhibition in config["inhibit_rules"]:
        for matcher in inhibition["source_matchers"] + inhibition["target_matchers"]:
            assert set(re.findall(r"Tocsin\w+", matcher)) <= set(ALERTS) | set(map(alertname, KINDS))
