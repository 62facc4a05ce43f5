"""Alert: one transition of one episode (topic `alerts`, version 1), complete without a second look-up."""

from __future__ import annotations

from typing import Annotated, Final, Literal, get_args

import msgspec
from msgspec import Meta

from schemas.evidence import Evidence, NonNegative, Recovery, SinceOnset, UtcDatetime
from schemas.mention import BRAND_PATTERN

Transition = Literal["opened", "updated", "escalated", "resolved"]
Kind = Literal["crisis", "sentiment_shift", "volume_surge", "high_reach_post"]
Severity = Literal["info", "warning", "critical"]
Scope = Literal["brand", "category"]
Change = Literal[
    "answer", "backfired", "cause", "joined", "news", "platform", "term", "trigger", "unanswered", "volume"
]
SuppressionReason = Literal["budget", "category", "cool_down"]

KINDS: Final[tuple[Kind, ...]] = ("crisis", "sentiment_shift", "volume_surge", "high_reach_post")
SEVERITIES: Final[tuple[Severity, ...]] = ("info", "warning", "critical")
TRANSITIONS: Final[tuple[Transition, ...]] = ("opened", "updated", "escalated", "resolved")
SCOPES: Final[tuple[Scope, ...]] = ("brand", "category")
CHANGES: Final[tuple[Change, ...]] = get_args(Change)
SUPPRESSION_REASONS: Final[tuple[SuppressionReason, ...]] = ("budget", "category", "cool_down")
MAX_ALERT_BYTES: Final = 65_536
MAX_LINK_CHARACTERS: Final = 1024

Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{12,64}\Z")]


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """The window of event time [start, end) that gave the score."""

    start: UtcDatetime
    end: UtcDatetime


class ScoreReading(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The score and the threshold that it is compared with, in the same unit.

    `meaning` says in one English sentence what is held against the score, and what the threshold tolerates.
    """

    value: float
    threshold: float
    unit: str
    meaning: str = ""


class Observed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The counts of the window, exact except for negatives where only a sample of the texts was read.

    `stories` is the number of distinct stories among the mentions. `counted` is the detector's count, in which reposts
    and copies are weighted as stories and late mentions are left out; absent where it is the number of mentions.
    """

    mentions: NonNegative
    negatives: NonNegative
    negative_share: Annotated[float, Meta(ge=0.0, le=1.0)]
    stories: Annotated[int, Meta(ge=0)] | None = None
    counted: NonNegative | None = None


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """The brand's own normal for the same window: mentions with a 95 % interval, and negative share."""

    value: NonNegative
    lower: NonNegative
    upper: NonNegative
    negative_share: Annotated[float, Meta(ge=0.0, le=1.0)]


class PlaybookStep(msgspec.Struct, frozen=True, kw_only=True):
    """One step of the playbook's checklist. Feedback of the kind `step` names it by its id."""

    id: str
    text: str


class Playbook(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The playbook: who acts, by which instructions, and by when (event time).

    `inform` is who else is told at this severity, `channel` where the team meets, `drafts` are words for an answer by
    language, filled in from the evidence: nobody has checked them.
    """

    owner: str
    link: str | None = None
    respond_by: UtcDatetime | None = None
    deputies: tuple[str, ...] = ()
    spokesperson: str | None = None
    legal_reviewer: str | None = None
    inform: tuple[str, ...] = ()
    channel: str | None = None
    steps: tuple[PlaybookStep, ...] = ()
    drafts: dict[str, str] = {}


class SuppressedOpening(msgspec.Struct, frozen=True, kw_only=True):
    """An episode that would have opened at the configured threshold, and did not."""

    time: UtcDatetime
    kind: Kind
    score: float
    reason: SuppressionReason


class Suppressed(msgspec.Struct, frozen=True, kw_only=True):
    """The openings suppressed since the last alert with the same key: their number, and the last of each kind."""

    count: Annotated[int, Meta(ge=1)]
    recent: tuple[SuppressedOpening, ...]


class Member(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A brand of a category that moves, with its maximum score of the alert's kind since the category's episode opened.

    `episode_id` is the brand's own open episode of that kind, if it has one.
    """

    brand: Annotated[str, Meta(pattern=BRAND_PATTERN)]
    score: float
    episode_id: Digest | None = None


class Alert(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One transition of one episode.

    `id` is a hash of what the alert is about, the same after any crash or replay; `episode_id` is shared by all
    transitions of an episode, `incident_id` by all episodes of one event: the key to deduplicate a pager by.
    `onset_time` and `detected_time` are event time: the likeliest start of the excess that fired the alarm, within
    `onset_interval`, and the end of the bucket at whose close it was detected. `contributions` sum to `score.value`.
    With the scope `category` the alert is about a move that the brands of a category have in common: `brand` and the
    record's key are then the category, and `members` lists the brands. `headline` says it in one sentence, in the
    brand's language; `since_onset` is the same stretch in every alert of an episode, where the window is not. `changes`
    says what an update is about: it has become part of another episode (`joined`), the mentions of an hour have doubled
    (`volume`), there is another cause, top term, trigger or platform, a first item in the `news`, an `answer` of the
    brand, or one after which the negative mentions rose (`backfired`). An escalation that is `unanswered` says that
    nobody acted in time. `recovery` is part of resolved alerts. `links` are addresses as configured, by name.
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
    scope: Scope = "brand"
    category: Annotated[str, Meta(pattern=BRAND_PATTERN)] | None = None
    category_episode_id: Digest | None = None
    members: tuple[Member, ...] = ()
    suppressed: Suppressed | None = None
    incident_id: Digest | None = None
    related_episode_ids: tuple[Digest, ...] = ()
    onset_interval: Window | None = None
    headline: str = ""
    since_onset: SinceOnset | None = None
    changes: tuple[str, ...] = ()
    recovery: Recovery | None = None
    links: dict[str, str] = {}


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(Alert)


def encode_alert(alert: Alert) -> bytes:
    """The alert as JSON, UTF-8. Equal alerts give equal bytes.

    Raises:
        ValueError: the alert is larger than MAX_ALERT_BYTES; the bounds on evidence exclude that.
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


DEFAULT_SOURCE: Final = "/tocsin"


def alert_headers(alert: Alert, source: str = DEFAULT_SOURCE) -> list[tuple[str, bytes]]:
    """CloudEvents 1.0 attributes for the Kafka headers (binary content mode), `severity` as an extension of them.

    `source` is a URI reference that names the installation: with the id it is unique.
    """
    return [
        ("ce_specversion", b"1.0"),
        ("ce_id", alert.id.encode()),
        ("ce_source", source.encode()),
        ("ce_type", f"tocsin.alert.{alert.kind}.{alert.transition}.v1".encode()),
        ("ce_time", alert.detected_time.isoformat().replace("+00:00", "Z").encode()),
        ("ce_subject", alert.brand.encode()),
        ("ce_severity", alert.severity.encode()),
        ("content-type", b"application/json"),
    ]
