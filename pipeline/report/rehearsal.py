"""What other settings would have said of the same mentions: the engine once more, with lower thresholds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec

from pipeline.config.model import BrandSection, Config
from pipeline.inspection.lives import Life, lives
from pipeline.kafka.partitioning import partition_of_brand
from pipeline.replay import Inputs, Replay
from pipeline.report.held import ALARMING
from pipeline.report.review import Review, Setting
from schemas.alert import Kind


class Knob(NamedTuple):
    """The setting that decides when a kind of episode opens, what it is multiplied by, and its legal values."""

    key: str
    factors: tuple[float, ...]
    least: float
    most: float


KNOBS: Final[Mapping[Kind, Knob]] = MappingProxyType(
    {
        "crisis": Knob("false_alarms_per_brand_year", (1.0, 4.0, 12.0), 0.01, 100.0),
        "sentiment_shift": Knob("sentiment_shift_threshold", (1.0, 0.8, 0.6), 1.0, 100.0),
        "volume_surge": Knob("volume_surges_per_brand_year", (1.0, 2.0, 4.0), 0.1, 100.0),
        "high_reach_post": Knob("high_reach_posts_per_brand_year", (1.0, 4.0, 12.0), 0.0, 100.0),
    }
)
"""The first factor is 1: as configured."""


def rehearse(
    inputs: Inputs, config: Config, found: Review, on_progress: Callable[[float], None] | None = None
) -> tuple[Setting, ...]:
    """Run recorded mentions through the engine with the brand's setting as it is, and with lower thresholds.

    Args:
        inputs: read once; what is dated a day after the review's end is passed over.
        config: that holds.
        found: the review of the episode.
        on_progress: called with the size of each batch.
    """
    knob = KNOBS[found.kind]
    asked = float(getattr(config.brand(found.brand).detection, knob.key))
    tried = [round(min(max(asked * factor, knob.least), knob.most), 3) for factor in knob.factors]
    values = list(dict.fromkeys(tried))
    partition = partition_of_brand(config, found.brand.encode(), inputs.partitions)
    now = found.known_until + timedelta(days=1)  # not the wall clock: the same input gives the same report
    runs = [
        Replay(
            _with(config, found.brand, knob.key, value),
            partitions=inputs.partitions,
            now=now,
            only=None if inputs.has_rows else partition,
        )
        for value in values
    ]
    for batch in inputs.batches:
        for run in runs:
            run.take(batch)
        if on_progress:
            on_progress(len(batch))
    told = [lives(alert for alert in run.end(flush=True).alerts if alert.brand == found.brand) for run in runs]
    matches = [_match(some, found) for some in told]
    first = matches[0].opened if matches[0] is not None else None
    return tuple(
        Setting(
            key=knob.key,
            value=value,
            opened=None if match is None else match.opened,
            minutes_earlier=None
            if match is None or first is None
            else round((first - match.opened).total_seconds() / 60.0, 1),
            other_episodes=sum(one.kind in ALARMING and one is not match for one in some),
        )
        for value, match, some in zip(values, matches, told, strict=True)
    )


def _with(config: Config, brand: str, key: str, value: float) -> Config:
    section = config.file.brands.get(brand, BrandSection())
    changed = msgspec.structs.replace(section, detection={**section.detection, key: value})
    return Config(msgspec.structs.replace(config.file, brands={**config.file.brands, brand: changed}))


def _match(told: list[Life], found: Review) -> Life | None:
    """The first episode of this kind that was open while the reviewed one was, or a day before it."""
    begin, end = found.onset - timedelta(days=1), found.resolved or found.known_until
    return next(
        (
            one
            for one in told
            if one.kind == found.kind and one.opened < end and (one.resolved is None or one.resolved > begin)
        ),
        None,
    )
