"""Closing is cut into short pieces, and what is told of a surge is made once."""

from __future__ import annotations

import random
from collections.abc import Iterable
from unittest import mock

import pytest

from pipeline.config.model import Config
from pipeline.engine.alerts import brand_alert
from pipeline.engine.alerts.brand_alert import ClosedBucket
from pipeline.engine.alerts.surge_evidence import SurgeSaid, said_in_surge
from pipeline.engine.brands.brand import Brand
from pipeline.engine.engine import Engine
from pipeline.engine.records import Outputs, Record
from tests.pipeline.mention_streams import START, alerts_of, mention, record, tick

HOUR = 3600.0
BRANDS = tuple(f"brand-{n}" for n in range(6))
LIMIT = 150


@pytest.fixture(scope="module")
def blamed() -> list[Record]:
    """Brands of a few mentions an hour that are all blamed in the same hours."""
    r = random.Random(7)
    drafts: list[tuple[float, str, float]] = []
    for hour in range(46):
        for brand in BRANDS:
            for _ in range(40 if hour >= 40 else 4):
                negative = r.random() < (0.8 if hour >= 40 else 0.1)
                drafts.append((START + (hour + r.random()) * HOUR, brand, -0.9 if negative else 0.5))
    records = []
    for n, (at, brand, sentiment) in enumerate(sorted(drafts)):
        text = " ".join("".join(r.choices("abcdefghij", k=7)) for _ in range(9))
        value = mention(brand=brand, id=f"m{n}", text=text, at=at, sentiment=sentiment, author={"id": f"a{n}"})
        records.append(record(n, value, brand.encode()))
    return [*records, tick(len(records), START + 60 * HOUR)]


def test_one_call_reads_no_more_than_one_surge_and_closes_few_brand_buckets_beside_it(blamed: list[Record]) -> None:
    calls: list[list[ClosedBucket]] = [[]]

    def note(closed: ClosedBucket) -> None:
        calls[-1].append(closed)

    engine = Engine(0, Config(), observe=note)
    engine.ingest(blamed)
    outputs = Outputs()
    while engine.close_due(LIMIT):
        outputs.alerts += engine.take_outputs().alerts
        calls.append([])
    outputs.alerts += engine.take_outputs().alerts
    read = [sum(closed.said is not None for closed in call) for call in calls]
    assert max(read) == 1
    assert sum(read) > len(outputs.alerts) > len(BRANDS)
    stories = [sum(0 if one.bucket is None else len(one.bucket.stories.stories) for one in call) for call in calls]
    assert max(stories) < LIMIT + 40
    assert max(len(call) for call in calls) <= LIMIT
    whole = Engine(0, Config()).process(blamed)
    assert alerts_of(outputs) == alerts_of(whole)


def test_what_is_known_of_a_surge_is_made_once_at_the_close_of_a_bucket_that_is_looked_at_and_told_of(
    blamed: list[Record],
) -> None:
    made: list[tuple[str, int]] = []
    closed: list[ClosedBucket] = []

    def counted(brand: Brand, names: Iterable[str]) -> SurgeSaid:
        made.append((brand.name, len(closed)))
        return said_in_surge(brand, names)

    with mock.patch.object(brand_alert, "said_in_surge", counted):
        outputs = Engine(0, Config(), observe=closed.append).process(blamed)
    assert [alert for alert in outputs.alerts if alert.transition == "updated"]
    assert len(made) == len(set(made))
