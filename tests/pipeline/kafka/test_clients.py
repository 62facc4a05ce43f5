"""Settings become client options; a wrong address or certificate file is one clear line that shows no secret."""

from __future__ import annotations

import socket
import ssl
import threading

import kafka
import pytest
import trustme
from kafka import errors
from kafka.producer.sender import Sender
from pydantic import SecretStr

from pipeline.config.settings import Settings
from pipeline.errors import BrokerError, ConfigError
from pipeline.kafka import clients as kafka_clients
from pipeline.kafka.clients import (
    admin,
    aiokafka_options,
    await_broker,
    bootstrap_servers,
    explain,
    kafka_python_options,
    ssl_context,
    topic_name,
)
from tests.fakes import StuckProducer


def sasl_settings() -> Settings:
    return Settings(
        kafka_security_protocol="SASL_SSL",
        kafka_sasl_mechanism="SCRAM-SHA-512",
        kafka_sasl_username="watch",
        kafka_sasl_password=SecretStr("s3cret-word"),
    )


def test_topics_carry_the_prefix():
    assert topic_name(Settings(topic_prefix="staging-"), "mentions") == "staging-mentions"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:9092", [("127.0.0.1", 9092)]),
        ("one:1, two:2", [("one", 1), ("two", 2)]),
        ("broker", [("broker", 9092)]),
        ("[::1]:9093", [("::1", 9093)]),
        ("[::1]", [("::1", 9092)]),
    ],
)
def test_bootstrap_addresses_are_read(text, expected):
    assert bootstrap_servers(Settings(kafka_bootstrap=text)) == expected


@pytest.mark.parametrize("options_of", [kafka_python_options, aiokafka_options])
def test_tls_and_sasl_reach_every_client(options_of):
    options = options_of(sasl_settings())
    assert options["security_protocol"] == "SASL_SSL"
    assert options["sasl_mechanism"] == "SCRAM-SHA-512"
    assert (options["sasl_plain_username"], options["sasl_plain_password"]) == ("watch", "s3cret-word")
    assert options["ssl_context"].verify_mode == ssl.CERT_REQUIRED
    assert options["ssl_context"].check_hostname


@pytest.mark.parametrize("options_of", [kafka_python_options, aiokafka_options])
def test_plaintext_has_no_context_and_no_credentials(options_of):
    options = options_of(Settings())
    assert options["ssl_context"] is None
    assert not [name for name in options if name.startswith("sasl")]


def test_a_certificate_file_that_is_none_is_named(tmp_path):
    path = tmp_path / "ca.pem"
    path.write_text("not a certificate")
    with pytest.raises(ConfigError, match=r"TOCSIN_KAFKA_SSL_CAFILE=.*ca\.pem"):
        ssl_context(Settings(kafka_security_protocol="SSL", kafka_ssl_cafile=path))


def test_a_locked_key_without_its_password_is_an_error_and_no_question(tmp_path):
    from cryptography.hazmat.primitives import serialization

    certificate = trustme.CA().issue_cert("localhost")
    key = serialization.load_pem_private_key(certificate.private_key_pem.bytes(), None)
    locked = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"right-password"),
    )
    (tmp_path / "key.pem").write_bytes(locked)
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    facts = {
        "kafka_security_protocol": "SSL",
        "kafka_ssl_certfile": tmp_path / "cert.pem",
        "kafka_ssl_keyfile": tmp_path / "key.pem",
    }
    for password in (None, SecretStr("wrong-password")):
        with pytest.raises(ConfigError, match="TOCSIN_KAFKA_SSL_KEYFILE") as caught:
            ssl_context(Settings(**facts, kafka_ssl_password=password))
        assert "wrong-password" not in str(caught.value)
    assert ssl_context(Settings(**facts, kafka_ssl_password=SecretStr("right-password"))) is not None


def test_a_key_without_its_certificate_is_refused(tmp_path):
    (tmp_path / "key.pem").touch()
    with pytest.raises(ConfigError, match="TOCSIN_KAFKA_SSL_CERTFILE must be set"):
        ssl_context(Settings(kafka_security_protocol="SSL", kafka_ssl_keyfile=tmp_path / "key.pem"))


def test_no_broker_is_one_line_that_says_how_long_was_waited():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound and not listening: refuses connections
        settings = Settings(kafka_bootstrap=f"127.0.0.1:{unused.getsockname()[1]}", kafka_timeout_seconds=1)
        with (
            pytest.raises(BrokerError, match=r"expected a Kafka broker at .*, got none in 1 s") as caught,
            admin(settings),
        ):
            pass
    assert "\n" not in str(caught.value)


def test_a_broker_that_comes_late_is_waited_for():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        settings = Settings(kafka_bootstrap=f"127.0.0.1:{listener.getsockname()[1]}")

        def serve():
            listener.listen()
            connection, _ = listener.accept()
            with connection:
                connection.recv(100)
                connection.sendall(b"\x00\x00\x00\x0a\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00")

        late = threading.Timer(0.4, serve)
        late.start()
        await_broker(settings)
        late.join()


@pytest.mark.parametrize(
    ("answer", "got"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "an answer that is not Kafka's"),
        (b"\x15\x03\x03\x00\x02\x02\x46", "an answer in TLS"),
        (b"", "a closed connection"),
    ],
)
def test_somebody_who_is_no_kafka_broker_is_told_at_once(answer, got):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            connection, _ = listener.accept()
            with connection:
                connection.recv(100)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        settings = Settings(kafka_bootstrap=f"127.0.0.1:{listener.getsockname()[1]}")
        with pytest.raises(BrokerError, match=f"got {got}; check TOCSIN_KAFKA_SECURITY_PROTOCOL"):
            await_broker(settings)
        thread.join()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (errors.SaslAuthenticationFailedError("s3cret-word"), "refuses the user 'watch'"),
        (errors.UnsupportedSaslMechanismError(), "TOCSIN_KAFKA_SASL_MECHANISM"),
        (errors.TopicAuthorizationFailedError("mentions"), "the user 'watch' has no permission"),
        (errors.KafkaTimeoutError("bootstrap"), "addresses it advertises"),
        (errors.PolicyViolationError("no\nsuch\nname"), "no such name"),
    ],
)
def test_every_fault_becomes_one_line_without_a_secret(error, words):
    line = explain(sasl_settings(), error)
    assert words in line
    assert "\n" not in line
    assert "s3cret-word" not in line


def produce(error: Exception | None) -> None:
    with kafka_clients.producer(Settings(kafka_timeout_seconds=3)):
        if error:
            raise error


@pytest.mark.parametrize(("error", "words"), [(None, "no answer"), (BrokerError("mine"), "mine")])
def test_a_batch_that_is_never_answered_holds_nobody_up(monkeypatch, error, words):
    stuck = StuckProducer()
    monkeypatch.setattr(kafka_clients, "await_broker", lambda _: None)
    monkeypatch.setattr(kafka, "KafkaProducer", lambda **_: stuck)
    with pytest.raises(BrokerError, match=words):
        produce(error)
    assert stuck.waited == [6]


def test_kafka_pythons_sender_can_be_told_to_give_up():
    assert callable(Sender.force_close)


@pytest.mark.parametrize(
    ("reason", "certificate", "words"),
    [
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", False, "asks for a certificate of ours and got none"),
        ("SSLV3_ALERT_BAD_CERTIFICATE", False, "asks for a certificate of ours and got none"),
        ("SSLV3_ALERT_CERTIFICATE_UNKNOWN", True, "refuses our certificate"),
        ("TLSV1_ALERT_UNKNOWN_CA", True, "refuses our certificate"),
        ("WRONG_VERSION_NUMBER", False, "expected a TLS connection, got: WRONG_VERSION_NUMBER"),
    ],
)
def test_an_alert_about_a_certificate_is_about_ours(monkeypatch, tmp_path, reason, certificate, words):
    def refuse(*_: object) -> None:
        error = ssl.SSLError(1, reason)
        error.reason = reason
        raise error

    monkeypatch.setattr("pipeline.kafka.clients.probe", refuse)
    monkeypatch.setattr("pipeline.kafka.clients.ssl_context", lambda _: None)
    own = tmp_path / "own.pem"
    own.touch()
    settings = Settings(kafka_security_protocol="SSL", kafka_ssl_certfile=own if certificate else None)
    with pytest.raises(BrokerError, match=words) as caught:
        await_broker(settings)
    assert "TOCSIN_KAFKA_SSL_CERTFILE" in str(caught.value)
