"""Brands are forgotten by a rule that depends on nothing but the buckets closed so far."""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from detectors.sentiment import LANGUAGES
from pipeline.config.model import Config, ConfigFile, EngineConfig, SentimentConfig
from pipeline.engine.brands.expiry import RUN, Expiry
from pipeline.engine.buckets.sampling import LabelCounts
from pipeline.engine.engine import Engine
from pipeline.engine.records import Outputs, Record
from schemas.rejection import Reason
from tests.pipeline.engine.engine_runs import StateLog, add, latest, undisturbed, with_crashes
from tests.pipeline.mention_streams import START, alerts_of, mention, record, tick, troubled_stream

DAY = 86_400
SLOW = settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def config(**engine: Any) -> Config:
    return Config(ConfigFile(engine=EngineConfig(**engine)))


def numbered(drafts: Sequence[tuple[float, str]], angry_from: float = math.inf) -> list[Record]:
    """Mentions at these times of these brands, negative now and then and always from a time on; then a tick."""
    ordered = sorted(drafts)
    records: list[Record] = []
    for at, brand in ordered:
        negative = at >= angry_from or at // 3600 % 7 == 0
        value = mention(brand=brand, id=f"{brand}-{at}", at=at, sentiment=-0.5 if negative else 0.3)
        records.append(record(len(records), value, brand.encode()))
    return [*records, tick(len(records), ordered[-1][0] + DAY)]


def visits(brand: str, first_day: float, days: int) -> list[tuple[float, str]]:
    """A mention every hour, so that the feed has no holes."""
    return [(START + first_day * DAY + hour * 3600, brand) for hour in range(days * 24)]


def wandering_stream(seed: int, brands: int = 24, days: int = 18) -> list[Record]:
    """Brands that come, go and return: some for days, some for one mention, one that stays."""
    r = random.Random(seed)
    drafts = visits("stays", 0, days)
    for n in range(brands):
        for _ in range(r.randrange(1, 4)):
            begin = r.random() * days
            drafts += [
                (START + (begin + r.random() * r.choice((0.01, 1, 3))) * DAY, f"brand-{n:03d}")
                for _ in range(r.choice((1, 1, 5, 20)))
            ]
    return numbered(drafts)


def known(engine: Engine) -> set[bytes]:
    """Brands with a record in the state, after everything was cut."""
    return {key for key in latest(engine.snapshot()) if b"#" not in key}


def test_a_brand_that_nobody_mentions_is_forgotten_and_its_record_deleted() -> None:
    """Not a bucket before its time, and at it."""
    engine = Engine(0, config(forget_after_days=10))
    records = numbered(visits("acme", 0, 3))
    last = int(max(at for at, _ in visits("acme", 0, 3)) // 300)
    watermark = (last + 10 * 288 + 1) * 300
    engine.process([*records, tick(len(records), watermark + 119)])
    assert b"acme" in latest(engine.snapshot())
    assert engine.brands == 1
    engine.process([tick(len(records) + 1, watermark + 120)])
    assert (b"acme", None) in engine.snapshot()
    assert engine.stats.forgotten == {"silent": 1, "new": 0, "limit": 0}
    assert engine.brands == 0


def test_a_brand_that_was_never_warm_is_forgotten_sooner() -> None:
    """A brand heard of once keeps nothing worth keeping."""
    engine = Engine(0, config(forget_after_days=30, forget_new_after_days=2))
    engine.process(numbered([(START, "once"), *visits("stays", 0, 5)]))
    assert engine.stats.forgotten == {"silent": 0, "new": 1, "limit": 0}
    assert known(engine) == {b"stays"}


def test_a_brand_that_returns_warms_up_anew_and_rings_no_onset() -> None:
    """What it was before, and how loudly it returns, does not matter in its first day."""
    back = START + 40 * DAY
    flood = [(back + n * 20, "acme") for n in range(600)]
    records = numbered([*visits("acme", 0, 20), *visits("stays", 0, 42), *flood], angry_from=back)

    def rung(days: int) -> set[str]:
        alerts = Engine(0, config(forget_after_days=days)).process(records).alerts
        return {alert.brand for alert in alerts}

    assert "acme" in rung(60)
    assert "acme" not in rung(10)


def test_a_brand_returns_as_one_never_seen() -> None:
    """Its state after the return is byte for byte that of a brand without a past."""
    stays, later = visits("stays", 0, 34), visits("acme", 30, 3)
    with_past, without = Engine(0, config(forget_after_days=10)), Engine(0, config(forget_after_days=10))
    with_past.process(numbered([*visits("acme", 0, 3), *stays, *later]))
    without.process(numbered([*stays, *later]))
    assert latest(with_past.snapshot())[b"acme"] == latest(without.snapshot())[b"acme"]


def test_a_brand_with_an_open_episode_is_never_forgotten() -> None:
    """The limit passes it over, and time cannot reach it."""
    records = troubled_stream(1, hours=31)
    engine = Engine(0, config(max_brands=100))
    engine.process(records[:-1])
    burning = {episode.brand for episode in engine.open_episodes()}
    assert burning
    at = engine.event_time
    flood = [
        record(len(records) + n, mention(brand=f"new-{n}", id=str(n), at=at), f"new-{n}".encode()) for n in range(90)
    ]
    more = [
        record(len(records) + 90 + n, mention(brand=f"more-{n}", id=str(n), at=at + 600), f"more-{n}".encode())
        for n in range(90)
    ]
    engine.process(flood)
    engine.process([*more, tick(len(records) + 180, at + 1500)])
    assert engine.stats.forgotten["limit"] >= 80
    assert {episode.brand for episode in engine.open_episodes()} == burning


def test_over_the_limit_the_brands_never_warm_go_first_the_least_recently_mentioned_first() -> None:
    """A flood of invented brands pushes out its own kind, not the brands that are known."""
    regular = [draft for n in range(40) for draft in visits(f"known-{n}", 0, 5)]
    flood = [(START + 3 * DAY + n * 60, f"fake-{n:04d}") for n in range(1000)]
    engine = Engine(0, config(max_brands=100))
    engine.process(numbered([*regular, *flood]))
    left = known(engine)
    assert {f"known-{n}".encode() for n in range(40)} <= left
    assert left - {f"known-{n}".encode() for n in range(40)} == {f"fake-{n:04d}".encode() for n in range(940, 1000)}
    assert engine.stats.forgotten["limit"] == 940


def test_more_warm_brands_than_may_be_known_lose_the_least_recently_mentioned() -> None:
    """As after the limit was lowered: nobody is refused for having come last."""
    drafts = [draft for n in range(150) for draft in visits(f"b-{n:03d}", n * 0.01, 3)]
    before = Engine(0, config())
    before.process(numbered(drafts))
    engine = Engine(0, config(max_brands=100))
    state = latest(before.snapshot())
    engine.restore(state.items())
    engine.close_due()
    forgotten = {key for key, value in engine.snapshot() if value is None}
    assert forgotten == {f"b-{n:03d}".encode() for n in range(50)}


def test_more_unknown_brands_at_once_than_may_be_known_are_dead_letters() -> None:
    """Nothing is lost: the mentions lie in the dead letter topic, and a thousand in a row do not stop the line."""
    engine = Engine(0, config(max_brands=100, dead_letter_run_limit=5))
    known_brands = [record(n, mention(brand=f"known-{n}", id=str(n)), f"known-{n}".encode()) for n in range(50)]
    engine.process([*known_brands, tick(50, START + 1000)])
    flood = [record(51 + n, mention(brand=f"f-{n}", id=str(n), at=START + 1000), f"f-{n}".encode()) for n in range(400)]
    outputs = engine.process(flood)
    assert len(outputs.dead_letters) == engine.stats.rejected[Reason.TOO_MANY_BRANDS] == 300
    again = [
        record(451 + n, mention(brand=f"known-{n}", id=f"x{n}", at=START + 1000), f"known-{n}".encode())
        for n in range(50)
    ]
    more = [record(501 + n, mention(brand=f"f-{n}", id=f"y{n}", at=START + 1000), f"f-{n}".encode()) for n in range(50)]
    assert not engine.process([*again, *more]).dead_letters


@SLOW
@given(
    st.integers(0, 1000),
    st.lists(st.tuples(st.integers(1, 300), st.integers(0, 5), st.booleans()), min_size=1),
    st.sampled_from([20, 130]),
)
@example(
    412, [(202, 0, True), (130, 0, False), (122, 0, False), (263, 1, True)], 20
)  # Closing passes an empty stretch.
def test_batches_do_not_matter_to_what_is_forgotten(
    seed: int, rhythm: list[tuple[int, int, bool]], brands: int
) -> None:
    """However records and closings are cut, the same alerts, the same state, the same number forgotten."""
    settings_ = config(forget_after_days=8, forget_new_after_days=1, max_brands=100)
    records = wandering_stream(seed, brands)
    expected, state, stats = undisturbed(records, settings_)
    engine, got, log = Engine(0, settings_), Outputs(), StateLog()
    for size, limit, commits in itertools.cycle(rhythm):
        if engine.next_offset >= len(records):
            break
        engine.ingest(records[engine.next_offset : engine.next_offset + size])
        while engine.close_due(limit):
            if commits:
                log += engine.snapshot()
        add(got, engine.take_outputs())
    log += engine.snapshot()
    assert alerts_of(got) == alerts_of(expected)
    assert latest(log) == state
    assert engine.stats.forgotten == stats.forgotten
    assert sum(engine.stats.forgotten.values())


@SLOW
@given(
    st.integers(0, 1000),
    st.lists(st.tuples(st.integers(1, 60), st.integers(0, 4), st.booleans()), min_size=1),
    st.sampled_from([20, 130]),
)
def test_crashes_do_not_matter_to_what_is_forgotten(
    seed: int, rhythm: list[tuple[int, int, bool]], brands: int
) -> None:
    """Dying between any two steps, forgetting included, leads to the same state."""
    settings_ = config(forget_after_days=8, forget_new_after_days=1, max_brands=100)
    records = wandering_stream(seed, brands)
    expected, state, _ = undisturbed(records, settings_)
    committed, left, _ = with_crashes(records, rhythm, settings_)
    assert alerts_of(committed) == alerts_of(expected)
    assert left == state


@SLOW
@given(st.integers(0, 1000))
def test_forgetting_changes_no_alert_of_the_brands_that_stay(seed: int) -> None:
    """A flood of brands heard of once, forgotten or not, leaves the others' alerts as they are."""
    records = troubled_stream(seed, hours=40, crisis_at=34)
    flood = [mention(brand=f"flood-{n:04d}", id=str(n), at=START + n * 100) for n in range(1400)]
    mixed: list[Record] = []
    for n, item in enumerate(records):
        mixed.append(
            record(len(mixed), item.value, item.key)
            if item.value
            else Record(len(mixed), item.timestamp, None, None, item.headers)
        )
        if n < len(flood):
            mixed.append(record(len(mixed), flood[n], f"flood-{n:04d}".encode(), timestamp=item.timestamp))
    few, many = Engine(0, config(max_brands=100)), Engine(0, config(max_brands=100_000))
    few_alerts, many_alerts = few.process(mixed).alerts, many.process(mixed).alerts

    def content(alerts: Sequence[Any]) -> list[Any]:
        return [(one.id, one.brand, one.transition, one.score, one.observed, one.expected) for one in alerts]

    assert content(few_alerts) == content(many_alerts)


def test_forgetting_is_cut_into_slices() -> None:
    """However many brands are due at once, one call of `close_due` takes no more than its limit."""
    engine = Engine(0, config(forget_new_after_days=1))
    engine.process([record(n, mention(brand=f"b-{n}", id=str(n)), f"b-{n}".encode()) for n in range(500)])
    engine.process([tick(500, START + 3600)])
    engine.ingest([tick(501, START + 4 * DAY)])
    forgotten = [0]
    while engine.close_due(20):
        forgotten.append(engine.stats.forgotten["new"])
    assert engine.stats.forgotten["new"] == 500
    assert max(b - a for a, b in itertools.pairwise(forgotten)) <= 20


class CountedName:
    """A brand heard of once, which counts how often its name is read."""

    read = 0
    is_idle = True
    last_bucket = -1
    is_warm = has_open_episode = False

    def __init__(self, name: str) -> None:
        self._name = name

    @property
    def name(self) -> str:
        CountedName.read += 1
        return self._name

    def make_idle(self) -> None:
        raise AssertionError("forgotten before it rests")


@pytest.mark.parametrize("most", [100, RUN, 4 * RUN])
def test_at_the_limit_one_buckets_brands_are_sorted_in_bounded_steps(most: int) -> None:
    """The same are forgotten, the first by name, and no step looks at more names than a run holds."""
    expiry = Expiry(EngineConfig(max_brands=most))
    names = [f"b-{n * 7919 % 5003:05d}" for n in range(5003)]
    for name in names:
        brand = CountedName(name)
        expiry.activate(brand, 7)
        brand.last_bucket = 7
    assert expiry.is_due(8)
    forgotten, greatest, before = [], 0, CountedName.read
    for verdict in expiry.due(8):
        greatest, before = max(greatest, CountedName.read - before), CountedName.read
        if verdict is not None:
            assert isinstance(verdict[0], CountedName)
            forgotten.append(verdict[0]._name)
    assert forgotten == sorted(names)[: 5003 - most]
    assert len(expiry) == most
    assert RUN <= greatest <= RUN + 10
    assert not expiry.is_due(9)


def tables(root: object) -> dict[str, int]:
    """Elements of every container that an engine holds, by the attributes that lead there; keys do not count."""
    sizes: Counter[str] = Counter()
    seen: set[int] = set()
    waiting: list[tuple[str, Any]] = [("engine", root)]
    while waiting:
        where, one = waiting.pop()
        if id(one) in seen or isinstance(one, type | str | bytes):
            continue
        seen.add(id(one))
        if isinstance(one, dict):
            sizes[where] += len(one)
            waiting += [(where, part) for pair in one.items() for part in pair]
        elif isinstance(one, list | tuple | set):
            sizes[where] += len(one)
            waiting += [(where, part) for part in one]
        else:
            slots = (name for kind in type(one).__mro__ for name in getattr(kind, "__slots__", ()))
            names = {*getattr(one, "__struct_fields__", ()), *getattr(one, "__dict__", ()), *slots}
            waiting += [(f"{where}.{name}", getattr(one, name)) for name in names if hasattr(one, name)]
    return dict(sizes)


@pytest.mark.parametrize("keeps_state", [True, False])
def test_nothing_grows_with_the_brands_that_were_ever_heard_of(keeps_state: bool) -> None:
    """A flood of invented brands at the limit: after three thousand no table is larger than after one thousand."""
    engine = Engine(0, config(max_brands=100), max_cached=20)
    sizes: list[dict[str, int]] = []
    for number in range(3000):
        at = START + number * 30
        text = f"order{number} has not come, and nobody answers when I ask where it is"
        value = mention(brand=f"fake-{number}", id=str(number), at=at, text=text, sentiment=-0.5)
        engine.process([record(number, value, f"fake-{number}".encode())])
        if number % 50 == 49:
            if keeps_state:
                engine.snapshot()
            else:
                engine.discard_changes()
        if number in (999, 2999):
            sizes.append(tables(engine))
    assert engine.stats.forgotten["limit"] > 2800
    before, after = sizes
    assert len(before) > 20
    assert {name: size for name, size in after.items() if size > before.get(name, 0) + 2} == {}


def test_what_rests_is_dropped_from_memory_and_nothing_asks_for_it() -> None:
    """After a day without mentions a brand's record holds no stories, posts or counts."""
    engine = Engine(0, config())
    text = "a text that is long enough to be remembered as a story of its own"
    engine.process([record(n, mention(id=str(n), text=f"{n} {text}", at=START + n)) for n in range(5)])
    engine.process([tick(5, START + 3600)])
    lively = latest(engine.snapshot())[b"acme"]
    engine.process([tick(6, START + 2 * DAY)])
    resting = latest(engine.snapshot())[b"acme"]
    assert b"a text that is" in lively
    assert b"a text that is" not in resting
    assert len(resting) < 2400


def test_a_flood_of_labels_is_learned_in_part_and_counted() -> None:
    """The first ones in full, then ever fewer; every mention still counts with its own sentiment."""
    learning = SentimentConfig(full_labels_per_bucket=50)
    engine = Engine(0, Config(ConfigFile(sentiment=learning)))
    records = [record(n, mention(id=str(n), text=f"post {n}", at=START + n / 100, sentiment=-0.8)) for n in range(2000)]
    engine.process([*records, tick(2000, START + 3600)])
    assert engine.stats.labels_learned + engine.stats.labels_left_out == 2000
    assert 150 < engine.stats.labels_learned < 330
    view = engine.brand_view("acme")
    assert view is not None
    assert view.negatives == 2000


@given(st.integers(1, 50), st.integers(0, 10_000))
def test_labels_are_counted_by_language_and_bucket(full: int, bucket: int) -> None:
    """A flood in one language takes nothing from another, and the next bucket begins anew."""
    counts = LabelCounts()
    for number in range(200):
        assert counts.admit(bucket, "en", full) or number >= full
    for language in LANGUAGES[1:]:
        assert all(counts.admit(bucket, language, full) for _ in range(full))
    assert all(counts.admit(bucket + 1, "en", full) for _ in range(full))
