"""`tocsin evaluate observations` and `mentions`: the engine's alarms against labels."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from pipeline.cli.evaluate import command
from pipeline.cli.simulate import command as simulate
from pipeline.errors import TocsinError
from pipeline.evaluation.labels import LabelledEvent, read_labels
from pipeline.evaluation.recorded import MentionCounter, Recording, counts_of, outcome
from pipeline.evaluation.reports.plots import Panel, Timeline, draw
from schemas.moments import moment
from tests.pipeline.mention_streams import START, mention

DAY = 86_400.0
HOUR = 3600.0


def recording(brands: int = 2, days: int = 10) -> Recording:
    counts = np.full((days * 288, brands), 5.0, np.float32)
    return Recording([f"b{place}" for place in range(brands)], 0, counts, counts * 0, np.zeros(brands, np.int64))


def event(brand: str = "b0", kind: str = "sudden", onset: float = 2 * DAY, hours: float = 10.0) -> LabelledEvent:
    return LabelledEvent(brand=brand, kind=kind, begin=onset - HOUR, onset=onset, end=onset + hours * HOUR)


def of_all(events: list[LabelledEvent], **starts: list[int]) -> dict[str, float | None]:
    alarms = {brand: np.array(own, np.int64) for brand, own in starts.items()}
    row = outcome("d", "-", recording(), events, alarms)[-1]
    assert row.size == "all"
    found = row.crises.get("sudden")
    return {
        "false": row.false_alarms.events,
        "years": row.false_alarms.exposure,
        "recall": found.recall.value if found else None,
        "delay": found.delay.median if found else None,
    }


def test_an_alarm_after_the_onset_finds_the_crisis():
    assert of_all([event()], b0=[580])["delay"] == 25.0
    assert of_all([event()], b0=[580])["false"] == 0


def test_an_alarm_between_the_trigger_and_the_onset_comes_before_its_time():
    assert of_all([event()], b0=[570])["delay"] == -25.0


def test_an_alarm_elsewhere_is_false_and_the_crisis_missed():
    found = of_all([event()], b0=[1500], b1=[580])
    assert (found["recall"], found["delay"], found["false"]) == (0.0, None, 2)


def test_a_second_alarm_in_the_same_crisis_is_not_false_and_its_time_is_not_watched():
    found = of_all([event()], b0=[580, 700])
    assert found["false"] == 0
    assert found["years"] == pytest.approx((20 - 17 / 24) / 365, rel=1e-3)


def test_a_benign_event_that_rings_is_false_and_listed_by_kind():
    alarms = {"b0": np.array([580], np.int64)}
    row = outcome("d", "-", recording(), [event(kind="praise"), event("b1", kind="praise")], alarms)[-1]
    assert row.false_alarms.events == 1
    assert (row.others["praise"].events, row.others["praise"].exposure) == (1.0, 2.0)
    assert row.crises == {}


def test_alarms_and_time_before_a_brand_is_known_do_not_count():
    counts = np.full((10 * 288, 1), 5.0, np.float32)
    late = Recording(["b0"], 0, counts, counts * 0, np.array([5 * 288]))
    row = outcome("d", "-", late, [], {"b0": np.array([100, 2000], np.int64)})[-1]
    assert row.false_alarms.events == 1.0
    assert row.false_alarms.exposure == pytest.approx(5 / 365)


def test_brands_are_grouped_by_their_own_size():
    counts = np.array([[1.0, 20.0, 500.0]] * 288, np.float32)
    sized = Recording(["s", "m", "l"], 0, counts, counts * 0, np.zeros(3, np.int64))
    assert [row.size for row in outcome("d", "-", sized, [], {})] == ["S", "M", "L", "all"]


def test_counts_fill_what_is_not_given_with_zero_and_know_since_when_a_brand_is_known():
    made = counts_of([("b", 12, 3.0, 1.0), ("a", 10, 2.0, 0.0), ("b", 12, 1.0, 1.0)])
    assert made.brands == ["a", "b"]
    assert (made.mentions[:, 1].tolist(), made.negatives[:, 1].tolist()) == ([0, 0, 4], [0, 0, 2])
    assert made.since.tolist() == [0, 2]
    with pytest.raises(TocsinError, match="got none"):
        counts_of([])


def test_lines_that_are_no_mentions_do_not_count():
    counter = MentionCounter()
    good, naive = (b'{"brand":"acme","event_time":"2026-03-02T00:00:01%s"}' % zone for zone in (b"Z", b""))
    assert counter.see(good) == good
    assert (counter.see(b"{"), counter.see(naive)) == (b"{", naive)
    assert counter.recording().mentions.tolist() == [[1.0]]


def test_labels_of_a_table_may_leave_out_kind_and_end(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("brand,onset,kind,end\nacme,2026-03-02T00:00:00Z,,\nb,1772409600,praise,2026-03-02T06:00:00Z\n")
    first, second = read_labels(path)
    assert (first.kind, first.is_crisis, first.end - first.onset) == ("crisis", True, 48 * HOUR)
    assert (second.kind, second.is_crisis, second.end - second.onset) == ("praise", False, 6 * HOUR)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("l.csv", "name,time\n", "expected the columns brand,onset"),
        ("l.csv", "brand,onset\nacme,soon\n", "RFC 3339"),
        ("l.json", "{}", "as `tocsin simulate` writes them"),
    ],
)
def test_labels_that_cannot_be_read_are_one_clear_error(tmp_path, name, text, words):
    path: Path = tmp_path / name
    path.write_text(text)
    with pytest.raises(TocsinError, match=words):
        read_labels(path)
    with pytest.raises(TocsinError, match="expected a file of labels"):
        read_labels(tmp_path / "absent.json")


def test_a_simulated_stream_is_measured_as_observations_and_as_mentions(tmp_path):
    """The crisis is found both ways; the report says when the alarm came."""
    mentions, labels, table = (str(tmp_path / name) for name in ("m.jsonl", "l.json", "o.csv"))
    made = ["--out", mentions, "--labels", labels, "--observations", table]
    shape = ["--brands", "4", "--hours", "24", "--history-hours", "72", "--seed", "3", "--mean-rate", "20"]
    assert CliRunner().invoke(simulate, [*made, *shape], catch_exceptions=False).exit_code == 0
    for arguments in (["observations", table], ["mentions", mentions, "--partitions", "2"]):
        out = tmp_path / arguments[0]
        whole = [*arguments, "--labels", labels, "--out", str(out)]
        result = CliRunner().invoke(command, whole, catch_exceptions=False)
        assert result.exit_code == 0
        assert "Size S is below 30 mentions an hour, M below 600, L from there." in " ".join(result.stdout.split())
        assert "size S (below 30 mentions" in " ".join((command.commands[arguments[0]].help or "").split())
        document = json.loads((out / f"{arguments[0]}.json").read_bytes())
        ours = next(r for r in document["results"]["outcomes"] if r["size"] == "all")
        assert ours["detector"] == "Tocsin, as shipped"
        assert ours["crises"]["sudden"]["recall"]["value"] == 1.0
        assert sum(len(times) for times in document["results"]["alarms"].values()) >= 1
        detectors = {row["detector"] for row in document["results"]["outcomes"]}
        assert ("high_reach_post alone" in detectors) == (arguments[0] == "mentions")
        assert "<polyline" in (out / f"{arguments[0]}.html").read_text(encoding="utf-8")


def test_an_alarm_of_either_kind_that_pages_finds_or_is_false_and_the_rows_say_which(tmp_path):
    """A post of a great audience an hour after the onset, and one about another brand; no crisis opens."""
    rng = np.random.default_rng(4)
    times = [START + day * DAY + at for day in range(20) for at in np.sort(rng.uniform(0, DAY, 12))]
    rows = [(at, 0.4 if n % 6 else -0.6, 200) for n, at in enumerate(times)]
    rows.append((START + 15 * DAY + HOUR, -0.9, 3_000_000))
    lines = [
        mention(
            brand=brand,
            id=str(n),
            text=f"parcel {n}",
            at=at,
            sentiment=tone,
            author={"id": f"a{n}", "followers": followers},
        )
        for n, (at, tone, followers) in enumerate(sorted(rows))
        for brand in ("acme", "bolt")
    ]
    (tmp_path / "m.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    onset = moment(START + 15 * DAY).isoformat()
    (tmp_path / "l.csv").write_text(f"brand,onset,kind\nacme,{onset},sudden\n")
    arguments = ["mentions", str(tmp_path / "m.jsonl"), "--labels", str(tmp_path / "l.csv"), "--out", str(tmp_path)]
    assert CliRunner().invoke(command, arguments, catch_exceptions=False).exit_code == 0
    results = json.loads((tmp_path / "mentions.json").read_bytes())["results"]
    found = {
        row["detector"]: (row["crises"]["sudden"]["recall"]["value"], row["false_alarms"]["events"])
        for row in results["outcomes"]
        if row["size"] == "all"
    }
    assert found["Tocsin, as shipped"] == (0.0, 0.0)
    assert found["with high_reach_post"] == found["high_reach_post alone"] == (1.0, 1.0)
    assert {brand: len(alarms) for brand, alarms in results["high_reach_posts"].items()} == {"acme": 1, "bolt": 1}


def test_hostile_names_do_not_become_markup():
    drawn = draw(
        Timeline(
            "<script>x</script>",
            "&",
            "<b>",
            (Panel("<i>", np.array([1.0, math.inf, 2.0]), "red"),),
            ((0, 1, '"', True),),
        )
    )
    assert "<script" not in drawn
    assert "<b>" not in drawn
    assert "<i>" not in drawn


def test_long_series_are_drawn_by_their_extremes():
    values = np.zeros(50_000)
    values[33_333] = 7.0
    drawn = draw(Timeline("t", "a", "b", (Panel("p", values, "red"),)))
    assert len(drawn) < 60_000
    assert ",22.0" in drawn
