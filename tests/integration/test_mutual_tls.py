"""A broker that asks for our certificate: the right one gets in, all others are one clear line."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from pipeline.kafka.topics import apply_topics
from tests.integration.secured_broker import PASSWORD, run
from tests.integration.worker_process import difference, oracle, outcome, publish, settle, working
from tests.pipeline.mention_streams import troubled_stream

pytestmark = pytest.mark.integration

COMMANDS = {
    "check": (["check", "--broker"], b""),
    "topics": (["topics", "apply"], b""),
    "publish": (["publish", "-"], b'{"brand":"acme"}\n'),
    "alerts": (["alerts"], b""),
    "worker": (["worker"], b""),
}


def locked(key: Path, folder: Path) -> Path:
    """The same key behind PASSWORD."""
    opened = serialization.load_pem_private_key(key.read_bytes(), None)
    path = folder / "locked.key.pem"
    path.write_bytes(
        opened.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(PASSWORD.encode()),
        )
    )
    return path


def test_the_whole_line_works_with_a_certificate_and_a_locked_key(secured, tmp_path):
    password = tmp_path / "password"
    password.write_text(PASSWORD + "\n")
    settings = secured.mutual_settings("worker", topic_prefix="mutual-", group="mutual").model_copy(
        update={"kafka_ssl_keyfile": locked(secured.folder / "worker.key.pem", tmp_path)}
        | {"kafka_ssl_password_file": password}
    )
    apply_topics(settings, 2)
    publish(settings, [record for record in troubled_stream(3) if record.key and record.value])
    with working(settings, tmp_path) as worker:
        settle(settings, [worker])
        worker.stop()
    found = outcome(settings)
    assert found.alert_count
    assert not difference(found, oracle(settings))
    assert PASSWORD not in worker.said


CERTIFICATES = {
    "": "the broker asks for a certificate of ours and got none",
    "foreign": "the broker refuses our certificate",
    "outdated": "the broker refuses our certificate",
    "guest": "the user of our certificate has no permission",
}
# Each of our clients with every certificate, every other command with none.
CASES = [(command, certificate) for command in ("worker", "publish") for certificate in CERTIFICATES]
CASES += [(command, "") for command in COMMANDS.keys() - {"worker", "publish"}]


@pytest.mark.parametrize(("command", "certificate"), sorted(CASES), ids=lambda part: part or "none")
def test_another_certificate_or_none_is_one_line_that_says_what_to_do(secured, certificate, command):
    settings = secured.mutual_settings(certificate, log_format="console", log_level="error")
    arguments, given = COMMANDS[command]
    error = run(settings, *arguments, given=given).error
    assert CERTIFICATES[certificate] in error
    assert "TOCSIN_KAFKA_SSL_CERTFILE" in error or "ACL" in error
    assert settings.kafka_bootstrap in error
