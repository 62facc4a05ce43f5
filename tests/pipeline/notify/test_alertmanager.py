"""A real Alertmanager: what opens is active, what escalates is one alert still, what resolves ends."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipeline.notify.config import TargetSection
from pipeline.notify.courier import Profile
from pipeline.notify.messages import Style, message
from pipeline.notify.rehearsal import try_out
from pipeline.notify.targets.alertmanager import Alertmanager
from pipeline.notify.targets.contract import Delivered, Notice
from tests.pipeline.notify.examples import crisis, example
from tests.pipeline.notify.receiver import Receiver, receiving

PROGRAM = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
STYLE = Style(hub_url="https://hub.example")

pytestmark = pytest.mark.skipif(
    PROGRAM is None, reason="no Alertmanager on PATH (Debian package: prometheus-alertmanager)"
)


def wait_for(condition, what: str) -> Any:
    deadline = time.monotonic() + 60
    while not (found := condition()):
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.02)
    return found


@contextmanager
def running(folder: Path, webhook: str) -> Iterator[str]:
    """An Alertmanager that groups by incident and posts to a webhook; yields its address."""
    config = {
        "route": {
            "receiver": "people",
            "group_by": ["incident_id"],
            "group_wait": "50ms",
            "group_interval": "100ms",
            "repeat_interval": "1h",
        },
        "receivers": [{"name": "people", "webhook_configs": [{"url": webhook, "send_resolved": True}]}],
    }
    (folder / "alertmanager.yml").write_text(json.dumps(config), encoding="utf-8")  # JSON is YAML
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    command = [
        str(PROGRAM),
        f"--config.file={folder / 'alertmanager.yml'}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address={address}",
        "--cluster.listen-address=",
    ]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            wait_for(lambda: is_ready(address), "an Alertmanager that is ready")
            yield f"http://{address}"
        finally:
            process.kill()


def is_ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{address}/-/ready", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def active(url: str) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{url}/api/v2/alerts?active=true", timeout=5) as answer:
        return list(json.load(answer))


def told(people: Receiver) -> list[tuple[str, list[tuple[str, str]]]]:
    """What the people of the webhook were told: the state of the group, and each alert's severity and state."""
    return [
        (one.document["status"], [(each["labels"]["severity"], each["status"]) for each in one.document["alerts"]])
        for one in people.requests
    ]


def notice(alert, previous=None) -> Notice:
    return Notice(alert=alert, message=message(alert, STYLE), previous=previous)


def test_an_episode_opens_escalates_and_resolves_and_people_are_told_each(tmp_path):
    with receiving() as people, running(tmp_path, people.url) as url:
        target = Alertmanager(url, None, 30, STYLE)
        opened = example("full")
        escalated = example("crisis-escalated", severity="critical", episode_id=opened.episode_id)
        resolved = example("crisis-resolved", severity="critical", episode_id=opened.episode_id)
        assert target.deliver(notice(opened)) == Delivered()
        (found,) = active(url)
        assert found["labels"]["alertname"] == "TocsinCrisis"
        assert found["labels"]["incident_id"] == opened.episode_id
        assert found["annotations"]["summary"].startswith("Crisis about acme: 412 mentions")
        assert found["annotations"]["runbook_url"] == "https://wiki.acme.example/crisis"
        assert found["generatorURL"] == f"https://hub.example/episodes/{opened.episode_id}"
        wait_for(lambda: ("firing", [("warning", "firing")]) in told(people), "people told of the opening")
        assert target.deliver(notice(opened)) == Delivered()  # after a crash, once more
        assert len(active(url)) == 1
        assert target.deliver(notice(escalated, opened)) == Delivered()
        assert [one["labels"]["severity"] for one in active(url)] == ["critical"]
        wait_for(lambda: any(("critical", "firing") in alerts for _, alerts in told(people)), "people told it is worse")
        assert target.deliver(notice(resolved, escalated)) == Delivered()
        assert active(url) == []
        wait_for(lambda: told(people)[-1][0] == "resolved", "people told that it is over")


def test_a_test_reaches_people_and_stays_until_it_is_ended(tmp_path):
    profile = Profile(name="am", section=TargetSection(type="alertmanager", url="http://am"), style=STYLE)
    with receiving() as people, running(tmp_path, people.url) as url:
        target = Alertmanager(url, None, 30, STYLE)
        assert try_out(profile, target, datetime.now(UTC), severity="warning", resolved=False) == Delivered()
        wait_for(lambda: ("firing", [("warning", "firing")]) in told(people), "people told of the test")
        (found,) = active(url)
        assert found["annotations"]["summary"].startswith("TEST, nothing has happened: ")
        assert try_out(profile, target, datetime.now(UTC), severity="warning", resolved=True) == Delivered()
        assert active(url) == []


def test_what_is_open_is_back_after_the_alertmanager_has_lost_it(tmp_path):
    with receiving() as people, running(tmp_path, people.url) as url:
        target = Alertmanager(url, None, 30, STYLE)
        assert target.remind([]) is None
        assert target.remind([crisis(episode=1), crisis(episode=2)]) == Delivered()
        assert {one["labels"]["episode_id"] for one in active(url)} == {f"{1:012x}", f"{2:012x}"}
