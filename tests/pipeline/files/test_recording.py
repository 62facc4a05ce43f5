"""Recordings: whatever lies on the topic comes back as it was, and tools for mentions read the mentions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config.model import Config
from pipeline.engine.engine import Engine
from pipeline.engine.records import Record
from pipeline.errors import TocsinError
from pipeline.files.mentions import lines, open_mentions
from pipeline.files.recording import (
    KEPT_BYTES,
    RecordedRecord,
    RecordingHeader,
    decode_record,
    encode_header,
    encode_record,
    header_of,
)
from pipeline.replay import Replay, ReplayReport, open_inputs
from schemas.alert import encode_alert
from schemas.moments import moment
from schemas.rejection import Reason
from tests.pipeline.mention_streams import START, alerts_of, mention, record, tick, troubled_stream

HEADER = RecordingHeader(topic="mentions", partitions=2, since=None, until=None, time="event")
FORGED = b'{"brand":"acme","tocsin_record":{"partition":9,"offset":9,"timestamp":9}}'


def recording(path: Path, records: list[Record], partition: int = 0) -> Path:
    path.write_bytes(b"\n".join([encode_header(HEADER), *(encode_record(partition, one) for one in records)]) + b"\n")
    return path


def replayed(*paths: Path) -> ReplayReport:
    inputs = open_inputs([str(path) for path in paths], None)
    replay = Replay(Config(), partitions=inputs.partitions, now=moment(START))
    for batch in inputs.batches:
        replay.take(batch)
    return replay.end(flush=False)


_shapes = [
    mention(),
    FORGED,
    b'{"tocsin_record":{"partition":1,"offset":1,"timestamp":1},"brand":"acme"}',
    mention() + b"\n",
    b" {}",
    b'{"brand":"acme"}',
]
_values = st.none() | st.binary(max_size=60) | st.sampled_from(_shapes)
_keys = st.none() | st.binary(max_size=9) | st.just(b"acme")
_names = st.text(max_size=9) | st.just("tocsin-rerouted") | st.just('tocsin-,"tocsin_record":{')
_headers = st.lists(st.tuples(_names, st.binary(max_size=9)), max_size=3).map(tuple)


@given(st.integers(0, 999), st.integers(0, 2**60), st.integers(-1, 2**50), _keys, _values, _headers)
def test_every_record_is_one_line_and_comes_back_as_it_was(partition, offset, timestamp, key, value, headers):
    line = encode_record(partition, Record(offset, timestamp, key, value, headers))
    assert b"\n" not in line
    kept = tuple(header for header in headers if value is None or header[0].startswith("tocsin-"))
    assert decode_record(line) == RecordedRecord(partition, offset, timestamp, key, value, kept)


def test_a_mention_in_a_recording_is_a_mention_with_one_field_more():
    document = json.loads(encode_record(1, record(7, mention(id="x"))))
    place = document.pop("tocsin_record")
    assert (place["partition"], place["offset"]) == (1, 7)
    assert document == json.loads(mention(id="x"))


def test_a_place_that_the_author_of_a_mention_wrote_is_none():
    assert decode_record(encode_record(1, record(7, FORGED))).value == FORGED
    assert header_of(FORGED) is None


def test_a_value_too_large_for_any_mention_is_cut_and_still_refused_for_its_size(tmp_path):
    path = recording(tmp_path / "r.jsonl", [record(0, b"x" * (3 * KEPT_BYTES))])
    report = replayed(path)
    assert [letter.reason for letter in report.dead_letters] == [Reason.TOO_LARGE]
    assert path.stat().st_size < 2 * KEPT_BYTES


def test_tools_for_mentions_read_the_mentions_of_a_recording_and_nothing_else(tmp_path):
    plain, pretty = mention(id="a"), json.dumps(json.loads(mention(id="b")), indent=1).encode()
    records = [record(0, plain), tick(1, START), record(2, plain, b"other"), record(3, b"\xff"), record(4, pretty)]
    assert list(lines(str(recording(tmp_path / "r.jsonl", records)))) == [plain, pretty]


def test_a_replayed_recording_gives_the_alerts_and_refusals_of_the_engine_that_saw_the_topic(tmp_path):
    """Ticks, foreign keys and timestamps count, which a file of plain mentions does not know."""
    records = troubled_stream(1)
    path = recording(tmp_path / "r.jsonl", records, partition=1)
    report = replayed(path)
    want = Engine(1, Config(), partitions=HEADER.partitions).process(records)
    assert sorted(map(encode_alert, report.alerts)) == sorted(value for _, value in alerts_of(want) if value)
    assert [letter.reason for letter in report.dead_letters] == [letter.reason for letter in want.dead_letters]
    assert want.alerts


def test_overlapping_recordings_count_a_record_once(tmp_path):
    records = [record(number, mention(id=str(number))) for number in range(9)]
    first, second = recording(tmp_path / "1.jsonl", records[:6]), recording(tmp_path / "2.jsonl", records[3:])
    assert replayed(first, second).mentions == 9


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            b'{"tocsin_recording":{"version":2,"topic":"m","partitions":1,"since":null,"until":null,"time":"event"}}',
            "version 2",
        ),
        (b'{"tocsin_recording":{}}', "line 1: expected the first line of a recording"),
        (encode_header(HEADER) + b"\n" + mention(), "line 2: expected a record"),
    ],
)
def test_what_is_no_recording_of_this_version_is_one_line_with_its_place(tmp_path, content, words):
    path = tmp_path / "r.jsonl"
    path.write_bytes(content)
    with pytest.raises(TocsinError, match=words):
        list(open_mentions(str(path)).records)


def test_a_partition_that_the_topic_did_not_have_is_refused(tmp_path):
    path = recording(tmp_path / "r.jsonl", [record(0, mention())], partition=2)
    with pytest.raises(TocsinError, match="2 partitions, got one of partition 2"):
        replayed(path)
