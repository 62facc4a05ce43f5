"""The engine builds a brand's detector from the name in the configuration, and starts afresh where it changes."""

from __future__ import annotations

import msgspec
import pytest

from detectors.registry import DEFAULT, RIVER_EXAMPLES, entry
from pipeline.config.model import BrandSection, Config, ConfigFile, DetectionConfig, EngineConfig
from pipeline.engine.engine import Engine
from pipeline.engine.state import CHECKPOINT_KEY, decode_brand, decode_checkpoint
from pipeline.errors import StateError
from schemas.observation import BUCKET_SECONDS, Observation
from tests.pipeline.engine.engine_runs import latest, undisturbed, with_crashes
from tests.pipeline.mention_streams import START, alerts_of, mention, record, tick, troubled_stream

GAUSSIAN = "river: anomaly.GaussianScorer(grace_period=144)"
DAY = 86_400


def judged_by(name: str, **brands: str) -> Config:
    """Every brand by this detector, but for some."""
    sections = {brand: BrandSection(detection={"detector": other}) for brand, other in brands.items()}
    return Config(ConfigFile(detection=DetectionConfig(detector=name), brands=sections))


def history(days: float, *, crisis_hours: int = 0) -> list[Observation]:
    """A brand with eight mentions in every bucket, one of them negative; then many more, most of them negative."""
    buckets = int(days * 288)
    rows = [(bucket, 8 + bucket % 3, bucket % 2 + 1) for bucket in range(buckets)]
    rows += [(bucket, 60, 48) for bucket in range(buckets, buckets + 12 * crisis_hours)]
    return [
        Observation(brand="acme", start=START + bucket * BUCKET_SECONDS, mentions=n, negatives=float(k), reach=100 * n)
        for bucket, n, k in rows
    ]


def seen(config: Config, rows: list[Observation]) -> Engine:
    engine = Engine(0, config)
    engine.ingest_observations(rows)
    engine.close_due()
    return engine


def restored(config: Config, engine: Engine) -> Engine:
    after = Engine(0, config)
    after.restore(engine.snapshot())
    return after


@pytest.mark.parametrize("name", [DEFAULT, "ewma", *RIVER_EXAMPLES[:1], *RIVER_EXAMPLES[2:]])
def test_a_crisis_rings_through_the_detector_of_the_configuration(name):
    engine = seen(judged_by(name), history(6, crisis_hours=3))
    found = engine.take_outputs().alerts
    opened = [alert for alert in found if alert.kind == "crisis" and alert.transition == "opened"]
    assert len(opened) == 1
    assert {alert.detector for alert in found} == {entry(name).label}
    assert opened[0].expected.value < opened[0].observed.mentions
    assert sum(opened[0].contributions.values()) == pytest.approx(opened[0].score.value, abs=1e-3)


def test_each_brand_has_the_detector_of_its_own_section():
    config = judged_by("ewma", acme=GAUSSIAN, bolt=DEFAULT)
    run = undisturbed(troubled_stream(3), config)
    kept = {key: decode_brand(key, run.state[key]).detector for key in (b"acme", b"bolt", b"cora")}
    assert kept == {b"acme": entry(GAUSSIAN).key, b"bolt": DEFAULT, b"cora": "ewma"}
    checkpoint = decode_checkpoint(CHECKPOINT_KEY, run.state[CHECKPOINT_KEY])
    assert set(checkpoint.other_tails) == {entry(GAUSSIAN).key, "ewma"}
    for alert in run.outputs.alerts:
        assert alert.detector == entry(config.brand(alert.brand).detection.detector).label


@pytest.mark.parametrize("name", ["ewma", *RIVER_EXAMPLES])
def test_crashes_change_neither_alerts_nor_state(name):
    config = judged_by(name)
    records = troubled_stream(5, hours=40, crisis_at=36)
    whole = undisturbed(records, config)
    broken = with_crashes(records, [(50, 3, True), (7, 1, False), (200, 40, True)], config)
    assert alerts_of(broken.outputs) == alerts_of(whole.outputs)
    assert broken.state == whole.state


@pytest.mark.parametrize("name", ["ewma", GAUSSIAN])
def test_brands_that_lie_as_bytes_are_judged_as_those_that_are_objects(name):
    records = troubled_stream(6, hours=40, crisis_at=36)
    whole = undisturbed(records, judged_by(name))
    engine = Engine(0, judged_by(name), max_cached=1)
    assert alerts_of(engine.process(records)) == alerts_of(whole.outputs)
    assert latest(engine.snapshot()) == whole.state


@pytest.mark.parametrize(("before", "after"), [(DEFAULT, "ewma"), ("ewma", GAUSSIAN), (GAUSSIAN, DEFAULT)])
def test_another_detector_starts_afresh_where_the_last_one_stood(before, after):
    old = seen(judged_by(before), history(3))
    view = old.brand_view("acme")
    engine = restored(judged_by(after), old)
    brand = engine._state.brands["acme"]
    assert brand.last_bucket == old._state.brands["acme"].last_bucket
    assert brand.is_warm is False
    assert engine.brand_view("acme") == view
    rows = history(9, crisis_hours=3)
    engine.ingest_observations(rows[3 * 288 :])
    engine.close_due()
    found = engine.take_outputs().alerts
    assert {alert.detector for alert in found} == {entry(after).label}
    assert [alert.kind for alert in found if alert.transition == "opened"].count("crisis") == 1
    assert brand.is_warm


def test_the_same_detector_with_other_parameters_starts_afresh_too():
    for parameter, is_warm in ((" 144 ", True), ("145", False)):
        old = seen(judged_by(GAUSSIAN), history(3))
        engine = restored(judged_by(GAUSSIAN.replace("144", parameter)), old)
        assert engine._state.brands["acme"].is_warm is is_warm


def test_an_open_episode_is_resolved_by_the_detector_that_comes_after():
    old = seen(judged_by(DEFAULT), history(6, crisis_hours=2))
    assert [episode.kind for episode in old.open_episodes()][:1] == ["crisis"]
    engine = restored(judged_by("ewma"), old)
    first = history(6, crisis_hours=2)[-1].start + BUCKET_SECONDS
    calm = [
        Observation(brand="acme", start=first + n * BUCKET_SECONDS, mentions=8, negatives=1.0) for n in range(12 * 8)
    ]
    engine.ingest_observations(calm)
    engine.close_due()
    found = engine.take_outputs().alerts
    assert {(alert.kind, alert.transition, alert.detector) for alert in found} >= {("crisis", "resolved", "ewma/1")}
    assert not list(engine.open_episodes())


def test_a_gap_in_the_feed_right_after_the_change_neither_feeds_nor_ends_the_episode():
    """The fresh detector knows where its predecessor stood, so that a gap is as long as it is."""
    records = [
        record(n, mention(id=str(n), at=START + n * 20, sentiment=-0.9 if n % 10 == 0 else 0.3)) for n in range(8_640)
    ]
    crisis = [
        record(len(records) + n, mention(id=f"c{n}", at=START + 2 * DAY + n, sentiment=-0.9)) for n in range(3_600)
    ]
    config = Config(ConfigFile(engine=EngineConfig(allowed_lateness_seconds=0)))
    old = Engine(0, config)
    old.process([*records, *crisis])
    assert list(old.open_episodes())
    new = Config(
        ConfigFile(engine=EngineConfig(allowed_lateness_seconds=0), detection=DetectionConfig(detector="ewma"))
    )
    engine = restored(new, old)
    last = engine._state.brands["acme"].last_bucket
    back = START + 3 * DAY
    after = [record(len(records) + len(crisis), mention(id="back", at=back, sentiment=0.3))]
    engine.process([*after, tick(len(records) + len(crisis) + 1, back + 600)])
    episodes = engine._state.brands["acme"].read_episodes().values()
    assert all(last - 12 <= one.last_above <= back // BUCKET_SECONDS + 2 for one in episodes if one.id)


def test_a_record_from_before_the_door_is_read_as_the_default_detectors():
    old = seen(judged_by(DEFAULT), history(3))
    state = latest(old.snapshot())
    values = msgspec.msgpack.decode(state[b"acme"])
    state[b"acme"] = msgspec.msgpack.encode(values[:-2])  # neither the detector's name nor the last bucket
    checkpoint = msgspec.msgpack.decode(state[CHECKPOINT_KEY])
    state[CHECKPOINT_KEY] = msgspec.msgpack.encode(checkpoint[:-1])
    same, other = Engine(0, judged_by(DEFAULT)), Engine(0, judged_by("ewma"))
    for engine in (same, other):
        engine.restore(state.items())
        assert engine._state.brands["acme"].last_bucket == old._state.brands["acme"].last_bucket
    assert same._state.brands["acme"].is_warm
    assert not other._state.brands["acme"].is_warm


@pytest.mark.parametrize("name", [DEFAULT, "ewma", GAUSSIAN])
def test_a_detectors_state_of_another_version_is_refused_with_the_way_out(name):
    config = judged_by(name)
    state = latest(seen(config, history(1)).snapshot())
    values = msgspec.msgpack.decode(state[b"acme"])
    values[1][0] += 50
    state[b"acme"] = msgspec.msgpack.encode(values)
    with pytest.raises(StateError, match=r"acme.*version.*; run the version that wrote it, or delete"):
        Engine(0, config).restore(state.items())
