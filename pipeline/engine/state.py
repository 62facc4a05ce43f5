"""State records of the brand-state topic: versioned MessagePack, one record per thing that changes on its own.

    <brand>            detector, episodes and posts: changes when a bucket of the brand closes
    <brand>#open       its open buckets: change with every mention (a tombstone when none is open)
    #category/<name>   episodes of a category: change while one of them is open
    #sentiment/<name>  a chunk of a language's model
    #checkpoint        offset, event time and the feed: always the last record of a transaction
    #migrated          the next generation of the state, to which all of this was moved; nobody goes on from here

'#' cannot occur in a brand. Splitting the record keeps a checkpoint as small as what changed.
"""

from __future__ import annotations

from typing import Final

import msgspec

from detectors.brand.pooled_tail import TailState
from detectors.registry import DEFAULT
from pipeline.engine.buckets.background import Background
from pipeline.engine.buckets.closed_counts import RecentCounts
from pipeline.engine.buckets.feed_gaps import Feed
from pipeline.engine.buckets.late import LateCounts
from pipeline.engine.buckets.open_bucket import OpenBucket
from pipeline.engine.buckets.posts import PostRecord
from pipeline.engine.buckets.sampling import LabelCounts
from pipeline.engine.buckets.story_memory import StoryMemory
from pipeline.engine.buckets.surge import Surge
from pipeline.engine.buckets.window_tables import WindowTables
from pipeline.engine.episodes.before import Before
from pipeline.engine.episodes.episode import Episode
from pipeline.engine.episodes.past import PastEpisode
from pipeline.errors import StateError
from schemas.alert import KINDS

VERSION: Final = 2
CHECKPOINT_KEY: Final = b"#checkpoint"
CATEGORY_PREFIX: Final = b"#category/"
MIGRATED_KEY: Final = b"#migrated"
SENTIMENT_PREFIX: Final = b"#sentiment/"
OPEN_SUFFIX: Final = b"#open"


class BrandRecord(msgspec.Struct, array_like=True, gc=False):
    """Detector, an episode per kind in the order of KINDS, posts, stories, counts, normal before, tables of the day.

    `late` are the late mentions of the day, `background` what is usual, `surge` what is gathered while it is not, and
    `past` the last episodes that have ended; `news` are the last negative news items of the day.
    `model` is the snapshot of the detector that `detector` names (detectors.registry.Entry.key), as it is: another
    detector cannot read it, and takes over no more than `last_bucket`.
    """

    version: int
    model: msgspec.Raw
    episodes: list[Episode]
    negative_posts: list[PostRecord]
    top_posts: list[PostRecord]
    last: tuple[float, float, float, float]
    stories: StoryMemory = msgspec.field(default_factory=StoryMemory)
    recent: RecentCounts = msgspec.field(default_factory=RecentCounts)
    detector: str = DEFAULT
    last_bucket: int = -1
    before: Before | None = None
    tables: WindowTables = msgspec.field(default_factory=WindowTables)
    late: LateCounts = msgspec.field(default_factory=LateCounts)
    background: Background | None = None
    surge: Surge | None = None
    past: tuple[PastEpisode, ...] = ()
    news: list[PostRecord] = []


class OpenRecord(msgspec.Struct, array_like=True, gc=False):
    """Open buckets by index."""

    version: int
    buckets: dict[int, OpenBucket]


class CategoryRecord(msgspec.Struct, array_like=True, kw_only=True):
    """A category: one episode state per kind, and per kind the greatest score of each member in the open one.

    `past` are the last episodes of its members that have ended.
    """

    version: int = VERSION
    episodes: list[Episode]
    peaks: list[dict[str, float]]
    past: tuple[PastEpisode, ...] = ()


class Checkpoint(msgspec.Struct, array_like=True):
    """Where the partition stands: everything below `next_offset` is in the state, everything from it on is not.

    `tail` is the pooled tail of the default detector, `other_tails` those of the others by their key. `partitions`
    are those of the topic, by which keys have come here; 0 where that was not known. `topic_ids` are the ids of the
    topics that it was written for, by name in the catalogue; empty where they are not known. `since` is the event time
    of the first mention; 0 where that is not known, and long ago. `feedback_offset` is the first one of alert-feedback
    that has not come in the log of mentions.
    """

    version: int
    next_offset: int = 0
    event_time: float = 0.0
    last_timestamp: int = 0
    next_bucket: int = -1
    rejected_in_a_row: int = 0
    feed: Feed = msgspec.field(default_factory=Feed)
    tail: TailState = msgspec.field(default_factory=TailState)
    labels: LabelCounts = msgspec.field(default_factory=LabelCounts)
    other_tails: dict[str, TailState] = msgspec.field(default_factory=dict)
    partitions: int = 0
    topic_ids: dict[str, str] = msgspec.field(default_factory=dict)
    since: float = 0.0
    feedback_offset: int = 0


_encoder: Final = msgspec.msgpack.Encoder()
encode = _encoder.encode

_decode_brand: Final = msgspec.msgpack.Decoder(BrandRecord).decode
_decode_open: Final = msgspec.msgpack.Decoder(OpenRecord).decode
_decode_category: Final = msgspec.msgpack.Decoder(CategoryRecord).decode
_decode_checkpoint: Final = msgspec.msgpack.Decoder(Checkpoint).decode


def encode_open(buckets: dict[int, OpenBucket]) -> bytes:
    """The open buckets of one brand, oldest first."""
    return encode(OpenRecord(VERSION, dict(sorted(buckets.items()))))


def decode_brand(key: bytes, value: bytes) -> BrandRecord:
    """A brand's record. Raises StateError when it cannot be read."""
    try:
        record = _decode_brand(value)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise unreadable(key, error) from None
    _check_version(key, record.version)
    if len(record.episodes) > len(KINDS):
        raise unreadable(key, ValueError(f"{len(record.episodes)} episodes"))
    return record


def decode_open(key: bytes, value: bytes) -> OpenRecord:
    """A brand's open buckets. Raises StateError when they cannot be read."""
    try:
        record = _decode_open(value)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise unreadable(key, error) from None
    _check_version(key, record.version)
    return record


def decode_category(key: bytes, value: bytes) -> CategoryRecord:
    """A category's record. Raises StateError when it cannot be read."""
    try:
        record = _decode_category(value)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise unreadable(key, error) from None
    _check_version(key, record.version)
    if len(record.episodes) > len(KINDS) or len(record.peaks) != len(record.episodes):
        raise unreadable(key, ValueError(f"{len(record.episodes)} episodes and {len(record.peaks)} tables of peaks"))
    return record


def decode_checkpoint(key: bytes, value: bytes) -> Checkpoint:
    """A partition's checkpoint. Raises StateError when it cannot be read."""
    try:
        record = _decode_checkpoint(value)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise unreadable(key, error) from None
    _check_version(key, record.version)
    return record


def _check_version(key: bytes, version: int) -> None:
    if version != VERSION:
        raise unreadable(key, ValueError(f"version {version}"))


def unreadable(key: bytes, error: Exception) -> StateError:
    """The error for a record of the state topic that cannot be restored, with the way out."""
    return StateError(
        f"state record {key[:80].decode('utf-8', 'replace')!r}: expected state of version {VERSION}, got {error}; "
        "run the version that wrote it, or delete the brand-state topic and reset the consumer group to rebuild the "
        "state from the mentions topic"
    )
