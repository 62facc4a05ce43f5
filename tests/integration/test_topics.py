"""`tocsin topics`: the catalogue on a real broker, and what is refused."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from pipeline.cli.main import tocsin
from pipeline.config.settings import Settings
from pipeline.errors import BrokerError
from pipeline.kafka.clients import admin, topic_name
from pipeline.kafka.topics import Existing, apply_topics, plan_topic, plan_topics, read_topics, refusals, verify_topics
from schemas.catalogue import topics

pytestmark = pytest.mark.integration


def existing(settings: Settings) -> dict[str, Existing]:
    with admin(settings) as client:
        return read_topics(client, [topic_name(settings, name) for name in topics()], with_config=True)


def test_plan_changes_nothing(bare_settings):
    steps = plan_topics(bare_settings)
    assert [step.action for step in steps] == ["create"] * 4
    assert existing(bare_settings) == {}


def test_applied_topics_are_as_the_catalogue_says_and_a_second_apply_finds_nothing_to_do(bare_settings):
    apply_topics(bare_settings)
    found = existing(bare_settings)
    for name, topic in topics().items():
        real = found[topic_name(bare_settings, name)]
        assert (real.partitions, real.replication) == (topic.partitions, 1)
        assert {key: real.config[key] for key in topic.config} == topic.config
    assert [step.action for step in apply_topics(bare_settings)] == ["keep"] * 4
    assert verify_topics(bare_settings) == topics()["mentions"].partitions


def test_a_configuration_that_drifted_is_put_right(cluster_settings):
    name = topic_name(cluster_settings, "alerts")
    catalogue = topics()["alerts"]
    from kafka.admin import ConfigResource, ConfigResourceType

    with admin(cluster_settings) as client:
        client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, {"retention.ms": "1000"})])
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
    assert verify_topics(bare_settings) == 3


def test_the_worker_is_told_which_topics_are_missing(bare_settings):
    with pytest.raises(BrokerError, match="run `tocsin topics apply`"):
        verify_topics(bare_settings)


def test_the_worker_is_told_which_partition_count_is_wrong(bare_settings):
    with admin(bare_settings) as client:
        counts = {"mentions": 3, "mentions-dlq": 3, "brand-state": 2, "alerts": 3}
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
    assert first.stdout.count("create") == 4
    second = CliRunner().invoke(tocsin, ["topics", "apply"], env=environment)
    assert "nothing to do" in second.stderr
