"""The engine: the same records give the same alerts, however they are cut and wherever the process dies."""

from __future__ import annotations

import itertools
import random
import zlib
from collections.abc import Sequence
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.config.model import Config, ConfigFile, DetectionConfig, EngineConfig, SentimentConfig
from pipeline.engine.encoding import dead_letter_record
from pipeline.engine.engine import Engine
from pipeline.engine.records import Outputs, Record, RefusedBatch, SourceRecord
from pipeline.engine.state import CHECKPOINT_KEY, VERSION
from pipeline.errors import DeadLetterLimitError, StateError
from schemas.alert import Alert, Kind, encode_alert
from schemas.mention import decode_mention
from schemas.observation import Observation
from schemas.rejection import Reason
from tests.pipeline.engine.engine_runs import StateLog, add, latest, undisturbed, with_crashes
from tests.pipeline.mention_streams import START, alerts_of, mention, record, tick, troubled_stream

SLOW = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def without_ticks(records: Sequence[Record]) -> list[Record]:
    """The same stream, numbered anew, in which only mentions make time pass."""
    kept = [item for item in records if item.value is not None]
    return [record(n, item.value, item.key, item.timestamp) for n, item in enumerate(kept)]


def dead_letters_of(outputs: Outputs) -> list[tuple[bytes | None, object]]:
    return [(one.value, one.headers) for one in map(dead_letter_record, outputs.dead_letters)]


def test_a_crisis_opens_on_the_brand_in_trouble_and_not_on_the_praised_one() -> None:
    """Volume and negativity together ring; the same volume without negativity does not."""
    outputs = undisturbed(troubled_stream(1)).outputs
    opened = outputs.alerts
    crises = {alert.brand for alert in opened if alert.kind == "crisis" and alert.transition == "opened"}
    surges = {alert.brand for alert in opened if alert.kind == "volume_surge"}
    assert crises == {"acme"}
    assert "bolt" in surges


@SLOW
@given(st.integers(0, 10_000), st.data())
def test_batches_do_not_matter(seed: int, data: st.DataObject) -> None:
    """Any split into batches, and any limit on closings, gives the same alerts, dead letters and state."""
    records = troubled_stream(seed, hours=31)
    expected, state, _ = undisturbed(records)
    engine = Engine(0, Config())
    got = Outputs()
    log: StateLog = []
    position = 0
    while position < len(records):
        size = data.draw(st.integers(1, 400))
        engine.ingest(records[position : position + size])
        position += size
        limit = data.draw(st.integers(0, 3))
        while engine.close_due(limit):
            pass
        add(got, engine.take_outputs())
        if data.draw(st.booleans()):
            log += engine.snapshot()
    log += engine.snapshot()
    assert alerts_of(got) == alerts_of(expected)
    assert dead_letters_of(got) == dead_letters_of(expected)
    assert latest(log) == state


@SLOW
@given(st.integers(0, 10_000), st.lists(st.tuples(st.integers(1, 60), st.integers(0, 2), st.booleans()), min_size=1))
def test_crashes_do_not_matter(seed: int, rhythm: list[tuple[int, int, bool]]) -> None:
    """Dying after any number of records and closings, before or after a commit, changes nothing that was committed."""
    records = troubled_stream(seed, hours=31)
    expected, state, _ = undisturbed(records)
    committed, left, _ = with_crashes(records, rhythm)
    assert alerts_of(committed) == alerts_of(expected)
    assert dead_letters_of(committed) == dead_letters_of(expected)
    assert left == state


def test_a_crash_after_every_record_changes_nothing() -> None:
    """One engine per record, each restored from its predecessor's state, equals one engine for all."""
    records = troubled_stream(7, hours=30, per_hour=1.0)
    expected, state, _ = undisturbed(records)
    log: StateLog = []
    got = Outputs()
    compacted: dict[bytes, bytes] = {}
    for item in records:
        engine = Engine(0, Config())
        engine.restore(compacted.items())
        outputs = engine.process([item])
        got.alerts += outputs.alerts
        log = engine.snapshot()
        compacted = latest([*compacted.items(), *log])
    assert alerts_of(got) == alerts_of(expected)
    assert compacted == state


@settings(SLOW, max_examples=4)
@given(st.integers(0, 1000), st.lists(st.integers(0, 2), min_size=1))
def test_workers_do_not_matter(seed: int, order: list[int]) -> None:
    """Partitions are independent: any interleaving of their engines gives each the same alerts."""
    streams = [troubled_stream(seed + n, hours=30) for n in range(3)]
    expected = [alerts_of(undisturbed(stream).outputs) for stream in streams]
    engines = [Engine(n, Config()) for n in range(3)]
    got: list[list[tuple[bytes | None, bytes | None]]] = [[], [], []]
    for n in itertools.chain(itertools.islice(itertools.cycle(order), 100), [0, 1, 2] * 100):
        start = engines[n].next_offset
        got[n] += alerts_of(engines[n].process(streams[n][start : start + 97]))
    # The partition takes part in a dead letter's headers only, never in an alert.
    assert got == expected


def test_records_at_or_before_the_checkpoint_are_skipped() -> None:
    """Records delivered again after a restart count once."""
    records = [record(n, mention(id=str(n))) for n in range(10)]
    engine = Engine(0, Config())
    engine.process(records)
    engine.process(records)
    assert engine.stats.consumed == 10
    assert engine.stats.skipped == 10


def test_a_duplicate_id_within_an_open_bucket_counts_once() -> None:
    """The same post delivered twice, or by two collectors, is one mention."""
    engine = Engine(0, Config())
    engine.process([record(0, mention(id="a")), record(1, mention(id="a")), record(2, mention(id="b"))])
    engine.process([tick(3, START + 3600)])
    view = engine.brand_view("acme")
    assert view is not None
    assert view.mentions == 2
    assert engine.stats.duplicates == 1


def test_the_same_id_on_two_brands_is_two_mentions() -> None:
    """(brand, id) is the identity."""
    engine = Engine(0, Config())
    engine.process([record(0, mention(id="a")), record(1, mention(id="a", brand="bolt"), b"bolt")])
    assert engine.stats.duplicates == 0
    assert engine.brands == 2


def test_duplicates_past_the_memory_are_counted_as_unchecked() -> None:
    """A full memory of ids is reported, and its mentions still count."""
    config = Config(ConfigFile(engine=EngineConfig(max_ids_per_brand=100)))
    engine = Engine(0, config)
    engine.process([record(n, mention(id=str(n))) for n in range(150)])
    assert engine.stats.duplicates_unchecked == 50
    assert engine.stats.consumed == 150


def test_a_mention_behind_the_watermark_is_late_and_a_disordered_one_within_the_lateness_is_not() -> None:
    """Disorder up to the allowed lateness is healed; what comes after its bucket closed is counted as late."""
    engine = Engine(0, Config())
    engine.process(
        [
            record(0, mention(id="a", at=START + 310)),
            record(1, mention(id="b", at=START + 290)),
            record(2, mention(id="c", at=START + 421)),
            record(3, mention(id="d", at=START + 299)),
        ]
    )
    assert engine.stats.late == 1
    engine.process([tick(4, START + 3600)])
    assert engine.stats.buckets_closed == 2


def test_a_bucket_closes_exactly_when_the_watermark_reaches_its_end() -> None:
    """Not a second before end + lateness, and at it."""
    engine = Engine(0, Config())
    engine.process([record(0, mention(id="a")), record(1, mention(id="b", at=START + 419))])
    assert engine.stats.buckets_closed == 0
    engine.process([record(2, mention(id="c", at=START + 420))])
    assert engine.stats.buckets_closed == 1


BAD_RECORDS: dict[Reason, SourceRecord] = {
    Reason.TOMBSTONE: record(0, None),
    Reason.MISSING_KEY: record(0, mention(), key=None),
    Reason.BRAND_KEY_MISMATCH: record(0, mention(), key=b"bolt"),
    Reason.MALFORMED_JSON: record(0, b"not json"),
    Reason.INVALID_UTF8: record(0, b'{"id":"\xff"}'),
    Reason.MISSING_FIELD: record(0, b"{}"),
    Reason.WRONG_TYPE: record(0, mention(text=5)),  # type: ignore[arg-type]  # the wrong type is the point
    Reason.OUT_OF_RANGE: record(0, mention(platform="")),
    Reason.INVALID_BRAND: record(0, mention(brand="A B")),
    Reason.INVALID_EVENT_TIME: record(0, mention(at=-3e9)),
    Reason.EVENT_TIME_IN_FUTURE: record(0, mention(at=START + 61), timestamp=START * 1000),
    Reason.TOO_LARGE: record(0, mention(text="x" * 1_000_000)),
    Reason.NESTED_TOO_DEEP: record(0, b'{"x":' + b"[" * 50_000 + b"]" * 50_000 + b"}"),
    Reason.INVALID_TICK: Record(0, START * 1000, None, None, (("tocsin-tick", b"soon"),)),
    Reason.UNREADABLE_BATCH: RefusedBatch(0, START * 1000, b"serialised", 0, Reason.UNREADABLE_BATCH, "expected, got"),
}


@pytest.mark.parametrize(
    "reason", [reason for reason in Reason if reason not in {Reason.TOO_MANY_BRANDS, Reason.MISPLACED}]
)
def test_every_reason_ends_in_a_dead_letter_and_the_line_goes_on(reason: Reason) -> None:
    """The original bytes go out with the reason code and the source's place, and the next mention counts."""
    bad = BAD_RECORDS[reason]
    engine = Engine(3, Config())
    outputs = engine.process([bad, record(1, mention())])
    [letter] = map(dead_letter_record, outputs.dead_letters)
    headers = dict(letter.headers)
    assert headers["tocsin-reason"] == reason.encode()
    assert (headers["tocsin-topic"], headers["tocsin-partition"], headers["tocsin-offset"]) == (b"mentions", b"3", b"0")
    assert (letter.key, letter.value) == (bad.key, bad.value)
    assert engine.stats.rejected[reason] == 1
    assert engine.stats.consumed == 1


def test_a_run_of_refused_records_stops_the_line_with_a_clear_error() -> None:
    """A bad deploy is not emptied into the dead letter topic."""
    engine = Engine(2, Config(ConfigFile(engine=EngineConfig(dead_letter_run_limit=5))))
    with pytest.raises(DeadLetterLimitError, match=r"mentions\[2\]@5: expected mentions, got more than 5 records"):
        engine.ingest([record(n, b"garbage") for n in range(9)])


def test_good_mentions_in_between_keep_the_line_going() -> None:
    """The limit is on a run of refusals, not on their number."""
    engine = Engine(0, Config(ConfigFile(engine=EngineConfig(dead_letter_run_limit=5))))
    records = [record(n, mention(id=str(n)) if n % 5 == 0 else b"garbage") for n in range(100)]
    assert len(engine.process(records).dead_letters) == 80


def test_the_brands_with_most_mentions_are_those_mentioned_lately() -> None:
    """The last bucket of a brand that nobody mentions any more stays as it was; it is no figure of now."""
    engine = Engine(0, Config())
    counts = {"dead": 9, "loud": 7, "calm": 3, "meek": 3}
    drafts = [
        (START + (0 if brand == "dead" else 5) * 3600 + n, brand, f"{brand}-{n}")
        for brand, count in counts.items()
        for n in range(count)
    ]
    engine.process(
        [
            record(n, mention(brand=brand, id=name, at=at), brand.encode())
            for n, (at, brand, name) in enumerate(sorted(drafts))
        ]
    )
    engine.process([tick(len(drafts), START + 6 * 3600)])
    assert [view.brand for view in engine.top_brands(3)] == ["dead", "loud", "calm"]
    assert [view.brand for view in engine.top_brands(9, START + 5 * 3600)] == ["loud", "calm", "meek"]
    assert [view.brand for view in engine.top_brands(2, START + 5 * 3600 + 300)] == ["loud", "calm"]
    assert engine.top_brands(9, START + 5 * 3600 + 301) == []
    assert engine.top_brands(0) == []


def test_a_brand_with_an_open_episode_says_what_would_be_normal() -> None:
    """The band holds what was expected, and the usual negative share is that of the days before."""
    engine = Engine(0, Config())
    outputs = engine.process(list(without_ticks(troubled_stream(1, hours=30))))
    view, calm = engine.brand_view("acme"), engine.brand_view("cora")
    assert view is not None
    assert calm is not None
    (crisis,) = [one for one in engine.open_episodes() if (one.brand, one.kind) == ("acme", "crisis")]
    opened = next(alert for alert in outputs.alerts if (alert.brand, alert.kind) == ("acme", "crisis"))
    assert crisis.threshold == pytest.approx(opened.score.threshold, abs=1e-4)
    assert view.band is not None
    assert 0.0 <= view.band.lower <= view.expected <= view.band.upper
    assert view.band.negative_share < 0.5
    assert calm.band is None


@pytest.mark.parametrize("muted", ["crisis", "sentiment_shift", "volume_surge"])
def test_a_muted_kind_never_opens_and_the_others_do(muted: Kind) -> None:
    """Nothing is learned otherwise: the scores of the other kinds are what they were."""
    config = Config(ConfigFile(detection=DetectionConfig(mute=(muted,))))
    heard, quiet = Engine(0, Config()), Engine(0, config)
    all_kinds = {(alert.brand, alert.kind) for alert in heard.process(troubled_stream(1)).alerts}
    kinds = {(alert.brand, alert.kind) for alert in quiet.process(troubled_stream(1)).alerts}
    assert muted not in {kind for _, kind in kinds}
    assert kinds >= {(brand, kind) for brand, kind in all_kinds if kind != muted}
    assert len(all_kinds) > 1


def test_an_episode_that_is_open_when_its_kind_is_muted_ends_after_the_quiet_time() -> None:
    """A configuration that changes leaves no episode open for ever."""
    records = without_ticks(troubled_stream(1, hours=30))
    heard = Engine(0, Config())
    heard.process(records)
    state = latest(heard.snapshot())
    quiet = Engine(0, Config(ConfigFile(detection=DetectionConfig(mute=("crisis",)))))
    quiet.restore(state.items())
    before = [episode for episode in quiet.open_episodes() if episode.kind == "crisis"]
    assert [episode.brand for episode in before] == ["acme"]
    ended = quiet.process([tick(len(records), quiet.event_time + 3 * 3600)]).alerts
    assert [alert.transition for alert in ended if alert.kind == "crisis"] == ["resolved"]
    assert not any(episode.kind == "crisis" for episode in quiet.open_episodes())


def test_an_open_episode_of_a_brand_that_falls_silent_is_resolved_as_time_passes() -> None:
    """Nobody needs to post for an episode to end."""
    records = without_ticks(troubled_stream(1))
    engine = Engine(0, Config())
    engine.process(records)
    assert [episode.kind for episode in engine.open_episodes() if episode.brand == "acme"] == ["crisis"]
    outputs = engine.process([tick(len(records), START + 20 * 86_400)])
    ended = list(outputs.alerts)
    assert ("acme", "resolved") in {(alert.brand, alert.transition) for alert in ended}
    assert not list(engine.open_episodes())
    assert not engine.needs_time


def test_only_a_sample_of_a_flood_is_scored_and_the_negatives_are_estimated_from_it() -> None:
    """Past the first texts of a bucket one in eight stands for the rest."""
    config = Config(ConfigFile(sentiment=SentimentConfig(full_texts_per_bucket=100, sample_one_in=8)))
    engine = Engine(0, config)
    texts = ["terrible awful scam, worst service ever", "love it, great and wonderful"]
    engine.process([record(n, mention(id=f"id-{n}", text=texts[n % 2], lang="en")) for n in range(4000)])
    engine.process([tick(4000, START + 3600)])
    view = engine.brand_view("acme")
    assert view is not None
    assert view.mentions == 4000
    assert engine.stats.texts_scored < 800
    assert 1700 < view.negatives < 2300


def test_a_hole_in_the_feed_is_not_learned_as_silence() -> None:
    """After the whole partition was dark for a day, the brand's expected volume is what it was before."""

    def run(*, other_brand_speaks: bool) -> float:
        engine = Engine(0, Config())
        drafts = [(START + n * 60, "acme") for n in range(3 * 1440)]
        drafts += [(START + n * 60, "acme") for n in range(4 * 1440, 4 * 1440 + 30)]
        if other_brand_speaks:
            drafts += [(START + n * 60 + 30, "bolt") for n in range(4 * 1440 + 30)]
        drafts.sort()
        engine.process(
            [record(n, mention(id=str(n), brand=b, at=at, sentiment=0), b.encode()) for n, (at, b) in enumerate(drafts)]
        )
        view = engine.brand_view("acme")
        assert view is not None
        return view.expected

    assert run(other_brand_speaks=False) > 4.5
    assert run(other_brand_speaks=True) < 4.0


def test_a_flood_of_chosen_ids_does_not_hide_its_negatives() -> None:
    """Which texts are read does not depend on anything an author chooses."""
    engine = Engine(0, Config(ConfigFile(sentiment=SentimentConfig(full_texts_per_bucket=100, sample_one_in=8))))
    ids = (str(n) for n in itertools.count() if zlib.crc32(str(n).encode()) % 8)
    records = [
        record(n, mention(id=next(ids), text="terrible awful scam, worst service ever", lang="en")) for n in range(2000)
    ]
    engine.process([*records, tick(2000, START + 3600)])
    view = engine.brand_view("acme")
    assert view is not None
    assert view.negatives > 1900


def test_the_state_of_a_flooded_brand_stays_below_a_record_of_the_state_topic() -> None:
    """The longest ids over two open buckets: every record is below 1 MiB."""
    engine = Engine(0, Config())
    engine.process(
        [
            record(n, mention(id=f"{n:06}" + "東" * 250, at=START + 300 * (n // 20_000) + 0.001 * n))
            for n in range(40_000)
        ]
    )
    assert engine.stats.duplicates_unchecked > 0
    assert max(len(value or b"") for _, value in engine.snapshot()) < 700_000


def test_a_longer_lateness_after_a_restart_opens_no_closed_bucket() -> None:
    """Configuration may change between two runs: what was closed stays closed."""
    before = Engine(0, Config(ConfigFile(engine=EngineConfig(allowed_lateness_seconds=0))))
    before.process([record(n, mention(id=str(n), at=START + 300 * n)) for n in range(5)])
    after = Engine(0, Config(ConfigFile(engine=EngineConfig(allowed_lateness_seconds=3600))))
    after.restore(before.snapshot())
    after.process([record(5, mention(id="late", at=START + 600)), record(6, mention(id="on", at=START + 1800))])
    assert after.stats.late == 1
    after.process([tick(7, START + 3 * 3600)])
    assert not after.close_due()


def test_what_a_closing_knows_of_holes_does_not_depend_on_batches() -> None:
    """A thin feed with more holes than are kept, a watched brand and ticks within the holes."""
    r = random.Random(5)
    records: list[Record] = []
    for day in range(90):
        for n in range(70):
            at = START + day * 86_400 + n * 60
            negative = day == 40 and n > 20
            brand = "acme" if negative or r.random() < 0.5 else "bolt"
            for copy in range(4 if negative else 1):
                value = mention(id=f"{day}-{n}-{copy}", brand=brand, at=at, sentiment=-1 if negative else 0.5)
                records.append(record(len(records), value, brand.encode()))
        if day % 3 == 0:
            records.append(tick(len(records), START + day * 86_400 + 40_000))
    expected, state, _ = undisturbed(records)
    assert expected.alerts
    for size in (1, 37, 1000):
        engine = Engine(0, Config())
        got: list[tuple[bytes | None, bytes | None]] = []
        for start in range(0, len(records), size):
            got += alerts_of(engine.process(records[start : start + size]))
        assert got == alerts_of(expected)
        assert latest(engine.snapshot()) == state


def test_a_hole_neither_feeds_nor_ends_an_open_episode() -> None:
    """While the whole partition is silent, nothing is known of a brand in crisis."""
    records = without_ticks(troubled_stream(1, hours=29))
    engine = Engine(0, Config())
    engine.process(records)
    assert [episode.brand for episode in engine.open_episodes() if episode.kind == "crisis"] == ["acme"]
    back = START + 60 * 3600
    engine.process([record(len(records), mention(id="back", brand="bolt", at=back), b"bolt")])
    engine.process([record(len(records) + 1, mention(id="again", brand="bolt", at=back + 600), b"bolt")])
    assert [episode.brand for episode in engine.open_episodes() if episode.kind == "crisis"] == ["acme"]


def test_one_id_sent_again_and_again_does_not_make_a_pause_look_like_a_hole() -> None:
    """Duplicates say nothing about how much the feed usually brings."""
    engine = Engine(0, Config())
    records = [record(n, mention(id=str(n), at=START + 300 * n)) for n in range(300)]
    records += [record(300 + n, mention(id="same", at=START + 300 * 300)) for n in range(3000)]
    records += [record(3300 + n, mention(id=f"x{n}", at=START + 300 * (304 + 4 * n))) for n in range(3)]
    engine.process(records)
    view = engine.brand_view("acme")
    assert view is not None
    assert view.expected < 0.99


def test_observations_give_the_same_score_as_the_mentions_they_add_up_to() -> None:
    """Aggregated history goes through the same engine."""
    by_mentions = Engine(0, Config())
    by_rows = Engine(0, Config())
    records: list[Record] = []
    rows = []
    for bucket in range(400):
        count = 3 + bucket % 4 + (60 if bucket > 395 else 0)
        for n in range(count):
            at = START + bucket * 300 + n
            sentiment = -1 if n % (2 if bucket > 395 else 6) == 0 else 1
            records.append(record(len(records), mention(id=f"{bucket}-{n}", at=at, sentiment=sentiment)))
        negatives = len(range(0, count, 2 if bucket > 395 else 6))
        rows.append(Observation(brand="acme", start=START + bucket * 300, mentions=count, negatives=negatives))
    by_mentions.process([*records, tick(len(records), START + 401 * 300)])
    by_rows.ingest_observations(rows)
    by_rows.process([tick(by_rows.next_offset, START + 401 * 300)])
    seen = by_rows.brand_view("acme")
    assert seen is not None
    assert seen == by_mentions.brand_view("acme")
    assert seen.score > 1


def test_state_of_another_version_is_refused_with_the_way_out() -> None:
    """A worker never guesses at state it cannot read."""
    with pytest.raises(StateError, match=rf"#checkpoint.*expected state of version {VERSION}.*rebuild"):
        Engine(0, Config()).restore([(CHECKPOINT_KEY, b"\x91\x63")])
    with pytest.raises(StateError, match="'acme'"):
        Engine(0, Config()).restore([(b"acme", b"garbage")])
    with pytest.raises(StateError, match="#sentiment/en/head"):
        Engine(0, Config()).restore([(b"#sentiment/en/head", b"\x91\xa1\x80")])


def test_a_hostile_mention_reaches_no_alert_unescaped() -> None:
    """Control characters and direction overrides are replaced in evidence."""
    records = without_ticks(troubled_stream(3))
    burst = START + 28 * 3600
    hostile = mention(
        id="\x1b[2Jevil",
        text="scam \x1b[31m\u202e terrible awful",
        at=burst + 20,
        platform="x\x07",
        sentiment=-1,
        author={"id": "boss\x1b", "followers": 9_000_000},
    )
    position = next(n for n, item in enumerate(records) if b"2026-01-02T04:01" in (item.value or b""))
    records.insert(position, record(0, hostile))
    outputs = Engine(0, Config()).process(without_ticks(records))
    shown = b"".join(map(encode_alert, outputs.alerts)).decode()
    assert "evil" in shown
    for character in ("\\u001b", "\x1b", "\u202e", "\x07", "\\u0007"):
        assert character not in shown


SPAM = "Acme is a total scam, they steal your money and the terrible support never answers, avoid this awful company"


def with_burst(burst: Sequence[bytes], *, copies: Literal["count", "story"] = "story") -> list[Alert]:
    """Alerts of a brand with 24 ordinary mentions an hour for 30 hours, into which a burst falls."""
    r = random.Random(5)
    calm = [
        mention(
            id=f"m{n}",
            text=f"parcel number {n}",
            at=START + 150 * n + r.random() * 150,
            sentiment=-0.6 if n % 6 == 0 else 0.3,
        )
        for n in range(24 * 30)
    ]
    values = sorted([*calm, *burst], key=lambda value: decode_mention(value).event_time)
    records = [record(n, value) for n, value in enumerate(values)]
    engine = Engine(0, Config(ConfigFile(detection=DetectionConfig(copies=copies))))
    outputs = engine.process([*records, tick(len(records), START + 31 * 3600)])
    return list(outputs.alerts)


def opened_crises(alerts: Sequence[Alert]) -> list[Alert]:
    return [alert for alert in alerts if alert.kind == "crisis" and alert.transition == "opened"]


def copied(n: int, **fields: Any) -> bytes:
    """One of 120 mentions within two hours of the last day, each 60 seconds after the one before."""
    return mention(id=f"s{n}", text=SPAM, at=START + 27 * 3600 + 60 * n, sentiment=-0.8, **fields)


def test_a_text_copied_by_robots_does_not_ring_and_rings_where_each_copy_counts() -> None:
    """120 copies in two hours from 120 accounts, none of them marked as a repost, are about three mentions."""
    burst = [copied(n, author={"id": f"robot{n}"}) for n in range(120)]
    assert opened_crises(with_burst(burst)) == []
    assert opened_crises(with_burst(burst, copies="count"))


def test_a_cascade_of_reposts_by_many_people_rings_and_the_alert_shows_its_trigger() -> None:
    """A firestorm is mostly reposts of one post."""
    burst = [copied(n, author={"id": f"p{n}", "followers": n}, repost_of="s0" if n else None) for n in range(120)]
    first = opened_crises(with_burst(burst))[0]
    (story,) = first.evidence.stories
    told = int((first.detected_time.timestamp() - START - 27 * 3600) // 60)
    assert (story.id, story.first_seen.timestamp()) == ("s0", START + 27 * 3600)
    assert (story.mentions, story.reposts, story.copies) == (told, told - 1, 0)
    assert story.excerpt.startswith("Acme is a total scam")
    assert story.authors == pytest.approx(told, rel=0.25)


def test_reposts_by_few_accounts_do_not_ring() -> None:
    """120 reposts by three accounts are three people."""
    burst = [copied(n, author={"id": f"robot{n % 3}"}, repost_of="s0" if n else None) for n in range(120)]
    assert opened_crises(with_burst(burst)) == []


def test_an_alert_carries_the_exact_counts_of_its_window_and_where_the_excess_began() -> None:
    """Mentions of the window, one by one, and not the beginning of the window as onset."""
    r = random.Random(3)
    words = ["broken", "again", "refund", "parcel", "nobody", "answers", "angry", "terrible", "week", "support"]
    burst = [
        mention(id=f"b{n}", text=" ".join(r.choices(words, k=12)), at=START + 27 * 3600 + 60 * n, sentiment=-0.8)
        for n in range(120)
    ]
    alerts = with_burst(burst)
    first = opened_crises(alerts)[0]
    assert first.onset_time.timestamp() == START + 27 * 3600
    for alert in alerts:
        start, end = alert.window.start.timestamp(), alert.window.end.timestamp()
        ordinary = alert.observed.mentions - sum(start <= START + 27 * 3600 + 60 * n < end for n in range(120))
        assert ordinary == pytest.approx((end - start) / 150, abs=2)
        assert alert.observed.stories == alert.observed.mentions
        assert alert.observed.counted is None
