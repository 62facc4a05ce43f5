"""Intake of many records at once is intake one by one: state, outputs and counts, byte for byte."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.config.model import BrandSection, Config, ConfigFile, EngineConfig, SentimentConfig, WorkerConfig
from pipeline.engine.buckets.columns import Columns
from pipeline.engine.buckets.copies import fingerprint, fingerprints, letters_of
from pipeline.engine.buckets.ids import author_hash, identity
from pipeline.engine.buckets.open_bucket import is_in_sample, sampled_rows
from pipeline.engine.buckets.sampling import LabelCounts
from pipeline.engine.encoding import dead_letter_record, rerouted_record
from pipeline.engine.engine import Engine
from pipeline.engine.records import REROUTED_HEADER, Record, RefusedBatch, SourceRecord
from pipeline.errors import DeadLetterLimitError
from schemas.alert import encode_alert
from schemas.mention import MAX_MENTION_BYTES, MAX_NESTING, decode_mention
from schemas.rejection import Reason
from tests.pipeline.mention_streams import START, mention, tick

SLOW = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])

POST = "Acme closed my ticket without reading one word of it, third time this week, I am done with them for good"
TEXTS = (
    POST,
    f"RT @someone: {POST}",
    f"{POST} https://x.example/7",
    f"@friend {POST}!!!",
    "parcel arrived",
    "[sad] terrible service, refund now, and tell me what you did with my two orders of last week",
    "熙荞坊宣传手机用的那个研究根本不存在，我打电话问了学校，人家没听说过熙荞坊。",
    "配送が遅すぎてサポートも返事がない、また最悪",
    "",
)
LANGUAGES = ("en", "zh", "ja", None, "en-GB", "q", "fr")
FAR = (START + 400 * 86_400) * 1000
"""A Kafka timestamp for which no event time of these tests lies in the future."""


def plain_value(r: random.Random, brand: str, at: float, *, given: float) -> bytes:
    text = r.choice(TEXTS) if r.random() < 0.5 else f"{r.randrange(10**9)} {POST[r.randrange(40) :]}"
    return mention(
        brand=brand,
        id=r.choice((f"m{r.randrange(400)}", f"m{r.randrange(10**6)}", "x" * 30 + str(r.randrange(50)), "é" + str(at))),
        text=text,
        at=at,
        platform=r.choice(("x", "reddit", "weibo", "\x07bell", *map(str, range(10)))),
        lang=r.choice(LANGUAGES),
        sentiment=r.uniform(-1, 1) if r.random() < given else None,
        channel=r.choice((None, None, "social", "news")),
        author={
            "id": f"a{r.randrange(200)}",
            "followers": r.choice((None, 0, 7, r.randrange(10**6))),
            "kind": r.choice(("unknown", "person", "brand")),
        }
        if r.random() < 0.8
        else None,
        reach=r.randrange(10**5) if r.random() < 0.1 else None,
        repost_of=f"m{r.randrange(400)}" if r.random() < 0.05 else None,
        url="https://x.example" if r.random() < 0.1 else None,
    )


def trouble(r: random.Random, offset: int, brand: str, at: float) -> SourceRecord:
    """A record that is not a plain mention of a known brand."""
    value = plain_value(r, brand, at, given=0.5)
    key = brand.encode()
    nested = b'{"x_deep":' + b"[" * (MAX_NESTING + 1) + b"]" * (MAX_NESTING + 1) + b"," + value[1:]
    objects = b'{"x":' * (MAX_NESTING + 1) + b"1" + b"}" * (MAX_NESTING + 1)
    kinds: tuple[SourceRecord, ...] = (
        tick(offset, at + r.choice((-600, 0, 900))),
        Record(offset, FAR, None, value),
        Record(offset, FAR, key, value, ((REROUTED_HEADER, b"1@7"),)),
        Record(offset, FAR, None, None),
        Record(offset, FAR, b"somebody-else", value),
        Record(offset, FAR, b"No Brand", mention(brand="No Brand", at=at)),
        Record(offset, FAR, key, mention(brand=brand, at=at - 40 * 365 * 86_400)),
        Record(offset, int(at - 3600) * 1000, key, value),
        RefusedBatch(offset, FAR, value, offset, Reason.UNREADABLE_BATCH, "expected a batch"),
        *(
            Record(offset, FAR, key, bad)
            for bad in (
                b"",
                b"\xff garbage",
                value[:-1],
                value + value,
                nested,
                b'{"x":' + objects + b"," + value[1:],
                value[:-1] + b',"x_large":"' + b"x" * MAX_MENTION_BYTES + b'"}',
                value[:-1] + b',"text":"\\ud800 lone"}',
                value[:-1] + b',"brand":"zeta"}',
                value[:-1] + b',"x_list":[{},{},{},[]],"x":{"y":{}}}',
            )
        ),
    )
    return r.choice(kinds)


def stream(seed: int, count: int, *, brands: int, rate: float, given: float, troubled: float) -> list[SourceRecord]:
    """Mentions of so many brands at a rate per second, some of them out of order or late, with trouble in between."""
    r = random.Random(seed)
    names = [f"brand-{n}" for n in range(brands)]
    weights = [1 / (n + 1) for n in range(brands)]
    records: list[SourceRecord] = []
    offset = 0
    for n in range(count):
        at = START + n / rate - r.choice((0, 0, 0, 30, 200, 900)) * r.random()
        (brand,) = r.choices(names, weights)
        # Markers of transactions take offsets, and some records come twice.
        offset += r.choices((1, 3, 0), (97, 2, 1))[0]
        if r.random() < troubled:
            records.append(trouble(r, offset, brand, at))
        else:
            records.append(Record(offset, FAR, brand.encode(), plain_value(r, brand, at, given=given)))
    return records


def run(
    records: Sequence[SourceRecord], sizes: Sequence[int], config: Config, max_cached: int, *, at_once: bool
) -> list[Any]:
    """All that an engine gives away: records of its state as they are written, alerts, dead letters, counts."""
    engine = Engine(0, config, partitions=3, max_cached=max_cached)
    ingest: Callable[[Sequence[SourceRecord]], None] = engine.ingest if at_once else engine._intake.ingest_one_by_one
    seen: list[Any] = []
    position = turn = 0
    while position < len(records):
        size = sizes[turn % len(sizes)]
        turn += 1
        try:
            ingest(records[position : position + size])
        except DeadLetterLimitError as error:
            seen.append(str(error))
        position += size
        engine.close_due(turn % 5)
        outputs = engine.take_outputs()
        seen += map(encode_alert, outputs.alerts)
        seen += map(dead_letter_record, outputs.dead_letters)
        seen += map(rerouted_record, outputs.rerouted)
        if turn % 3 == 0:
            seen += engine.snapshot()
    engine.close_due()
    outputs = engine.take_outputs()
    return [
        *seen,
        *map(encode_alert, outputs.alerts),
        *map(dead_letter_record, outputs.dead_letters),
        *map(rerouted_record, outputs.rerouted),
        *engine.snapshot(),
        msgspec.to_builtins({name: getattr(engine.stats, name) for name in ("consumed", "late", "duplicates")}),
        repr(msgspec.structs.replace(engine.stats, on_time=Counter(), behind={})),
        sorted(engine.stats.arrivals.items()),
        list(engine.misplaced.items()),
    ]


CONFIGS = (
    Config(),
    Config(
        ConfigFile(
            engine=EngineConfig(
                max_ids_per_brand=100, dead_letter_run_limit=3, allowed_lateness_seconds_by_source={"x": 600}
            ),
            sentiment=SentimentConfig(full_texts_per_bucket=5, sample_one_in=3, full_labels_per_bucket=4),
            brands={
                "brand-0": BrandSection(category="fleet", detection={"copies": "story"}),
                "brand-1": BrandSection(category="fleet"),
            },
        )
    ),
    Config(
        ConfigFile(
            engine=EngineConfig(allowed_lateness_seconds=0, max_brands=100),
            sentiment=SentimentConfig(learn=False, full_texts_per_bucket=2, sample_one_in=2),
        )
    ),
    Config(ConfigFile(engine=EngineConfig(dead_letter_run_limit=3), worker=WorkerConfig(misplaced="dead_letter"))),
    Config(ConfigFile(engine=EngineConfig(dead_letter_run_limit=3), worker=WorkerConfig(misplaced="reroute"))),
)


@SLOW
@given(
    seed=st.integers(0, 1 << 30),
    config=st.sampled_from(CONFIGS),
    sizes=st.lists(st.integers(1, 400), min_size=1, max_size=5),
    brands=st.sampled_from((1, 3, 20, 150)),
    rate=st.sampled_from((0.02, 0.5, 5.0)),
    given_share=st.sampled_from((0.0, 0.2, 1.0)),
    troubled=st.sampled_from((0.0, 0.02, 0.2)),
    max_cached=st.sampled_from((2, 4096)),
)
def test_many_records_at_once_are_the_same_as_one_by_one(
    seed: int,
    config: Config,
    sizes: list[int],
    brands: int,
    rate: float,
    given_share: float,
    troubled: float,
    max_cached: int,
) -> None:
    """Duplicates, late mentions, ticks, refused records, unknown brands, reposts, labels and limits included."""
    records = stream(seed, 400, brands=brands, rate=rate, given=given_share, troubled=troubled)
    found = run(records, sizes, config, max_cached, at_once=True)
    assert found == run(records, sizes, config, max_cached, at_once=False)


def test_plain_records_do_not_go_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a busy stream only the first mention of a bucket and what makes one due do, with the few records after it."""
    engine = Engine(0, Config())
    batches = engine._intake._batches
    alone: list[SourceRecord] = []
    one_by_one = batches._one_by_one

    def noted(records: Sequence[SourceRecord]) -> None:
        alone.extend(records)
        one_by_one(records)

    monkeypatch.setattr(batches, "_one_by_one", noted)
    records = [
        Record(n, FAR, b"acme", mention(id=str(n), at=START + n / 4, sentiment=0.5, text=POST)) for n in range(4000)
    ]
    engine.ingest(records)
    buckets = 4000 / 4 / 300
    assert len(alone) <= 8 * 2 * (buckets + 1)
    assert engine.stats.consumed == 4000


def test_the_order_of_two_buckets_counts_where_a_brand_reaches_the_limit_on_its_ids() -> None:
    """Which ids are remembered depends on it, so such mentions go one by one."""
    config = CONFIGS[1]
    ats = [START + n for n in range(90)] + [START + 300, *(START + 200 + 150 * (n % 2) + n for n in range(40))]
    records = [Record(n, FAR, b"acme", mention(id=str(n), at=at)) for n, at in enumerate(ats)]
    found = run(records, [len(records)], config, 4096, at_once=True)
    assert found == run(records, [len(records)], config, 4096, at_once=False)
    engine = Engine(0, config)
    engine.ingest(records)
    assert 0 < engine.stats.duplicates_unchecked < len(records) - 90


def test_two_halves_of_a_mention_in_two_records_are_refused_each() -> None:
    """However records are decoded, none completes another."""
    whole = mention(id="whole", text="a, b")
    first, second = whole.split(b"a, b")
    halves = [first + b"a", b"b" + second, whole[: whole.index(b",")], whole[whole.index(b",") + 1 :], whole + whole]
    values = [mention(id=str(n)) for n in range(20)]
    engine = Engine(0, Config())
    engine.ingest([Record(n, FAR, b"acme", value) for n, value in enumerate([*values, *halves, *values[:1]])])
    assert [letter.record.offset for letter in engine.take_outputs().dead_letters] == [20, 21, 22, 23, 24]
    assert engine.stats.duplicates == 1


@given(st.lists(st.sampled_from(TEXTS) | st.text(max_size=400), max_size=20))
def test_fingerprints_of_many_texts_are_those_of_each(texts: list[str]) -> None:
    assert fingerprints(texts) == [fingerprint(letters_of(text)) for text in texts]


@given(st.integers(0, 1 << 40), st.integers(0, 1 << 20), st.integers(0, 300), st.integers(1, 1024))
def test_rows_of_a_sample_are_those_chosen_one_by_one(bucket: int, position: int, count: int, one_in: int) -> None:
    rows = range(7, 7 + count)
    expected = [row for place, row in enumerate(rows, position) if is_in_sample(bucket, place, one_in)]
    assert sampled_rows(bucket, position, rows, one_in) == expected


@given(
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from(("en", "zh")), st.integers(1, 60)), max_size=10),
    st.integers(1, 50),
)
def test_many_labels_are_admitted_as_one_by_one(turns: list[tuple[int, str, int]], full: int) -> None:
    many, single = LabelCounts(), LabelCounts()
    for bucket, language, count in turns:
        expected = [n for n in range(count) if single.admit(bucket, language, full)]
        assert many.admit_many(bucket, language, count, full) == expected
    assert many == single


@given(st.lists(st.tuples(st.text(min_size=1, max_size=40), st.text(min_size=1, max_size=40)), min_size=1, max_size=9))
def test_columns_know_mentions_and_authors_by_the_same_hashes(names: list[tuple[str, str]]) -> None:
    values = [json.loads(mention(id=own, author={"id": author})) for own, author in names]
    mentions = [decode_mention(json.dumps(value).encode("utf-8")) for value in values]
    columns = Columns(mentions, [START] * len(mentions))
    assert columns.ids == [identity(one.id) for one in mentions]
    assert columns.authors == [author_hash(one.author.id) for one in mentions if one.author is not None]
