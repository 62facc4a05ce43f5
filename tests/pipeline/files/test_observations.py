"""Tables of aggregated history: order and files do not matter, and a bad row is named with file, line and rule."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import TocsinError
from pipeline.files.observations import read_observations
from tests.pipeline.files.observation_tables import HEAD, observation_rows, write_csv
from tests.pipeline.mention_streams import START


def test_the_order_of_rows_does_not_matter(tmp_path: Path) -> None:
    """A table sorted by brand is read as one sorted by time."""
    rows = observation_rows()
    by_time = read_observations([str(write_csv(tmp_path / "a.csv", rows))])
    by_brand = read_observations([str(write_csv(tmp_path / "b.csv", sorted(rows)))])
    assert by_time == by_brand


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("brand,start\n", r"1: expected the columns brand,start,mentions,negatives, got brand,start"),
        ("", r"1: expected the columns .* got nothing"),
        ("brand,start,mentions,negatives\nacme,2026-01-01T00:01:00Z,1,0\n", r":2: .*multiple of 300 s"),
        ("brand,start,mentions,negatives\nacme,2026-01-01T00:00:00Z,-1,0\n", r":2: .*mentions"),
        ("brand,start,mentions,negatives\nacme,2026-01-01T00:00:00Z,many,0\n", r":2: .*many"),
        ("brand,start,mentions,negatives\nA B,2026-01-01T00:00:00Z,1,0\n", r":2: .*brand"),
        (HEAD + f"acme,{START},1,0\nacme,{START},1,0\n", r":3: expected one row per brand .* the first is .*bad.csv:2"),
        (HEAD + f"acme,{START},1,2\n", r":2: .*negatives must not be more than mentions"),
        (HEAD + f"acme,{START},1,-1\n", r":2: .*negatives must be a number of at least 0, got -1"),
        (HEAD + f"acme,{START},1,inf\n", r":2: .*negatives must be a number of at least 0, got inf"),
        (HEAD + f"acme,{START},nan,0\n", r":2: .*mentions must be a number of at least 0, got nan"),
        (HEAD + f"acme,{START},1e400,0\n", r":2: .*mentions must be a number of at least 0, got 1e400"),
        (HEAD + f"acme,{START},5\n", r":2: .*negatives must be a number of at least 0, got nothing"),
        (HEAD + "acme,99999999999900,1,0\n", r":2: .*start must lie in the years 2000 to 2199"),
        (HEAD + "acme,-300,1,0\n", r":2: expected an observation"),
        (HEAD + f"acme,{START},1,0\n" + "x" * 140_000, r"bad.csv: expected CSV after line 2: field larger"),
        (HEAD + f"\x1b[31mevil\x07,{START},1,0\n", r":2: expected an observation, got \ufffd\[31mevil\ufffd,"),
        (
            "brand,start,mentions,negatives,mentions\n",
            r"bad.csv:1: expected every column once, got mentions more than once",
        ),
        (HEAD + f"acme,{START},5,1\nacme,{START + 300},5,1,9\n", r":3: expected as many cells as columns, got more: 9"),
        ("brand\x1b[31m\n", r"got brand\ufffd\[31m$"),
    ],
)
def test_a_bad_table_is_refused_with_file_line_and_rule(tmp_path: Path, text: str, message: str) -> None:
    """Nothing is guessed."""
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(TocsinError, match=message):
        read_observations([str(path)])


def test_a_table_from_a_spreadsheet_is_read_past_its_byte_order_mark(tmp_path: Path) -> None:
    """The mark is not part of the first column's name."""
    path = tmp_path / "bom.csv"
    path.write_bytes(b"\xef\xbb\xbf" + (HEAD + f"acme,{START},5,1\n").encode())
    assert [(row.brand, row.mentions) for row in read_observations([str(path)])] == [("acme", 5)]


def test_tables_are_merged_before_they_are_sorted_and_checked(tmp_path: Path) -> None:
    """Rows of two files interleave; the same row in both is named with both places."""
    rows = observation_rows()
    halves = [str(write_csv(tmp_path / f"{n}.csv", rows[n::2])) for n in range(2)]
    assert read_observations(halves) == read_observations([str(write_csv(tmp_path / "all.csv", rows))])
    with pytest.raises(TocsinError, match=r"1\.csv:2: expected one row per brand.*the first is .*all\.csv:3"):
        read_observations([str(tmp_path / "all.csv"), halves[1]])
