"""Late mentions: people read of them, the detector counts those that are awaited, and each counts once."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import partial
from zlib import crc32

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.config.model import Config, ConfigFile, EngineConfig
from pipeline.engine.alerts.brand_alert import ClosedBucket
from pipeline.engine.buckets.late import MOST_LATE
from pipeline.engine.engine import Engine
from pipeline.engine.records import Record
from pipeline.engine.stats import EngineStats
from schemas.alert import Alert
from schemas.mention import decode_mention
from schemas.observation import BUCKET_SECONDS
from tests.pipeline.engine.engine_runs import undisturbed, with_crashes
from tests.pipeline.mention_streams import START, alerts_of, mention, record, tick

HOUR = 3600.0
POLL = 1200.0
SLOW = settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def waiting_for(**seconds: int) -> Config:
    return Config(ConfigFile(engine=EngineConfig(allowed_lateness_seconds_by_source=seconds)))


def polled(seed: int, *, share: float = 0.3, hours: int = 30, crisis_at: int = 26, again: float = 0.0) -> list[Record]:
    """Three brands of which one falls into a crisis and is in the news, which come every 20 minutes.

    Args:
        seed: of all chance.
        share: of that brand's mentions that are news.
        hours: length.
        crisis_at: hour in which the crisis begins.
        again: share of the mentions that come a second time, up to two hours later.
    """
    r = random.Random(seed)
    drafts: list[tuple[float, str, bytes]] = []
    for hour in range(hours):
        for brand in ("acme", "bolt", "cora"):
            burst = brand == "acme" and crisis_at <= hour < crisis_at + 3
            for _ in range(r.randrange(2, 9) + (0 if brand == "acme" else 20) + (60 if burst else 0)):
                at = START + (hour + r.random()) * HOUR
                news = brand == "acme" and r.random() < share
                value = mention(
                    brand=brand,
                    id=f"{brand}{len(drafts)}",
                    at=at,
                    text=r.choice(["parcel arrived", "terrible service, refund now", "love it", "最悪だ"]),
                    sentiment=(-0.8 if r.random() < (0.8 if burst else 0.1) else 0.3) if r.random() < 0.6 else None,
                    platform="news.example" if news else "x",
                    channel="news" if news else "social",
                    author={"id": f"a{r.randrange(90)}", "followers": r.randrange(10_000)}
                    if r.random() < 0.7
                    else None,
                )
                arrival = -(-at // POLL) * POLL if news else at
                drafts.append((arrival, brand, value))
                if r.random() < again:
                    drafts.append((arrival + r.random() * 2 * HOUR, brand, value))
    drafts.sort()
    records = [record(n, value, brand.encode()) for n, (_, brand, value) in enumerate(drafts)]
    return [*records, tick(len(records), START + (hours + 2) * HOUR)]


def in_time(records: Sequence[Record]) -> list[Record]:
    """Those whose bucket was not due when they came."""
    kept, latest = [], 0.0
    for one in records:
        at = latest if one.value is None else decode_mention(one.value).event_time.timestamp()
        if (at // BUCKET_SECONDS + 1) * BUCKET_SECONDS + 120 > latest:
            kept.append(one)
        latest = max(latest, at)
    return kept


def crisis(alerts: Sequence[Alert]) -> list[Alert]:
    return [alert for alert in alerts if alert.kind == "crisis"]


def arrivals(stats: EngineStats, platform: str) -> dict[str, int]:
    """Mentions of a platform by when they came."""
    return {arrival: count for (name, arrival), count in stats.arrivals.items() if name == platform}


def test_late_mentions_are_in_what_people_read_and_change_no_alarm() -> None:
    """Evidence, observed mentions and the share of negatives hold them; scores, times and severities are the same."""
    records = polled(1, hours=42)
    whole, social = undisturbed(records), undisturbed(in_time(records))
    assert arrivals(whole.stats, "news.example")["late"] > 50
    told, before = whole.outputs.alerts, social.outputs.alerts
    timing = [
        [(one.kind, one.transition, one.severity, one.detected_time, one.onset_time, one.score) for one in alerts]
        for alerts in (told, before)
    ]
    assert timing[0] == timing[1]
    assert crisis(told)
    more = [one.observed.mentions - other.observed.mentions for one, other in zip(told, before, strict=True)]
    assert max(more) >= 5
    last = max(crisis(told), key=lambda alert: alert.observed.mentions)
    assert last.evidence.platforms["news.example"] >= 5
    assert last.observed.counted is not None
    assert sum(last.evidence.platforms.values()) == last.observed.mentions


def test_an_awaited_source_is_counted_by_the_detector_though_it_comes_late() -> None:
    """Of a brand of which only polled news speak a crisis is detected earlier."""
    records = polled(2, share=1.0)
    awaited, late = undisturbed(records, waiting_for(news=1800)), undisturbed(records)
    assert arrivals(awaited.stats, "news.example").get("late", 0) == 0
    assert arrivals(awaited.stats, "news.example")["awaited"] > 200
    opened = [next(alert.detected_time for alert in crisis(run.outputs.alerts)) for run in (awaited, late)]
    assert opened[0] < opened[1]


def test_what_is_awaited_is_named_by_platform_before_channel() -> None:
    records = polled(3)
    config = waiting_for(**{"news": 1800, "news.example": 0})
    assert "awaited" not in arrivals(undisturbed(records, config).stats, "news.example")


@pytest.mark.parametrize("config", [Config(), waiting_for(news=900)], ids=["late", "awaited"])
def test_a_mention_that_comes_again_counts_once(config: Config) -> None:
    """Neither a late copy of one in time, nor one of a late one: the numbers are those of a stream without copies."""
    again = polled(4, again=0.4)
    first: dict[bytes | None, Record] = {}
    for one in again:
        first.setdefault(one.value, one)
    once = list(first.values())
    twice, plain = undisturbed(again, config), undisturbed(once, config)
    assert twice.stats.duplicates > 100
    for told, other in zip(twice.outputs.alerts, plain.outputs.alerts, strict=True):
        assert (told.observed, told.score, told.evidence.platforms) == (
            other.observed,
            other.score,
            other.evidence.platforms,
        )


@SLOW
@given(
    seed=st.integers(0, 1 << 30),
    rhythm=st.lists(st.tuples(st.integers(20, 300), st.integers(0, 9), st.booleans()), min_size=1, max_size=6),
    seconds=st.sampled_from((0, 900, 3600)),
)
def test_neither_batches_nor_crashes_change_what_becomes_of_late_mentions(
    seed: int, rhythm: list[tuple[int, int, bool]], seconds: int
) -> None:
    config = waiting_for(news=seconds) if seconds else Config()
    records = polled(seed, again=0.1)
    whole, broken = undisturbed(records, config), with_crashes(records, rhythm, config)
    assert alerts_of(whole.outputs) == alerts_of(broken.outputs)
    assert whole.state == broken.state


def test_what_is_late_by_more_than_a_day_or_of_an_unknown_brand_is_not_kept() -> None:
    engine = Engine(0, Config())
    engine.process([record(0, mention(id="now", at=START + 90_000))])
    engine.process([record(1, mention(id="old", at=START + 1000)), record(2, mention(id="a", at=START + 86_400))])
    engine.process([record(3, mention(brand="bolt", id="b", at=START + 86_400), b"bolt"), tick(4, START + 95_000)])
    assert arrivals(engine.stats, "x") == {"on_time": 1, "late": 2, "uncounted": 1}
    assert engine.brand_view("acme") is not None
    assert engine.brands == 1


def test_no_flood_of_late_mentions_takes_more_than_its_room() -> None:
    """Of one brand so many wait at a time; what is more is counted as such."""
    engine = Engine(0, Config())
    engine.process([record(0, mention(id="now", at=START + 7200))])
    engine.process([record(n, mention(id=f"m{n}", at=START)) for n in range(1, MOST_LATE + 101)])
    assert arrivals(engine.stats, "x") == {"on_time": 1, "late": MOST_LATE, "uncounted": 100}


def test_a_late_mention_teaches_nothing_and_makes_no_time_pass() -> None:
    engine = Engine(0, Config())
    engine.process([record(0, mention(id="now", at=START + 7200))])
    engine.process([record(1, mention(id="late", at=START, sentiment=-0.9))])
    assert engine.event_time == START + 7200
    assert engine.stats.labels_learned == 0


def test_what_waits_for_an_unknown_brand_leaves_nothing_behind() -> None:
    """Two ids with one digest, of which only the second is awaited: nobody is to be judged, and nobody is known."""
    by_digest: dict[int, str] = {}
    for n in range(100_000):
        first = by_digest.setdefault(crc32(f"m{n}".encode()) & 0xFFFF, f"m{n}")
        if first != f"m{n}":
            break
    engine = Engine(0, waiting_for(news=7200))
    engine.process([record(0, mention(id="now", at=START + 7200))])
    for offset, (own, channel) in enumerate(((first, "social"), (f"m{n}", "news")), 1):
        value = mention(brand="evil", id=own, at=START + 3600, channel=channel)
        engine.process([record(offset, value, b"evil")])
    engine.process([tick(3, START + 9000)])
    assert engine.brands == 1
    assert [key for key, value in engine.snapshot() if key.startswith(b"evil") and value is not None] == []


def test_late_mentions_take_no_room_from_those_in_time() -> None:
    """A flood of them about unknown brands makes no mention of a new brand a dead letter."""
    engine = Engine(0, Config(ConfigFile(engine=EngineConfig(max_brands=100))))
    engine.process([record(0, mention(id="now", at=START + 7200))])
    late = [(f"b{n}", mention(brand=f"b{n}", id="a", at=START)) for n in range(150)]
    engine.process([record(n, value, brand.encode()) for n, (brand, value) in enumerate(late, 1)])
    outputs = engine.process([record(151, mention(brand="new", id="a", at=START + 7200), b"new")])
    assert outputs.dead_letters == []
    assert arrivals(engine.stats, "x") == {"on_time": 2, "late": 100, "uncounted": 50}


def test_awaited_mentions_do_not_make_a_gap_of_the_feed_a_bucket_that_was_observed() -> None:
    calm = [record(n, mention(id=f"c{n}", at=START + n * 30.0)) for n in range(2400)]
    gap_from, back = START + 2400 * 30.0, START + 2400 * 30.0 + 6 * HOUR
    first = [record(2400, mention(id="back", at=back))]
    awaited = [record(2401, mention(id="late", at=gap_from + 300.0, channel="news", sentiment=-0.9))]
    again = [record(2402 + n, mention(id=f"r{n}", at=back + n * 30.0)) for n in range(100)]
    whole, without = Engine(0, waiting_for(news=86_400)), Engine(0, waiting_for(news=86_400))
    whole.process([*calm, *first, *awaited, *again])
    without.process([*calm, *first, *again])
    (one, other) = (engine.brand_view("acme") for engine in (whole, without))
    assert one is not None
    assert other is not None
    assert one.expected == pytest.approx(other.expected, rel=0.05)


def test_old_late_posts_do_not_hide_those_that_may_be_shown() -> None:
    engine = Engine(0, waiting_for(news=1800))
    engine.process([record(n, mention(id=f"c{n}", at=START + n * 60.0)) for n in range(600)])
    at = START + 600 * 60.0
    loud = [(f"old{n}", at - 5 * HOUR, 900) for n in range(3)] + [(f"new{n}", at - 1200, 5) for n in range(3)]
    engine.process(
        [record(600 + n, mention(id=own, text=own, at=when, reach=reach)) for n, (own, when, reach) in enumerate(loud)]
    )
    engine.process([tick(606, at + 900)])
    (brand,) = engine._state.brands.values()
    brand.load()
    assert {post.id for post in brand.top_posts} == {"new0", "new1", "new2"}


def _note(order: list[str], closed: ClosedBucket) -> None:
    order.append(closed.brand.name)


def test_a_late_mention_first_does_not_change_the_order_in_which_brands_close() -> None:
    """Brands of a bucket close in the order of their first mention in time: what a category does depends on it."""
    orders = []
    for late in ([], [record(1, mention(brand="b", id="late", at=START), b"b")]):
        order: list[str] = []
        engine = Engine(0, Config(), observe=partial(_note, order))
        known = [record(0, mention(brand=name, id="0", at=START), name.encode()) for name in ("a", "b")]
        rest = [record(2, mention(brand=name, id="1", at=START + 7200), name.encode()) for name in ("a", "b")]
        records = [*known, record(0, mention(brand="c", id="0", at=START + 7200), b"c"), *late, *rest]
        engine.process([Record(n, one.timestamp, one.key, one.value) for n, one in enumerate(records)])
        engine.process([tick(99, START + 9000)])
        orders.append(order)
    assert orders[0] == orders[1] == ["a", "b", "c", "a", "b"]
