"""Moments as people type them."""

from __future__ import annotations

import pytest

from pipeline.cli.options import unix_seconds

NOW = 1_772_668_800.0  # 2026-03-05T00:00:00Z


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("now", NOW),
        ("2h", NOW - 7200),
        ("90m", NOW - 5400),
        ("1.5d", NOW - 129_600),
        ("1w", NOW - 604_800),
        ("30s", NOW - 30),
        ("2026-03-05", NOW),
        ("2026-03-05 01:00", NOW + 3600),
        ("2026-03-05T01:00:00Z", NOW + 3600),
        ("2026-03-05T01:00:00+01:00", NOW),
    ],
)
def test_a_date_a_time_and_how_long_ago_name_a_moment_whatever_the_time_zone(text, seconds, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert unix_seconds(text, NOW) == seconds


@pytest.mark.parametrize("text", ["", "yesterday", "2 hours", "-2h", "2026-13-01", "h", "1e9d", "99999999999d"])
def test_what_names_none_says_what_was_expected(text):
    with pytest.raises(ValueError, match="expected a date, RFC 3339"):
        unix_seconds(text, NOW)
