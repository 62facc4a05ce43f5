"""Observation: the counts of one brand in one time bucket."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from schemas.mention import BRAND_PATTERN

BUCKET_SECONDS: Final = 300
"""Length of a bucket, five minutes: with shorter ones detection was no faster, because evidence sets the delay."""
BUCKETS_PER_HOUR: Final = 12
BUCKETS_PER_DAY: Final = 288


class Observation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One closed bucket of one brand; also the row of aggregated history that `replay` reads.

    `start` is in Unix seconds, a multiple of `size_seconds`; the bucket is [start, start + size_seconds).
    `negatives` and `positives` may be fractions: they are estimates where only a sample of the texts was scored.
    """

    brand: Annotated[str, Meta(pattern=BRAND_PATTERN)]
    start: int
    size_seconds: Annotated[int, Meta(gt=0)] = BUCKET_SECONDS
    mentions: Annotated[int, Meta(ge=0)]
    negatives: Annotated[float, Meta(ge=0.0)]
    positives: Annotated[float, Meta(ge=0.0)] = 0.0
    reach: Annotated[int, Meta(ge=0)] = 0
    authors: Annotated[int, Meta(ge=0)] = 0
    reposts: Annotated[int, Meta(ge=0)] = 0
