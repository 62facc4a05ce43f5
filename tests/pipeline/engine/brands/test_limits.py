"""What is promised of sizes: memory of a brand, state records and alerts, whatever the mentions look like."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from detectors.registry import Entry
from pipeline.config.model import BrandSection, Config, ConfigFile, EngineConfig
from pipeline.config.playbooks import PlaybookConfig
from pipeline.engine.brands.cache import BrandCache
from pipeline.engine.buckets.late import MOST_LATE
from pipeline.engine.engine import Engine
from pipeline.worker.transaction import MAX_STATE_BYTES
from schemas.alert import MAX_ALERT_BYTES, encode_alert
from tests.pipeline.mention_streams import START, mention, record, tick

DAY = 86_400
GREATEST_REST = 3072


def parts(root: object, shared: set[int]) -> Iterator[object]:
    """Every object that only `root` holds, once."""
    seen = set(shared)
    waiting: list[Any] = [root]
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, type | BrandCache | Entry):
            continue
        seen.add(id(one))
        yield one
        if isinstance(one, dict):
            waiting += [*one, *one.values()]
        elif isinstance(one, list | tuple):
            waiting += one
        else:
            names: tuple[str, ...] = getattr(one, "__struct_fields__", ()) or getattr(one, "__slots__", ())
            waiting += [getattr(one, name) for name in names if hasattr(one, name)]


def size_of(brand: object) -> int:
    """Bytes of a brand's objects and of the headers that the garbage collector puts before containers."""
    return sum(sys.getsizeof(part) for part in parts(brand, set()))


def busy_engine(days: int) -> Engine:
    engine = Engine(0, Config())
    records = [
        record(
            n,
            mention(
                id=f"post-{n}",
                text=f"{n} is a number in a text that is long enough to be remembered as a story",
                at=START + n * 900,
                sentiment=-0.7 if n % 5 == 0 else 0.4,
                author={"id": f"author-{n}", "followers": n},
            ),
        )
        for n in range(days * 96)
    ]
    engine.process(records)
    return engine


def test_a_brand_at_rest_takes_at_most_three_kibibytes() -> None:
    """With all it has learned in three weeks: its normal, its extremes, its usual words, three episodes."""
    engine = busy_engine(21)
    lively = size_of(engine._state.brands["acme"])
    engine.process([tick(21 * 96, START + 23 * DAY)])
    resting = size_of(engine._state.brands["acme"])
    assert resting <= GREATEST_REST
    assert resting < lively


def hostile(n: int, at: float, **fields: Any) -> bytes:
    """A mention with everything as large as it may be."""
    return mention(
        id=f"{n}".ljust(256, "\U0001f525"),
        text=f"{n}" + "\U0001f525" * 300,
        at=at,
        platform=f"{n}".ljust(64, "p"),
        lang="en-" + "abcdefgh-" * 3 + "abcde",
        author={"id": f"{n}".ljust(256, "\U0001f525"), "followers": 2_000_000_000 + n},
        url="https://example.org/" + "u" * 2000,
        channel="news",
        reach=1_000_000_000 + n,
        **fields,
    )


@pytest.mark.parametrize("repeated", [False, True])
def test_the_worst_brand_fits_into_one_state_record(repeated: bool) -> None:
    """The greatest memory of ids, spread over the open buckets, all tables of stories and posts full, late ones too."""
    limit = 20_000
    engine = Engine(0, Config(ConfigFile(engine=EngineConfig(max_ids_per_brand=limit, allowed_lateness_seconds=3600))))
    records = [
        record(n, hostile(n, START + n % 12 * 300, repost_of=f"{n % 3000}".ljust(256, "r") if repeated else None))
        for n in range(limit + 2000)
    ]
    late = range(len(records), len(records) + 2 * MOST_LATE)
    records += [record(n, hostile(n, START - 3600, sentiment=-1.0)) for n in late]
    engine.process(records)
    assert engine.stats.late == 2 * MOST_LATE
    largest = max(len(value) for _, value in engine.snapshot() if value is not None)
    assert engine.stats.duplicates_unchecked > 0
    assert 200_000 < largest < MAX_STATE_BYTES * 95 // 100
    engine.process([tick(len(records), START + 3 * 3600)])
    closed = {key: value for key, value in engine.snapshot() if value is not None}
    assert len(closed[b"acme"]) < 64_000


def test_the_largest_alert_fits_into_its_limit() -> None:
    """Hostile posts, stories and a long playbook, as they come out of an engine."""
    playbook = PlaybookConfig(owner="\U0001f525" * 200, link="https://example.org/" + "l" * 2000)
    quiet = [record(n, hostile(n, START + n * 1800, sentiment=0.5)) for n in range(96)]
    at = START + 2 * DAY
    loud = [
        record(96 + n, hostile(96 + n, at + n, sentiment=-1.0, repost_of=f"{n % 9}".ljust(256, "\U0001f525")))
        for n in range(900)
    ]
    engine = Engine(0, Config(ConfigFile(brands={"acme": BrandSection(playbook=playbook)})))
    alerts = engine.process([*quiet, *loud, tick(996, at + DAY)]).alerts
    assert alerts
    sizes = [len(encode_alert(alert)) for alert in alerts]
    assert 5_000 < max(sizes) <= MAX_ALERT_BYTES
