"""Kafka clients made from the settings.

Only here do addresses, TLS and SASL become client options, and the many ways in which a connection fails one clear
line.
"""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from pipeline.config.settings import PREFIX, Settings, broker_addresses
from pipeline.errors import BrokerError, ConfigError
from pipeline.kafka.probe import NotKafkaError, probe

_RETRY_SECONDS: Final = 0.2


def topic_name(settings: Settings, name: str) -> str:
    """A catalogue topic's name on this cluster, such as `staging-mentions`, `brand-state-2` of a second generation."""
    if name == "brand-state" and settings.state_generation > 1:
        name = f"{name}-{settings.state_generation}"
    return settings.topic_prefix + name


def bootstrap_servers(settings: Settings) -> list[tuple[str, int]]:
    """The bootstrap addresses as (host, port)."""
    return broker_addresses(settings.kafka_bootstrap)


def ssl_context(settings: Settings) -> ssl.SSLContext | None:
    """The TLS context of the settings, None without TLS. Certificates are always verified.

    Raises:
        ConfigError: a PEM file that cannot be used.
    """
    if settings.kafka_security_protocol not in {"SSL", "SASL_SSL"}:
        return None
    cafile, certfile, keyfile = settings.kafka_ssl_cafile, settings.kafka_ssl_certfile, settings.kafka_ssl_keyfile
    try:
        context = ssl.create_default_context(cafile=str(cafile) if cafile else None)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"environment: {PREFIX}KAFKA_SSL_CAFILE={str(cafile)!r}: not usable: {error}") from None
    context.check_hostname = settings.kafka_ssl_check_hostname
    if keyfile and not certfile:
        raise ConfigError(f"environment: {PREFIX}KAFKA_SSL_CERTFILE must be set when {PREFIX}KAFKA_SSL_KEYFILE is")
    if certfile:
        password = settings.ssl_password() or ""
        try:
            # A password is always given: without one OpenSSL would ask for it on the terminal.
            context.load_cert_chain(certfile, keyfile, password)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(
                f"environment: {PREFIX}KAFKA_SSL_CERTFILE={str(certfile)!r} with {PREFIX}KAFKA_SSL_KEYFILE="
                f"{str(keyfile)!r}: not usable with the password given: {error}"
            ) from None
    return context


def kafka_python_options(settings: Settings) -> dict[str, Any]:
    """Keyword arguments that every kafka-python client takes."""
    milliseconds = int(settings.kafka_timeout_seconds * 1000)
    return _common_options(settings) | {
        "bootstrap_timeout_ms": milliseconds,
        "request_timeout_ms": milliseconds,
        "reconnect_backoff_max_ms": 1000,
    }


def aiokafka_options(settings: Settings) -> dict[str, Any]:
    """Keyword arguments that every aiokafka client takes; all others, such as `client_id`, are the caller's."""
    return _common_options(settings) | {"request_timeout_ms": int(settings.kafka_timeout_seconds * 1000)}


def _common_options(settings: Settings) -> dict[str, Any]:
    options: dict[str, Any] = {
        "bootstrap_servers": [
            f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in bootstrap_servers(settings)
        ],
        "security_protocol": settings.kafka_security_protocol,
        "ssl_context": ssl_context(settings),
    }
    if settings.kafka_security_protocol.startswith("SASL"):
        options |= {
            "sasl_mechanism": settings.kafka_sasl_mechanism,
            "sasl_plain_username": settings.kafka_sasl_username,
            "sasl_plain_password": settings.sasl_password(),
        }
    return options


def await_broker(settings: Settings) -> None:
    """Wait until one of the bootstrap brokers answers.

    A broker that does not answer yet is tried again until the time-out of the settings; one that speaks another
    protocol, or has a certificate that we do not trust, is an error at once.

    Raises:
        BrokerError: with what was got and which setting to check.
    """
    servers = bootstrap_servers(settings)
    context = ssl_context(settings)
    deadline = time.monotonic() + settings.kafka_timeout_seconds
    while True:
        for host, port in servers:
            left = max(0.5, deadline - time.monotonic())
            try:
                probe(host, port, min(left, settings.kafka_timeout_seconds / len(servers)), context)
            except ssl.SSLCertVerificationError as error:
                raise BrokerError(
                    f"{host}:{port}: expected a certificate that we trust, got: {error.verify_message}; "
                    f"check {PREFIX}KAFKA_SSL_CAFILE and that {PREFIX}KAFKA_BOOTSTRAP names the broker as its "
                    "certificate does"
                ) from None
            except ssl.SSLError as error:
                raise BrokerError(f"{host}:{port}: {_tls_fault(settings, error)}") from None
            except NotKafkaError as error:
                raise BrokerError(
                    f"{host}:{port}: expected a Kafka broker that speaks {settings.kafka_security_protocol}, got "
                    f"{error}; check {PREFIX}KAFKA_SECURITY_PROTOCOL and the port"
                ) from None
            except OSError as error:
                failure = f"{host}:{port}: {error.strerror or error}"
            else:
                return
        if time.monotonic() + _RETRY_SECONDS >= deadline:
            raise BrokerError(
                f"expected a Kafka broker at {settings.kafka_bootstrap}, got none in "
                f"{settings.kafka_timeout_seconds:g} s ({failure}); start one (`tocsin kafka start`) or set "
                f"{PREFIX}KAFKA_BOOTSTRAP"
            )
        time.sleep(_RETRY_SECONDS)


def _tls_fault(settings: Settings, error: ssl.SSLError) -> str:
    """What it means that TLS ended a connection. A TLS alert about a certificate comes from the broker, about ours."""
    reason = str(error.reason or error)
    if "ALERT" not in reason or ("CERTIFICATE" not in reason and "UNKNOWN_CA" not in reason):
        return (
            f"expected a TLS connection, got: {reason}; check {PREFIX}KAFKA_SECURITY_PROTOCOL and "
            f"{PREFIX}KAFKA_SSL_CERTFILE"
        )
    if settings.kafka_ssl_certfile is None:
        return (
            f"the broker asks for a certificate of ours and got none ({reason}); set {PREFIX}KAFKA_SSL_CERTFILE and "
            f"{PREFIX}KAFKA_SSL_KEYFILE"
        )
    return (
        f"the broker refuses our certificate ({reason}); check that {PREFIX}KAFKA_SSL_CERTFILE has not expired and is "
        "signed by an authority that the broker trusts"
    )


@contextmanager
def broker_errors(settings: Settings, doing: str) -> Iterator[None]:
    """Turn every error of kafka-python into one line.

    Args:
        settings: for the names in the message; no secret is ever shown.
        doing: what was being done, to be read after "could not": "create the topic mentions".

    Raises:
        BrokerError: instead of any KafkaError.
    """
    from kafka.errors import KafkaError

    try:
        yield
    except KafkaError as error:
        raise BrokerError(f"{settings.kafka_bootstrap}: could not {doing}: {explain(settings, error)}") from error


def user_of(settings: Settings) -> str:
    """The user that we are for the broker, for messages."""
    if settings.kafka_security_protocol.startswith("SASL"):
        return f"the user {settings.kafka_sasl_username!r}"
    return "the user of our certificate" if settings.kafka_ssl_certfile else "an anonymous user"


def explain(settings: Settings, error: Exception) -> str:
    """What an error of kafka-python means for the operator, and what to do. Shows no secret."""
    from kafka import errors

    user = user_of(settings)
    match error:
        case errors.SaslAuthenticationFailedError():
            return f"Kafka refuses {user}; check {PREFIX}KAFKA_SASL_USERNAME and {PREFIX}KAFKA_SASL_PASSWORD"
        case errors.UnsupportedSaslMechanismError() | errors.IllegalSaslStateError():
            return (
                f"Kafka does not take {settings.kafka_sasl_mechanism} there; "
                f"check {PREFIX}KAFKA_SASL_MECHANISM and {PREFIX}KAFKA_SECURITY_PROTOCOL"
            )
        case errors.AuthorizationError():
            about = ": ".join([type(error).__name__, *(str(part) for part in error.args[:1] if part)])
            return f"{user} has no permission ({' '.join(about.split())}); ask for an ACL that allows it"
        case errors.KafkaTimeoutError() | errors.KafkaConnectionError() | errors.NodeNotReadyError():
            return (
                f"no answer in {settings.kafka_timeout_seconds:g} s though a broker is there; check that the "
                "addresses it advertises can be reached from here, and whether it asks for SASL "
                f"({PREFIX}KAFKA_SECURITY_PROTOCOL)"
            )
    said = " ".join(str(error).split())
    if "AuthorizationFailedError" in said:  # an idempotent producer without leave to write names it in words alone
        return f"{user} has no permission ({said}); ask for an ACL that allows it"
    return said


@contextmanager
def admin(settings: Settings) -> Iterator[Any]:
    """A KafkaAdminClient that can ask every broker.

    Raises:
        BrokerError: no connection; also for every KafkaError in the block.
    """
    from pipeline.kafka.admin_client import AdminClient

    with _client(settings, AdminClient, {"client_id": "tocsin-admin"}) as client:
        yield client


@contextmanager
def producer(settings: Settings, **options: Any) -> Iterator[Any]:
    """A KafkaProducer: idempotent, all in-sync replicas. Leaving the block waits until everything is sent.

    Raises:
        BrokerError: no connection; also for every KafkaError in the block.
    """
    from kafka import KafkaProducer
    from kafka.errors import KafkaError

    milliseconds = int(settings.kafka_timeout_seconds * 1000)
    defaults = {
        "client_id": "tocsin-publish",
        "acks": "all",
        "enable_idempotence": True,
        "max_block_ms": milliseconds,
        "delivery_timeout_ms": 2 * milliseconds,
        "allow_auto_create_topics": False,
    }
    with _client(settings, KafkaProducer, defaults | options) as client:
        try:
            yield client
        except BaseException:
            with suppress(KafkaError):
                _flush(client, 2 * settings.kafka_timeout_seconds)
            raise
        _flush(client, 2 * settings.kafka_timeout_seconds)


def _flush(client: Any, seconds: float) -> None:
    """Wait until everything is sent, and give up what takes longer.

    kafka-python 3.0.12 waits for ever in `close` for a batch whose answer was lost while a broker was paused.

    Raises:
        kafka.errors.KafkaTimeoutError: a record was given up.
    """
    from kafka.errors import KafkaTimeoutError

    try:
        client.flush(timeout=seconds)
    except KafkaTimeoutError:
        client._sender.force_close()  # noqa: SLF001 - only this ends the batches, and with them the wait in `close`
        raise


def commit_transaction(client: Any, seconds: float) -> None:
    """Commit the transaction of a KafkaProducer, whose own method waits for ever for a broker that is gone.

    Raises:
        kafka.errors.KafkaTimeoutError: no answer; the transaction may have been committed or not.
        kafka.errors.KafkaError: it was not committed.
    """
    from kafka.errors import KafkaTimeoutError

    ending = client._transaction_manager.begin_commit()  # noqa: SLF001 - as `_flush`
    client._sender.wakeup()  # noqa: SLF001
    if not ending.wait(timeout_ms=seconds * 1000):
        client._sender.force_close()  # noqa: SLF001
        raise KafkaTimeoutError(f"no answer to the end of a transaction in {seconds:g} s")


@contextmanager
def consumer(settings: Settings, **options: Any) -> Iterator[Any]:
    """A KafkaConsumer that sees committed records only and belongs to no group.

    Raises:
        BrokerError: no connection; also for every KafkaError in the block.
    """
    from pipeline.kafka import codecs
    from pipeline.kafka.consumer_client import ConsumerClient

    codecs.install()

    defaults = {
        "client_id": "tocsin-reader",
        "group_id": None,
        "enable_auto_commit": False,
        "isolation_level": "read_committed",
        "auto_offset_reset": "earliest",
        "allow_auto_create_topics": False,
    }
    with _client(settings, ConsumerClient, defaults | options) as client:
        yield client


@contextmanager
def _client(settings: Settings, factory: Any, options: dict[str, Any]) -> Iterator[Any]:
    _quieten()
    await_broker(settings)
    from pipeline.kafka.login import login_once_client

    with broker_errors(settings, "connect"):
        client = factory(kafka_client=login_once_client, **(kafka_python_options(settings) | options))
    try:
        with broker_errors(settings, "finish"):
            yield client
    finally:
        client.close()


def _quieten() -> None:
    """Keep kafka-python from logging every retry: what matters reaches us as an exception.

    A level that was set elsewhere is respected.
    """
    logger = logging.getLogger("kafka")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.CRITICAL)
