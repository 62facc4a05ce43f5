"""Stores and hubs for tests: real ones, filled with the examples of the contracts and made-up activity."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from pipeline.config.load import load_config
from pipeline.config.model import Config
from pipeline.config.settings import Settings
from pipeline.hub.access import Access
from pipeline.hub.context import Hub, Line
from pipeline.hub.feedback import Clock, StoreSink
from pipeline.hub.guard import TokenBucket
from pipeline.hub.live import Live
from pipeline.hub.metrics import HubMetrics
from pipeline.hub.store.reader import Reader
from pipeline.hub.store.writer import Incoming, Writer
from schemas.activity import Activity, Scores, Thresholds, Usual
from schemas.alert import Alert, decode_alert
from schemas.moments import moment

EXAMPLES = Path(__file__).parents[3] / "schemas" / "examples" / "alert" / "v1" / "valid"
START = 1_772_366_400
"""2026-03-01T12:00:00Z."""
DETECTED = START + 2100
HOSTILE = "<script>window.hacked=1</script><img src=x onerror=window.hacked=1>\u202e\x1b[31m=cmd()"


def alert(name: str = "english-surge-evidence", **changes: Any) -> Alert:
    """An example, changed."""
    return msgspec.structs.replace(decode_alert((EXAMPLES / f"{name}.json").read_bytes()), **changes)


def episode(number: int, *, brand: str = "acme", detected: int = DETECTED, **changes: Any) -> Alert:
    """The opening of an episode of its own, 35 minutes after its onset."""
    fields: dict[str, Any] = {
        "id": f"{number:012x}",
        "episode_id": f"{number:024x}",
        "brand": brand,
        "transition": "opened",
        "onset_time": moment(detected - 2100),
        "detected_time": moment(detected),
    }
    return alert(**(fields | changes))


def later(opened: Alert, number: int, transition: str, minutes: float, **changes: Any) -> Alert:
    """Another alert of the same episode."""
    detected = opened.detected_time + timedelta(minutes=minutes)
    return msgspec.structs.replace(
        opened, id=f"{number:012x}", transition=transition, detected_time=detected, **changes
    )


def activity(brand: str, start: int, mentions: int = 4, negatives: float = 1.0, crisis: float = 0.5) -> Activity:
    """One bucket; four mentions are normal, one of them negative."""
    return Activity(
        version=1,
        brand=brand,
        start=start,
        mentions=mentions,
        negatives=negatives,
        positives=0.0,
        reach=100,
        authors=mentions,
        expected=Usual(4.0, 1.0, 8.0, 0.25),
        scores=Scores(crisis, 0.1, 0.2),
        thresholds=Thresholds(crisis=12.0),
        config_hash="0123456789ab",
        detector="daily-maxima/3",
    )


def buckets(brand: str, first: int, count: int, **fields: Any) -> list[Activity]:
    """So many buckets in a row."""
    return [activity(brand, first + 300 * number, **fields) for number in range(count)]


CONFIG = """
[playbook]
owner = "duty"
[brands.acme]
category = "gadgets"
[brands.acme.names]
en = "Acme Gadgets"
ja = "アクメ"
[brands.bolt]
category = "gadgets"
"""


@contextmanager
def hub_in(
    folder: Path, *, line: Line | None = None, config: Config | None = None, **settings: Any
) -> Iterator[tuple[Hub, Writer]]:
    """A hub over a store of its own, and the store's writer."""
    if config is None:
        file = folder / "brands.toml"
        file.write_text(CONFIG, encoding="utf-8")
        config = load_config(file)
    live = Live()
    with Writer(folder / "store.sqlite") as writer:
        reader = Reader(writer.path)
        shown = line or Line("", 0.0, is_recording=False)
        yield (
            Hub(
                reader=reader,
                config=config,
                access=Access(Settings(**settings)),
                sink=StoreSink(writer, live.tell),
                live=live,
                metrics=HubMetrics(),
                clock=Clock(by_events=True, watermark=reader.watermark),
                line=lambda: shown,
                logins=TokenBucket(5, 0.1),
            ),
            writer,
        )
        reader.close()


def burn(writer: Writer) -> Alert:
    """One crisis of acme among two brands; its alert."""
    opened = episode(1, severity="critical", kind="crisis")
    records = buckets("acme", START - 7200, 24) + buckets("acme", START, 7, mentions=40, negatives=30.0, crisis=14.0)
    writer.apply(Incoming(alerts=[opened], activity=[*records, *buckets("bolt", START, 7)]))
    return opened
