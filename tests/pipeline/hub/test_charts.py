"""The numbers and words that a page gives its charts, and the code of others that draws them."""

from __future__ import annotations

import hashlib
import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from starlette.testclient import TestClient

import pipeline.hub
from pipeline.hub.app import application
from pipeline.hub.store.writer import Incoming, Writer
from schemas.feedback import new_feedback
from schemas.moments import moment
from tests.pipeline.hub.world import DETECTED, HOSTILE, burn, hub_in, later

VENDOR = Path(pipeline.hub.__file__).parent / "static" / "vendor"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[TestClient, Writer]]:
    with hub_in(tmp_path) as (hub, writer), TestClient(application(hub, ["testserver"])) as client:
        yield client, writer


def drawn(client: TestClient, address: str) -> dict[str, Any]:
    """What the script of a page draws."""
    (found,) = re.findall(r'data-charts="([^"]*)"', client.get(address).text)
    data: dict[str, Any] = json.loads(html.unescape(found))
    return data


def test_the_charts_of_a_page_draw_the_points_of_the_json_api(site):
    client, writer = site
    opened = burn(writer)
    for path in (f"/episodes/{opened.episode_id}", "/brands/acme?days=1", "/brands/acme?days=7"):
        told, shown = client.get(f"/api{path}").json(), drawn(client, path)
        points = told["points"]
        assert len(points) > 1, path
        assert shown["start"] == [point["start"] for point in points]
        assert shown["step"] == told["step"]
        for column, values in shown["columns"].items():
            wanted = [point[column] and pytest.approx(point[column], abs=1e-4) for point in points]
            assert values == wanted, (path, column)


def test_marks_are_numbered_as_the_time_line_and_the_threshold_is_that_of_the_last_alert(site):
    client, writer = site
    opened = burn(writer)
    writer.apply(Incoming(feedback=[new_feedback(opened, "acknowledged", author="Kim", time=moment(DETECTED + 60))]))
    address = f"/episodes/{opened.episode_id}"
    shown = drawn(client, address)
    listed = re.findall(r'aria-hidden="true">(\d+)</span>\s*<div>.*?<strong>(.*?)</strong>', client.get(address).text)
    assert [(str(mark["number"]), mark["words"]) for mark in shown["marks"]] == listed
    assert {"trigger", "onset", "alert", "acknowledged"} <= {mark["kind"] for mark in shown["marks"]}
    assert shown["threshold"] == opened.score.threshold


def test_an_episode_of_a_brand_is_shaded_until_it_is_resolved_or_now(site):
    client, writer = site
    opened = burn(writer)
    (shade,) = drawn(client, "/brands/acme?days=1")["shades"]
    assert (shade["since"], shade["severity"]) == (opened.onset_time.timestamp(), "critical")
    assert shade["until"] == drawn(client, "/brands/acme?days=1")["until"]
    over = later(opened, 2, "resolved", 2)
    writer.apply(Incoming(alerts=[over]))
    (shade,) = drawn(client, "/brands/acme?days=1")["shades"]
    assert shade["until"] == over.detected_time.timestamp()


def test_hostile_words_of_a_mark_stay_words_within_the_data(site):
    client, writer = site
    opened = burn(writer)
    trigger = msgspec.structs.replace(opened.evidence.triggers[0], author=HOSTILE)
    news = msgspec.structs.replace(opened.evidence, own_posts=(trigger,))
    author = '"><script>window.hacked=1</script>'
    writer.apply(
        Incoming(
            alerts=[later(opened, 2, "updated", 5, evidence=news)],
            feedback=[new_feedback(opened, "acknowledged", author=author, time=moment(DETECTED))],
        )
    )
    words = [mark["words"] for mark in drawn(client, f"/episodes/{opened.episode_id}")["marks"]]
    assert f"acknowledged by {author}" in words
    assert any("<img src=x" in one for one in words)


def test_code_of_others_is_what_its_list_says_with_its_licence_and_pages_load_it(site):
    client, writer = site
    text = (VENDOR / "README.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| (\S+/\S+) \| `([0-9a-f]{64})` \|$", text, re.MULTILINE))
    files = {path.relative_to(VENDOR).as_posix(): path for path in VENDOR.rglob("*") if path.parent != VENDOR}
    assert listed == {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}
    folders = {name.partition("/")[0] for name in files}
    assert {f"{folder}/LICENSE" for folder in folders} <= files.keys()
    page = client.get(f"/episodes/{burn(writer).episode_id}").text
    loaded = re.findall(r'(?:src|href)="/static/vendor/([^"]+)"', page)
    assert {name for name in files if not name.endswith("LICENSE")} == set(loaded)
    assert all(client.get(f"/static/vendor/{name}").status_code == 200 for name in loaded)
