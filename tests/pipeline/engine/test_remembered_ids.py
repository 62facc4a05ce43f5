"""Which ids a full memory knows follows from the log alone: not from batches, the rhythm of closing, or restarts."""

from __future__ import annotations

import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.config.model import Config, ConfigFile, EngineConfig
from pipeline.engine.engine import Engine
from pipeline.engine.records import Record
from tests.pipeline.engine.engine_runs import undisturbed, with_crashes
from tests.pipeline.mention_streams import START, mention, record, tick


def limited(ids: int) -> Config:
    return Config(ConfigFile(engine=EngineConfig(max_ids_per_brand=ids, allowed_lateness_seconds=300)))


def repetitive(seed: int, count: int, rate: float) -> list[Record]:
    """Mentions of two brands at a rate per second, in some disorder; most ids come more than once."""
    r = random.Random(seed)
    records: list[Record] = []
    for n in range(count):
        brand = r.choice(("acme", "acme", "bolt"))
        at = START + n / rate - r.choice((0, 0, 200)) * r.random()
        value = mention(brand=brand, id=f"m{max(n - r.choice((0, 0, 1, 9, 60)), 0)}", at=at, sentiment=r.uniform(-1, 1))
        records.append(record(n, value, brand.encode()))
    return [*records, tick(count, START + count / rate + 3600)]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 1 << 30),
    ids=st.integers(5, 100),
    rate=st.sampled_from((0.05, 0.3, 2.0)),
    rhythm=st.lists(st.tuples(st.integers(3, 300), st.integers(0, 3), st.booleans()), min_size=1, max_size=4),
)
def test_batches_closing_and_restarts_do_not_decide_which_duplicates_are_known(
    seed: int, ids: int, rate: float, rhythm: list[tuple[int, int, bool]]
) -> None:
    """At the limit, the ids of buckets that are due count no more, however long closing takes to come to them."""
    records = repetitive(seed, 400, rate)
    at_once = undisturbed(records, limited(ids))
    sliced = with_crashes(records, rhythm, limited(ids))
    assert sliced.outputs == at_once.outputs
    assert sliced.state == at_once.state


def test_ids_of_a_bucket_that_is_due_make_room_before_it_is_closed() -> None:
    engine = Engine(0, limited(100))
    full = [record(n, mention(id=str(n))) for n in range(150)]
    later = [record(150 + n, mention(id=f"later-{n % 40}", at=START + 900)) for n in range(80)]
    engine.ingest([*full, *later])
    assert engine.stats.buckets_closed == 0
    assert engine.stats.duplicates_unchecked == 50
    assert engine.stats.duplicates == 40
