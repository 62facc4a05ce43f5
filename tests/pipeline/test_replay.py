"""Replay: recorded mentions and observations from files, deterministic, with errors that say where."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline.cli.main import tocsin
from pipeline.config.model import Config, ConfigFile, WorkerConfig
from pipeline.engine.encoding import KEPT_BYTES
from pipeline.engine.engine import Engine
from pipeline.engine.records import Record
from pipeline.errors import TocsinError
from pipeline.files.observations import read_observations
from pipeline.replay import Replay, replay_mentions, replay_observations
from schemas.activity import Activity, ActivityChoice, encode_activity
from schemas.alert import decode_alert
from schemas.mention import event_seconds, record_key
from schemas.moments import moment
from tests.pipeline.files.observation_tables import HEAD, observation_rows, write_csv
from tests.pipeline.mention_streams import START, mention, troubled_stream

NOW = datetime(2027, 6, 1, tzinfo=UTC)


def mention_lines(seed: int) -> list[bytes]:
    """The stream's mentions and garbage as the lines of a file."""
    return [item.value for item in troubled_stream(seed) if item.value is not None]


def test_the_same_file_gives_the_same_bytes() -> None:
    """Two replays agree to the byte."""
    a, b = (replay_mentions(mention_lines(1), Config(), partitions=4, now=NOW) for _ in range(2))
    assert a.alerts
    assert a.alerts == b.alerts
    assert a.dead_letters == b.dead_letters


def test_the_command_writes_alerts_as_json_lines_and_counts_to_stderr(tmp_path: Path) -> None:
    """Results to the file, words to stderr, refusals with their reasons."""
    source = tmp_path / "mentions.jsonl.gz"
    source.write_bytes(gzip.compress(b"\n".join(mention_lines(1))))
    out, dlq = tmp_path / "alerts.jsonl", tmp_path / "dlq.jsonl"
    result = CliRunner().invoke(tocsin, ["replay", str(source), "--alerts", str(out), "--dead-letters", str(dlq)])
    assert result.exit_code == 0, result.output
    alerts = [decode_alert(line) for line in out.read_bytes().splitlines()]
    assert {(a.brand, a.transition) for a in alerts if a.kind == "crisis"} >= {("acme", "opened")}
    assert [a.detected_time for a in alerts] == sorted(a.detected_time for a in alerts)
    refused = [json.loads(line) for line in dlq.read_bytes().splitlines()]
    assert {letter["reason"] for letter in refused} == {"invalid_utf8"}
    assert f"{len(refused)} refused" in result.stderr


def test_brands_forgotten_by_the_end_count_as_seen_and_brands_of_refused_lines_do_not(tmp_path: Path) -> None:
    """A brand that was never warm is forgotten after a week; one that only wrote nonsense was never a brand."""
    week = 8 * 86_400
    values = [
        mention(brand="gone"),
        mention(brand="stays", id="2", at=START + week),
        mention(brand="refused", id="3", platform=""),
        mention(brand="stays", id="4", at=START + week + 600),
        mention(brand="both", id="5", at=START + week + 900),
        mention(brand="both", id="6", platform=""),
        mention(brand="x" * (KEPT_BYTES + 1), id="7"),
        b"no mention",
    ]
    report = replay_mentions(values, Config(), partitions=1, now=NOW)
    assert len(report.dead_letters) == 4
    assert (report.brands_seen, report.brands_known) == (3, 2)
    source = tmp_path / "mentions.jsonl"
    source.write_bytes(b"\n".join(values))
    result = CliRunner().invoke(tocsin, ["replay", str(source), "--alerts", str(tmp_path / "out"), "--partitions", "1"])
    assert result.stderr.startswith(
        "4 mentions of 3 brands, 2 of them known at the end, 0 late, 0 duplicate, 4 refused"
    )


def test_a_file_that_begins_on_the_day_of_the_crisis_is_told_apart_from_a_calm_one(tmp_path: Path) -> None:
    """Brands that were never warm cannot have an alert; every command that replays says how many there were."""
    lines = [
        mention(brand=brand, id=f"{brand}{hour}", at=START + hour * 3600)
        for hour in range(40)
        for brand in (("cold", "warm") if hour > 35 else ("warm",))
    ]
    report = replay_mentions(lines, Config(), partitions=2, now=NOW)
    assert (report.brands_known, report.brands_warming_up) == (2, 1)
    source, config = tmp_path / "mentions.jsonl", tmp_path / "c.toml"
    source.write_bytes(b"\n".join(lines))
    config.touch()
    said = "1 of 2 brands never finished warm-up: that they have no alert says nothing"
    commands: list[tuple[list[str], str]] = [
        (["replay", str(source), "--alerts", str(tmp_path / "out")], said),
        (["evaluate", "mentions", str(source)], said),
        (["compare", str(config), str(config), str(source)], f"A: {said}\nB: {said}\n"),
    ]
    for command, words in commands:
        assert words in CliRunner().invoke(tocsin, command, catch_exceptions=False).output
    source.write_bytes(b"\n".join(line for line in lines if b"warm" in line))
    for command, _ in commands:
        assert "warm-up" not in CliRunner().invoke(tocsin, command, catch_exceptions=False).output


def test_brands_of_observations_are_seen_though_forgotten(tmp_path: Path) -> None:
    """The last row is more than a week after the first brand's."""
    rows = [("gone", START, 1, 0), ("stays", START + 8 * 86_400, 1, 0)]
    text = HEAD + "".join(",".join(map(str, row)) + "\n" for row in rows)
    source = tmp_path / "counts.csv"
    source.write_text(text)
    report = replay_observations(read_observations([str(source)]), Config())
    assert (report.brands_seen, report.brands_known) == (2, 1)


def test_a_recording_that_ends_now_leaves_the_buckets_open_that_may_still_grow() -> None:
    """The closing tick is never later than now, where it would be refused; what is over by then is closed."""
    lines = mention_lines(1)
    whole = replay_mentions(lines, Config(), partitions=1, now=NOW)
    latest = max(at for at in map(event_seconds, lines) if at is not None)
    ended = replay_mentions(lines, Config(), partitions=1, now=moment(latest + 1))
    unticked = replay_mentions(lines, Config(), partitions=1, now=NOW, flush=False)
    assert unticked.buckets_closed <= ended.buckets_closed < whole.buckets_closed
    assert len(ended.dead_letters) == len(whole.dead_letters)  # no tick among them


@pytest.mark.parametrize("name", ["history.csv", "history.csv.gz"])
def test_observations_from_csv_ring_for_a_crisis(tmp_path: Path, name: str) -> None:
    """Aggregated history is enough; buckets without a row count as zero."""
    source = write_csv(tmp_path / name, observation_rows())
    out = tmp_path / "alerts.jsonl"
    assert CliRunner().invoke(tocsin, ["replay", str(source), "--alerts", str(out)]).exit_code == 0
    first = out.read_bytes()
    opened = {decode_alert(line).brand for line in first.splitlines() if b'"crisis"' in line and b'"opened"' in line}
    assert opened == {"acme"}
    assert CliRunner().invoke(tocsin, ["replay", str(source), "--alerts", str(out)]).exit_code == 0
    assert out.read_bytes() == first


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("plain.csv.gz", b"brand,start,mentions,negatives\n", "Not a gzipped file"),
        ("cut.csv.gz", gzip.compress(HEAD.encode() + b"acme,1800000000,1,0\n" * 1000)[:-20], "ended before"),
        ("damaged.csv.gz", gzip.compress(os.urandom(1000))[:100] + bytes(900), "expected"),
        ("latin.csv", "brand,start,mentions,negatives\nacmé".encode("latin-1"), "expected UTF-8"),
    ],
)
def test_a_damaged_table_is_one_line_with_its_name(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    """Never a traceback, and never what looks like Ctrl-C."""
    path = tmp_path / name
    path.write_bytes(content)
    result = CliRunner().invoke(tocsin, ["replay", str(path)])
    assert isinstance(result.exception, TocsinError)
    assert str(result.exception).startswith(f"{path}: expected ")
    assert words in str(result.exception)


def test_an_output_that_cannot_be_written_is_known_before_the_work(tmp_path: Path) -> None:
    """The input, which is not even there, is never looked at; a failed replay leaves no output."""
    out = tmp_path / "absent" / "alerts.jsonl"
    result = CliRunner().invoke(tocsin, ["replay", str(tmp_path / "none.jsonl"), "--alerts", str(out)])
    assert isinstance(result.exception, TocsinError)
    assert str(result.exception).startswith(f"{out}: expected a file that can be written")
    out = tmp_path / "alerts.jsonl"
    out.write_text("kept")
    assert CliRunner().invoke(tocsin, ["replay", str(tmp_path / "none.jsonl"), "--alerts", str(out)]).exit_code == 1
    assert (out.read_text(), [path.name for path in tmp_path.iterdir()]) == ("kept", ["alerts.jsonl"])


@pytest.mark.parametrize("option", ["--alerts", "--dead-letters", "--activity"])
def test_an_output_that_is_an_input_is_refused_and_the_input_kept(tmp_path: Path, option: str) -> None:
    """By whatever name it is called."""
    source = tmp_path / "mentions.jsonl"
    source.write_bytes(b"\n".join(mention_lines(1)))
    before = source.read_bytes()
    alias = tmp_path / "alias.jsonl"
    alias.symlink_to(source)
    result = CliRunner().invoke(tocsin, ["replay", str(source), option, str(alias)])
    assert result.exit_code == 2
    assert "none of the inputs" in result.stderr
    assert source.read_bytes() == before


def test_alerts_and_dead_letters_do_not_share_a_file(tmp_path: Path) -> None:
    """Whichever came last would hide the other."""
    out = str(tmp_path / "out.jsonl")
    result = CliRunner().invoke(tocsin, ["replay", "a.jsonl", "--alerts", out, "--dead-letters", out])
    assert result.exit_code == 2


def test_alerts_may_go_to_a_device(tmp_path: Path) -> None:
    """Nothing is put beside it."""
    source = tmp_path / "mentions.jsonl"
    source.write_bytes(b"\n".join(mention_lines(1)))
    assert CliRunner().invoke(tocsin, ["replay", str(source), "--alerts", "/dev/null"]).exit_code == 0
    result = CliRunner().invoke(tocsin, ["replay", str(source), "--alerts", "/dev/full"])
    assert re.fullmatch(r"/dev/full: expected .*: No space left on device", str(result.exception))


@pytest.mark.parametrize("command", ["replay", "publish"])
def test_standard_input_is_read_once(command: str) -> None:
    """The second time there would be nothing left."""
    result = CliRunner().invoke(tocsin, [command, "-", "-"], input=b"")
    assert str(result.exception) == "-: expected standard input once at most, got it 2 times"


def test_replay_into_a_reader_that_goes_early_is_no_fault(tmp_path: Path) -> None:
    """`tocsin replay FILE | head` exits with 0 and says nothing of it."""
    source = tmp_path / "mentions.jsonl"
    source.write_bytes(b"\n".join(mention_lines(1)))
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "pipeline", "replay", str(source)]
    found = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (found.returncode, found.stderr) == (0, b"")


def test_damaged_gzip_and_missing_files_are_one_clear_line(tmp_path: Path) -> None:
    """Exit code 1 and the name of the file."""
    cut = tmp_path / "cut.jsonl.gz"
    cut.write_bytes(gzip.compress(b"\n".join(mention_lines(1)))[:-20])
    for path, words in ((cut, "complete gzip data"), (tmp_path / "none.jsonl", "can be read")):
        result = CliRunner().invoke(tocsin, ["replay", str(path)])
        assert isinstance(result.exception, TocsinError)
        assert words in str(result.exception)
        assert str(path) in str(result.exception)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.jsonl", b"", "expected mentions, one JSON object on each line, got no line"),
        ("empty.jsonl.gz", gzip.compress(b"\n\n", mtime=0), "got no line"),
        (
            "alerts.jsonl",
            b'{"version": 1}\n' * 3,
            "got 3 lines of which none is a mention (missing_field 3); the first: ",
        ),
        ("empty.csv", HEAD.encode(), "expected observations, got no row"),
    ],
)
def test_a_recording_without_anything_to_replay_is_refused(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    """It was another file that was meant, and no alerts of it would look like peace."""
    path, out = tmp_path / name, tmp_path / "out.jsonl"
    path.write_bytes(content)
    out.write_text("kept")
    result = CliRunner().invoke(tocsin, ["replay", str(path), "--alerts", str(out)])
    assert result.exit_code == 1
    assert isinstance(result.exception, TocsinError)
    assert str(result.exception).startswith(f"{path}: ")
    assert words in str(result.exception)
    assert out.read_text() == "kept"


def test_mentions_and_observations_are_not_mixed(tmp_path: Path) -> None:
    """A usage error, exit code 2."""
    source = write_csv(tmp_path / "a.csv", observation_rows(2))
    assert CliRunner().invoke(tocsin, ["replay", str(source), "b.jsonl"]).exit_code == 2


def test_mentions_in_the_form_of_real_tweets_go_through_without_a_refusal() -> None:
    """Entities, cashtags, reposts, one post about many brands: none late, none refused."""
    with gzip.open(Path(__file__).parents[1] / "data" / "stocknet" / "mentions.jsonl.gz", "rb") as stream:
        lines = list(stream)
    report = replay_mentions(lines, Config(), partitions=4, now=NOW)
    assert report.mentions == len(lines) == 263
    assert (report.late, report.duplicates, len(report.dead_letters)) == (0, 0, 0)


def test_replay_writes_the_activity_that_the_engines_of_a_worker_give_byte_for_byte(tmp_path: Path) -> None:
    """Of the same records under the same configuration; .gz packs the file and - is stdout."""
    lines = mention_lines(1)
    source, out, packed = tmp_path / "mentions.jsonl", tmp_path / "activity.jsonl", tmp_path / "activity.jsonl.gz"
    source.write_bytes(b"\n".join(lines))
    engine = Engine(0, Config(), partitions=1)
    records = [Record(n, int(NOW.timestamp() * 1000), record_key(line), line) for n, line in enumerate(lines)]
    want = [encode_activity(one) for one in engine.process(records).activity]
    assert len(want) > 300
    rest = ["--alerts", str(tmp_path / "alerts"), "--partitions", "1", "--no-flush"]
    for path in (out, packed):
        assert CliRunner().invoke(tocsin, ["replay", str(source), "--activity", str(path), *rest]).exit_code == 0
    assert out.read_bytes().splitlines() == want
    assert gzip.decompress(packed.read_bytes()) == out.read_bytes()
    shown = CliRunner().invoke(tocsin, ["replay", str(source), "--activity", "-", *rest])
    assert shown.stdout_bytes == out.read_bytes()


@pytest.mark.parametrize(("chosen", "asked"), [("off", "all"), ("burning", "burning")])
def test_replay_writes_the_activity_that_is_configured_and_all_of_it_where_the_worker_writes_none(
    chosen: ActivityChoice, asked: ActivityChoice
) -> None:
    config = Config(ConfigFile(worker=WorkerConfig(activity=chosen)))
    found: list[Activity] = []
    replay = Replay(config, partitions=1, now=NOW, on_activity=found.extend)
    replay.take_lines(mention_lines(1))
    replay.end(flush=True)
    other: list[Activity] = []
    replay = Replay(
        Config(ConfigFile(worker=WorkerConfig(activity=asked))), partitions=1, now=NOW, on_activity=other.extend
    )
    replay.take_lines(mention_lines(1))
    replay.end(flush=True)
    assert found == other != []


def test_activity_is_history_that_can_be_replayed_and_gives_itself_again(tmp_path: Path) -> None:
    """From activity to alerts and activity: both are those of the table that it was made from."""
    table = write_csv(tmp_path / "history.csv", observation_rows())
    written: list[tuple[bytes, bytes]] = []
    source = table
    for name in ("first", "second"):
        alerts, activity = tmp_path / f"{name}-alerts.jsonl", tmp_path / f"{name}.jsonl.gz"
        run = CliRunner().invoke(
            tocsin,
            ["replay", str(source), "--alerts", str(alerts), "--activity", str(activity)],
            catch_exceptions=False,
        )
        assert run.exit_code == 0, run.output
        written.append((alerts.read_bytes(), gzip.decompress(activity.read_bytes())))
        source = activity
    assert written[0] == written[1]
    assert b'"crisis"' in written[0][0]


def test_a_damaged_activity_is_named_with_its_line(tmp_path: Path) -> None:
    source = tmp_path / "activity.jsonl"
    good = (Path(__file__).parents[2] / "schemas/examples/activity/v1/valid/ordinary.json").read_bytes()
    line = json.dumps(json.loads(good), separators=(",", ":")).encode()
    source.write_bytes(line + b"\n" + line.replace(b'"mentions":42', b'"mentions":-1') + b"\n")
    result = CliRunner().invoke(tocsin, ["replay", str(source)])
    assert isinstance(result.exception, TocsinError)
    assert str(result.exception).startswith(f"{source}:2: expected an activity, got ")
    assert "mentions" in str(result.exception)
    mixed = CliRunner().invoke(tocsin, ["replay", str(source), str(tmp_path / "mentions.jsonl")])
    assert mixed.exit_code != 0
