"""A dead letter is the refused record itself, as far as it fits into the topic."""

from __future__ import annotations

import hashlib

import pytest

from pipeline.engine.encoding import KEPT_BYTES, OutRecord, dead_letter_record
from pipeline.engine.records import DeadLetter, Record
from pipeline.worker.transaction import REQUEST_BYTES
from schemas.catalogue import topics
from schemas.rejection import Reason


def letter_of(key: bytes | None, value: bytes | None, error: str = "too large") -> OutRecord:
    return dead_letter_record(DeadLetter(Record(41, 1234, key, value), "mentions", 3, Reason.TOO_LARGE, error))


@pytest.mark.parametrize(
    ("key", "value"), [(b"acme", b"x" * (KEPT_BYTES - 4)), (None, b"x" * KEPT_BYTES), (b"k" * KEPT_BYTES, None)]
)
def test_up_to_the_bound_key_and_value_are_kept_byte_for_byte(key, value):
    letter = letter_of(key, value)
    assert (letter.key, letter.value) == (key, value)
    assert not {"tocsin-size", "tocsin-sha256"} & dict(letter.headers).keys()


def test_above_the_bound_the_value_is_cut_and_the_headers_tell_of_the_whole():
    value = bytes(range(256)) * 20_000
    letter = letter_of(b"acme", value)
    headers = dict(letter.headers)
    assert letter.key == b"acme"
    assert letter.value == value[: KEPT_BYTES - 4]
    assert headers["tocsin-size"] == b"5120000"
    assert headers["tocsin-sha256"].decode() == hashlib.sha256(value).hexdigest()
    assert headers["tocsin-offset"] == b"41"


@pytest.mark.parametrize("value", [b"x" * 10, None])
def test_a_key_above_the_bound_is_cut_too(value):
    letter = letter_of(b"k" * (3 << 20), value)
    assert letter.key == b"k" * KEPT_BYTES
    assert letter.value == (None if value is None else b"")
    assert dict(letter.headers)["tocsin-size"] == b"%d" % len(value or b"")


def test_the_largest_dead_letter_fits_into_its_topic_and_a_request():
    letter = letter_of(b"k", b"x" * (8 << 20), "\N{GRINNING FACE}" * 1000)
    size = len(letter.key or b"") + len(letter.value or b"")
    size += sum(len(name) + len(value) for name, value in letter.headers) + 1024
    assert size < int(topics()["mentions-dlq"].config["max.message.bytes"]) < REQUEST_BYTES
