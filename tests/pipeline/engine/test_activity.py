"""Activity: one record per closed bucket of a brand, whatever happens to the process, and it says what was seen."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config.model import Config, ConfigFile, DetectionConfig, WorkerConfig
from pipeline.engine.alerts.brand_alert import ClosedBucket
from pipeline.engine.encoding import activity_record
from pipeline.engine.engine import Engine
from pipeline.engine.records import Outputs
from schemas.activity import Activity, ActivityChoice, decode_activity
from schemas.observation import BUCKET_SECONDS, Observation
from tests.pipeline.engine.engine_runs import undisturbed, with_crashes
from tests.pipeline.mention_streams import START, mention, record, tick, troubled_stream

STREAM = troubled_stream(1)


def told(choice: ActivityChoice, config: Config | None = None) -> Outputs:
    """What an engine puts out over the stream."""
    return Engine(0, config or Config(), activity=choice).process(STREAM)


def as_bytes(activity: list[Activity]) -> list[bytes | None]:
    """The values of the records."""
    return [activity_record(one).value for one in activity]


def test_every_closed_bucket_has_a_record_with_what_the_detector_saw():
    seen: list[ClosedBucket] = []
    engine = Engine(0, Config(), observe=seen.append)
    outputs = engine.process(STREAM)
    assert len(outputs.activity) == len(seen) == engine.stats.buckets_closed > 300
    for one, closed in zip(outputs.activity, seen, strict=True):
        assert (one.brand, one.start) == (closed.brand.name, closed.index * BUCKET_SECONDS)
        assert one.mentions == (0 if closed.bucket is None else closed.bucket.mentions)
        assert one.scores.crisis == pytest.approx(closed.assessment.score("crisis"), abs=0.006)
        assert one.expected.lower <= one.expected.value <= one.expected.upper
        assert one.warming_up is not closed.assessment.is_warm
        assert (one.config_hash, one.detector) == (Config().default_hash, "daily-maxima/4")
        assert one.counted is None or one.counted < one.mentions
    assert {one.authors > 0 for one in outputs.activity} == {True, False}
    assert any(one.positives for one in outputs.activity)


def test_a_bucket_without_a_record_is_one_without_a_mention_and_while_an_episode_is_open_there_is_none():
    outputs = told("all")
    places = {(one.brand, one.start) for one in outputs.activity}
    assert len(places) == len(outputs.activity)
    assert all(one.mentions or one.episodes for one in outputs.activity if one.brand == "cora")
    burning = [one for one in outputs.activity if one.brand == "acme" and one.episodes]
    starts = sorted(one.start for one in burning)
    assert starts == list(range(starts[0], starts[-1] + 1, BUCKET_SECONDS))
    assert {one.mentions > 0 for one in burning} == {True, False}


def test_the_episodes_of_a_record_are_those_that_the_alerts_opened_and_resolved():
    outputs = told("all")
    open_now: dict[str, dict[str, str]] = {}
    alerts = iter(sorted(outputs.alerts, key=lambda alert: alert.detected_time))
    alert = next(alerts, None)
    for one in outputs.activity:
        while alert is not None and alert.detected_time.timestamp() <= one.start + BUCKET_SECONDS:
            mine = open_now.setdefault(alert.brand, {})
            if alert.transition == "opened":
                mine[alert.kind] = alert.episode_id
            elif alert.transition == "resolved":
                mine.pop(alert.kind, None)
            alert = next(alerts, None)
        assert one.episodes == open_now.get(one.brand, {})


def test_thresholds_are_those_of_the_alerts_and_a_muted_kind_has_none():
    outputs = told("all")
    opened = next(alert for alert in outputs.alerts if alert.kind == "crisis")
    assert outputs.activity[0].thresholds.crisis == opened.score.threshold
    muted = told("all", Config(ConfigFile(detection=DetectionConfig(mute=("volume_surge",)))))
    assert muted.activity[0].thresholds.volume_surge is None
    assert muted.activity[0].thresholds.crisis == opened.score.threshold


def test_burning_keeps_what_is_open_or_unusual_and_off_keeps_nothing():
    everything, burning, off = told("all"), told("burning"), told("off")
    assert everything.alerts == burning.alerts == off.alerts
    assert off.activity == []
    kept = iter(as_bytes(everything.activity))
    assert all(value in kept for value in as_bytes(burning.activity)), "the same records in the same order, fewer"
    assert 0 < len(burning.activity) < len(everything.activity) / 2
    open_or_unusual = [
        one
        for one in everything.activity
        if one.episodes or max(one.scores.crisis, one.scores.sentiment_shift, one.scores.volume_surge) > 0.0
    ]
    assert {(one.brand, one.start) for one in open_or_unusual} <= {(one.brand, one.start) for one in burning.activity}
    resolved = {
        (alert.brand, alert.detected_time.timestamp()) for alert in everything.alerts if not alert.parent_episode_id
    }
    last = {(one.brand, one.start + 300.0) for one in burning.activity}
    assert resolved <= last, "the bucket that ends an episode belongs to it"


def test_the_configuration_chooses_and_changes_neither_alerts_nor_their_config_hash():
    chosen = Config(ConfigFile(worker=WorkerConfig(activity="off")))
    assert chosen.default_hash == Config().default_hash
    outputs = Engine(0, chosen).process(STREAM)
    assert outputs.activity == []
    assert outputs.alerts == told("all").alerts


@settings(max_examples=8, deadline=None)
@given(
    st.integers(0, 20),
    st.lists(st.tuples(st.integers(1, 60), st.integers(0, 5), st.booleans()), min_size=1, max_size=6),
)
def test_crashes_neither_lose_nor_double_nor_change_a_record(seed, rhythm):
    records = troubled_stream(seed, hours=8, crisis_at=5)
    whole, broken = undisturbed(records), with_crashes(records, rhythm)
    assert sorted(filter(None, as_bytes(broken.outputs.activity))) == sorted(
        filter(None, as_bytes(whole.outputs.activity))
    )


def test_copies_that_are_weighed_down_show_both_counts():
    config = Config(ConfigFile(detection=DetectionConfig(copies="story")))
    engine = Engine(0, config)
    text = "the very same words about the parcel that never came to my door at all"
    copies = [record(n, mention(id=str(n), text=text, at=START + n, sentiment=-1.0)) for n in range(40)]
    (one,) = engine.process([*copies, tick(40, START + 3600)]).activity
    assert one.mentions == 40
    assert one.counted is not None
    assert one.counted_negatives is not None
    assert 1.0 <= one.counted < 40.0
    assert 1.0 <= one.counted_negatives <= one.counted


def test_the_record_is_keyed_by_the_brand_and_has_no_headers():
    one = told("all").activity[0]
    written = activity_record(one)
    assert (written.key, written.headers) == (one.brand.encode(), [])
    assert written.value is not None
    assert decode_activity(written.value) == one


def test_aggregated_history_gives_records_too():
    rows = [Observation(brand="acme", start=START + n * 300, mentions=5, negatives=1.5) for n in range(3)]
    engine = Engine(0, Config())
    engine.ingest_observations([*rows, Observation(brand="bolt", start=START + 3600, mentions=1, negatives=0)])
    engine.close_due()
    found = engine.take_outputs().activity
    assert [(one.start, one.mentions, one.negatives) for one in found] == [(row.start, 5, 1.5) for row in rows]
