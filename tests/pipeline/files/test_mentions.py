"""Files of mentions: what is unpacked from them is bounded, whatever they claim."""

from __future__ import annotations

import gzip
import os
import tracemalloc

import pytest

from pipeline.errors import TocsinError
from pipeline.files.mentions import MAX_LINE_BYTES, lines, total_bytes
from pipeline.files.observations import read_observations


@pytest.fixture
def bomb(tmp_path):
    """A small file that is one line of 200 MB."""

    def write(name: str) -> str:
        path = tmp_path / name
        with gzip.open(path, "wb", compresslevel=1) as file:
            for _ in range(200):
                file.write(b"x" * 1_000_000)
        assert path.stat().st_size < 2_000_000
        return str(path)

    return write


def test_a_line_without_end_is_refused_before_it_fills_the_memory(bomb):
    path = bomb("bomb.jsonl.gz")
    tracemalloc.start()
    with pytest.raises(TocsinError, match=r"bomb.jsonl.gz: line 1: expected at most 16,777,216 bytes, got more"):
        next(lines(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5 * MAX_LINE_BYTES


def test_a_table_of_one_line_without_end_is_refused_too(bomb):
    path = bomb("bomb.csv.gz")
    tracemalloc.start()
    with pytest.raises(TocsinError, match="expected CSV after line 0"):
        read_observations([path])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12 * MAX_LINE_BYTES


@pytest.mark.parametrize("name", ["mentions.jsonl", "mentions.jsonl.gz"])
def test_what_was_read_of_files_adds_up_to_their_size_on_disk(tmp_path, name):
    text = b"".join(b'{"id": "%d"}\n' % number for number in range(5000))
    path = tmp_path / name
    path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    reported: list[int] = []
    assert len(list(lines(str(path), reported.append))) == 5000
    assert len(reported) == 6
    assert all(count >= 0 for count in reported)
    assert sum(reported) == path.stat().st_size == total_bytes([str(path)])
    assert total_bytes([str(path), str(path)]) == 2 * path.stat().st_size


def test_what_has_no_end_has_no_total(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert total_bytes(["-"]) is None
    assert total_bytes([str(pipe)]) is None
    with pytest.raises(TocsinError, match="expected a file that can be read: No such file"):
        total_bytes([str(tmp_path / "absent")])


def test_a_long_line_within_the_bound_is_read_whole(tmp_path):
    path = tmp_path / "long.jsonl"
    path.write_bytes(b"x" * (MAX_LINE_BYTES - 1) + b"\nlast")
    assert [len(line) for line in lines(str(path))] == [MAX_LINE_BYTES - 1, 4]
