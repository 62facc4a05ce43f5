"""TLS, SASL and permissions against a real broker: what is right works, what is wrong is one clear line in time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiokafka.admin import AIOKafkaAdminClient
from pydantic import SecretStr

from pipeline.errors import BrokerError
from pipeline.kafka_clients import admin, aiokafka_options, consumer, producer, topic_name
from pipeline.local_kafka import LocalKafka
from pipeline.local_kafka.node import _free_port as free_port
from pipeline.publishing import publish
from pipeline.settings import Settings
from pipeline.topics import apply_topics, verify_topics
from tests.integration.conftest import JARS

pytestmark = pytest.mark.integration

PASSWORD = "right-s3cret"
WRONG = "wrong-s3cret"


class Secured:
    """A broker with a TLS, a SASL and a SASL over TLS listener; only the user `admin` may create topics."""

    def __init__(self, folder: Path) -> None:
        self.authority = trustme.CA()
        self.stranger = trustme.CA()
        certificate = self.authority.issue_cert("localhost", "127.0.0.1")
        with (folder / "keystore.pem").open("wb") as keystore:
            for blob in (certificate.private_key_pem, *certificate.cert_chain_pems):
                keystore.write(_pkcs8(blob.bytes()))
        for name, authority in (("authority", self.authority), ("stranger", self.stranger)):
            authority.cert_pem.write_to_path(folder / f"{name}.pem")
        self.folder = folder
        self.tls, self.sasl, self.sasl_tls = (free_port(0) for _ in range(3))
        plain = "org.apache.kafka.common.security.plain.PlainLoginModule required"
        scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        users = f'user_admin="{PASSWORD}" user_guest="{PASSWORD}"'
        listeners = f"TLS://127.0.0.1:{self.tls},SASL://127.0.0.1:{self.sasl},BOTH://127.0.0.1:{self.sasl_tls}"
        self.kafka = LocalKafka(
            folder / "kafka",
            0,
            properties={
                "listeners": listeners,
                "advertised.listeners": listeners,
                "listener.security.protocol.map": "TLS:SSL,SASL:SASL_PLAINTEXT,BOTH:SASL_SSL",
                "ssl.keystore.type": "PEM",
                "ssl.keystore.location": str(folder / "keystore.pem"),
                "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
                "listener.name.sasl.plain.sasl.jaas.config": f"{plain} {users};",
                "listener.name.sasl.scram-sha-512.sasl.jaas.config": scram,
                "listener.name.both.plain.sasl.jaas.config": f"{plain} {users};",
                "listener.name.both.scram-sha-512.sasl.jaas.config": scram,
                "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                "super.users": "User:ANONYMOUS;User:admin",
            },
            format_arguments=["--add-scram", f"SCRAM-SHA-512=[name=admin,password={PASSWORD}]"],
            jars=JARS,
        )

    def settings(self, protocol: str, **changes: Any) -> Settings:
        port = {"PLAINTEXT": self.kafka.port, "SSL": self.tls, "SASL_PLAINTEXT": self.sasl, "SASL_SSL": self.sasl_tls}
        facts: dict[str, Any] = {
            "kafka_bootstrap": f"127.0.0.1:{port[protocol]}",
            "kafka_security_protocol": protocol,
            "kafka_timeout_seconds": 4,
            "topic_prefix": f"{protocol.lower().replace('_', '-')}-",
        }
        if protocol.endswith("SSL"):
            facts["kafka_ssl_cafile"] = self.folder / "authority.pem"
        if protocol.startswith("SASL"):
            facts |= {
                "kafka_sasl_mechanism": "PLAIN",
                "kafka_sasl_username": "admin",
                "kafka_sasl_password": SecretStr(PASSWORD),
            }
        return Settings(**(facts | changes))


def _pkcs8(pem: bytes) -> bytes:
    """Kafka reads keys in PKCS 8 only, trustme writes the older form."""
    from cryptography.hazmat.primitives import serialization

    if b"PRIVATE KEY" not in pem:
        return pem
    return serialization.load_pem_private_key(pem, None).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    secured = Secured(tmp_path_factory.mktemp("secured"))
    with secured.kafka:
        yield secured


@pytest.mark.parametrize(
    ("protocol", "mechanism"),
    [("SSL", None), ("SASL_PLAINTEXT", "PLAIN"), ("SASL_SSL", "SCRAM-SHA-512")],
)
def test_administration_writing_and_reading_work(secured, protocol, mechanism):
    settings = secured.settings(protocol, **({"kafka_sasl_mechanism": mechanism} if mechanism else {}))
    apply_topics(settings, partitions=1)
    assert verify_topics(settings) == 1
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
def test_what_is_wrong_is_one_clear_line_in_time_without_a_secret(secured, protocol, changes, words):
    changes = dict(changes)
    if changes.get("kafka_ssl_cafile"):
        changes["kafka_ssl_cafile"] = secured.folder / "stranger.pem"
    if changes.get("kafka_bootstrap") == "plaintext":
        changes["kafka_bootstrap"] = secured.kafka.bootstrap
    settings = secured.settings(protocol, **changes)
    began = time.monotonic()
    with pytest.raises(BrokerError) as caught, admin(settings) as client:
        client.list_topics()
    assert time.monotonic() - began < 15
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
