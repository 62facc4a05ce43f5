"""What a recording does not know is neither counted nor judged."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cli.evaluate import command
from pipeline.errors import TocsinError
from pipeline.evaluation.coverage import (
    Spans,
    length,
    merged,
    moved,
    read_coverage,
    read_gaps,
    returns,
    within,
    without,
)
from pipeline.evaluation.labels import LabelledEvent
from pipeline.evaluation.recorded import Recording, episode_rows, gap_row, outcome

DAY = 288
SECOND_OF_DAY = 86_400.0
some_spans = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=8)


def recording(coverage: dict[str, Spans] | None = None, gaps: Spans | None = None) -> Recording:
    counts = np.full((10 * DAY, 2), 5.0, np.float32)
    since = np.zeros(2, np.int64)
    return Recording(["b0", "b1"], 0, counts, counts * 0, since, coverage, gaps or [])


def buckets(spans: Spans) -> set[int]:
    return {bucket for begin, end in spans for bucket in range(begin, end)}


@given(some_spans, some_spans)
def test_spans_are_sets_of_buckets(raw, raw_gaps):
    spans, gaps = merged(raw), merged(raw_gaps)
    assert buckets(spans) == {bucket for begin, end in raw for bucket in range(begin, end)}
    assert all(a[1] < b[0] for a, b in itertools.pairwise(spans))
    assert buckets(without(spans, gaps)) == buckets(spans) - buckets(gaps)
    assert length(spans) == len(buckets(spans))
    assert all(within(spans, bucket) == (bucket in buckets(spans)) for bucket in range(61))
    assert buckets(moved(spans, 10, 30)) == {bucket - 10 for bucket in buckets(spans) if 10 <= bucket < 40}


@given(some_spans)
def test_a_return_follows_its_hole_and_is_no_longer_than_it(raw):
    gaps = merged(raw)
    assert not buckets(returns(gaps)) & buckets(gaps)
    assert length(returns(gaps)) <= length(gaps)


def test_the_return_from_a_long_hole_lasts_a_day():
    assert returns([(100, 100 + 5 * DAY)]) == [(100 + 5 * DAY, 100 + 6 * DAY)]


def test_alarms_crises_and_time_outside_the_coverage_do_not_count():
    known = recording({"b0": [(0, 2 * DAY), (6 * DAY, 7 * DAY)]})
    crises = [
        LabelledEvent(brand="b0", kind="sudden", begin=day * SECOND_OF_DAY, onset=day * SECOND_OF_DAY, end=0.0)
        for day in (4.0, 6.5)
    ]
    alarms = {"b0": np.array([DAY, 3 * DAY, 6 * DAY + 150]), "b1": np.array([DAY])}
    row = outcome("d", "-", known, [replace_end(crisis) for crisis in crises], alarms)[-1]
    assert row.false_alarms.events == 1.0
    assert (row.crises["sudden"].recall.events, row.crises["sudden"].recall.exposure) == (1.0, 1.0)
    assert row.false_alarms.exposure == pytest.approx(2.5 / 365, rel=0.01)


def replace_end(event: LabelledEvent) -> LabelledEvent:
    return LabelledEvent(
        brand=event.brand,
        kind=event.kind,
        begin=event.begin,
        onset=event.onset,
        end=event.onset + 6 * 3600.0,
    )


def test_time_in_holes_is_not_watched():
    row = outcome("d", "-", recording(gaps=[(DAY, 3 * DAY)]), [], {"b0": np.array([5 * DAY])})[-1]
    assert row.false_alarms.exposure == pytest.approx(16 / 365)
    assert row.false_alarms.events == 1.0


@pytest.mark.parametrize("kind", ["outage", "unclear"])
def test_an_alarm_in_trouble_that_may_ring_is_neither_false_nor_a_find(kind):
    trouble = LabelledEvent(brand="b0", kind=kind, begin=SECOND_OF_DAY, onset=SECOND_OF_DAY, end=1.5 * SECOND_OF_DAY)
    row = outcome("d", "-", recording(), [trouble], {"b0": np.array([DAY + 10])})[-1]
    assert (row.false_alarms.events, row.crises) == (0.0, {})
    assert row.others[kind].value == 1.0
    assert row.false_alarms.exposure < 20 / 365


def test_episodes_are_counted_per_month_by_decade_of_size():
    sized = recording({"b0": [(0, 6 * DAY)], "b1": [(0, 3 * DAY)]})
    sized = replace(sized, mentions=sized.mentions * np.array([0.01, 1.0], np.float32))
    rows = {row.size: row for row in episode_rows(sized, "crisis", {"b1": np.array([10, 700, 2000])})}
    assert list(rows) == ["0.1 to 1 an hour", "10 to 100 an hour", "all"]
    assert (rows["0.1 to 1 an hour"].per_month.events, rows["10 to 100 an hour"].per_month.events) == (0.0, 2.0)
    assert rows["10 to 100 an hour"].per_month.value == pytest.approx(2 / 0.1)
    assert rows["all"].per_month.exposure == pytest.approx(0.3)


def test_alarms_in_a_hole_and_on_the_return_are_told_apart_from_chance():
    row = gap_row(recording(gaps=[(DAY, 2 * DAY)]), "crisis", {"b0": np.array([10, DAY + 5, 2 * DAY, 4 * DAY])})
    assert (row.opened, row.in_gap, row.on_return) == (4, 1, 1)
    assert row.by_chance == pytest.approx(3 / 9)


def test_tables_are_read_in_buckets(tmp_path: Path):
    coverage, gaps, days = (tmp_path / name for name in ("coverage.csv", "gaps.csv", "days.csv"))
    coverage.write_text(
        "brand,from,to,mentions\na,1970-01-01T00:05:00Z,1970-01-01T00:10:01Z,3\na,1970-01-01T00:10:00Z,1970-01-01T01:00:00Z,1\n"
    )
    gaps.write_text("hour,snapshots\n1970-01-01T01:00:00Z,0\n1970-01-01T02:00:00Z,0\n")
    days.write_text("day,mentions\n1970-01-03,0\n")
    assert read_coverage(coverage) == {"a": [(1, 12)]}
    assert read_gaps(gaps) == [(12, 36)]
    assert read_gaps(days) == [(2 * DAY, 3 * DAY)]
    gaps.write_text("start,end\n1970-01-01T00:00:00Z,1970-01-01T00:05:00Z\n")
    assert read_gaps(gaps) == [(0, 1)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("from,to\n", "1: expected the columns start,end or hour or day"),
        ("start,end\nsoon,later\n", "2: expected an RFC 3339 time, got 'soon'"),
        ("start,end\n2026-01-02T00:00:00Z,2026-01-01T00:00:00Z\n", "expected an end after the beginning"),
    ],
)
def test_a_table_that_cannot_be_read_is_one_clear_error(tmp_path, text, words):
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(TocsinError, match=words):
        read_gaps(path)
    with pytest.raises(TocsinError, match="expected a CSV table"):
        read_gaps(tmp_path / "absent.csv")


@pytest.mark.parametrize("option", ["--gaps", "--holes"])
def test_mentions_without_labels_give_episodes_and_gaps(option, tmp_path):
    mentions, gaps = tmp_path / "m.jsonl", tmp_path / "h.csv"
    line = '{"id":"%d","brand":"a","text":"x","event_time":"2026-03-0%dT00:00:00Z","platform":"x"}\n'
    mentions.write_text("".join(line % (day, day) for day in range(1, 6)))
    gaps.write_text("day\n2026-03-02\n")
    whole = ["mentions", str(mentions), option, str(gaps), "--partitions", "1"]
    result = CliRunner().invoke(command, whole, catch_exceptions=False)
    assert result.exit_code == 0
    assert "Episodes that opened" in result.output
    assert "Episodes at gaps in the feed" in result.output
