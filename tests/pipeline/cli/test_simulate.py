"""`tocsin simulate` writes whole files or none, and says what is wrong in one line."""

from __future__ import annotations

import csv
import gzip
import re
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline.cli.evaluate import command as evaluate
from pipeline.cli.replay import command as replay
from pipeline.cli.simulate import command
from pipeline.errors import TocsinError
from pipeline.simulation import SCENARIOS, decode_labels
from schemas.alert import decode_alert
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


def test_the_mentions_of_a_polled_channel_come_together_and_none_is_lost(tmp_path):
    """They are as old as the poll at most; those of other channels stay in order of time."""
    streams = []
    for name, more in (("plain", []), ("polled", ["--polled", "news", "30"])):
        out = tmp_path / f"{name}.jsonl"
        arguments = ["--out", str(out), "--labels", str(tmp_path / f"{name}.json"), *SMALL, "--mean-rate", "60", *more]
        assert CliRunner().invoke(command, arguments, catch_exceptions=False).exit_code == 0
        streams.append([decode_mention(line) for line in out.read_bytes().splitlines()])
    plain, polled = streams
    assert sorted(plain, key=lambda mention: mention.id) == sorted(polled, key=lambda mention: mention.id)
    assert [one for one in plain if one.channel != "news"] == [one for one in polled if one.channel != "news"]
    latest, behind = plain[0].event_time, []
    for mention in polled:
        latest = max(latest, mention.event_time)
        behind += [latest - mention.event_time] if mention.channel == "news" else []
    assert timedelta(minutes=20) < max(behind) < timedelta(minutes=35)


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


def test_counts_alone_are_read_by_replay_and_by_evaluate(tmp_path):
    """Without --out only counts and labels are written, those that the same run writes beside mentions."""
    alone, labels, beside = (str(tmp_path / name) for name in ("o.csv.gz", "l.json", "beside.csv.gz"))
    shape = ["--scenario", "crises", "--brands", "10", "--hours", "8", "--history-hours", "48", "--rates", "20", "200"]
    made = CliRunner().invoke(command, ["--observations", alone, "--labels", labels, *shape], catch_exceptions=False)
    assert made.exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["l.json", "o.csv.gz"]
    whole = ["--out", str(tmp_path / "m.jsonl.gz"), "--labels", labels, "--observations", beside, *shape]
    CliRunner().invoke(command, whole, catch_exceptions=False)
    assert Path(alone).read_bytes() == Path(beside).read_bytes()
    alerts = tmp_path / "alerts.jsonl"
    replayed = CliRunner().invoke(replay, [alone, "--alerts", str(alerts)], catch_exceptions=False)
    assert replayed.exit_code == 0
    opened = [a for a in map(decode_alert, alerts.read_bytes().splitlines()) if a.transition == "opened"]
    assert {alert.brand for alert in opened if alert.kind == "crisis"}
    measured = CliRunner().invoke(evaluate, ["observations", alone, "--labels", labels], catch_exceptions=False)
    assert measured.exit_code == 0
    assert "sudden" in measured.output


def test_neither_mentions_nor_counts_is_refused(tmp_path):
    result = CliRunner().invoke(command, ["--labels", str(tmp_path / "l.json")])
    assert result.exit_code == 2
    assert "expected --out, --observations or both" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_former_name_of_a_scenario_gives_the_same_stream(tmp_path):
    """`feed-hole` is `feed-gap`, in the mentions and in the labels."""
    for name in ("feed-gap", "feed-hole"):
        out, labels = tmp_path / f"{name}.jsonl", tmp_path / f"{name}.json"
        arguments = ["--scenario", name, "--out", str(out), "--labels", str(labels), *SMALL]
        assert CliRunner().invoke(command, arguments, catch_exceptions=False).exit_code == 0
    for suffix in (".jsonl", ".json"):
        assert (tmp_path / f"feed-gap{suffix}").read_bytes() == (tmp_path / f"feed-hole{suffix}").read_bytes()
