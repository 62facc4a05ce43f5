"""Which settings of a topic would lose what is promised, and which may be stricter or larger than the catalogue's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.kafka.topic_settings import IN_SYNC, allowances, differences
from schemas.catalogue import topics

MENTIONS, STATE, ALERTS = (topics()[name] for name in ("mentions", "brand-state", "alerts"))


@pytest.mark.parametrize("topic", topics().values(), ids=list(topics()))
def test_the_catalogue_s_own_settings_are_right(topic):
    assert differences(topic, topic.config, 1) == []
    assert allowances(topic, topic.config) == []


@pytest.mark.parametrize(
    ("topic", "setting", "found"),
    [
        (MENTIONS, "message.timestamp.type", "CreateTime"),
        (MENTIONS, "cleanup.policy", "compact"),
        (MENTIONS, "cleanup.policy", "compact,delete"),
        (MENTIONS, "retention.ms", "3600000"),
        (MENTIONS, "retention.ms", "0"),
        (MENTIONS, "retention.bytes", "1073741824"),
        (MENTIONS, "max.message.bytes", "1000"),
        (MENTIONS, "unclean.leader.election.enable", "true"),
        (STATE, "cleanup.policy", "delete"),
        (STATE, "cleanup.policy", "delete,compact"),
        (ALERTS, "cleanup.policy", "compact"),
        (ALERTS, "retention.ms", "604800000"),
    ],
)
def test_a_setting_that_loses_what_is_promised_is_found_and_only_it(topic, setting, found):
    (one,) = differences(topic, topic.config | {setting: found}, 1, guaranteed_only=True)
    assert (one.setting, one.found, one.wanted) == (setting, found, topic.config[setting])


@pytest.mark.parametrize(
    ("topic", "setting", "found"),
    [
        (MENTIONS, "retention.ms", "2592000000"),
        (MENTIONS, "retention.ms", "-1"),
        (ALERTS, "max.message.bytes", "8388608"),
    ],
)
def test_a_larger_setting_is_taken_and_said(topic, setting, found):
    config = topic.config | {setting: found}
    assert differences(topic, config, 1) == []
    assert allowances(topic, config) == [f"{setting} {found} ({topic.config[setting]} or more)"]


def test_the_time_to_live_of_a_compacted_topic_does_not_matter():
    assert differences(STATE, STATE.config | {"retention.ms": "3600000"}, 1) == []


def test_what_only_decides_on_speed_is_put_right_and_refuses_nobody():
    config = STATE.config | {"segment.ms": "600000"}
    assert [one.setting for one in differences(STATE, config, 1)] == ["segment.ms"]
    assert differences(STATE, config, 1, guaranteed_only=True) == []


@pytest.mark.parametrize(
    ("replication", "found", "wanted"),
    [
        *((1, "1", None), (2, "1", None), (2, "2", None), (3, "2", None), (3, "3", None), (5, "2", None)),
        *((3, "1", "2"), (5, "1", "2"), (1, "2", "1"), (2, "3", "1"), (3, "4", "2")),
    ],
)
def test_replicas_in_sync_are_two_where_there_are_three_and_never_more_than_there_are(replication, found, wanted):
    wrong = differences(ALERTS, {**ALERTS.config, IN_SYNC: found}, replication, guaranteed_only=True)
    assert [(one.setting, one.wanted) for one in wrong] == ([(IN_SYNC, wanted)] if wanted else [])


def test_a_broker_that_does_not_know_a_setting_is_not_accused_of_it():
    known = {key: value for key, value in MENTIONS.config.items() if key != "unclean.leader.election.enable"}
    assert differences(MENTIONS, known, 3, guaranteed_only=True) == []


@given(st.integers(-1, 2**62))
def test_every_time_to_live_is_wrong_or_said_to_be_longer_or_equal(milliseconds):
    config = MENTIONS.config | {"retention.ms": str(milliseconds)}
    least = int(MENTIONS.config["retention.ms"])
    assert bool(differences(MENTIONS, config, 1)) == (0 <= milliseconds < least)
    assert bool(allowances(MENTIONS, config)) == (milliseconds > least or milliseconds == -1)
