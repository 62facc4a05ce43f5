"""TLS, SASL and permissions against a real broker: what is right works, what is wrong is one clear line."""

from __future__ import annotations

from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from pydantic import SecretStr

from pipeline.config.settings import Settings
from pipeline.errors import BrokerError
from pipeline.kafka.clients import admin, aiokafka_options, consumer, producer, topic_name
from pipeline.kafka.publishing import publish
from pipeline.kafka.topics import apply_topics, verify_topics
from tests.integration.secured_broker import PASSWORD, WRONG, run

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("protocol", "mechanism"),
    [
        ("SSL", None),
        ("SASL_PLAINTEXT", "PLAIN"),
        ("SASL_PLAINTEXT", "SCRAM-SHA-256"),
        ("SASL_PLAINTEXT", "SCRAM-SHA-512"),
        ("SASL_SSL", "PLAIN"),
        ("SASL_SSL", "SCRAM-SHA-512"),
    ],
)
def test_administration_writing_and_reading_work(secured, protocol, mechanism):
    settings = secured.settings(
        protocol,
        topic_prefix=f"{protocol}-{mechanism}-".lower().replace("_", "-"),
        **({"kafka_sasl_mechanism": mechanism} if mechanism else {}),
    )
    apply_topics(settings, partitions=1)
    assert verify_topics(settings).partitions == 1
    line = b'{"brand":"acme"}'
    assert publish(settings, [line]).mentions == 1
    with producer(settings) as client:
        client.send(topic_name(settings, "mentions"), line, b"acme").get(10)
    with consumer(settings, consumer_timeout_ms=10_000) as client:
        client.subscribe([topic_name(settings, "mentions")])
        assert [next(client).value, next(client).value] == [line, line]


async def _topics_by_aiokafka(settings: Settings) -> list[str]:
    client = AIOKafkaAdminClient(**aiokafka_options(settings))
    await client.start()
    try:
        return list(await client.list_topics())
    finally:
        await client.close()


@pytest.mark.parametrize("protocol", ["SSL", "SASL_PLAINTEXT", "SASL_SSL"])
def test_the_worker_s_client_gets_in_by_the_same_settings(secured, protocol):
    import asyncio

    asyncio.run(_topics_by_aiokafka(secured.settings(protocol)))


@pytest.mark.parametrize(
    ("protocol", "changes", "words"),
    [
        ("SASL_PLAINTEXT", {"kafka_sasl_password": SecretStr(WRONG)}, "Kafka refuses the user 'admin'"),
        (
            "SASL_PLAINTEXT",
            {"kafka_sasl_password": SecretStr(WRONG), "kafka_sasl_mechanism": "SCRAM-SHA-512"},
            "Kafka refuses the user 'admin'",
        ),
        ("SASL_SSL", {"kafka_sasl_mechanism": "SCRAM-SHA-256"}, "TOCSIN_KAFKA_SASL_MECHANISM"),
        ("SSL", {"kafka_ssl_cafile": "stranger"}, "expected a certificate that we trust"),
        ("SSL", {"kafka_security_protocol": "PLAINTEXT"}, "TOCSIN_KAFKA_SECURITY_PROTOCOL"),
        ("PLAINTEXT", {"kafka_security_protocol": "SSL"}, "TOCSIN_KAFKA_SECURITY_PROTOCOL"),
        ("SASL_PLAINTEXT", {"kafka_security_protocol": "PLAINTEXT"}, "TOCSIN_KAFKA_SECURITY_PROTOCOL"),
        ("SASL_PLAINTEXT", {"kafka_bootstrap": "plaintext"}, "TOCSIN_KAFKA_SECURITY_PROTOCOL"),
    ],
)
def test_what_is_wrong_is_one_clear_line_without_a_secret(secured, protocol, changes, words):
    changes = dict(changes)
    if changes.get("kafka_ssl_cafile"):
        changes["kafka_ssl_cafile"] = secured.folder / "stranger.pem"
    if changes.get("kafka_bootstrap") == "plaintext":
        changes["kafka_bootstrap"] = secured.kafka.bootstrap
    settings = secured.settings(protocol, **changes)
    with pytest.raises(BrokerError) as caught, admin(settings) as client:
        client.list_topics()
    message = str(caught.value)
    assert words in message
    assert "\n" not in message
    assert PASSWORD not in message
    assert WRONG not in message


def test_no_permission_to_create_topics_names_the_user(secured):
    settings = secured.settings("SASL_PLAINTEXT", kafka_sasl_username="guest", topic_prefix="guest-")
    with pytest.raises(BrokerError, match="the user 'guest' has no permission") as caught:
        apply_topics(settings)
    assert "\n" not in str(caught.value)


def test_no_permission_to_write_is_told_before_anything_is_lost(secured):
    apply_topics(secured.settings("PLAINTEXT", topic_prefix="mine-"), partitions=1)
    settings = secured.settings("SASL_PLAINTEXT", kafka_sasl_username="guest", topic_prefix="mine-")
    with pytest.raises(BrokerError, match="the user 'guest' has no permission"):
        publish(settings, [b'{"brand":"acme"}'])


UNFIT: dict[str, tuple[str, dict[str, Any], str]] = {
    "wrong password": ("SASL_PLAINTEXT", {"kafka_sasl_password": SecretStr(WRONG)}, "Kafka refuses the user 'admin'"),
    "wrong password, SCRAM-SHA-256": (
        "SASL_PLAINTEXT",
        {"kafka_sasl_password": SecretStr(WRONG), "kafka_sasl_mechanism": "SCRAM-SHA-256"},
        "Kafka refuses the user 'admin'",
    ),
    "wrong password, SCRAM-SHA-512 over TLS": (
        "SASL_SSL",
        {"kafka_sasl_password": SecretStr(WRONG), "kafka_sasl_mechanism": "SCRAM-SHA-512"},
        "Kafka refuses the user 'admin'",
    ),
    "unknown user": ("SASL_PLAINTEXT", {"kafka_sasl_username": "nobody"}, "Kafka refuses the user 'nobody'"),
    "mechanism not offered": ("SASL_SSL", {"kafka_sasl_mechanism": "SCRAM-SHA-256"}, "does not take SCRAM-SHA-256"),
    "expired certificate": ("SSL", {"kafka_bootstrap": "expired"}, "certificate has expired"),
    "name mismatch": ("SSL", {"kafka_bootstrap": "elsewhere"}, "IP address mismatch"),
    "foreign authority": ("SSL", {"kafka_ssl_cafile": "stranger"}, "unable to get local issuer certificate"),
    "no ACL": ("SASL_PLAINTEXT", {"kafka_sasl_username": "guest"}, "the user 'guest' has no permission"),
}
COMMANDS = {
    "worker": (["worker"], b""),
    "check": (["check", "--broker"], b""),
    "topics plan": (["topics", "plan"], b""),
    "topics apply": (["topics", "apply"], b""),
    "publish": (["publish", "-"], b'{"brand":"acme"}\n'),
    "alerts": (["alerts"], b""),
    "dead-letters": (["dead-letters"], b""),
}


@pytest.mark.parametrize("case", UNFIT)
@pytest.mark.parametrize("command", ["worker", "publish"])
def test_a_command_that_gets_no_access_ends_with_one_clear_line(secured, command, case):
    protocol, changes, words = UNFIT[case]
    apply_topics(secured.settings("PLAINTEXT", topic_prefix="unfit-"), partitions=1)
    changes = dict(changes)
    if changes.get("kafka_ssl_cafile"):
        changes["kafka_ssl_cafile"] = secured.folder / "stranger.pem"
    if changes.get("kafka_bootstrap"):
        changes["kafka_bootstrap"] = f"127.0.0.1:{getattr(secured, changes['kafka_bootstrap'])}"
    settings = secured.settings(protocol, topic_prefix="unfit-", log_format="console", log_level="error", **changes)
    arguments, given = COMMANDS[command]
    error = run(settings, *arguments, given=given).error
    assert words in error
    assert "TOCSIN_" in error or "ACL" in error  # what to do
    if case != "no ACL":
        assert settings.kafka_bootstrap in error


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_tells_of_a_refused_login_and_of_a_certificate_in_the_same_words(secured, command):
    arguments, given = COMMANDS[command]
    quiet = {"log_format": "console", "log_level": "error"}
    wrong = secured.settings("SASL_PLAINTEXT", kafka_sasl_password=SecretStr(WRONG), **quiet)
    assert "Kafka refuses the user 'admin'" in run(wrong, *arguments, given=given).error
    foreign = secured.settings("SSL", kafka_bootstrap=f"127.0.0.1:{secured.expired}", **quiet)
    assert "certificate has expired" in run(foreign, *arguments, given=given).error
