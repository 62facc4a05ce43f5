"""State records: what is written comes back to the byte, and what was not written by this version is refused."""

from __future__ import annotations

import functools
import types
import typing
from collections.abc import Callable
from typing import Any, get_args, get_origin

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.engine import state
from pipeline.engine.buckets.open_bucket import OpenBucket
from pipeline.engine.episodes.episode import Episode
from pipeline.engine.state import CategoryRecord, Checkpoint, OpenRecord
from pipeline.errors import StateError
from schemas.alert import KINDS
from tests.pipeline.engine.engine_runs import undisturbed
from tests.pipeline.mention_streams import troubled_stream

DECODERS: dict[str, Callable[[bytes, bytes], Any]] = {
    "brand": state.decode_brand,
    "open": state.decode_open,
    "category": state.decode_category,
    "checkpoint": state.decode_checkpoint,
}


@functools.cache
def written() -> dict[str, list[bytes]]:
    """Records of each kind as an engine leaves them: cold, warm, in a crisis, with buckets open; and a category's."""
    found: dict[str, list[bytes]] = {name: [] for name in DECODERS}
    found["category"].append(
        state.encode(CategoryRecord(episodes=[Episode() for _ in KINDS], peaks=[{"acme": 4.5}, {}, {"bolt": 3.25}, {}]))
    )
    for hours in (1, 20, 30):
        # The last record is a tick that would close every bucket.
        records = troubled_stream(4, hours=hours, crisis_at=28)[:-1]
        for key, value in undisturbed(records).state.items():
            if key == state.CHECKPOINT_KEY:
                found["checkpoint"].append(value)
            elif key.endswith(state.OPEN_SUFFIX):
                found["open"].append(value)
            elif not key.startswith(state.SENTIMENT_PREFIX):
                found["brand"].append(value)
    return found


LEAVES: dict[Any, st.SearchStrategy[Any]] = {
    int: st.integers(-(2**63), 2**63 - 1),
    float: st.floats(allow_nan=False),
    str: st.text(max_size=8),
    bool: st.booleans(),
    bytes: st.binary(max_size=8),
    bytearray: st.binary(max_size=8).map(bytearray),
    type(None): st.none(),
}


CONTAINERS: dict[Any, Callable[[tuple[Any, ...]], st.SearchStrategy[Any]]] = {
    typing.Union: lambda parts: st.one_of(*map(values, parts)),
    types.UnionType: lambda parts: st.one_of(*map(values, parts)),
    typing.Literal: st.sampled_from,
    list: lambda parts: st.lists(values(parts[0]), max_size=2),
    dict: lambda parts: st.dictionaries(values(parts[0]), values(parts[1]), max_size=2),
    tuple: lambda parts: (
        st.lists(values(parts[0]), max_size=2).map(tuple) if parts[1:] == (...,) else st.tuples(*map(values, parts))
    ),
}


def values(of: Any) -> st.SearchStrategy[Any]:
    """Values of a type of the state: structs with any value in every field, tables, lists, what stands in them."""
    if of in LEAVES:
        return LEAVES[of]
    parts, origin = get_args(of), get_origin(of)
    if origin in CONTAINERS:
        return CONTAINERS[origin](parts)
    fields = {field.name: values(field.type) for field in msgspec.structs.fields(of)}
    return st.builds(of, **fields | ({"version": st.just(state.VERSION)} if "version" in fields else {}))


@pytest.mark.parametrize("kind", DECODERS)
def test_a_record_that_an_engine_wrote_is_read_and_written_to_the_same_bytes(kind: str) -> None:
    assert written()[kind]
    for value in written()[kind]:
        assert state.encode(DECODERS[kind](b"key", value)) == value


@given(values(Checkpoint))
def test_a_checkpoint_survives_its_encoding(checkpoint: Checkpoint) -> None:
    assert state.decode_checkpoint(state.CHECKPOINT_KEY, state.encode(checkpoint)) == checkpoint


@given(st.dictionaries(st.integers(0, 10_000_000), values(OpenBucket), max_size=3))
def test_open_buckets_survive_their_encoding_oldest_first(buckets: dict[int, OpenBucket]) -> None:
    value = state.encode_open(buckets)
    found = state.decode_open(b"acme#open", value)
    assert found.buckets == buckets
    assert list(found.buckets) == sorted(buckets)
    assert state.encode(found) == value == state.encode_open(found.buckets)


@given(st.lists(values(Episode), min_size=len(KINDS), max_size=len(KINDS)))
def test_the_episodes_of_a_brand_survive_their_encoding(found: list[Episode]) -> None:
    record = state.decode_brand(b"acme", written()["brand"][0])
    record.episodes = found
    assert state.decode_brand(b"acme", state.encode(record)) == record


@given(st.integers(-(2**31), 2**31).filter(lambda version: version != state.VERSION))
def test_another_version_is_refused_with_the_way_out(version: int) -> None:
    for kind, decode in DECODERS.items():
        for value in written()[kind]:
            fields = msgspec.msgpack.decode(value)
            other = msgspec.msgpack.encode([version, *fields[1:]])
            expected = rf"state record 'acme': expected state of version {state.VERSION}, got version {version};"
            with pytest.raises(StateError, match=expected):
                decode(b"acme", other)


@pytest.mark.parametrize("kind", DECODERS)
def test_every_truncation_is_refused(kind: str) -> None:
    value = min(written()[kind], key=len)
    for length in range(len(value)):
        with pytest.raises(StateError, match="delete the brand-state topic"):
            DECODERS[kind](b"acme", value[:length])


@pytest.mark.parametrize("kind", DECODERS)
@given(value=st.binary(max_size=60))
@example(value=b"")
@example(value=b"\x90")  # an array of nothing
@example(value=b"\x91\xa1\x80")  # text that is not UTF-8
@example(value=b"\x91" * 100_000)  # nesting without end
def test_bytes_of_another_origin_are_refused_as_state(kind: str, value: bytes) -> None:
    with pytest.raises(StateError, match="expected state of version"):
        DECODERS[kind](b"acme", value)


@given(st.data())
def test_a_damaged_record_is_read_or_refused_as_state(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(DECODERS)))
    value = bytearray(data.draw(st.sampled_from(written()[kind])))
    at = data.draw(st.integers(0, len(value) - 1))
    value[at : at + 1] = data.draw(st.binary(max_size=3))
    try:
        DECODERS[kind](b"acme", bytes(value))
    except StateError as error:
        assert str(error).startswith("state record 'acme'")  # noqa: PT017 - either outcome is right, another is not


@pytest.mark.parametrize("kind", ["brand", "category"])
def test_more_episodes_than_there_are_kinds_are_refused(kind: str) -> None:
    record = DECODERS[kind](b"acme", written()[kind][0])
    record.episodes = [Episode()] * (len(KINDS) + 1)
    with pytest.raises(StateError, match=rf"got {len(KINDS) + 1} episodes"):
        DECODERS[kind](b"acme", state.encode(record))


def test_a_category_whose_kinds_and_peaks_do_not_match_is_refused() -> None:
    record = state.decode_category(b"#category/x", written()["category"][0])
    record.peaks.pop()
    with pytest.raises(StateError, match="4 episodes and 3 tables of peaks"):
        state.decode_category(b"#category/x", state.encode(record))


def test_the_key_in_the_message_is_shortened_and_harmless() -> None:
    with pytest.raises(StateError) as caught:
        state.decode_open(b"\xff\x1b[31m" + b"x" * 1000, state.encode(OpenRecord(1, {})))
    assert "\x1b" not in str(caught.value)
    assert "x" * 81 not in str(caught.value)
