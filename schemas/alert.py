"""Alert: one transition of one episode (topic `alerts`, version 1), complete enough to need no second look-up."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from schemas.mention import BRAND_PATTERN

Transition = Literal["opened", "updated", "escalated", "resolved"]
Kind = Literal["crisis", "sentiment_shift", "volume_surge"]
Severity = Literal["info", "warning", "critical"]

KINDS: Final[tuple[Kind, ...]] = ("crisis", "sentiment_shift", "volume_surge")
SEVERITIES: Final[tuple[Severity, ...]] = ("info", "warning", "critical")
TRANSITIONS: Final[tuple[Transition, ...]] = ("opened", "updated", "escalated", "resolved")
MAX_ALERT_BYTES: Final = 65_536

UtcDatetime = Annotated[datetime, Meta(tz=True)]
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{12,64}\Z")]
NonNegative = Annotated[float, Meta(ge=0.0)]


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """The stretch of event time that gave the score: [start, end)."""

    start: UtcDatetime
    end: UtcDatetime


class ScoreReading(msgspec.Struct, frozen=True, kw_only=True):
    """The score and the threshold it is held against, in the same unit."""

    value: float
    threshold: float
    unit: str


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """What was counted in the window. Counts are recency-weighted sums for windows longer than one bucket."""

    mentions: NonNegative
    negatives: NonNegative
    negative_share: Annotated[float, Meta(ge=0.0, le=1.0)]


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What this brand's own normal says for the same window: mentions with a 95 % interval, and negative share."""

    value: NonNegative
    lower: NonNegative
    upper: NonNegative
    negative_share: Annotated[float, Meta(ge=0.0, le=1.0)]


class Post(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One post that speaks for the episode. The text is cut and free of control characters."""

    id: str
    excerpt: str
    platform: str
    event_time: UtcDatetime
    lang: str | None = None
    author: str | None = None
    followers: int | None = None
    reach: int | None = None
    url: str | None = None


class Evidence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the bucket at detection consisted of. `other` collects what the bounded tables left out."""

    posts: tuple[Post, ...] = ()
    platforms: dict[str, int] = {}
    languages: dict[str, int] = {}
    authors: int = 0
    reposts: int = 0
    reach: int = 0


class Playbook(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who acts, by which instructions, and by when (event time)."""

    owner: str
    link: str | None = None
    respond_by: UtcDatetime | None = None


class Alert(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One transition of one episode.

    `id` is a hash of what the alert is about, the same after any crash or replay; `episode_id` is shared by all
    transitions of an episode and is the key to deduplicate a pager by. `onset_time` and `detected_time` are event
    time: the start of the window that gave the evidence, and the end of the bucket at whose close it was seen.
    `contributions` sum to `score.value`.
    """

    version: Literal[1]
    id: Digest
    episode_id: Digest
    parent_episode_id: Digest | None = None
    transition: Transition
    kind: Kind
    severity: Severity
    brand: Annotated[str, Meta(pattern=BRAND_PATTERN)]
    onset_time: UtcDatetime
    detected_time: UtcDatetime
    window: Window
    score: ScoreReading
    observed: Observed
    expected: Expected
    contributions: dict[str, float]
    evidence: Evidence
    playbook: Playbook | None = None
    config_hash: Digest
    detector: str


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(Alert)


def encode_alert(alert: Alert) -> bytes:
    """The alert as JSON, UTF-8. Equal alerts give equal bytes.

    Raises:
        ValueError: the alert is larger than MAX_ALERT_BYTES, which the bounds on evidence exclude.
    """
    value = _encoder.encode(alert)
    if len(value) > MAX_ALERT_BYTES:
        raise ValueError(f"expected an alert of at most {MAX_ALERT_BYTES} bytes, got {len(value)}: alert {alert.id}")
    return value


def decode_alert(value: bytes) -> Alert:
    """The alert in a record's value.

    Raises:
        msgspec.DecodeError: not JSON; msgspec.ValidationError (a subclass): JSON, but not an alert of version 1.
    """
    return _decoder.decode(value)


def alert_headers(alert: Alert) -> list[tuple[str, bytes]]:
    """CloudEvents 1.0 attributes for the Kafka headers (binary content mode)."""
    return [
        ("ce_specversion", b"1.0"),
        ("ce_id", alert.id.encode()),
        ("ce_source", b"/tocsin"),
        ("ce_type", f"tocsin.alert.{alert.kind}.{alert.transition}.v1".encode()),
        ("ce_time", alert.detected_time.isoformat().replace("+00:00", "Z").encode()),
        ("ce_subject", alert.brand.encode()),
        ("content-type", b"application/json"),
    ]
