"""`tocsin dead-letters`: what the worker refused, why and where, as words or JSON."""

from __future__ import annotations

import json
from base64 import b64decode

import pytest
from click.testing import CliRunner

from pipeline.cli.main import tocsin
from pipeline.engine.encoding import dead_letter_record
from pipeline.engine.records import DeadLetter, Record
from pipeline.kafka.clients import producer, topic_name
from schemas.mention import decode_mention
from schemas.rejection import Rejected

pytestmark = pytest.mark.integration

BAD = [(b"acme", b"\xff\x1b[2J"), (b"acme", b'{"brand":"acme"}'), (None, b"{")]


@pytest.fixture
def run(cluster_settings):
    """The command on a topic that holds the dead letters of BAD."""
    with producer(cluster_settings) as client:
        for offset, (key, value) in enumerate(BAD):
            with pytest.raises(Rejected) as refused:
                decode_mention(value)
            letter = dead_letter_record(
                DeadLetter(
                    Record(offset, 1_700_000_000_000, key, value),
                    "mentions",
                    0,
                    refused.value.reason,
                    str(refused.value),
                )
            )
            topic = topic_name(cluster_settings, "mentions-dlq")
            client.send(topic, letter.value, letter.key, headers=letter.headers, partition=0).get(10)
    environment = {
        "TOCSIN_KAFKA_BOOTSTRAP": cluster_settings.kafka_bootstrap,
        "TOCSIN_TOPIC_PREFIX": cluster_settings.topic_prefix,
    }
    return lambda *arguments: CliRunner().invoke(tocsin, ["dead-letters", *arguments], env=environment)


def test_each_is_one_harmless_line_and_the_reasons_are_counted(run):
    result = run()
    assert result.exit_code == 0
    assert [line.split("  ")[1:3] for line in result.stdout.splitlines()] == [
        ["invalid_utf8", "mentions[0]@0"],
        ["missing_field", "mentions[0]@1"],
        ["malformed_json", "mentions[0]@2"],
    ]
    assert "\x1b" not in result.stdout
    assert result.stderr == "1 invalid_utf8, 1 malformed_json, 1 missing_field\n"


def test_json_carries_every_fact(run):
    letters = [json.loads(line) for line in run("--json").stdout.splitlines()]
    assert [(letter["reason"], letter["offset"], letter.get("key")) for letter in letters] == [
        ("invalid_utf8", 0, "acme"),
        ("missing_field", 1, "acme"),
        ("malformed_json", 2, None),
    ]
    assert letters[0]["time"] == "2023-11-14T22:13:20Z"
    assert letters[1]["excerpt"] == '{"brand":"acme"}'


def test_json_carries_the_whole_value_as_base64_where_it_is_no_text(run):
    letters = [json.loads(line) for line in run("--json").stdout.splitlines()]
    assert [letter.get("value") for letter in letters] == [None, '{"brand":"acme"}', "{"]
    assert b64decode(letters[0]["value_base64"]) == b"\xff\x1b[2J"


def test_a_reason_chooses_and_one_that_is_none_is_wrong_usage(run):
    assert run("--reason", "malformed_json").stdout.count("\n") == 1
    assert run("--reason", "too_large").stderr == "no dead letters\n"
    assert run("--reason", "bad").exit_code == 2


def test_a_follower_with_a_limit_ends(run):
    assert run("--follow", "--limit", "2").stdout.count("\n") == 2
