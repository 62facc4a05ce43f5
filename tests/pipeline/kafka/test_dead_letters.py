"""A dead letter as people read it: whatever lies on the topic, one harmless line comes out."""

from __future__ import annotations

from base64 import b64decode
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.encoding import KEPT_BYTES, dead_letter_record
from pipeline.engine.records import DeadLetter, Record
from pipeline.kafka.dead_letters import EXCERPT_CHARACTERS, SENT_AGAIN_HEADER, dead_letter_of, sent_again
from schemas.rejection import Reason


def on_topic(key: bytes | None, value: bytes | None, headers: Any) -> SimpleNamespace:
    return SimpleNamespace(topic="mentions-dlq", partition=2, offset=9, key=key, value=value, headers=headers)


def written(key: bytes | None, value: bytes | None) -> SimpleNamespace:
    record = Record(41, 1_700_000_000_000, key, value)
    letter = dead_letter_record(DeadLetter(record, "mentions", 3, Reason.WRONG_TYPE, "why"))
    return on_topic(letter.key, letter.value, letter.headers)


def test_everything_that_the_worker_wrote_is_told():
    letter = dead_letter_of(written(b"acme", b'{"id":1}'))
    assert letter.place == "mentions-dlq[2]@9"
    assert (letter.reason, letter.error) == ("wrong_type", "why")
    assert (letter.topic, letter.partition, letter.offset) == ("mentions", 3, 41)
    assert letter.time == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert (letter.key, letter.excerpt, letter.size) == ("acme", '{"id":1}', 8)
    assert letter.line() == ('2023-11-14 22:13:20 UTC  wrong_type  mentions[3]@41  why  |  key acme, 8 bytes: {"id":1}')


def test_the_size_is_that_of_the_whole_value_where_the_topic_keeps_only_its_beginning():
    letter = dead_letter_of(written(b"acme", b"x" * (2 * KEPT_BYTES)))
    assert letter.size == 2 * KEPT_BYTES
    assert letter.excerpt is not None
    assert len(letter.excerpt) == EXCERPT_CHARACTERS


def test_a_tombstone_without_a_key_has_neither_key_nor_value():
    letter = dead_letter_of(written(None, None))
    assert (letter.key, letter.excerpt) == (None, None)
    assert letter.line().endswith("key -, no value")


def test_a_record_of_somebody_else_is_of_unknown_reason():
    letter = dead_letter_of(on_topic(None, b"x", []))
    assert letter.reason == "unknown"
    assert letter.topic is None


_bytes = st.none() | st.binary(max_size=300)
_header_names = st.sampled_from(
    [
        "tocsin-reason",
        "tocsin-error",
        "tocsin-topic",
        "tocsin-partition",
        "tocsin-timestamp",
        "tocsin-size",
        SENT_AGAIN_HEADER,
    ]
)


def test_a_note_names_the_dead_letters_that_were_sent_again_and_nothing_else_is_one():
    header = (SENT_AGAIN_HEADER, b"3,17,x,")
    assert sent_again(on_topic(None, None, [header])) == {3, 17}
    assert sent_again(on_topic(None, b"value", [header])) == frozenset()
    assert sent_again(on_topic(b"key", None, [header])) == frozenset()
    assert sent_again(written(None, None)) == frozenset()


@given(_bytes, _bytes)
def test_the_whole_value_and_key_can_be_had_back(key, value):
    letter = dead_letter_of(on_topic(key, value, []), whole=True)
    if value is None:
        assert (letter.value, letter.value_base64) == (None, None)
    else:
        found = letter.value.encode() if letter.value is not None else b64decode(letter.value_base64 or "")
        assert found == value
    if letter.key_base64 is not None:
        assert b64decode(letter.key_base64) == key


@given(_bytes, _bytes, st.lists(st.tuples(_header_names | st.text(max_size=9), _bytes), max_size=9))
def test_whatever_lies_there_becomes_one_line_that_a_terminal_can_show(key, value, headers):
    letter = dead_letter_of(on_topic(key, value, headers), whole=True)
    assert all(number >= 0 for number in sent_again(on_topic(key, value, headers)))
    line = letter.line()
    assert line.isprintable() or not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in line)
    assert len(line) < 2000
    assert msgspec.json.decode(msgspec.json.encode(letter))["place"] == "mentions-dlq[2]@9"
