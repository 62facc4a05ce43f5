"""The topic catalogue: names, sizes and retention that the guarantees rest on."""

from __future__ import annotations

import re

import msgspec
import pytest

from schemas.activity import MAX_ACTIVITY_BYTES
from schemas.alert import MAX_ALERT_BYTES
from schemas.catalogue import Topic, topics
from schemas.delivery import MAX_DELIVERY_BYTES
from schemas.documents import RECORDS, json_schema, latest_version
from schemas.feedback import MAX_FEEDBACK_BYTES
from schemas.mention import MAX_MENTION_BYTES
from tests.schemas.contracts import SCHEMAS

DAY_MS = 24 * 3600 * 1000


def test_the_catalogue_is_the_topics_of_the_line_in_its_order():
    line = ["mentions", "mentions-dlq", "brand-state", "alerts", "brand-activity", "alert-feedback", "alert-deliveries"]
    assert list(topics()) == line


def test_every_file_describes_the_topic_that_it_is_named_after():
    for path in (SCHEMAS / "topics").iterdir():
        assert msgspec.yaml.decode(path.read_bytes(), type=Topic).name == path.stem
        assert path.stem in topics()


@pytest.mark.parametrize("topic", topics().values(), ids=list(topics()))
def test_every_topic_has_a_legal_name_and_says_who_writes_and_reads_it(topic):
    assert re.fullmatch(r"[a-z][a-z0-9-]{0,100}", topic.name), "a prefix of 100 characters must still fit"
    assert topic.description
    assert topic.producers
    assert topic.consumers
    assert all(isinstance(value, str) for value in topic.config.values())


@pytest.mark.parametrize("topic", topics().values(), ids=list(topics()))
def test_a_topic_with_a_schema_names_the_latest_document_and_one_without_promises_nothing(topic):
    if topic.schema is None:
        assert topic.compatibility == "none"
    else:
        assert topic.compatibility == "full_transitive"
        assert topic.version == latest_version(topic.schema)
        assert json_schema(topic.schema, topic.version)["title"] == topic.value == RECORDS[topic.schema].__name__


def test_all_topics_have_equal_partitions_because_partition_n_of_one_belongs_to_partition_n_of_the_others():
    assert len({topic.partitions for topic in topics().values()}) == 1


def test_only_the_state_and_the_feedback_are_compacted_feedback_not_before_the_alerts_are_gone():
    policies = {name: topic.config["cleanup.policy"] for name, topic in topics().items()}
    assert {name for name, policy in policies.items() if policy == "compact"} == {"brand-state", "alert-feedback"}
    assert set(policies.values()) == {"compact", "delete"}
    assert topics()["alert-feedback"].config["min.compaction.lag.ms"] == topics()["alerts"].config["retention.ms"]


def test_mentions_are_kept_7_days_dead_letters_and_activity_30_alerts_and_deliveries_90():
    kept = {
        name: int(topic.config["retention.ms"]) / DAY_MS
        for name, topic in topics().items()
        if "retention.ms" in topic.config
    }
    assert kept == {"mentions": 7, "mentions-dlq": 30, "alerts": 90, "brand-activity": 30, "alert-deliveries": 90}


def test_the_greatest_record_of_mentions_still_fits_into_the_dead_letters_with_its_headers():
    size = {name: int(topic.config["max.message.bytes"]) for name, topic in topics().items()}
    assert size["mentions-dlq"] >= size["mentions"] + 65_536


def test_the_greatest_mention_alert_activity_feedback_and_delivery_fit_into_their_topics():
    assert int(topics()["mentions"].config["max.message.bytes"]) > MAX_MENTION_BYTES
    assert int(topics()["alerts"].config["max.message.bytes"]) > MAX_ALERT_BYTES
    assert int(topics()["brand-activity"].config["max.message.bytes"]) > MAX_ACTIVITY_BYTES
    assert int(topics()["alert-feedback"].config["max.message.bytes"]) > MAX_FEEDBACK_BYTES
    assert int(topics()["alert-deliveries"].config["max.message.bytes"]) > MAX_DELIVERY_BYTES


def test_the_broker_stamps_mentions_so_that_a_producer_cannot_forge_the_time_they_are_held_against():
    assert topics()["mentions"].config["message.timestamp.type"] == "LogAppendTime"


@pytest.mark.parametrize(
    "broken",
    [
        "name: Mentions",
        "partitions: 0",
        "retention: 7",
        "version: 0",
        "compatibility: backward",
    ],
)
def test_a_catalogue_file_with_a_broken_rule_or_an_unknown_key_is_refused(broken):
    good = msgspec.yaml.decode((SCHEMAS / "topics" / "mentions.yaml").read_bytes())
    msgspec.convert(good, Topic)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(good | msgspec.yaml.decode(broken), Topic)
