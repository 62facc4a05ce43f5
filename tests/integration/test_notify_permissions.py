"""`tocsin notify` on a broker with ACLs: what docs/security.md says is enough, and without it the start says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.config.settings import Settings
from pipeline.kafka.topics import apply_topics
from schemas.alert import encode_alert
from tests.integration.secured_broker import PASSWORD, Permission, Secured
from tests.integration.test_alerts import write
from tests.integration.test_notify import NOT_RECORDED
from tests.integration.worker_process import WorkerProcess, wait_until
from tests.pipeline.notify.examples import crisis
from tests.pipeline.notify.receiver import receiving

pytestmark = pytest.mark.integration

NEEDED = [
    Permission("Topic", "PREFIXalerts", "literal", "READ"),
    Permission("Group", "GROUP-notify-", "prefixed", "READ"),
]
RECORDS = Permission("Topic", "PREFIXalert-deliveries", "literal", "WRITE")


def start(secured: Secured, settings: Settings, folder: Path, url: str, permissions: list[Permission]) -> WorkerProcess:
    """The service as a user of its own with these permissions, an alert on its topic."""
    mine = secured.settings("PLAINTEXT", topic_prefix=settings.topic_prefix)
    apply_topics(mine)
    write(mine, encode_alert(crisis()))
    secured.permit(settings, permissions)
    (folder / "key").write_text("k" * 32, encoding="utf-8")
    (folder / "targets.toml").write_text(
        f'[targets.hook]\ntype = "webhook"\nurl = "{url}"\nsecret_file = "key"\n', encoding="utf-8"
    )
    options = ("--config", str(folder / "targets.toml"), "--state", str(folder / "state"), "--from-beginning")
    process = WorkerProcess(settings, folder, program=("pipeline", "notify", *options))
    process.start()
    return process


def test_without_leave_to_record_it_it_delivers_and_says_so_and_with_it_the_permissions_of_the_document_are_enough(
    secured, tmp_path
):
    settings = secured.restricted(kafka_timeout_seconds=6)
    with receiving() as hook:
        process = start(secured, settings, tmp_path, hook.url, NEEDED)
        try:
            wait_until(lambda: hook.requests, 30, "the alert is delivered")
            (said,) = wait_until(lambda: process.events(NOT_RECORDED), 30, "it is said")
            secured.permit(settings, [RECORDS])
            wait_until(lambda: process.events("who was told is recorded again"), 30, "it is recorded")
            process.stop()
        finally:
            process.close()
    assert "has no permission" in said["why"]
    assert PASSWORD not in process.said


@pytest.mark.parametrize("left_out", NEEDED, ids=lambda one: one.name)
def test_without_one_of_them_it_ends_at_its_start_and_says_who_lacks_it(secured, tmp_path, left_out):
    settings = secured.restricted(kafka_timeout_seconds=6)
    with receiving() as hook:
        process = start(secured, settings, tmp_path, hook.url, [one for one in NEEDED if one != left_out])
        try:
            assert process.await_end(40) == 1
        finally:
            process.close()
    (error,) = process.errors
    assert "has no permission" in error
    assert hook.requests == []
    assert PASSWORD not in process.said
