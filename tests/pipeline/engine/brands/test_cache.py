"""Which brands are objects and which lie as bytes changes nothing but time."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.config.model import Config, ConfigFile, DetectionConfig, SentimentConfig
from pipeline.engine.brands.cache import MAX_CACHED, MAX_EVICTED, MIN_CACHED, cache_share
from pipeline.engine.engine import Engine
from pipeline.engine.records import Record
from schemas.alert import encode_alert
from tests.pipeline.engine import test_categories
from tests.pipeline.engine.engine_runs import StateLog, latest
from tests.pipeline.mention_streams import START, mention, record, tick, troubled_stream

SLOW = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
Told = tuple[list[bytes | None], list[bytes | None], StateLog]
ENOUGH = 1000


def told(records: Sequence[Record], config: Config, max_cached: int, rhythm: Sequence[tuple[int, int, bool]]) -> Told:
    """Alerts, dead letters and every state record that was ever written."""
    engine = Engine(0, config, max_cached=max_cached)
    alerts: list[bytes | None] = []
    dead_letters: list[bytes | None] = []
    log = StateLog()
    turns = itertools.cycle(rhythm)
    place = 0
    while place < len(records):
        size, closings, cuts = next(turns)
        engine.ingest(records[place : place + size])
        place += size
        for _ in range(closings):
            engine.close_due(1)
        outputs = engine.take_outputs()
        alerts += [encode_alert(one) for one in outputs.alerts]
        dead_letters += [one.record.value for one in outputs.dead_letters]
        if cuts:
            log += engine.snapshot()
    engine.close_due()
    alerts += [encode_alert(one) for one in engine.take_outputs().alerts]
    return alerts, dead_letters, log + engine.snapshot()


@SLOW
@given(
    st.integers(0, 1000),
    st.sampled_from([1, 2]),
    st.lists(st.tuples(st.integers(1, 300), st.integers(0, 5), st.booleans()), min_size=1),
    st.sampled_from(["count", "story"]),
)
def test_alerts_and_every_state_record_are_the_same_bytes_however_few_brands_are_objects(
    seed: int, max_cached: int, rhythm: list[tuple[int, int, bool]], copies: str
) -> None:
    """With open buckets in two states at once, samples, stories, open episodes and posts."""
    config = Config(
        ConfigFile(
            sentiment=SentimentConfig(full_texts_per_bucket=4, sample_one_in=2),
            detection=DetectionConfig(copies=copies),  # type: ignore[arg-type]  # one of the two
        )
    )
    records = troubled_stream(seed)
    serialised, objects = told(records, config, max_cached, rhythm), told(records, config, ENOUGH, rhythm)
    assert serialised[0]
    assert serialised == objects


def test_aggregated_history_gives_the_same_bytes_however_few_brands_are_objects() -> None:
    """Fractions of negatives, and brands of one category that move together."""
    logs: list[tuple[list[bytes | None], StateLog]] = []
    for max_cached in (1, 3, ENOUGH):
        engine = Engine(0, test_categories.TOLD, max_cached=max_cached)
        alerts: list[bytes | None] = []
        log = StateLog()
        observations = test_categories.rows(moving=test_categories.BRANDS)
        for first in range(0, len(observations), 40):
            engine.ingest_observations(observations[first : first + 40])
            engine.close_due()
            alerts += [encode_alert(one) for one in engine.take_outputs().alerts]
            log += engine.snapshot()
        logs.append((alerts, log))
    assert any(b'"scope":"category"' in (value or b"") for value in logs[0][0])
    assert logs[0] == logs[1] == logs[2]


def awake(engine: Engine) -> tuple[int, int]:
    """Brands that are objects, and brands whose open buckets are."""
    brands = list(engine._state.brands.values())
    return sum(brand.serialised is None for brand in brands), sum(bool(brand.open) for brand in brands)


def burst(first: int, brands: int, at: float, mentions: int = 1) -> list[Record]:
    """So many mentions of each of so many brands."""
    return [
        record(first + n, mention(brand=f"b-{n % brands}", id=str(first + n), at=at), f"b-{n % brands}".encode())
        for n in range(brands * mentions)
    ]


def test_no_more_brands_are_objects_than_may_be() -> None:
    """Whatever is mentioned, closed, forgotten or restored; the one that is being closed comes on top."""
    engine = Engine(0, Config(), max_cached=10)
    engine.ingest(burst(0, 100, START))
    assert awake(engine) == (0, 10)
    engine.process([*burst(100, 100, START + 600), tick(200, START + 2000)])
    assert awake(engine) == (11, 0)
    state = engine.snapshot()
    successor = Engine(0, Config(), max_cached=10)
    successor.restore(state)
    assert awake(successor) == (0, 0)
    successor.process([tick(201, START + 100 * 86_400)])
    assert successor.brands == 0
    assert not successor._state.cache.loaded


def test_fewer_brands_are_objects_as_soon_as_fewer_may_be() -> None:
    """A worker that is given more partitions shares its objects out among them."""
    engine = Engine(0, Config(), max_cached=50)
    engine.process([*burst(0, 100, START), *burst(100, 100, START + 600)])
    assert awake(engine)[0] > 11
    engine.max_cached = 10
    before = awake(engine)
    engine.ingest(burst(200, 1, START + 1200))
    after = awake(engine)
    # Some at a time: a rebalance must not hold up the event loop.
    assert 0 < sum(before) - sum(after) <= 2 * MAX_EVICTED
    for number in range(201, 300):
        engine.process(burst(number, 1, START + 1200 + number))
    assert max(awake(engine)) <= 11


@pytest.mark.parametrize("partitions", [1, 3, 4, 16, 1000])
def test_the_partitions_of_a_worker_share_its_objects(partitions: int) -> None:
    """However many there are, each has some, and a few partitions have no more together than one alone."""
    share = cache_share(partitions)
    assert share >= MIN_CACHED
    assert share * partitions <= max(MAX_CACHED, MIN_CACHED * partitions)
    assert cache_share(1) == MAX_CACHED


def test_state_is_restored_in_slices_as_at_once() -> None:
    """A successor's event loop turns after every so many records, and it goes on as if it had not."""
    engine = Engine(0, Config())
    engine.process([*burst(0, 100, START), *burst(100, 100, START + 600)])
    state = engine.snapshot()
    at_once, in_slices = Engine(0, Config()), Engine(0, Config())
    at_once.restore(state)
    assert sum(1 for _ in in_slices.restore_in_batches(state, 7)) >= len(state) // 7
    rest = [*burst(200, 100, START + 700), tick(300, START + 2000)]
    for successor in (at_once, in_slices):
        successor.process(rest)
    assert in_slices.snapshot() == at_once.snapshot()


def test_a_brand_of_many_mentions_keeps_its_open_bucket_as_objects() -> None:
    """To read hundreds of ids for each of its mentions would cost more than the mention itself."""
    engine = Engine(0, Config(), max_cached=10)
    engine.ingest([*burst(0, 5, START, mentions=50), *burst(250, 100, START)])
    large = [brand for brand in engine._state.brands.values() if brand.remembered > 16]
    assert len(large) == 5
    assert all(brand.open for brand in large)
    successor = Engine(0, Config(), max_cached=10)
    successor.restore(engine.snapshot())
    ticks = [tick(350, START + 2000)]
    engine.process(ticks)
    successor.process(ticks)
    assert latest(engine.snapshot())[b"b-1"] == latest(successor.snapshot())[b"b-1"]


def test_a_brand_can_be_looked_at_without_being_woken() -> None:
    """As metrics do."""
    engine = Engine(0, Config(), max_cached=1)
    records = troubled_stream(3)
    engine.process(records[: len(records) * 9 // 10])
    objects = Engine(0, Config(), max_cached=ENOUGH)
    objects.process(records[: len(records) * 9 // 10])
    before = awake(engine)
    assert list(engine.open_episodes()) == list(objects.open_episodes())
    assert engine.top_brands(5) == objects.top_brands(5)
    assert list(engine.open_episodes())
    assert awake(engine) == before
