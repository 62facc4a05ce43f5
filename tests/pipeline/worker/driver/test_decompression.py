"""A batch that decompresses to more than the bound costs its own records and nothing else: no memory, no neighbour."""

from __future__ import annotations

import gzip
import inspect
import struct
import subprocess
import sys
import tracemalloc
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import aiokafka
import cramjam
import pytest
from aiokafka import codec
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.util import calc_crc32c
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.config.model import Config, ConfigFile, EngineConfig
from pipeline.engine.encoding import dead_letter_record
from pipeline.engine.engine import Engine
from pipeline.engine.records import RefusedBatch
from pipeline.worker.driver import batches, fetched_slices
from pipeline.worker.driver.batches import CheckedBatch
from pipeline.worker.driver.decompression import (
    MAX_DECOMPRESSED_BYTES,
    BatchTooLargeError,
    Decompressor,
    check_entries,
)
from schemas.mention import MAX_MENTION_BYTES
from schemas.rejection import Reason
from tests.pipeline.mention_streams import mention
from tests.pipeline.worker.driver.packed_batches import (
    CODECS,
    MIB,
    NUMBERS,
    XERIAL,
    batch,
    fetched,
    honest,
    packed,
    record_of,
    slices,
    varint,
)

PIECES = {"gzip": MIB, "snappy": 4 * MIB, "lz4": 4 * MIB, "zstd": 4 * MIB}


def bomb(name: str, size: int) -> bytes:
    """So many zeros and no more work than one piece of them: every format may be written in pieces."""
    count = size // PIECES[name]
    if name == "snappy":
        block = bytes(cramjam.snappy.compress_raw(bytes(PIECES[name])))
        return XERIAL + count * (struct.pack("!i", len(block)) + block)
    return packed(name, bytes(PIECES[name])) * count


def zstd_bomb(size: int) -> bytes:
    """One frame: three bytes of header and one of content for every 128 KiB, and a window of 128 MiB."""
    block = 128 << 10
    count = size // block
    blocks = [((block << 3) | (1 << 1) | (n == count - 1)).to_bytes(3, "little") + b"a" for n in range(count)]
    return b"\x28\xb5\x2f\xfd\x00\x88" + b"".join(blocks)


@pytest.mark.parametrize("name", CODECS)
def test_a_bomb_is_refused_in_every_codec(name: str) -> None:
    with pytest.raises(BatchTooLargeError, match=f"at most {MAX_DECOMPRESSED_BYTES} bytes, got more") as refusal:
        getattr(Decompressor(), name)(bomb(name, 400 * MIB))
    assert refusal.value.limit == MAX_DECOMPRESSED_BYTES


REFUSES = """
import resource, sys
from pathlib import Path
from pipeline.worker.driver.decompression import Decompressor, BatchTooLargeError
pages = int(Path("/proc/self/statm").read_text().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + int(sys.argv[1]),) * 2)
decompressor = Decompressor()
for path in sys.argv[2:]:
    try:
        getattr(decompressor, Path(path).name.partition("-")[0])(Path(path).read_bytes())
    except BatchTooLargeError:
        print(Path(path).name)
"""


def test_a_process_with_little_memory_refuses_every_bomb(tmp_path: Path) -> None:
    """One gzip member and one zstd frame that wants a window of 128 MiB are the most that a bomb can ask for."""
    one_member = zlib.compressobj(1, wbits=31)
    bombs = {name: bomb(name, 400 * MIB) for name in CODECS} | {
        "gzip-one-member": b"".join(one_member.compress(bytes(MIB)) for _ in range(100)) + one_member.flush(),
        "zstd-wide-window": zstd_bomb(1 << 30),
    }
    for name, data in bombs.items():
        (tmp_path / name).write_bytes(data)
    room = 6 * MAX_DECOMPRESSED_BYTES + max(map(len, bombs.values()))  # the window is address space, hardly used
    child = subprocess.run(
        [sys.executable, "-c", REFUSES, str(room), *(str(tmp_path / name) for name in bombs)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert child.stdout.split() == list(bombs)


@given(
    st.sampled_from(CODECS),
    st.integers(1, 3_000),
    st.integers(-2, 2),
    st.binary(min_size=1, max_size=20),
)
def test_what_decompresses_to_the_bound_is_unchanged_and_one_byte_more_is_refused(
    name: str, limit: int, over: int, piece: bytes
) -> None:
    size = max(limit + over, 1)  # aiokafka cannot read what it makes of nothing by snappy
    data = (piece * (size // len(piece) + 1))[:size]
    decode = getattr(Decompressor(limit), name)
    if size > limit:
        with pytest.raises(BatchTooLargeError):
            decode(packed(name, data))
    else:
        assert decode(packed(name, data)) == data
        assert decode(memoryview(packed(name, data)).tobytes()) == getattr(codec, f"{name}_decode")(packed(name, data))


@given(st.sampled_from(CODECS), st.lists(st.binary(min_size=1, max_size=2_000), min_size=1, max_size=4))
def test_several_frames_in_one_payload_give_what_aiokafka_finds_in_them(name: str, parts: list[bytes]) -> None:
    data = b"".join(packed(name, part) for part in parts) if name != "snappy" else packed(name, b"".join(parts))
    assert getattr(Decompressor(8_000), name)(data) == b"".join(parts) == getattr(codec, f"{name}_decode")(data)


def test_snappy_without_framing_is_read_and_bounded() -> None:
    data = codec.snappy_encode(b"ab" * 500, xerial_compatible=False)
    assert Decompressor(1_000).snappy(data) == b"ab" * 500
    with pytest.raises(BatchTooLargeError):
        Decompressor(999).snappy(data)


def test_zeros_after_a_gzip_member_are_read_over_and_anything_else_is_damage() -> None:
    data = packed("gzip", b"ab")
    assert Decompressor().gzip(data + bytes(5)) == b"ab"
    with pytest.raises(gzip.BadGzipFile):
        Decompressor().gzip(data + b"x")


@pytest.mark.parametrize("name", CODECS)
def test_damage_is_no_bomb_and_ends_as_it_does_in_aiokafka(name: str) -> None:
    data = packed(name, b"0123456789" * 200)
    damaged = data[: len(data) // 2]
    with pytest.raises(Exception) as own:
        getattr(codec, f"{name}_decode")(damaged)
    with pytest.raises(type(own.value)):
        getattr(Decompressor(), name)(damaged)


def test_a_snappy_block_of_negative_length_ends_instead_of_going_round() -> None:
    with pytest.raises(ValueError, match="length of a snappy block, got -4"):
        Decompressor().snappy(XERIAL + struct.pack("!i", -4) + b"xx")


def test_threads_decompress_into_buffers_of_their_own() -> None:
    decompressor = Decompressor(MIB)
    data = {n: packed("lz4", bytes([n]) * MIB) for n in range(4)}
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda n: decompressor.lz4(data[n % 4]), range(200)))
    assert all(one == bytes([n % 4]) * MIB for n, one in enumerate(found))


@pytest.mark.parametrize("name", ["", *CODECS])
def test_a_batch_of_every_codec_has_the_records_that_aiokafka_finds_in_it(name: str) -> None:
    data = honest(7, b"v" * 9_000, b"", b"w", name=name)
    checked = CheckedBatch(DefaultRecordBatch(data), memoryview(data))
    fields = [(one.offset, one.timestamp, one.key, one.value, one.headers) for one in DefaultRecordBatch(data)]
    assert [(one.offset, one.timestamp, one.key, one.value, one.headers) for one in checked] == fields


@pytest.mark.parametrize("name", CODECS)
def test_a_batch_says_how_much_its_records_took_decompressed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing before they are asked for; where they are refused, what they were allowed to take."""
    monkeypatch.setattr(batches, "DECOMPRESSOR", Decompressor(10_000))
    fine, too_large = (honest(0, b"v" * size, name=name) for size in (9_000, 11_000))
    checked = CheckedBatch(DefaultRecordBatch(fine), memoryview(fine))
    assert checked.decompressed_bytes == 0
    assert len(list(checked)) == 1
    assert 9_000 < checked.decompressed_bytes < 9_050
    checked = CheckedBatch(DefaultRecordBatch(too_large), memoryview(too_large))
    with pytest.raises(BatchTooLargeError):
        list(checked)
    assert checked.decompressed_bytes == 10_000
    assert checked.validate_crc()
    assert checked.next_offset == 1


def test_what_was_not_compressed_counts_nothing() -> None:
    data = honest(0, b"v")
    checked = CheckedBatch(DefaultRecordBatch(data), memoryview(data))
    assert len(list(checked)) == 1
    assert checked.decompressed_bytes == 0


@pytest.mark.parametrize("key", [b"acme", None])
def test_millions_of_headers_are_refused_before_aiokafka_makes_a_gigabyte_of_them(
    key: bytes | None,
) -> None:
    data = batch("zstd", packed("zstd", record_of(15_000_000, key=key)), count=1)
    tracemalloc.start()
    try:
        (refused,) = fetched(data)
        assert tracemalloc.get_traced_memory()[1] < 3 * MAX_DECOMPRESSED_BYTES
    finally:
        tracemalloc.stop()
    assert isinstance(refused, RefusedBatch)


def test_what_is_within_the_bound_with_its_headers_is_read() -> None:
    data = packed("zstd", record_of(200_000, b"v" * (3 * MIB)) + record_of(0, offset=1))
    first, second = fetched(batch("zstd", data, count=2))
    assert (len(first.value), second.value) == (3 * MIB, b"{}")


def test_millions_of_records_of_no_size_are_refused() -> None:
    """No mention fits in 64 bytes with what belongs to it."""
    count = 600_000
    (refused,) = fetched(batch("zstd", packed("zstd", record_of(0, b"", b"") * count), count=count))
    assert isinstance(refused, RefusedBatch)
    assert refused.records == count


@given(st.binary(max_size=40), st.integers(0, 60))
@example(b"\xff" * 12, 0)
def test_bytes_that_are_no_records_are_left_to_aiokafkas_parser(noise: bytes, cut: int) -> None:
    large = record_of(3, b"v" * (3 * MIB))
    for data in (noise, large[:cut] + noise, varint(3 * MIB) + noise, varint(-5) + noise):
        check_entries(large + data, MAX_DECOMPRESSED_BYTES)


@pytest.mark.parametrize("name", CODECS)
def test_a_bomb_becomes_one_refused_record_at_its_last_offset_and_its_neighbours_are_read(
    name: str,
) -> None:
    payload = bomb(name, 200 * MIB)
    data = batch(name, payload, count=70, first=12, timestamp=5_000)
    log = honest(10, b"a", b"b", name=name) + data + honest(82, b"c", name=name)
    records = fetched(log, 10)
    before, also, refused, after = records
    assert [before.value, also.value, after.value] == [b"a", b"b", b"c"]
    error = f"expected a batch that unpacks to at most {MAX_DECOMPRESSED_BYTES} bytes, got more"
    assert refused == RefusedBatch(81, 5_000, data, 12, Reason.TOO_LARGE, error)
    assert refused.records == 70
    assert records.next_fetch_offset == 83


def test_a_bomb_in_the_middle_of_which_reading_begins_stands_for_what_was_still_to_be_read() -> None:
    log = batch("zstd", bomb("zstd", 40 * MIB), count=10, first=100)
    assert [(one.first_offset, one.offset) for one in fetched(log, 104)] == [(104, 109)]
    passed_over = fetched(log, 110)
    assert list(passed_over) == []
    assert passed_over.next_fetch_offset == 110


def test_a_bomb_of_an_aborted_transaction_was_never_said() -> None:
    data = bytearray(batch("zstd", bomb("zstd", 40 * MIB), count=5, first=20))
    struct.pack_into(">h", data, 21, NUMBERS["zstd"] | 0x10)  # transactional
    struct.pack_into(">qh", data, 43, 7, 0)  # producer
    struct.pack_into(">I", data, 17, calc_crc32c(bytes(data[21:])))
    log = bytes(data) + honest(25, b"after")
    assert [record.offset for record in fetched(log, 20, aborted=[(7, 20)])] == [25]
    assert [record.offset for record in fetched(log, 20)] == [24, 25]


def test_a_slice_ends_at_its_bytes_and_the_rest_comes_with_the_next_ones() -> None:
    """Batches within the bound can follow each other by the hundred in one fetch."""
    values = [bytes([n]) * MIB for n in range(10)]
    log = b"".join(honest(n, value, name="zstd") for n, value in enumerate(values))
    found = list(slices(fetched(log)))
    most = fetched_slices.SLICE_BYTES // MIB
    assert [len(one) for one in found] == [most, most, len(values) - 2 * most]
    assert [record.value for one in found for record in one] == values


def test_a_slice_that_ends_at_its_records_amid_a_large_batch_loses_none_of_the_rest() -> None:
    log = honest(0, *(b"v" * MIB for _ in range(7)), name="zstd") + honest(7, b"after")
    found = [[record.offset for record in one] for one in slices(fetched(log), 2)]
    assert found == [[0, 1], [2, 3], [4, 5], [6, 7], []]


def test_what_another_partition_decompresses_meanwhile_shortens_no_slice() -> None:
    log = b"".join(honest(n, b"v" * MIB, name="zstd") for n in range(4))
    mine, others = slices(fetched(log), 1), slices(fetched(log))
    assert [len(one) for one in mine] == [1, 1, 1, 1, 0]
    mine = slices(fetched(log), 2)
    assert [len(next(mine)), len(next(others)), len(next(mine))] == [2, 4, 2]


def test_a_slice_ends_at_its_records_as_in_aiokafka() -> None:
    log = honest(0, *(b"%d" % n for n in range(10)))
    assert [[record.offset for record in one] for one in slices(fetched(log), 4)] == [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [8, 9],
    ]
    assert [len(one) for one in slices(fetched(log), None)] == [10]


def test_a_refused_batch_ends_a_slice_so_that_heartbeats_get_their_turn() -> None:
    payload = bomb("zstd", 40 * MIB)
    log = honest(0, b"a") + b"".join(batch("zstd", payload, count=2, first=first) for first in (1, 3)) + honest(5, b"b")
    assert [[record.offset for record in one] for one in slices(fetched(log))] == [[0, 2], [4], [5]]


@pytest.mark.parametrize("size", [1, 2 * fetched_slices.SLICE_BYTES])
def test_a_slice_of_a_partition_that_was_taken_away_is_not_handed_out(size: int) -> None:
    partition = aiokafka.TopicPartition("mentions", 0)
    records = fetched(honest(0, b"a" * size, name="zstd") + honest(1, b"b"))
    state = SimpleNamespace(paused=False, position=0)
    state.consumed_to = lambda position: setattr(state, "position", position)
    assignment = SimpleNamespace(active=True, state_value=lambda _: state)
    result = fetched_slices.SliceResult(partition, assignment=assignment, partition_records=records, backoff=0)
    assert len(result.getall(1)) == 1
    assignment.active = False
    assert result.getall(10) == []
    assert not result.has_more()


def test_the_fetcher_looks_its_result_class_up_by_name() -> None:
    source = inspect.getsource(fetcher.Fetcher)
    assert "self._records[tp] = FetchResult(" in source
    assert "type(res_or_error) is FetchResult" in source
    assert "res_or_error.getall(max_records)" in source
    assert list(inspect.signature(fetched_slices.SliceResult.__mro__[1].getall).parameters) == ["self", "max_records"]


def test_the_engine_makes_one_dead_letter_of_a_batch_and_counts_its_records() -> None:
    """What comes before and after it counts; the letter's value is the batch, from which all of it can be had again."""
    data = batch("zstd", bomb("zstd", 200 * MIB), count=300, first=1)
    assert len(data) < MAX_MENTION_BYTES, "its size alone would not refuse it"
    log = honest(0, mention(id="1")) + data + honest(301, mention(id="2"))
    engine = Engine(3, Config())
    outputs = engine.process(list(fetched(log)))
    assert engine.next_offset == 302
    assert engine.stats.consumed == 2
    assert engine.stats.rejected[Reason.TOO_LARGE] == sum(engine.stats.rejected.values()) == 300
    (letter,) = map(dead_letter_record, outputs.dead_letters)
    headers = dict(letter.headers)
    assert (letter.key, letter.value) == (None, data)
    assert headers["tocsin-reason"] == b"too_large"
    assert headers["tocsin-offset"] == b"300"
    assert headers["tocsin-timestamp"] == b"1000"
    assert f"at most {MAX_DECOMPRESSED_BYTES} bytes, got more: offsets 1 to 300 are" in headers["tocsin-error"].decode()


def test_a_batch_counts_as_one_refusal_in_the_row_that_stops_a_worker() -> None:
    engine = Engine(0, Config(ConfigFile(engine=EngineConfig(dead_letter_run_limit=1))))
    log = batch("zstd", bomb("zstd", 40 * MIB), count=1_000) + honest(1_000, mention())
    assert len(engine.process(list(fetched(log))).dead_letters) == 1
