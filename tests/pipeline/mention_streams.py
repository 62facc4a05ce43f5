"""Streams of mentions for tests: seeded, with every kind of trouble that a topic brings."""

from __future__ import annotations

import json
import random

from pipeline.engine.records import FEEDBACK_HEADER, FEEDBACK_OFFSET_HEADER, TICK_HEADER, Outputs, Record
from schemas.alert import encode_alert
from schemas.feedback import Feedback, encode_feedback
from schemas.moments import moment

START = 1_767_225_600
"""2026-01-01T00:00:00Z, a multiple of the bucket."""


def mention(
    *,
    brand: str = "acme",
    id: str = "1",  # noqa: A002 - the name of the field
    text: str = "the parcel has arrived",
    at: float = START,
    platform: str = "x",
    **fields: object,
) -> bytes:
    """A mention as JSON; fields that are None are left out."""
    event_time = moment(at).isoformat()
    document = {"id": id, "brand": brand, "text": text, "event_time": event_time, "platform": platform} | fields
    return json.dumps({name: value for name, value in document.items() if value is not None}).encode()


def record(offset: int, value: bytes | None, key: bytes | None = b"acme", timestamp: int | None = None) -> Record:
    """A record whose Kafka timestamp is far enough on for every event time of these tests."""
    return Record(offset, timestamp or (START + 400 * 86_400) * 1000, key, value)


def tick(offset: int, at: float) -> Record:
    """A tick record: event time has passed."""
    return Record(offset, (START + 400 * 86_400) * 1000, None, None, ((TICK_HEADER, str(int(at * 1000)).encode()),))


def feedback_record(offset: int, feedback: Feedback, place: int = 0) -> Record:
    """Feedback as the worker brings it into the log, from this offset of its own topic."""
    headers = ((FEEDBACK_HEADER, encode_feedback(feedback)), (FEEDBACK_OFFSET_HEADER, str(place).encode()))
    return Record(offset, (START + 400 * 86_400) * 1000, None, None, headers)


def troubled_stream(seed: int, *, hours: int = 34, crisis_at: int = 28, per_hour: float = 3.0) -> list[Record]:
    """Three brands for so many hours: one falls into a crisis, one is praised as loudly; with duplicates, disorder,
    late mentions, ticks, garbage, foreign keys and trusted sentiment in between."""
    r = random.Random(seed)
    drafts: list[tuple[float, str, float | None]] = []
    for hour in range(hours):
        for brand in ("acme", "bolt", "cora"):
            burst = hour >= crisis_at and hour < crisis_at + 3 and brand != "cora"
            for _ in range(int(r.expovariate(1 / per_hour)) + (60 if burst else 0)):
                negative = r.random() < (0.8 if burst and brand == "acme" else 0.12)
                drafts.append(
                    (
                        START + hour * 3600 + r.random() * 3600,
                        brand,
                        r.uniform(-1, -0.4) if negative else r.uniform(0, 1),
                    )
                )
    drafts.sort()
    records: list[Record] = []
    for n, (at, brand, sentiment) in enumerate(drafts):
        late = r.random()
        shown = at - (200 if late < 0.05 else 4000 if late < 0.06 else 0)
        text = r.choice(["parcel arrived", "terrible service, refund now", "love it", "最悪だ", "很好用", ""])
        value = mention(
            brand=brand,
            id=f"m{n if r.random() > 0.03 else max(n - 1, 0)}",
            text=text,
            at=shown,
            sentiment=sentiment if r.random() < 0.7 else None,
            repost_of="m1" if r.random() < 0.1 else None,
            author={"id": f"a{r.randrange(50)}", "followers": r.randrange(10_000)} if r.random() < 0.5 else None,
        )
        records.append(record(len(records), value, brand.encode()))
        trouble = r.random()
        if trouble < 0.01:
            records.append(record(len(records), b"\xff garbage"))
        elif trouble < 0.02:
            records.append(record(len(records), value, b"somebody-else"))
        elif trouble < 0.03:
            records.append(tick(len(records), at))
    records.append(tick(len(records), START + (hours + 2) * 3600))
    return records


def alerts_of(outputs: Outputs) -> list[tuple[bytes | None, bytes | None]]:
    """Key and bytes of each alert."""
    return [(alert.brand.encode(), encode_alert(alert)) for alert in outputs.alerts]
