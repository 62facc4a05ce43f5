"""A real broker with TLS, SASL and an authorizer, and commands run against it as processes of their own."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import trustme
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
)
from pydantic import SecretStr

from pipeline.config.settings import Settings, child_environment
from pipeline.kafka.clients import admin
from pipeline.kafka.local import LocalKafka
from pipeline.kafka.local.ports import free_port

ROOT = Path(__file__).parents[2]
PASSWORD = "right-s3cret"
WRONG = "wrong-s3cret"
USERS = [f"user{number}" for number in range(80)]
"""Each test that gives permissions takes users of its own; all have the same password."""

_numbers = itertools.count()


class Secured:
    """A broker with a TLS, a SASL and a SASL over TLS listener, two of TLS with unfit certificates, and one that asks
    for the client's certificate too.

    Only ANONYMOUS (TLS, and the broker itself), `admin` and the certificate of `worker.example` may do anything; all
    others need ACLs.
    """

    def __init__(self, folder: Path, jars: Path) -> None:
        self.authority = trustme.CA()
        self.stranger = trustme.CA()
        yesterday = datetime.now(UTC) - timedelta(days=1)
        for name, certificate in {
            "right": self.authority.issue_cert("localhost", "127.0.0.1"),
            "expired": self.authority.issue_cert(
                "localhost", "127.0.0.1", not_before=yesterday - timedelta(days=9), not_after=yesterday
            ),
            "elsewhere": self.authority.issue_cert("kafka.example"),
        }.items():
            with (folder / f"{name}.keystore.pem").open("wb") as keystore:
                for blob in (certificate.private_key_pem, *certificate.cert_chain_pems):
                    keystore.write(_pkcs8(blob.bytes()))
        for name, certificate in {
            "worker": self.authority.issue_cert("worker.example", common_name="worker.example"),
            "guest": self.authority.issue_cert("guest.example", common_name="guest.example"),
            "outdated": self.authority.issue_cert(
                "worker.example",
                common_name="worker.example",
                not_before=yesterday - timedelta(days=9),
                not_after=yesterday,
            ),
            "foreign": self.stranger.issue_cert("worker.example", common_name="worker.example"),
        }.items():
            certificate.private_key_pem.write_to_path(folder / f"{name}.key.pem")
            for blob in certificate.cert_chain_pems:
                blob.write_to_path(folder / f"{name}.pem", append=True)
        for name, authority in (("authority", self.authority), ("stranger", self.stranger)):
            authority.cert_pem.write_to_path(folder / f"{name}.pem")
        self.folder = folder
        self.tls, self.sasl, self.sasl_tls, self.expired, self.elsewhere, self.mutual = (free_port() for _ in range(6))
        plain = "org.apache.kafka.common.security.plain.PlainLoginModule required"
        scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        users = " ".join(f'user_{name}="{PASSWORD}"' for name in ("admin", "guest", *USERS))
        listeners = f"TLS://127.0.0.1:{self.tls},SASL://127.0.0.1:{self.sasl},BOTH://127.0.0.1:{self.sasl_tls},"
        listeners += f"EXPIRED://127.0.0.1:{self.expired},ELSEWHERE://127.0.0.1:{self.elsewhere},"
        listeners += f"MUTUAL://127.0.0.1:{self.mutual}"
        protocols = "TLS:SSL,SASL:SASL_PLAINTEXT,BOTH:SASL_SSL,EXPIRED:SSL,ELSEWHERE:SSL,MUTUAL:SSL"
        self.kafka = LocalKafka(
            folder / "kafka",
            0,
            properties={
                "listeners": listeners,
                "advertised.listeners": listeners,
                "listener.security.protocol.map": protocols,
                "ssl.keystore.type": "PEM",
                "ssl.keystore.location": str(folder / "right.keystore.pem"),
                "listener.name.expired.ssl.keystore.type": "PEM",
                "listener.name.expired.ssl.keystore.location": str(folder / "expired.keystore.pem"),
                "listener.name.elsewhere.ssl.keystore.type": "PEM",
                "listener.name.elsewhere.ssl.keystore.location": str(folder / "elsewhere.keystore.pem"),
                "listener.name.mutual.ssl.client.auth": "required",
                "listener.name.mutual.ssl.truststore.type": "PEM",
                "listener.name.mutual.ssl.truststore.location": str(folder / "authority.pem"),
                "listener.name.mutual.ssl.principal.mapping.rules": "RULE:^CN=([^,]+),.*$/$1/",
                "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
                "listener.name.both.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
                "listener.name.sasl.scram-sha-256.sasl.jaas.config": scram,
                "listener.name.sasl.plain.sasl.jaas.config": f"{plain} {users};",
                "listener.name.sasl.scram-sha-512.sasl.jaas.config": scram,
                "listener.name.both.plain.sasl.jaas.config": f"{plain} {users};",
                "listener.name.both.scram-sha-512.sasl.jaas.config": scram,
                "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                "allow.everyone.if.no.acl.found": "false",
                "super.users": "User:ANONYMOUS;User:admin;User:worker.example",
            },
            format_arguments=[
                argument
                for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512")
                for argument in ("--add-scram", f"{mechanism}=[name=admin,password={PASSWORD}]")
            ],
            jars=jars,
        )

    def settings(self, protocol: str, **changes: Any) -> Settings:
        port = {"PLAINTEXT": self.kafka.port, "SSL": self.tls, "SASL_PLAINTEXT": self.sasl, "SASL_SSL": self.sasl_tls}
        facts: dict[str, Any] = {
            "kafka_bootstrap": f"127.0.0.1:{port[protocol]}",
            "kafka_security_protocol": protocol,
            "kafka_timeout_seconds": 4,
            "topic_prefix": f"{protocol.lower().replace('_', '-')}-",
        }
        spoken = changes.get("kafka_security_protocol", protocol)
        if spoken.endswith("SSL"):
            facts["kafka_ssl_cafile"] = self.folder / "authority.pem"
        if spoken.startswith("SASL"):
            facts |= {
                "kafka_sasl_mechanism": "PLAIN",
                "kafka_sasl_username": "admin",
                "kafka_sasl_password": SecretStr(PASSWORD),
            }
        return Settings(**(facts | changes))

    def mutual_settings(self, certificate: str, **changes: Any) -> Settings:
        """Settings for the listener that asks for a certificate, with one of those made above; "" shows none."""
        if certificate:
            changes["kafka_ssl_certfile"] = self.folder / f"{certificate}.pem"
            changes["kafka_ssl_keyfile"] = self.folder / f"{certificate}.key.pem"
        return self.settings("SSL", kafka_bootstrap=f"127.0.0.1:{self.mutual}", **changes)

    def restricted(self, **changes: Any) -> Settings:
        """Settings of a user of its own who may do nothing yet, with a topic prefix and a group of its own."""
        number = next(_numbers)
        return self.settings(
            "SASL_PLAINTEXT",
            kafka_sasl_username=USERS[number],
            topic_prefix=f"least{number}-",
            group=f"least{number}",
            **changes,
        )

    def permit(self, settings: Settings, permissions: Iterable[Permission]) -> None:
        """Give the user of these settings the permissions, and wait until the broker knows them."""
        acls = [ACL(*_allowed(settings, permission)) for permission in permissions]
        with admin(self.settings("PLAINTEXT")) as client:
            before = len(_known(client, settings))
            assert not client.create_acls(acls)["failed"]
            _await_acls(client, settings, before + len(acls))

    def revoke(self, settings: Settings, permission: Permission) -> None:
        """Take one permission from the user of these settings, and wait until the broker knows it."""
        with admin(self.settings("PLAINTEXT")) as client:
            before = len(_known(client, settings))
            client.delete_acls([ACLFilter(*_allowed(settings, permission))])
            _await_acls(client, settings, before - 1)


def _principal(settings: Settings) -> str:
    return f"User:{settings.kafka_sasl_username}"


def name_of(permission: Permission, settings: Settings) -> str:
    """What the permission is about on this cluster."""
    return permission.name.replace("PREFIX", settings.topic_prefix).replace("GROUP", settings.group)


def _allowed(settings: Settings, permission: Permission) -> tuple[Any, ...]:
    """The parts of an ACL that gives the user of these settings a permission."""
    resource, pattern = ResourceType[permission.resource.upper()], ACLResourcePatternType[permission.pattern.upper()]
    return (
        _principal(settings),
        "*",
        ACLOperation[permission.operation.upper()],
        ACLPermissionType.ALLOW,
        ResourcePattern(resource, name_of(permission, settings), pattern),
    )


def _known(client: Any, settings: Settings) -> list[Any]:
    """The ACLs of the user of these settings."""
    anything = ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY)
    mine = ACLFilter(_principal(settings), None, ACLOperation.ANY, ACLPermissionType.ANY, anything)
    return list(client.describe_acls(mine)[0])


def _await_acls(client: Any, settings: Settings, count: int) -> None:
    deadline = time.monotonic() + 10
    while len(_known(client, settings)) != count:
        assert time.monotonic() < deadline, f"the broker does not show {count} ACLs"
        time.sleep(0.05)


@dataclass(frozen=True)
class Permission:
    """One ACL of the table in docs/security.md."""

    resource: str
    name: str
    pattern: str
    operation: str


@dataclass(frozen=True)
class Ended:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line of a command that failed as it should: exit code 1, one line, no traceback, no secret."""
        assert self.code == 1, self
        assert len(self.err.splitlines()) == 1, self.err
        (line,) = self.err.splitlines()
        assert line.startswith("tocsin: error: "), line
        assert PASSWORD not in self.out + self.err
        assert WRONG not in self.out + self.err
        return line.removeprefix("tocsin: error: ")


def run(settings: Settings, *arguments: str, given: bytes = b"") -> Ended:
    """`tocsin ARGUMENTS` as a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", *arguments],
        env=child_environment(settings),
        cwd=ROOT,
        input=given,
        capture_output=True,
        timeout=60,
        check=False,
    )
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


def _pkcs8(pem: bytes) -> bytes:
    """Kafka reads keys in PKCS 8 only, trustme writes the older form."""
    from cryptography.hazmat.primitives import serialization

    if b"PRIVATE KEY" not in pem:
        return pem
    return serialization.load_pem_private_key(pem, None).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
