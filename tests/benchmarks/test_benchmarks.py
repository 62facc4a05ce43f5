"""The short form of the benchmarks: what they measure gives the right results. Times are not tested."""

from __future__ import annotations

import math
import pickle
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks import closing, closing_turns, goals, intake, known_brands, live, live_endurance, reading
from detectors.brand.model import BrandModel
from pipeline.config.model import Config, ConfigFile, EngineConfig
from pipeline.engine.engine import Engine
from pipeline.engine.records import Record


@pytest.mark.parametrize("rate", closing.RATES.values(), ids=closing.RATES)
def test_the_detector_alone_and_the_engine_close_the_same_buckets_with_the_same_scores(rate):
    brands = [closing.counts(rate, 3, seed) for seed in range(2)]
    engine = Engine(0, Config())
    closing.engine_seconds(closing.observations(brands), engine)
    assert engine.stats.buckets_closed >= sum(map(len, brands))
    for number, rows in enumerate(brands):
        model = BrandModel()
        found = list(closing.assessments(model, rows))
        assert len(found) == len(rows)
        assert any(assessment.is_warm for assessment in found)
        assert all(math.isfinite(assessment.crisis) for assessment in found)
        view = engine.brand_view(f"brand-{number}")
        assert view is not None
        if view.mentions:  # An episode that is open is visited in the silence after the last mention, too.
            # Silence is learned bucket by bucket there and hour by hour here, and its calm hours are set aside.
            assert view.expected == pytest.approx(found[-1].expected_now, rel=0.05)
            assert view.score == pytest.approx(max(found[-1].crisis, 0.0), rel=0.05, abs=0.2)
        assert len(model.snapshot()) <= 4096


def test_every_brand_of_the_crisis_whose_steps_are_measured_is_told_of(monkeypatch):
    monkeypatch.setattr(closing_turns, "BURNING", 3)
    *spent, alerts = closing_turns.steps()
    assert alerts >= 2 * closing_turns.BURNING
    assert len(spent) > alerts
    assert all(seconds >= 0.0 for seconds in spent)


def test_the_load_of_the_latency_benchmark_brings_the_crises_that_it_waits_for(monkeypatch):
    """Every brand that is brought into a crisis opens one episode, in the bucket after its crisis began or in it."""
    monkeypatch.setattr(live, "HISTORY_BUCKETS", 400)
    monkeypatch.setattr(live, "BRANDS_WITH_HISTORY", 8)
    monkeypatch.setattr(live, "CRISES", 2)
    monkeypatch.setattr(live, "CRISIS_BUCKETS", 2)
    monkeypatch.setattr(live, "RATE", 20)
    monkeypatch.setattr(live, "LOAD_BRANDS", 5)
    begin = 1_767_225_600
    engine = Engine(0, Config())
    values = [(key, value) for _, key, value in live._history(begin)]
    times, load = [], []
    for at, _, key, value in live._live(begin + 400 * live.BUCKET):
        times.append(at)
        load.append((key, value))
    assert times == sorted(times)
    records = [Record(n, begin * 2000, key, value) for n, (key, value) in enumerate(values + load)]
    opened = [
        alert.brand
        for alert in engine.process(records).alerts
        if alert.transition == "opened" and alert.kind == "crisis"
    ]
    assert sorted(opened) == [f"history-{n:04}" for n in range(4)]


def test_a_goal_says_whether_it_was_reached_in_the_direction_that_was_asked_for():
    fast, slow = (goals.Goal("rate", value, 100.0, "a second", more=True) for value in (120.0, 80.0))
    short, long = (goals.Goal("delay", value, 0.05, "s") for value in (0.05, 0.0512))
    assert [one.is_met for one in (fast, slow, short, long)] == [True, False, True, False]
    *_, first, last = goals.table([slow, short]).splitlines()
    assert first == "| rate | 80 a second | >= 100 a second | not reached |"
    assert last == "| delay | 0.05 s | <= 0.05 s | reached |"


def test_the_traffic_as_brands_grow_is_what_the_engine_takes_and_closes(monkeypatch):
    """No mention is refused, late or a duplicate, and known brands are closed before the clock starts."""
    monkeypatch.setattr(known_brands, "MENTIONS", 2000)
    teams: list[list[Engine]] = []
    make = known_brands._team

    def kept(brands: int) -> list[Engine]:
        teams.append(make(brands))
        return teams[-1]

    monkeypatch.setattr(known_brands, "_team", kept)
    monkeypatch.setattr(known_brands, "CycleCollector", lambda report: SimpleNamespace(take_over=lambda: None))
    for measure in (known_brands.known, known_brands.active):
        spent, _, _ = measure(100)
        stats = [engine.stats for engine in teams[-1]]
        assert all(seconds >= 0.0 for seconds in spent)
        assert sum(one.consumed for one in stats) == 2000 + 100 * (measure is known_brands.known)
        assert sum(one.late + one.duplicates + sum(one.rejected.values()) for one in stats) == 0
    assert sum(engine.stats.buckets_closed for engine in teams[0]) == 100


def test_a_part_of_the_live_benchmark_that_does_not_exist_is_named():
    with pytest.raises(SystemExit, match="expected parts among workers, partitions, brands, latency, idle, got speed"):
        live.main(["speed"])


@pytest.mark.slow
def test_the_load_of_the_endurance_run_forgets_scores_learns_and_rings(monkeypatch):
    monkeypatch.setattr(live_endurance, "REGULAR", 20)
    monkeypatch.setattr(live_endurance, "ONCE", 5)
    monkeypatch.setattr(live_endurance, "STORM_EVERY", 300)
    limit = 100
    config = Config(ConfigFile(engine=EngineConfig(max_brands=limit)))
    engines = [Engine(number, config) for number in range(live_endurance.PARTITIONS)]
    load, sent, rounds = live_endurance.Load(), 0, 301
    alerts = []
    now = 2000 * live_endurance.BEGIN
    for number in range(rounds):
        records: list[list[Record]] = [[] for _ in engines]
        for place, key, value in load.mentions(number):
            records[place].append(Record(engines[place].next_offset + len(records[place]), now, key, value))
            sent += 1
        for engine, part in zip(engines, records, strict=True):
            alerts += list(engine.process(part).alerts)
            engine.snapshot()
    stats = [engine.stats for engine in engines]
    assert sent == rounds * 25 + live_endurance.STORM
    assert sum(one.consumed for one in stats) == sent
    assert not sum(sum(one.rejected.values()) + one.late + one.duplicates for one in stats)
    assert all(one.texts_scored and one.labels_learned and one.forgotten["limit"] for one in stats)
    assert sum(one.texts_scored for one in stats) == pytest.approx(0.8 * sent, rel=0.02)
    assert all(engine.brands <= limit + 25 for engine in engines)
    assert {alert.brand for alert in alerts} == {"brand-00000"}


def test_the_endurance_run_keeps_seconds_of_mentions_before_the_worker():
    first, second = (live_endurance.Look(seconds=n, mentions=20_000 * n, mib=100.0) for n in (2, 4))
    assert live_endurance.room([first], sent=60_000) == 0
    assert live_endurance.room([first, second], sent=100_000) == 80_000


@pytest.mark.parametrize(("leak", "growth", "end"), [(0.0, "+0.00", 51.0), (0.01, "+10.00", 53.0)])
def test_the_verdict_of_the_endurance_run_leaves_the_first_third_out(leak, growth, end):
    """50 MiB grow to 51 in the first 100 s, then by the leak, MiB a second; 1,000 mentions a second."""
    looks = [
        live_endurance.Look(seconds=n, mentions=1000 * n, mib=50.0 + min(n, 100) / 100 + leak * max(0, n - 100))
        for n in range(0, 301, 2)
    ]
    said = live_endurance.result(looks)
    assert f"51.0 MiB after the first third, {(51.0 + end) / 2:.1f} at two thirds, {end:.1f} at the end" in said
    assert f"{growth} MiB per million mentions" in said
    assert "300,000 mentions in 300 s, 1,000 a second" in said
    assert "too few looks" in live_endurance.result(looks[1:2])


def test_a_worker_that_ends_in_the_endurance_run_has_a_last_word(tmp_path):
    log = tmp_path / "w.log"
    for text, word in (
        ("", "none"),
        ('{"event": "ready"}\n{"event": "fenced"}\n', "fenced"),
        ("{}\nKilled\n", "Killed"),
    ):
        log.write_text(text)
        assert live_endurance.last_event(log) == word


def test_two_checkouts_read_the_same_texts_and_their_answers_are_compared(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(reading, "TEXTS", 9)
    monkeypatch.setattr(reading, "ROUNDS", 1)
    reading.main(reading.ROOT)
    printed = capsys.readouterr().out
    assert "DIFFERENT" not in printed
    for lang in ("en", "zh", "ja"):
        for name in ("load", "simulated"):
            assert f"{name}, {lang}" in printed
    # A checkout whose models answer something else.
    shutil.copytree(reading.ROOT / "detectors", tmp_path / "detectors")
    models = tmp_path / "detectors" / "sentiment" / "models.py"
    models.write_text(models.read_text("utf-8").replace("(-1.3, -3.2)", "(-1.3, -3.1)"), "utf-8")
    reading.main(tmp_path)
    assert "DIFFERENT" in capsys.readouterr().out


def test_the_intake_of_a_checkout_is_measured_in_a_process_of_its_own(tmp_path):
    pairs = intake.load(200, brands=5, kind="mixed")
    (tmp_path / "mixed").write_bytes(pickle.dumps(pairs))
    tree = intake.Tree(Path(intake.__file__).parents[1], str(tmp_path))
    assert tree.measure("mixed", 50) > 0
    tree.close()
