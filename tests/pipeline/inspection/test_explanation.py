"""Why it fired, or not: what is shown is what the engine had, and every thing that holds back is named."""

from __future__ import annotations

import json
import sys
from datetime import datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner
from rich.console import Console

from pipeline.cli.explain_text import print_explanation
from pipeline.cli.main import tocsin
from pipeline.config.model import Config
from pipeline.inspection.explanation import bucket_at
from pipeline.inspection.explanation import explain as explained
from pipeline.inspection.picture import PLAIN_BLOCKS
from pipeline.replay import Replay, open_inputs
from schemas.alert import Alert
from schemas.moments import moment
from tests.pipeline.mention_streams import START, mention, troubled_stream

LATER = moment(START + 400 * 86_400)


@pytest.fixture(scope="module")
def stream(tmp_path_factory):
    path = tmp_path_factory.mktemp("stream") / "mentions.jsonl"
    path.write_bytes(b"\n".join(one.value for one in troubled_stream(1) if one.value is not None))
    return str(path)


@pytest.fixture(scope="module")
def alerts(stream) -> list[Alert]:
    inputs = open_inputs([stream], None)
    replay = Replay(Config(), partitions=inputs.partitions, now=LATER)
    for batch in inputs.batches:
        replay.take(batch)
    return replay.end(flush=True).alerts


def explain(stream: str, at: datetime | str, *arguments: str, brand: str = "acme") -> dict[str, Any]:
    text = at if isinstance(at, str) else at.isoformat()
    command = ["explain", brand, stream, "--at", text, "--json", *arguments]
    result = CliRunner().invoke(tocsin, command, catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def opened(alerts: list[Alert], kind: str = "crisis", brand: str = "acme") -> Alert:
    return next(one for one in alerts if (one.kind, one.brand, one.transition) == (kind, brand, "opened"))


def test_at_the_time_of_an_alert_it_shows_the_numbers_of_the_alert(stream, alerts):
    alert = opened(alerts)
    found = explain(stream, alert.detected_time)
    crisis = found["kinds"]["crisis"]
    assert (found["standing"], crisis["outcome"]) == ("scored", "opened")
    assert crisis["score"] == pytest.approx(alert.score.value, abs=1e-4)
    assert crisis["threshold"] == pytest.approx(alert.score.threshold, abs=1e-4)
    minutes = (alert.window.end - alert.window.start).total_seconds() / 60
    assert crisis["explanation"]["window_buckets"] * 5 == minutes
    assert crisis["explanation"]["base_rate"] == pytest.approx(alert.expected.negative_share, abs=1e-4)
    assert crisis["before"]["id"] == alert.id
    assert found["config_hash"] == alert.config_hash


def test_the_greatest_score_of_the_windows_is_the_score(stream, alerts):
    found = explain(stream, opened(alerts).detected_time)
    best = max(found["windows"], key=lambda window: window["crisis"])
    assert best["crisis"] == pytest.approx(found["kinds"]["crisis"]["score"], abs=1e-9)
    assert best["buckets"] == found["kinds"]["crisis"]["explanation"]["window_buckets"]
    assert max(window["shift"] for window in found["windows"]) == pytest.approx(
        found["kinds"]["sentiment_shift"]["score"], abs=1e-9
    )
    assert [window["buckets"] for window in found["windows"]] == [1, 3, 6, 12, 36, 72, 144, 288]


def test_parts_sum_to_the_score(stream, alerts):
    kinds = explain(stream, opened(alerts).detected_time)["kinds"]
    for found in kinds.values():
        assert sum(found["explanation"]["parts"].values()) == pytest.approx(found["score"])


def test_before_the_crisis_it_says_that_the_score_was_below_and_what_came_after(stream, alerts):
    alert = opened(alerts)
    found = explain(stream, alert.onset_time - timedelta(hours=1))["kinds"]["crisis"]
    assert found["outcome"] == "below_threshold"
    assert found["score"] < found["threshold"]
    assert found["after"]["id"] == alert.id
    assert "below the threshold" in found["text"]


def test_in_the_middle_of_an_episode_it_was_open_already(stream, alerts):
    alert = opened(alerts)
    found = explain(stream, alert.detected_time + timedelta(minutes=15))["kinds"]
    assert found["crisis"]["outcome"] == "open"
    assert datetime.fromisoformat(found["crisis"]["open_since"]) == alert.detected_time


def test_on_the_first_day_it_was_warming_up(stream):
    found = explain(stream, moment(START + 6 * 3600))
    assert {one["outcome"] for one in found["kinds"].values()} <= {"warming_up"}
    assert found["warm_since"] is None or datetime.fromisoformat(found["warm_since"]) > moment(START + 6 * 3600)


def test_a_surge_beside_a_crisis_is_held_back_by_it(stream, alerts):
    """The score passes its own threshold, and the crisis is what is paged."""
    alert = opened(alerts)
    outcomes = [
        explain(stream, alert.detected_time + timedelta(minutes=5 * step))["kinds"]["volume_surge"] for step in range(9)
    ]
    held = [one for one in outcomes if one["outcome"] == "blocked"]
    for one in held:
        assert one["blocked_by"] == ["crisis"]
        assert one["score"] >= one["threshold"]
        assert "held back by the open crisis" in one["text"]
    assert held


def test_a_surge_that_became_part_of_a_crisis_is_told_as_that(tmp_path):
    """It is no longer judged by itself, so nothing is said of when it was last loud."""
    drafts = [(START + n * 300.0, -0.8 if n % 6 == 0 else 0.4) for n in range(36 * 12)]
    drafts += [(START + 30 * 3600 + n * 30.0, 0.5) for n in range(80)]
    drafts += [(START + 30.7 * 3600 + n * 15.0, -0.8) for n in range(300)]
    path = tmp_path / "m.jsonl"
    path.write_bytes(
        b"\n".join(
            mention(id=str(n), at=at, sentiment=tone, author={"id": str(n)})
            for n, (at, tone) in enumerate(sorted(drafts))
        )
    )
    found = explain(str(path), moment(START + 32 * 3600))["kinds"]
    assert (found["crisis"]["outcome"], found["volume_surge"]["outcome"]) == ("open", "open")
    assert "since 2026-01-02 06:05; part of the open crisis, with which it ends" in found["volume_surge"]["text"]
    assert "last at or above" in found["crisis"]["text"]


def two_bursts() -> list[bytes]:
    """A brand with a mention every five minutes; after 30 hours a burst of praise, and another four hours later."""
    times = [START + minute * 60 for minute in range(0, 38 * 60, 5)]
    for hour in (30, 34):
        times += [START + hour * 3600 + second for second in range(0, 1200, 4)]
    return [mention(id=str(number), at=at, sentiment=0.5) for number, at in enumerate(sorted(times))]


def test_the_cool_down_is_named_with_its_end(tmp_path):
    """The second burst is as loud as the first, and comes while the first one's episode has just ended."""
    path, config = tmp_path / "m.jsonl", tmp_path / "tocsin.toml"
    path.write_bytes(b"\n".join(two_bursts()))
    config.write_text("[detection]\nquiet_minutes = 15\nrelease_ratio = 1.0\n")
    found = explain(str(path), moment(START + 34 * 3600 + 1200), "--config", str(config))["kinds"]["volume_surge"]
    assert found["outcome"] == "cool_down"
    assert found["score"] >= found["threshold"]
    assert datetime.fromisoformat(found["cool_down_until"]) > moment(START + 50 * 3600)
    assert "held back by the cool-down until 2026-01-0" in found["text"]
    assert found["before"]["transition"] == "resolved"


def quiet_hours() -> list[bytes]:
    """Two days of a brand that is mentioned every half hour."""
    return [mention(id=str(number), at=START + number * 1800) for number in range(96)]


def test_a_silent_bucket_was_not_scored_and_the_last_scored_one_is_shown(tmp_path):
    path = tmp_path / "m.jsonl"
    path.write_bytes(b"\n".join(quiet_hours()))
    found = explain(str(path), moment(START + 86_400 + 1200))
    assert found["standing"] == "silent"
    assert datetime.fromisoformat(found["shown"]) == moment(START + 86_400)
    assert "nobody mentioned the brand" in found["text"]


def test_beyond_the_end_of_the_input_it_says_so(tmp_path):
    path = tmp_path / "m.jsonl"
    path.write_bytes(b"\n".join(quiet_hours()))
    found = explain(str(path), moment(START + 9 * 86_400))
    assert found["standing"] == "unseen"
    assert "the input ends before" in found["text"]


def test_a_brand_without_mentions_is_an_error_with_the_nearest_one(stream):
    result = CliRunner().invoke(tocsin, ["explain", "acmee", stream, "--at", "2026-01-02"])
    assert "did you mean acme" in str(result.exception)


def test_the_time_asks_for_the_bucket_that_ends_then_or_holds_it():
    assert [bucket_at(seconds) for seconds in (300, 301, 599, 600)] == [0, 1, 1, 1]


def test_the_text_has_the_tables_and_the_picture_in_any_encoding(stream, alerts):
    at = opened(alerts).detected_time.isoformat()
    shown = CliRunner().invoke(tocsin, ["explain", "acme", stream, "--at", at], catch_exceptions=False).stdout
    assert "crisis: fired here" in shown
    assert "1440 min" in shown
    assert "asked for" in shown
    assert "█" in shown
    plain = CliRunner(charset="latin-1").invoke(tocsin, ["explain", "acme", stream, "--at", at], catch_exceptions=False)
    assert PLAIN_BLOCKS[-1] in plain.stdout
    assert "█" not in plain.stdout


def test_the_tables_fit_a_terminal_of_80_columns(stream, alerts, capsys):
    """Nothing is cut, and no line of the tables or of the picture is longer."""
    at = bucket_at(opened(alerts).detected_time.timestamp())
    found = explained(open_inputs([stream], None), Config(), "acme", at, now=LATER)
    print_explanation(found, "crisis", Console(width=80, file=sys.stdout))
    _, *blocks = capsys.readouterr().out.split("\n\n")
    table = next(block for block in blocks if "sentiment shift  " in block)
    assert [line.split()[0] for line in table.splitlines() if not line.startswith(" ")][:3] == [
        "score",
        "threshold",
        "critical",
    ]
    for block in blocks[1:]:
        assert "…" not in block
        assert max(len(line) for line in block.splitlines() if not line.startswith("sums are")) <= 80


def test_the_svg_is_a_document_that_is_the_same_each_time(stream, alerts, tmp_path):
    at = opened(alerts).detected_time.isoformat()
    one, two = tmp_path / "1.svg", tmp_path / "2.svg"
    for path in (one, two):
        command = ["explain", "acme", stream, "--at", at, "--plot", str(path)]
        assert CliRunner().invoke(tocsin, command, catch_exceptions=False).exit_code == 0
    assert one.read_bytes() == two.read_bytes()
    root = ET.fromstring(one.read_text())
    texts = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert any(text and text.startswith("acme: crisis at") for text in texts)
    assert len([element for element in root.iter() if element.tag.endswith("rect")]) > 50


def test_the_png_is_a_picture(stream, alerts, tmp_path):
    path = tmp_path / "p.png"
    command = ["explain", "acme", stream, "--at", opened(alerts).detected_time.isoformat(), "--plot", str(path)]
    assert CliRunner().invoke(tocsin, command, catch_exceptions=False).exit_code == 0
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "arguments",
    [["--at", "soon"], [], ["--at", "2026-01-02", "--plot", "x.jpg"], ["--at", "2026-01-02", "--kind", "x"]],
)
def test_wrong_usage_exits_with_2(stream, arguments):
    assert CliRunner().invoke(tocsin, ["explain", "acme", stream, *arguments]).exit_code == 2
