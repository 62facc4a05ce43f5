"""Fleets in simulated worlds are measured as the report says."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html.parser import HTMLParser

import numpy as np
import pytest
from click.testing import CliRunner

from pipeline.cli.evaluate import command
from pipeline.config.model import Config, ConfigFile, DetectionConfig
from pipeline.evaluation import aftermath, comparison, crowded, second_crises, simulated
from pipeline.evaluation.peers.baselines import PreviousHours
from pipeline.evaluation.recorded import Recording, episode_starts
from pipeline.evaluation.scoring.alarms import AlarmRule
from pipeline.evaluation.simulated import (
    FIRST_BUCKET,
    WARM_UP_DAYS,
    Staged,
    WorldRun,
    alarm_rule,
    crisis_rule,
    found_by,
    measure,
    run_world,
    starts_of,
)
from pipeline.replay import replay_observations
from pipeline.simulation.worlds.ordinary import Burst
from schemas.observation import Observation

DAY = 288
NO_BRAND = np.array([], np.int64)


@pytest.fixture(scope="module")
def ordinary() -> WorldRun:
    return run_world("ordinary", sizes=("S", "M"), brands=4, days=14, seed=1)


def short_run(kinds: Sequence[str] = ("sudden",)) -> WorldRun:
    """A day, with staged crises if any, after a warm-up of three."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simulated, "WARM_UP_DAYS", 3)
        return run_world("ordinary", sizes=("S", "M"), brands=4, days=1, seed=1, kinds=kinds)


def quiet_run(brands: int, days: int) -> WorldRun:
    """A run in which nothing rings yet."""
    a, b, c, d = (np.zeros(((WARM_UP_DAYS + days) * DAY, brands), np.float32) for _ in range(4))
    return WorldRun("ordinary", np.array(["M"] * brands), days, a, b, c, d, [])


def test_alarms_before_the_warm_up_ends_do_not_count():
    run = quiet_run(2, 73)
    run.crisis[WARM_UP_DAYS * DAY - 100, 0] = 99.0
    run.crisis[WARM_UP_DAYS * DAY + 100, 0] = 99.0
    run.crisis[WARM_UP_DAYS * DAY + 5000, 1] = 99.0
    at_one = measure(run, "M").false_alarms[1]
    assert (at_one.nominal, at_one.realised.events) == (1.0, 2.0)
    assert at_one.realised.value == pytest.approx(2 / 0.4)


def test_thresholds_are_those_that_ship():
    assert crisis_rule(1.0) == alarm_rule(DetectionConfig(), "crisis") == AlarmRule(3.78, 1.89, 24, 72)


def test_a_benign_burst_that_rings_is_counted_as_such():
    run = quiet_run(1, 14)
    first = WARM_UP_DAYS * DAY
    run.bursts += [Burst(0, first + 100, first + 130, 4.0, 1.0), Burst(0, first + 900, first + 930, 4.0, 1.0)]
    run.crisis[first + 120, 0] = 9.0
    benign = measure(run, "M").benign
    assert benign is not None
    assert (benign.events, benign.exposure) == (1.0, 2.0)


def test_volume_alarms_are_added_up_in_hours_over_the_first_fortnight():
    run = quiet_run(1, 20)
    run.surge[WARM_UP_DAYS * DAY + 100 : WARM_UP_DAYS * DAY + 112, 0] = 9.0
    run.surge[(WARM_UP_DAYS + 15) * DAY, 0] = 9.0
    assert measure(run, "M").surge_hours == pytest.approx((12 + 24) / 12)


def test_volume_surges_a_brand_year_are_counted_at_their_own_rate_after_the_warm_up():
    run = quiet_run(2, 73)
    score = alarm_rule(DetectionConfig(), "volume_surge").threshold + 0.1
    for place, day in ((0, WARM_UP_DAYS - 3), (0, WARM_UP_DAYS), (0, WARM_UP_DAYS + 60), (1, WARM_UP_DAYS + 30)):
        run.surge[day * DAY + 100, place] = score
    surges = measure(run, "M").surges
    assert (surges.nominal, surges.realised.events) == (24.0, 3.0)
    assert surges.realised.value == pytest.approx(3 / 0.4)
    rarer = measure(run, "M", DetectionConfig(volume_surges_per_brand_year=5.0)).surges
    assert (rarer.nominal, rarer.realised.events) == (5.0, 0.0)


def test_a_staged_crisis_is_found_by_an_alarm_within_its_horizon():
    scores = np.zeros((2 * DAY, 3), np.float32)
    scores[110, 0] = scores[90, 1] = scores[100 + 144, 2] = 9.0
    stage = Staged("sudden", 28, np.array([100, 100, 100]), scores, scores, scores)
    found = found_by([stage], lambda s: s.scores, crisis_rule(1.0), np.arange(3))
    assert found.recall.value == pytest.approx(1 / 3)
    assert (found.delay.lower, found.delay.median) == (55.0, None)


def test_a_run_repeats_itself_and_staged_crises_leave_it_alone():
    first, again, without = short_run(), short_run(), short_run(kinds=())
    assert first.crisis.max() > 0.0
    assert first.staged[0].scores.max() > 0.0
    np.testing.assert_array_equal(again.crisis, first.crisis)
    np.testing.assert_array_equal(again.staged[0].scores, first.staged[0].scores)
    np.testing.assert_array_equal(without.crisis, first.crisis)
    assert without.staged == []


def test_sudden_crises_of_medium_brands_are_found_early(ordinary):
    found = measure(ordinary, "M").crises["sudden"]
    assert found.recall.value >= 0.75
    assert found.delay.median is not None
    assert found.delay.median <= 60.0


def test_the_engine_first_rings_in_the_very_bucket_that_the_fleet_says(ordinary):
    """With a row for every bucket, empty ones included, the engine, without a budget, visits what the fleet visits.

    After its first episode a brand is held against what came since, which the fleet does not know.
    """
    detection = DetectionConfig(false_alarms_per_brand_year=100.0, crisis_alerts_per_brand_year=0.0)
    places = list(range(len(ordinary.sizes)))  # all: brands of one fleet share the tail that corrects their scores
    expected = [own.tolist() for own in starts_of(ordinary.crisis[:, places], alarm_rule(detection, "crisis"))]
    assert sum(map(bool, expected)) >= 3
    rows = [
        Observation(brand=f"b{place}", start=(FIRST_BUCKET + row) * 300, mentions=int(n), negatives=float(k))
        for place in places
        for row, (n, k) in enumerate(zip(ordinary.mentions[:, place], ordinary.negatives[:, place], strict=True))
    ]
    report = replay_observations(sorted(rows, key=lambda row: row.start), Config(ConfigFile(detection=detection)))
    found = episode_starts(report.alerts, Recording([], FIRST_BUCKET, ordinary.mentions, ordinary.negatives, NO_BRAND))
    assert [found.get(f"b{place}", NO_BRAND).tolist()[:1] for place in places] == [own[:1] for own in expected]


def test_peers_get_their_thresholds_from_the_other_half_of_the_brands(ordinary, monkeypatch):
    name = "vendor rule, previous 24 h"
    makers = {name: lambda brands, signal: PreviousHours(brands, hours=24, signal=signal)}
    monkeypatch.setattr(comparison, "PEERS", makers)
    rows = {row.detector: row for row in comparison.compare(ordinary, "M", rate=20.0, brands=4)}
    assert set(rows) == {"Tocsin, as shipped", name, "always on", "random, as often", "never on"}
    assert len(set(rows[name].thresholds)) == 2
    assert rows["always on"].crises["sudden"].recall.value == 1.0
    assert rows["never on"].crises["sudden"].recall.value == 0.0
    assert rows["never on"].false_alarms.events == 0.0
    assert rows["always on"].false_alarms.value > 1000.0


def test_the_chosen_threshold_keeps_the_rate_on_the_brands_it_was_chosen_on():
    background = np.random.default_rng(1).exponential(size=((WARM_UP_DAYS + 40) * DAY, 3)).astype(np.float32)
    rule = crisis_rule(1.0)
    threshold = comparison.choose_threshold(background, rule, 30.0)
    alarms = sum(len(own) for own in starts_of(background, rule.at(threshold), WARM_UP_DAYS * DAY))
    assert 1 <= alarms <= 30.0 * 3 * 40 / 365


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def test_the_command_prints_tables_and_writes_reports_that_need_nothing_beside_them(tmp_path, monkeypatch):
    for module in (simulated, comparison, aftermath, crowded, second_crises):
        monkeypatch.setattr(module, "WARM_UP_DAYS", 8)
    monkeypatch.setattr(aftermath, "STAGES", 1)
    monkeypatch.setattr(crowded, "SHARES", (0.0, 0.5))
    monkeypatch.setattr(second_crises, "GAPS_DAYS", (2,))
    arguments = ["simulated", "--brands", "2", "--days", "14", "--worlds", "calm,shifted", "--sizes", "M"]
    arguments += ["--episode-brands", "1"]
    result = CliRunner().invoke(command, [*arguments, "--out", str(tmp_path)], catch_exceptions=False)
    assert result.exit_code == 0
    assert "False alarms per brand-year" in result.stdout
    assert "surges (24 per year)" in " ".join(result.stdout.split())
    for title in ("Onset and end of crises", "After a crisis", "Crowded fleets"):
        assert title in result.stdout
    document = json.loads((tmp_path / "simulated.json").read_bytes())
    assert [cell["world"] for cell in document["results"]["cells"]] == ["calm", "shifted"]
    assert document["calibration"]
    staged = [(row["world"], row["kind"]) for row in document["results"]["aftermath"]]
    assert staged == [("calm", "sudden"), ("calm", "slow")]
    tags = _Tags()
    tags.feed((tmp_path / "simulated.html").read_text(encoding="utf-8"))
    assert {"table", "svg", "polyline"} <= {tag for tag, _ in tags.seen}
    assert not {"script", "link", "img", "iframe"} & {tag for tag, _ in tags.seen}
    assert not [attrs for _, attrs in tags.seen if "src" in attrs or "href" in attrs]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--worlds", "calm,flat"], "--worlds: expected some of all, held-out, ordinary, calm"),
        (["--worlds", "exam", "--sizes", "XL"], "--sizes: expected some of S, M, L, got XL"),
        (["--peer-brands", "1"], "--peer-brands: expected 0 or at least 2"),
    ],
)
def test_a_wrong_option_is_named(arguments, words):
    result = CliRunner().invoke(command, ["simulated", *arguments])
    assert result.exit_code == 2
    assert words in result.stderr
