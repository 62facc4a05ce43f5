"""What Faust is told: the same addresses and security as our own clients, and nothing on the disk."""

from __future__ import annotations

from typing import Any

import pytest
from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth, server_list
from pydantic import SecretStr

from pipeline.config.model import Config
from pipeline.config.settings import Settings
from pipeline.kafka.clients import aiokafka_options
from pipeline.worker.app import create_app

pytestmark = pytest.mark.usefixtures("installed")

SASL: dict[str, Any] = {
    "kafka_sasl_mechanism": "SCRAM-SHA-512",
    "kafka_sasl_username": "tocsin",
    "kafka_sasl_password": SecretStr("s3cret"),
}


@pytest.mark.parametrize("protocol", ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"])
def test_security_reaches_fausts_consumer(protocol):
    settings = Settings(kafka_security_protocol=protocol, **(SASL if "SASL" in protocol else {}))
    told = dict(credentials_to_aiokafka_auth(create_app(settings, Config()).conf.broker_credentials, None))
    want = aiokafka_options(settings)
    context, own_context = told.pop("ssl_context", None), want["ssl_context"]
    assert {name: want[name] for name in told} == told
    assert {name for name in want if name.startswith("sasl")} <= told.keys()
    assert (context is None) == (own_context is None)
    assert context is None or (context.verify_mode, context.check_hostname) == (
        own_context.verify_mode,
        own_context.check_hostname,
    )


def test_every_broker_address_reaches_faust():
    settings = Settings(kafka_bootstrap="one:9092, two:9093,[::1]:9094")
    app = create_app(settings, Config())
    assert server_list(app.conf.broker_consumer, 9092) == ["one:9092", "two:9093", "[::1]:9094"]


def test_group_instance_and_session_are_those_of_the_settings():
    conf = create_app(Settings(group="g", instance="w7", group_session_timeout_seconds=45), Config()).conf
    assert (conf.id, conf.consumer_group_instance_id, conf.broker_session_timeout) == ("g", "w7", 45)
    assert conf.broker_request_timeout >= conf.broker_session_timeout


def test_what_keeps_faust_from_delivery_state_and_memory_is_set():
    conf = create_app(Settings(), Config()).conf
    # Held acknowledgements would block every rebalance until the next checkpoint.
    assert conf.stream_wait_empty is False
    # Slices of up to 4,000 records each: the default of 4096 would hold millions in memory.
    assert conf.stream_buffer_maxsize <= 16
    # With standbys Faust would bring its own assignor and state; with a leader topic another topic to be allowed.
    assert (conf.table_standby_replicas, conf.topic_disable_leader, conf.topic_allow_declare) == (0, True, False)
    # "latest" would skip what came before the first start.
    assert conf.consumer_auto_offset_reset == "earliest"
    assert conf.processing_guarantee.value == "at_least_once"


def test_nothing_is_written_to_the_disk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    create_app(Settings(), Config())._create_directories()
    assert list(tmp_path.iterdir()) == []
