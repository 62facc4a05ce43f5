"""`tocsin evaluate nab`: count series through the volume channel, results as the benchmark wants them."""

from __future__ import annotations

import csv
import json
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from pipeline.cli.evaluate import command
from pipeline.errors import TocsinError
from pipeline.evaluation.counts import alarm_rows, rate_detectors, read_folder, soft_scores, surge_scores
from pipeline.evaluation.scoring.alarms import AlarmRule

START = datetime(2026, 3, 2, 0, 2, 53)  # noqa: DTZ001 - NAB's time stamps have no zone
DAYS = 10
ONSET = 7 * 288


def write(folder: Path, name: str = "acme.csv", *, skip: range = range(0)) -> None:
    """Ten days of counts, 5 minutes apart, with one burst."""
    counts = np.random.default_rng(1).poisson(20, DAYS * 288)
    counts[ONSET : ONSET + 24] += 200
    with (folder / name).open("w", encoding="utf-8") as stream:
        stream.write("timestamp,value\n")
        for row, count in enumerate(counts):
            if row not in skip:
                stream.write(f"{START + timedelta(minutes=5 * row)},{count}\n")


def label(folder: Path, name: str = "acme.csv") -> None:
    first, onset, last = (str(START + timedelta(minutes=5 * (ONSET + shift))) for shift in (-100, 0, 100))
    (folder / "labels.json").write_text(json.dumps({name: {"labels": [onset], "windows": [[first, last]]}}))


def test_a_file_of_the_benchmark_is_read_as_it_stands():
    (series,) = read_folder(Path(__file__).parents[2] / "data" / "nab")
    assert (series.name, len(series.values), series.labels) == ("Twitter_volume_AAPL.csv", 200, None)
    assert (series.timestamps[0], series.raw_values[0]) == ("2015-02-26 21:42:53", "104")
    assert set(np.diff(series.buckets)) == {1}
    assert series.values.sum() == sum(map(int, series.raw_values))


def test_a_burst_is_one_alarm_row_and_the_scores_agree_with_the_labels(tmp_path):
    write(tmp_path)
    label(tmp_path)
    out = tmp_path / "out"
    result = CliRunner().invoke(
        command, ["nab", str(tmp_path), "--no-peers", "--out", str(out)], catch_exceptions=False
    )
    assert result.exit_code == 0
    with (out / "results" / "acme.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == ["timestamp", "value", "anomaly_score"]
    alarms = [row for row, cells in enumerate(rows) if float(cells["anomaly_score"]) == 1.0]
    assert alarms == [ONSET]
    assert {cells["anomaly_score"] for cells in rows} == {"0.0", "1.0"}
    ours = json.loads((out / "nab.json").read_bytes())["results"]["detectors"][0]
    # The alarm comes 100 of 201 rows into the window, so that it is worth S(-101/201) / S(-1) of a hit.
    sigmoid = 2 / (1 + np.exp(-5 * 101 / 201)) - 1
    expected = 50 * (1 + sigmoid / (2 / (1 + np.exp(-5)) - 1))
    assert ours["at_threshold"]["standard"]["score"] == pytest.approx(expected)
    assert ours["starts"]["strict_hit"] == 1


def test_soft_scores_are_graded_and_only_at_the_highest_of_a_day(tmp_path):
    write(tmp_path)
    CliRunner().invoke(
        command, ["nab", str(tmp_path), "--soft", "--out", str(tmp_path / "out")], catch_exceptions=False
    )
    with (tmp_path / "out" / "results" / "acme.csv").open(encoding="utf-8") as stream:
        soft = np.array([float(row["anomaly_score"]) for row in csv.DictReader(stream)])
    assert soft.argmax() in range(ONSET, ONSET + 24)
    assert len(np.unique(soft)) > 10
    np.testing.assert_array_equal(soft_scores(np.array([1.0, 2.0, 1.5, -1.0, 2.0, 3.0])), [1, 2, 0, 0, 0, 3])


def test_a_hole_in_the_file_is_no_alarm(tmp_path):
    write(tmp_path, skip=range(5 * 288, 5 * 288 + 150))
    (series,) = read_folder(tmp_path)
    scores = surge_scores(series)
    alarms = alarm_rows(series, scores, AlarmRule(6.0, 3.0, 24, 72))
    assert np.flatnonzero(alarms).tolist() == [ONSET - 150]


def test_controls_stand_beside_the_detector(tmp_path):
    write(tmp_path)
    label(tmp_path)
    series = read_folder(tmp_path)
    rows = rate_detectors(series, [surge_scores(one) for one in series], AlarmRule(6.0, 3.0, 24, 72), peers=False)
    scores = {row.name: row.at_threshold["standard"].score for row in rows if row.at_threshold}
    assert scores["never on"] == 0.0
    assert scores["always on"] < scores["Tocsin, as shipped"] > scores["random, as often as Tocsin"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("time,count\n1,2\n", "expected the columns timestamp,value"),
        ("timestamp,value\n2026-03-02 00:00:00,-1\n", "expected a count >= 0, got '-1'"),
        ("timestamp,value\n2026-03-02 00:00:00,1\n2026-03-02 00:01:00,1\n", "5 minutes apart"),
        ("timestamp,value\nyesterday,1\n", "expected rows of timestamp,value"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_in_one_line(tmp_path, text, words):
    (tmp_path / "bad.csv").write_text(text, encoding="utf-8")
    with pytest.raises(TocsinError, match=words) as caught:
        read_folder(tmp_path)
    assert "\n" not in str(caught.value)
    assert "bad.csv" in str(caught.value)


def test_a_folder_without_series_and_a_label_without_its_row_are_refused(tmp_path):
    with pytest.raises(TocsinError, match="expected a folder with"):
        read_folder(tmp_path / "absent")
    write(tmp_path)
    (tmp_path / "labels.json").write_text('{"acme.csv": [["2020-01-01 00:00:00", "2020-01-02 00:00:00"]]}')
    with pytest.raises(TocsinError, match="expected a row at each label's time"):
        read_folder(tmp_path)
