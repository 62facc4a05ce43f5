"""Decoding mentions: what comes back, what is refused and why, and that nothing a stranger sends costs more."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.mention import (
    DROPPABLE,
    MAX_MENTION_BYTES,
    MAX_NESTING,
    MAX_TEXT_CHARACTERS,
    Author,
    AuthorKind,
    Channel,
    Mention,
    brand_key,
    decode_mention,
    decode_of_some_brand,
    decode_plain,
    encode_mention,
    event_seconds,
    read_mention,
    record_key,
)
from schemas.rejection import Reason, Rejected
from tests.schemas.contracts import examples

MINIMAL = {"id": "1", "brand": "acme", "text": "", "event_time": "2026-03-01T12:34:56Z", "platform": "x"}

identifiers = st.text(min_size=1, max_size=256)
offsets = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
authors = st.builds(
    Author,
    id=identifiers,
    followers=st.none() | st.integers(0, 10_000_000_000),
    kind=st.sampled_from(get_args(AuthorKind)),
)
mentions = st.builds(
    Mention,
    id=identifiers,
    brand=st.from_regex(r"\A[a-z0-9][a-z0-9._-]{0,63}\Z"),
    text=st.text(max_size=300),
    event_time=st.datetimes(datetime(2000, 1, 2), datetime(2199, 12, 30), timezones=offsets),  # noqa: DTZ001 - Hypothesis adds the zone
    platform=st.text(min_size=1, max_size=64),
    lang=st.none() | st.text(max_size=35),
    channel=st.none() | st.sampled_from(get_args(Channel)),
    author=st.none() | authors,
    reach=st.none() | st.integers(0, 100_000_000_000),
    sentiment=st.none() | st.floats(-1.0, 1.0),
    url=st.none() | st.text(max_size=100),
    repost_of=st.none() | identifiers,
    reply_to=st.none() | identifiers,
)


def refused(value: bytes) -> Reason:
    """The reason that decoding gives; fails when it accepts."""
    with pytest.raises(Rejected) as caught:
        decode_mention(value)
    return caught.value.reason


def mention(**changes: object) -> bytes:
    return json.dumps(MINIMAL | changes).encode()


@given(mentions)
def test_an_encoded_mention_decodes_to_itself(original):
    decoded = decode_mention(encode_mention(original))
    assert decoded == original
    assert decoded.event_time.utcoffset() == original.event_time.utcoffset()
    assert encode_mention(decoded) == encode_mention(original)


@given(st.binary(max_size=200))
@example(b"")
@example(b"\xed\xa0\x80")
@example(b"\xff\xfe{\x00}\x00")
@settings(max_examples=300)
def test_arbitrary_bytes_are_refused_with_a_reason_and_never_raise_anything_else(value):
    with pytest.raises(Rejected) as caught:
        decode_mention(value)
    assert caught.value.reason in Reason


@settings(max_examples=500)
@given(mentions)
def test_a_mention_of_a_known_brand_is_decoded_to_the_same_fields(original):
    found = decode_of_some_brand(encode_mention(original))
    assert found is not None
    assert msgspec.to_builtins(found) == msgspec.to_builtins(original)


@given(st.lists(mentions.map(encode_mention) | st.none() | st.binary(max_size=20), max_size=12), st.data())
def test_plain_mentions_are_decoded_up_to_the_first_value_that_is_none(values, data):
    brackets = data.draw(st.integers(0, 70))
    if values and values[0]:
        values[0] = values[0][:-1] + b',"x_list":' + b"[" * brackets + b"]" * brackets + b"}"
    found = decode_plain(values)
    expected = [None if value is None else decode_of_some_brand(value) for value in values]
    assert found == expected[: len(found)]
    assert len(found) == len(values) or expected[len(found)] is None


@given(value=mentions.map(encode_mention), data=st.data())
def test_the_fast_way_takes_nothing_that_is_refused_but_for_brand_and_year(value, data):
    place = data.draw(st.integers(0, len(value) - 1))
    damaged = value[:place] + data.draw(st.binary(max_size=3)) + value[place + 1 :]
    found = decode_of_some_brand(damaged)
    if found is not None:
        reason = None
        try:
            assert msgspec.to_builtins(decode_mention(damaged)) == msgspec.to_builtins(found)
        except Rejected as rejected:
            reason = rejected.reason
        assert reason in (None, Reason.INVALID_BRAND, Reason.INVALID_EVENT_TIME)


@given(data=st.data())
def test_a_mention_with_damaged_bytes_decodes_or_is_refused_and_never_raises_anything_else(data):
    value = bytearray(data.draw(st.sampled_from([path.read_bytes() for path in examples("mention", "valid")])))
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(value)))
        cut = data.draw(st.integers(0, 3))
        value[at : at + cut] = data.draw(
            st.sampled_from(
                [b'"', b"\\", b"\\ud83d", b"\\udc00", b"\\u", b"{", b"}", b"[", b"]", b",", b":", b"NaN", b"1e999"]
            )
            | st.binary(max_size=3)
        )
    with contextlib.suppress(Rejected):
        encode_mention(decode_mention(bytes(value))).decode("utf-8")


surrogates = st.integers(0xD800, 0xDFFF).map(chr)


@given(st.lists(surrogates | st.characters(), max_size=20).map("".join))
def test_lone_surrogates_become_replacement_characters_and_whole_pairs_stay(text):
    """Python's own decoder joins pairs; what it leaves of the surrogate range stood alone."""
    escaped = json.dumps(text)
    expected = "".join("\ufffd" if 0xD800 <= ord(one) <= 0xDFFF else one for one in json.loads(escaped))
    assert decode_mention(mention(text=text)).text == expected


@pytest.mark.parametrize("escape", [r"\\ud83d", r"\\\\ud83d"])
def test_a_backslash_before_what_looks_like_a_surrogate_is_kept(escape):
    value = mention(text="@@", bio="\ud83d").replace(b"@@", escape.encode())
    assert decode_mention(value).text == json.loads(f'"{escape}"')


GARBAGE = (b'\\"', b"\\", b'"x', b"\\ud83d")
"""What a reader of strings must look at twice."""


@pytest.mark.parametrize(
    "value",
    [
        b"[" * 100_000,
        b'{"a":' * 20_000,
        b"[" * (MAX_NESTING + 1) + b"]" * (MAX_NESTING + 1),
        json.dumps(MINIMAL).encode()[:-1] + b',"x":' + b"[" * MAX_NESTING + b"]" * MAX_NESTING + b"}",
        b'{"text":"\\ud83d","x":' + b"[" * MAX_NESTING + b"]" * MAX_NESTING + b"}",
    ],
)
def test_deep_nesting_is_refused_as_such(value):
    assert refused(value) is Reason.NESTED_TOO_DEEP


def test_nesting_is_counted_the_same_however_deep_the_caller_stands():
    """The interpreter's recursion limit would refuse a record in one caller that another accepts."""
    deepest = json.dumps(MINIMAL).encode()[:-1] + b',"x":' + b"[" * 63 + b"]" * 63 + b"}"

    def call(depth: int) -> Mention:
        return call(depth - 1) if depth else decode_mention(deepest)

    assert call(0) == call(600)


def test_brackets_inside_strings_and_side_by_side_are_not_nesting():
    value = mention(text='[{"' * 200, x=[[[]]] * 200, y=[{}] * 200)
    assert decode_mention(value).text == '[{"' * 200


@pytest.mark.parametrize("size", [MAX_MENTION_BYTES, 1_000_000])
def test_a_megabyte_of_garbage_is_refused(size):
    """Work that grew with the square of the length would be seen: it takes minutes."""
    for piece in (*GARBAGE, b"x", b"[", b'"', b'["', b'"\\ud83d"', b"{}", b"\xf0\x9f\x98\xa1", b"\xff", b"1", b" "):
        refused((piece * size)[:size])


def test_brackets_before_an_unclosed_string_are_counted():
    for piece in GARBAGE:
        value = (b"[{" * MAX_NESTING + b'"' + piece * MAX_MENTION_BYTES)[:MAX_MENTION_BYTES]
        assert refused(value) is Reason.NESTED_TOO_DEEP, piece


def test_a_mention_may_have_so_many_bytes_and_no_more():
    value = mention()
    assert decode_mention(value + b" " * (MAX_MENTION_BYTES - len(value)))
    assert refused(value + b" " * (MAX_MENTION_BYTES + 1 - len(value))) is Reason.TOO_LARGE


@pytest.mark.parametrize("character", ["x", "这", "😡", "\x00", "\ud83d"])
def test_of_a_text_so_many_characters_are_taken_in_any_script(character):
    assert len(decode_mention(mention(text=character * MAX_TEXT_CHARACTERS)).text) == MAX_TEXT_CHARACTERS
    cut, dropped = read_mention(mention(text=character * (MAX_TEXT_CHARACTERS + 1), reply_to=""))
    assert len(cut.text) == MAX_TEXT_CHARACTERS
    assert dropped == ("text", "reply_to")


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_nan_and_infinities_are_not_json(constant):
    for field in ("sentiment", "reach", "event_time", "x"):
        assert refused(mention(**{field: float(constant)})) is Reason.MALFORMED_JSON, field


def test_the_moment_is_the_same_in_every_offset():
    assert decode_mention(mention(event_time="2026-03-01T21:34:56+09:00")).event_time == datetime(
        2026, 3, 1, 12, 34, 56, tzinfo=UTC
    )


@given(st.text(max_size=80))
def test_no_quoted_value_can_forge_the_reason_of_another_rule(words):
    for forged in (words, f"{words} - at `$.event_time`", "Object missing required field", f"Invalid RFC3339 {words}"):
        if forged not in get_args(Channel):
            assert read_mention(mention(channel=forged))[1] == ("channel",)
            assert refused(mention(platform=forged * 65 or "")) is Reason.OUT_OF_RANGE


@pytest.mark.parametrize("key", [None, b""])
def test_a_record_without_a_key_is_refused(key):
    with pytest.raises(Rejected) as caught:
        brand_key(decode_mention(mention()), key)
    assert caught.value.reason is Reason.MISSING_KEY


@pytest.mark.parametrize("key", [b"acmf", b"ACME", b"acme ", b"acme\n", b"\xff\xfe", b"x" * 10_000, "アクメ".encode()])
def test_a_record_under_the_key_of_another_brand_is_refused_in_a_short_message(key):
    with pytest.raises(Rejected) as caught:
        brand_key(decode_mention(mention()), key)
    assert caught.value.reason is Reason.BRAND_KEY_MISMATCH
    assert len(str(caught.value)) < 500


def test_a_record_under_its_own_brand_is_taken():
    brand_key(decode_mention(mention()), b"acme")


def test_fields_that_equal_their_default_are_left_out_when_writing():
    assert msgspec.json.decode(encode_mention(decode_mention(mention()))) == MINIMAL


odd: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=3),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.sampled_from(["id", "followers", "kind"]), st.text()),
)


@given(
    st.dictionaries(st.sampled_from([field for field in DROPPABLE if "." not in field and field != "text"]), odd),
    mentions,
)
def test_no_value_of_an_optional_field_costs_the_mention_or_another_field(changes, original):
    sane = json.loads(encode_mention(original))
    found, dropped = read_mention(json.dumps(sane | changes).encode())
    touched = {field.partition(".")[0] for field in dropped}
    assert touched <= set(changes)
    for field in Mention.__struct_fields__:
        if field not in changes:
            assert getattr(found, field) == getattr(original, field)
    assert read_mention(encode_mention(found)) == (found, ())


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-06-30T23:59:60Z", "2026-06-30T23:59:59Z"),
        ("2026-06-30T23:59:60.75Z", "2026-06-30T23:59:59.75Z"),
        ("2026-07-01T08:59:60+09:00", "2026-07-01T08:59:59+09:00"),
        ("2026-06-30t16:29:60-07:30", "2026-06-30T16:29:59-07:30"),
    ],
)
def test_a_leap_second_counts_as_the_second_before_it(written, read):
    assert decode_mention(mention(event_time=written)) == decode_mention(mention(event_time=read))
    assert event_seconds(mention(event_time=written)) == event_seconds(mention(event_time=read)) is not None


@pytest.mark.parametrize("written", ["2026-06-30T12:00:60Z", "2026-06-30T23:59:60+01:00", "2026-06-30T23:59:61Z"])
def test_a_sixtieth_second_at_any_other_time_is_no_moment(written):
    assert refused(mention(event_time=written)) is Reason.INVALID_EVENT_TIME
    assert event_seconds(mention(event_time=written)) is None


@pytest.mark.parametrize("written", ["0001-01-01T00:59:60+01:00", "9999-12-31T22:59:60-01:00"])
def test_a_leap_second_at_an_end_of_the_calendar_is_refused_like_any_time_there(written):
    assert refused(mention(event_time=written)) is Reason.INVALID_EVENT_TIME
    event_seconds(mention(event_time=written))  # whoever asks for the time alone is not ended by it either


@pytest.mark.parametrize(
    "value",
    [
        b"\xef\xbb\xbf" + mention(),
        mention(text="cut emoji \ud83d"),
        mention(bio="\udc00"),
        mention(reach=-1, author=7, url="x" * 3000),
        mention(text="x" * 20_000),
    ],
)
def test_what_is_taken_is_taken_by_all_that_read_a_mention(value):
    """Publishing, replay and evaluation ask for the key and the time alone, the worker for everything."""
    found = decode_mention(value)
    assert record_key(value) == b"acme"
    assert event_seconds(value) == found.event_time.timestamp()
    assert read_mention(encode_mention(found)) == (found, ())
