"""Activity: what the detector saw in one bucket of one brand (topic `brand-activity`, version 1).

A record is made when a bucket is scored: one in which the brand was mentioned, and every one while an episode of it is
open, except in a gap of the whole feed. So a bucket without a record is one without a mention.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from schemas.alert import Digest
from schemas.evidence import NonNegative
from schemas.mention import BRAND_PATTERN

ActivityChoice = Literal["all", "burning", "off"]
"""Of which closed buckets there is a record."""
MAX_ACTIVITY_BYTES: Final = 4096
"""No record is larger: the longest names with the longest numbers take half of it."""

Count = Annotated[int, Meta(ge=0)]


class Usual(msgspec.Struct, frozen=True, gc=False):
    """The brand's own normal for the bucket: mentions with a 95 % interval, and negative share."""

    value: NonNegative
    lower: NonNegative
    upper: NonNegative
    negative_share: Annotated[float, Meta(ge=0.0, le=1.0)]


class Scores(msgspec.Struct, frozen=True, gc=False):
    """The score of each kind of episode that is scored by counts, in deviations above the ordinary daily maximum."""

    crisis: float
    sentiment_shift: float
    volume_surge: float


class Thresholds(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The configured score at which an episode of each kind opens; absent where the kind is muted."""

    crisis: float | None = None
    sentiment_shift: float | None = None
    volume_surge: float | None = None


class Activity(msgspec.Struct, frozen=True, omit_defaults=True):
    """One closed bucket of one brand: counts, what is normal, scores, and the episodes that are open after it.

    `start` is in Unix seconds; the bucket is the five minutes from there. `negatives` and `positives` are fractions
    where only a sample of the texts was read. `counted` and `counted_negatives` are the detector's counts, copies
    weighed down; absent where they are `mentions` and `negatives`. `expected` is, while an episode is open, what was
    normal at its onset. `warming_up` says that too little is known of the brand to score it. `episodes` holds the ids
    of open episodes by kind.
    """

    version: Literal[1]
    brand: Annotated[str, Meta(pattern=BRAND_PATTERN)]
    start: int
    mentions: Count
    negatives: NonNegative
    positives: NonNegative
    reach: Count
    authors: Count
    expected: Usual
    scores: Scores
    thresholds: Thresholds
    config_hash: Digest
    detector: str
    warming_up: bool = False
    episodes: dict[str, Digest] = {}
    counted: NonNegative | None = None
    counted_negatives: NonNegative | None = None


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(Activity)


def encode_activity(activity: Activity) -> bytes:
    """The record's value as JSON, UTF-8. Equal records give equal bytes."""
    return _encoder.encode(activity)


def decode_activity(value: bytes) -> Activity:
    """The activity in a record's value.

    Raises:
        msgspec.DecodeError: not JSON; msgspec.ValidationError (a subclass): JSON, but not an activity of version 1.
    """
    return _decoder.decode(value)
