"""Two configurations over one stream: what differs is told with what decided, and what is the same is silent."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from pipeline.cli.compare import _row
from pipeline.cli.main import tocsin
from pipeline.inspection.comparison import Difference
from pipeline.inspection.lives import Life, matched
from pipeline.inspection.reasons import Reason
from pipeline.replay import BATCH_LINES
from tests.pipeline.mention_streams import START, mention, troubled_stream

T = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def stream(tmp_path_factory):
    path = tmp_path_factory.mktemp("stream") / "mentions.jsonl"
    path.write_bytes(b"\n".join(one.value for one in troubled_stream(1) if one.value is not None))
    return str(path)


@pytest.fixture
def compare(stream, tmp_path):
    """The command on two configurations given as text; exit code and what it found."""

    def run(a: str, b: str, *arguments: str, stream: str = stream):
        (tmp_path / "a.toml").write_text(a)
        (tmp_path / "b.toml").write_text(b)
        paths = [str(tmp_path / "a.toml"), str(tmp_path / "b.toml")]
        result = CliRunner().invoke(
            tocsin, ["compare", *paths, stream, "--json", *arguments], standalone_mode=False, catch_exceptions=False
        )
        return result.return_value, json.loads(result.stdout)

    return run


def written(tmp_path: Path, mentions: list[bytes]) -> str:
    path = tmp_path / "mentions.jsonl"
    path.write_bytes(b"\n".join(mentions))
    return str(path)


def calm(hours: int) -> list[tuple[float, float, str]]:
    """Time, sentiment and text of an ordinary brand's mentions: twelve an hour, one in six bad."""
    return [(START + n * 300.0, -0.8 if n % 6 == 0 else 0.4, f"note {n}") for n in range(hours * 12)]


def spammed() -> list[bytes]:
    text = "My kettle from them melted on the stove and nobody at support answers, shame on you"
    spam = [(START + 30 * 3600 + n * 15.0, -0.8, text) for n in range(200)]
    return as_mentions([*calm(36), *spam])


def praised(bursts: int) -> list[bytes]:
    praise = [
        (START + (48 + 24 * burst) * 3600 + n * 30.0, 0.6, f"lovely {burst} {n}")
        for burst in range(bursts)
        for n in range(40)
    ]
    return as_mentions([*calm(48 + 24 * bursts), *praise])


def as_mentions(drafts: list[tuple[float, float, str]]) -> list[bytes]:
    return [
        mention(id=str(n), at=at, sentiment=sentiment, text=text, author={"id": f"a{n}"})
        for n, (at, sentiment, text) in enumerate(sorted(drafts))
    ]


def crises(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in found["differences"] if (one["a"] or one["b"])["kind"] == "crisis"]


def test_equal_configurations_have_the_same_episodes_and_exit_with_0(compare):
    code, found = compare("", "")
    assert (code, found["differences"]) == (0, [])
    assert found["same"] == found["episodes_a"] == found["episodes_b"] > 1


def test_a_higher_threshold_loses_an_episode_and_the_threshold_is_the_reason(compare):
    strict = "[detection]\nfalse_alarms_per_brand_year = 0.01\n"
    code, found = compare("", strict)
    assert code == 1
    (lost,) = [one for one in crises(found) if (one["a"] or one["b"])["brand"] == "acme"]
    reason = lost["reason"]
    assert reason["causes"][0] == "threshold"
    assert reason["a"]["score"] == pytest.approx(reason["b"]["score"])
    if lost["changes"] == ["lost"]:
        assert reason["a"]["score"] < reason["b"]["threshold"]
    code, back = compare(strict, "")
    assert code == 1
    assert {"lost": "gained", "later": "earlier"}[lost["changes"][0]] == crises(back)[0]["changes"][0]


def test_another_count_of_copies_is_a_reason_in_the_score_with_its_parts(compare, tmp_path):
    """Robots write one complaint two hundred times: a crisis where each counts, none where they are one story."""
    code, found = compare('[detection]\ncopies = "count"\n', "", stream=written(tmp_path, spammed()))
    assert code == 1
    (crisis,) = crises(found)
    assert (crisis["a"]["severity"], crisis["b"]) == ("warning", None)
    reason = crisis["reason"]
    assert reason["causes"] == ["score", "negativity"]
    assert reason["a"]["lacks_voices"]
    assert reason["a"]["parts"]["negativity"] > 2 * reason["b"]["parts"]["negativity"]


def test_a_severity_that_changes_names_the_critical_level(compare):
    code, found = compare("[detection]\ncritical_ratio = 1.0\n", "[detection]\ncritical_ratio = 10.0\n")
    changed = [one for one in crises(found) if "severity" in one["changes"]]
    assert code == (1 if found["differences"] else 0)
    assert changed
    for one in changed:
        assert one["a"]["severity"] == "critical"
        assert one["b"]["severity"] == "warning"
        assert one["reason"]["causes"] == ["critical"]


def test_an_end_that_moves_names_the_quiet_time(compare):
    code, found = compare("", "[detection]\nquiet_minutes = 30\n")
    ends = [one for one in found["differences"] if one["changes"] == ["end"]]
    assert code == 1
    assert ends
    assert all("quiet" in one["reason"]["causes"] for one in ends)


def test_what_the_alert_budget_held_back_is_said(compare, tmp_path):
    """Of twelve bursts of praise alike the budget holds some of the last back."""
    tight = "[detection]\nvolume_surge_cool_down_minutes = 0\nvolume_surge_alerts_per_brand_year = 0.001\n"
    code, found = compare(tight.replace("0.001", "0"), tight, stream=written(tmp_path, praised(12)))
    assert code == 1
    lost = [one for one in found["differences"] if one["changes"] == ["lost"]]
    assert lost
    assert all(one["reason"]["causes"] == ["budget"] for one in lost)


def test_the_table_names_every_difference_and_the_sum(stream, tmp_path):
    (tmp_path / "a.toml").write_text("")
    (tmp_path / "b.toml").write_text("[detection]\nquiet_minutes = 30\n")
    command = ["compare", str(tmp_path / "a.toml"), str(tmp_path / "b.toml"), stream]
    result = CliRunner().invoke(tocsin, command, standalone_mode=False, catch_exceptions=False)
    assert result.return_value == 1
    assert "min below" in result.stdout
    assert "with another end" in result.stdout


def test_a_narrow_terminal_gets_lines_that_hold_the_reason(stream, tmp_path, monkeypatch):
    """A table would cut what it is read for."""
    (tmp_path / "a.toml").write_text("")
    (tmp_path / "b.toml").write_text("[detection]\nquiet_minutes = 30\n")
    command = ["compare", str(tmp_path / "a.toml"), str(tmp_path / "b.toml"), stream]
    monkeypatch.setattr("pipeline.cli.compare._WIDTH", 80)
    result = CliRunner().invoke(tocsin, command, standalone_mode=False, catch_exceptions=False)
    lines = result.stdout.splitlines()
    place = next(place for place, line in enumerate(lines) if line.startswith("end: "))
    assert lines[place + 3].startswith("  because 01-0")


def test_a_file_that_is_not_there_and_a_bad_configuration_exit_with_2(stream, tmp_path):
    (tmp_path / "a.toml").write_text("")
    (tmp_path / "bad.toml").write_text("[detection]\nno_such_key = 1\n")
    a, bad = str(tmp_path / "a.toml"), str(tmp_path / "bad.toml")
    for arguments in ([a, a, "absent.jsonl"], [a, bad, stream], [a, a], [a, "absent.toml", stream]):
        assert CliRunner().invoke(tocsin, ["compare", *arguments]).exit_code == 2


def life(brand: str, opened: float, resolved: float | None, kind="crisis") -> Life:
    at = T + timedelta(hours=opened)
    return Life(
        episode_id=f"{brand}{opened}",
        brand=brand,
        kind=kind,
        onset_time=at,
        opened=at,
        severity="warning",
        gravest_since=at,
        resolved=None if resolved is None else T + timedelta(hours=resolved),
    )


def test_a_severity_that_an_episode_reached_later_stands_beside_the_time_of_that():
    """Critical beside the time of opening would read as if it had opened so."""
    graver = msgspec.structs.replace(life("x", 0, 2), severity="critical", gravest_since=T + timedelta(hours=1))
    reason = Reason(causes=("score",), text="A: score", time=T)
    row = _row(Difference(changes=("severity",), a=graver, b=life("x", 0, 2), reason=reason), ", ")
    day = f"{T:%Y-%m-%d %H:%M} to {T + timedelta(hours=2):%m-%d %H:%M}"
    assert row[3:5] == (f"{day}, critical since {T + timedelta(hours=1):%m-%d %H:%M}", f"warning {day}")


def test_episodes_are_matched_by_subject_and_overlap_each_once():
    a = [life("x", 0, 2), life("x", 5, 6), life("y", 0, None)]
    b = [life("x", 1, 3), life("x", 3.5, 4), life("x", 5.5, 7), life("y", 9, None), life("z", 0, 1)]
    found = [(one and one.episode_id, other and other.episode_id) for one, other in matched(a, b)]
    assert found == [("x0", "x1"), (None, "x3.5"), ("x5", "x5.5"), ("y0", "y9"), (None, "z0")]


def test_an_episode_that_ends_when_another_opens_does_not_overlap_it():
    assert [bool(one) == bool(other) for one, other in matched([life("x", 0, 1)], [life("x", 1, 2)])] == [False, False]


def test_batches_do_not_decide(stream, compare, monkeypatch):
    _, whole = compare("", "[detection]\nquiet_minutes = 30\n")
    assert BATCH_LINES > 50
    monkeypatch.setattr("pipeline.replay.BATCH_LINES", 50)
    assert compare("", "[detection]\nquiet_minutes = 30\n")[1] == whole
