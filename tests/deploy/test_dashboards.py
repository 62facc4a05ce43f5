"""Grafana dashboards: load without a click, and explain every panel."""

from __future__ import annotations

from typing import Any

import pytest

from tests.deploy.deployment import DEPLOY, dashboards, load_yaml, panels

DASHBOARDS = dashboards()


def test_uids_are_unique_and_stable() -> None:
    """A link to a dashboard survives every new version of it."""
    assert {name: dashboard["uid"] for name, dashboard in DASHBOARDS.items()} == {
        "crises.json": "tocsin-crises",
        "pipeline-health.json": "tocsin-pipeline-health",
    }


@pytest.mark.parametrize("dashboard", DASHBOARDS.values(), ids=DASHBOARDS)
def test_every_panel_is_explained(dashboard: dict[str, Any]) -> None:
    """Title, description, unit, data source by variable, and an id of its own."""
    assert dashboard["schemaVersion"] >= 41
    assert dashboard["id"] is None
    identities = [panel["id"] for panel in dashboard["panels"]]
    assert len(identities) == len(set(identities))
    for panel in panels(dashboard):
        assert panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["targets"]
        for part in [panel, *panel["targets"]]:
            assert part["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        references = [target["refId"] for target in panel["targets"]]
        assert len(references) == len(set(references))


@pytest.mark.parametrize("dashboard", DASHBOARDS.values(), ids=DASHBOARDS)
def test_panels_do_not_overlap(dashboard: dict[str, Any]) -> None:
    """The grid is 24 wide and no cell is taken twice."""
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells


@pytest.mark.parametrize("dashboard", DASHBOARDS.values(), ids=DASHBOARDS)
def test_links_and_variables_lead_somewhere(dashboard: dict[str, Any]) -> None:
    """Links name dashboards that exist; the data source variable offers Prometheus."""
    uids = {other["uid"] for other in DASHBOARDS.values()}
    for link in dashboard["links"]:
        assert link["url"].removeprefix("/d/") in uids
    variables = {variable["name"]: variable for variable in dashboard["templating"]["list"]}
    assert variables["datasource"]["query"] == "prometheus"


def test_provisioning_points_at_what_is_mounted() -> None:
    """The provider reads the folder that compose mounts, and the data source is the Prometheus of compose."""
    services = load_yaml(DEPLOY / "compose.yaml")["services"]
    mounts = dict(volume.split(":")[:2] for volume in services["grafana"]["volumes"])
    (provider,) = load_yaml(DEPLOY / "grafana" / "provisioning" / "dashboards" / "tocsin.yaml")["providers"]
    assert mounts["./grafana/dashboards"] == provider["options"]["path"]
    assert mounts["./grafana/provisioning"] == "/etc/grafana/provisioning"
    home = services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home.removeprefix(provider["options"]["path"] + "/") in DASHBOARDS
    (source,) = load_yaml(DEPLOY / "grafana" / "provisioning" / "datasources" / "prometheus.yaml")["datasources"]
    assert source["isDefault"]
    assert source["url"] == "http://prometheus:9090"
    assert "prometheus" in services
