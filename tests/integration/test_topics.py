"""`tocsin topics`: the catalogue on a real broker, and what is refused."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from kafka.admin import ConfigResource, ConfigResourceType

from pipeline.cli.main import tocsin
from pipeline.config.settings import Settings
from pipeline.errors import BrokerError
from pipeline.kafka.clients import admin, topic_name
from pipeline.kafka.existing_topics import Existing, read_topics
from pipeline.kafka.topics import apply_topics, plan_topic, plan_topics, refusals, verify_topics
from schemas.catalogue import topics
from tests.integration.worker_process import wait_until, working
from tests.torture.play import brokers

pytestmark = pytest.mark.integration


def existing(settings: Settings) -> dict[str, Existing]:
    with admin(settings) as client:
        every = {key for topic in topics().values() for key in topic.config}
        return read_topics(client, [topic_name(settings, name) for name in topics()], compared=every)


def alter(settings: Settings, **changes: dict[str, str]) -> None:
    """Give topics other settings, as an administrator's own script might; names with _ for -."""
    wanted = [
        ConfigResource(ConfigResourceType.TOPIC, topic_name(settings, name.replace("_", "-")), configs)
        for name, configs in changes.items()
    ]
    with admin(settings) as client:
        assert set(client.alter_configs(wanted)["topic"].values()) == {"OK"}


def test_plan_changes_nothing(bare_settings):
    steps = plan_topics(bare_settings)
    assert [step.action for step in steps] == ["create"] * len(topics())
    assert existing(bare_settings) == {}


def test_applied_topics_are_as_the_catalogue_says_and_a_second_apply_finds_nothing_to_do(bare_settings):
    apply_topics(bare_settings)
    found = existing(bare_settings)
    for name, topic in topics().items():
        real = found[topic_name(bare_settings, name)]
        assert (real.partitions, real.replication) == (topic.partitions, 1)
        assert {key: real.config[key] for key in topic.config} == topic.config
    assert [step.action for step in apply_topics(bare_settings)] == ["keep"] * len(topics())
    assert verify_topics(bare_settings).partitions == topics()["mentions"].partitions


def test_a_configuration_that_drifted_is_put_right(cluster_settings):
    name = topic_name(cluster_settings, "alerts")
    catalogue = topics()["alerts"]
    alter(cluster_settings, alerts={"retention.ms": "1000"})
    steps = [step for step in apply_topics(cluster_settings) if step.action != "keep"]
    assert [(step.topic, step.detail) for step in steps] == [
        (name, f"retention.ms: 1000 -> {catalogue.config['retention.ms']}")
    ]
    assert existing(cluster_settings)[name].config["retention.ms"] == catalogue.config["retention.ms"]


def test_another_partition_count_of_a_keyed_topic_is_refused_and_nothing_is_changed(cluster_settings):
    before = existing(cluster_settings)
    with pytest.raises(BrokerError, match="keys would move to other partitions than their state") as caught:
        apply_topics(cluster_settings, partitions=6)
    assert "\n" not in str(caught.value)
    assert existing(cluster_settings) == before


def test_a_topic_without_key_order_may_grow_but_never_shrink(cluster_settings):
    name = topic_name(cluster_settings, "mentions-dlq")
    dead_letters = topics()["mentions-dlq"]
    with admin(cluster_settings) as client:
        client.create_partitions({name: 5})
    found = existing(cluster_settings)[name]
    assert "Kafka cannot take partitions away" in refusals(plan_topic(dead_letters, name, found, 4, 1))
    assert [step.partitions for step in plan_topic(dead_letters, name, found, 8, 1)] == [8]


def test_a_new_cluster_may_have_another_partition_count(bare_settings):
    apply_topics(bare_settings, partitions=3)
    assert verify_topics(bare_settings).partitions == 3


def test_the_worker_is_told_which_topics_are_missing(bare_settings):
    with pytest.raises(BrokerError, match="run `tocsin topics apply`"):
        verify_topics(bare_settings)


def test_the_worker_is_told_which_partition_count_is_wrong(bare_settings):
    with admin(bare_settings) as client:
        counts = {
            "mentions": 3,
            "mentions-dlq": 3,
            "brand-state": 2,
            "alerts": 3,
            "brand-activity": 3,
            "alert-feedback": 3,
            "alert-deliveries": 3,
        }
        names = {topic_name(bare_settings, name): count for name, count in counts.items()}
        client.create_topics(
            {name: {"num_partitions": count, "replication_factor": 1} for name, count in names.items()},
            wait_for_metadata=True,
        )
    with pytest.raises(BrokerError, match=r"expected 3 partitions .* but t\d+-brand-state has 2"):
        verify_topics(bare_settings)


def test_the_command_prints_the_steps_and_says_when_nothing_is_to_do(bare_settings):
    environment = {"TOCSIN_KAFKA_BOOTSTRAP": bare_settings.kafka_bootstrap, "TOCSIN_TOPIC_PREFIX": "cli-"}
    first = CliRunner().invoke(tocsin, ["topics", "apply"], env=environment)
    assert first.exit_code == 0
    assert first.stdout.count("create") == len(topics())
    second = CliRunner().invoke(tocsin, ["topics", "apply"], env=environment)
    assert "nothing to do" in second.stderr


def test_settings_that_lose_what_is_promised_are_refused_by_check_and_worker_until_apply(cluster_settings, tmp_path):
    alter(
        cluster_settings,
        mentions={"message.timestamp.type": "CreateTime", "cleanup.policy": "compact"},
        brand_state={"cleanup.policy": "delete", "retention.ms": "3600000"},
        alerts={"cleanup.policy": "compact"},
    )
    environment = {
        "TOCSIN_KAFKA_BOOTSTRAP": cluster_settings.kafka_bootstrap,
        "TOCSIN_TOPIC_PREFIX": cluster_settings.topic_prefix,
    }
    checked = CliRunner().invoke(tocsin, ["check", "--broker"], env=environment)
    assert isinstance(checked.exception, BrokerError)
    with working(cluster_settings, tmp_path) as worker:
        assert worker.await_end(40) == 1
        (line,) = worker.errors
    assert line == str(checked.exception)
    prefix = cluster_settings.topic_prefix
    assert line.startswith(f"{cluster_settings.kafka_bootstrap}: {prefix}mentions: expected cleanup.policy delete, got")
    for one in (
        "mentions: expected message.timestamp.type LogAppendTime, got CreateTime",
        "brand-state: expected cleanup.policy compact, got delete",
        "alerts: expected cleanup.policy delete, got compact",
    ):
        assert prefix + one in line
    apply_topics(cluster_settings)
    assert CliRunner().invoke(tocsin, ["check", "--broker"], env=environment).exit_code == 0


def test_a_longer_retention_is_kept_by_apply_and_said_by_check(cluster_settings):
    alter(cluster_settings, mentions={"retention.ms": "2592000000"})
    assert {step.action for step in apply_topics(cluster_settings)} == {"keep"}
    name = topic_name(cluster_settings, "mentions")
    assert existing(cluster_settings)[name].config["retention.ms"] == "2592000000"
    assert verify_topics(cluster_settings).kept == (f"{name}: retention.ms 2592000000 (604800000 or more)",)


def test_a_topic_that_was_made_again_has_another_id(cluster_settings):
    name = topic_name(cluster_settings, "alerts")
    before = existing(cluster_settings)[name].id
    assert before
    with admin(cluster_settings) as client:
        client.delete_topics([name])
        # A broker goes on listing a topic that is being deleted.
        wait_until(lambda: client.describe_topics([name])[0]["error_code"] == 3, 60, f"no {name}")
    apply_topics(cluster_settings)
    assert existing(cluster_settings)[name].id not in {"", before}


def test_after_apply_every_one_of_three_brokers_knows_the_topics(tmp_path):
    """kafka-python asks any of them: `ValueError: Unrecognized configs`, once in three runs, where one did not yet."""
    with brokers(3, tmp_path) as cluster:
        for number in range(10):
            settings = Settings(kafka_bootstrap=cluster.bootstrap, topic_prefix=f"run-{number}-")
            assert {step.action for step in apply_topics(settings)} == {"create"}
            with admin(settings) as client:
                answers = client.topics_by_broker([topic_name(settings, name) for name in topics()], 5)
            assert set(answers) == {1, 2, 3}
            assert {found["error_code"] for topics_of_one in answers.values() for found in topics_of_one} == {0}
            for milliseconds in ("20000", "30000", "40000"):
                alter(settings, brand_state={"segment.ms": milliseconds}, alerts={"retention.ms": "-1"})


def test_a_broker_that_joined_after_the_client_began_is_asked_and_may_be_the_controller(bare_settings):
    """kafka-python: `UnknownBrokerIdError`, where the list it took at first lacks a broker that another names."""
    name = topic_name(bare_settings, "alerts")
    with admin(bare_settings) as client:
        cluster = client._manager.cluster
        (broker,) = cluster.brokers()
        stale = {77: type(broker)(77, broker.host, broker.port, None)}  # the same address, as another broker
        cluster._brokers = dict(stale)
        client.create_topics({name: {"num_partitions": 1, "replication_factor": 1}})
        cluster._brokers = dict(stale)
        assert set(client.configs_by_broker([name], 5)) == {broker.node_id}
