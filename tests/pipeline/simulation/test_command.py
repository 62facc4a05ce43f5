"""`tocsin simulate` writes whole files or none, and says what is wrong in one line."""

from __future__ import annotations

import csv
import gzip
import re
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline.commands.simulate import command
from pipeline.errors import TocsinError
from pipeline.simulation import SCENARIOS, decode_labels
from schemas.mention import decode_mention

SMALL = ["--brands", "8", "--hours", "3", "--history-hours", "1"]


def test_files_agree_with_each_other_and_repeat_byte_by_byte(tmp_path):
    """Mentions, labels and observations of one run are of one stream; a second run gives equal files."""
    for run in ("a", "b"):
        paths = [tmp_path / f"{run}.jsonl.gz", tmp_path / f"{run}.json", tmp_path / f"{run}.csv.gz"]
        arguments = ["--out", str(paths[0]), "--labels", str(paths[1]), "--observations", str(paths[2])]
        result = CliRunner().invoke(command, [*arguments, *SMALL], catch_exceptions=False)
        assert result.exit_code == 0
        assert result.stdout == ""
        assert "mentions of 8 brands" in result.stderr
    for suffix in (".jsonl.gz", ".json", ".csv.gz"):
        assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()
    with gzip.open(tmp_path / "a.jsonl.gz") as lines:
        mentions = [decode_mention(line) for line in lines]
    brands = {brand.brand for brand in decode_labels((tmp_path / "a.json").read_bytes()).brands}
    assert {mention.brand for mention in mentions} <= brands
    buckets = Counter((mention.brand, int(mention.event_time.timestamp()) // 300 * 300) for mention in mentions)
    with gzip.open(tmp_path / "a.csv.gz", "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {
        (row["brand"], int(datetime.fromisoformat(row["start"]).timestamp())): int(row["mentions"]) for row in rows
    } == buckets
    assert all(0 <= int(row["negatives"]) <= int(row["mentions"]) for row in rows)
    assert sum(int(row["negatives"]) for row in rows) > 0


def test_a_missing_directory_is_one_clear_error_and_leaves_nothing_behind(tmp_path):
    """The error names the file and what was expected; no other file of the run stays."""
    labels = tmp_path / "labels.json"
    arguments = ["--out", str(tmp_path / "absent" / "x.jsonl"), "--labels", str(labels), *SMALL]
    with pytest.raises(TocsinError, match="existing directory"):
        CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--brands", "0"], "brands: expected 3 to 10000, got 0"),
        (["--scenario", "riot"], "is not one of"),
        (["--labelled-share", "2"], "labelled_share: expected 0 to 1, got 2"),
        (["--observations", "labels.json"], "expected different files"),
    ],
)
def test_wrong_usage_exits_with_2(tmp_path, monkeypatch, arguments, words):
    """A value out of range, an unknown scenario or one file for two purposes is refused before anything is written."""
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(command, ["--out", "x.jsonl", "--labels", "labels.json", *arguments])
    assert result.exit_code == 2
    assert words in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_documentation_names_every_scenario_and_only_those():
    """docs/simulation.md and SCENARIOS list the same names."""
    text = (Path(__file__).parents[3] / "docs" / "simulation.md").read_text(encoding="utf-8")
    table = text.split("## Scenarios")[1].split("## ")[0]
    assert re.findall(r"^\| `([a-z-]+)`", table, re.MULTILINE) == list(SCENARIOS)
