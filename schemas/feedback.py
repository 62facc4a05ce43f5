"""Feedback: what people say and do about an episode (topic `alert-feedback`, version 1)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal, TypedDict, Unpack

import msgspec
from msgspec import Meta

from schemas.alert import Alert, Digest
from schemas.identity import identified
from schemas.mention import BRAND_PATTERN, EARLIEST_EVENT_TIME, LATEST_EVENT_TIME
from schemas.partitioning import partition_of

FeedbackKind = Literal["acknowledged", "answer", "label", "note", "step"]
Label = Literal["false", "true", "unsure"]

FEEDBACK_KINDS: Final[tuple[FeedbackKind, ...]] = ("acknowledged", "answer", "label", "note", "step")
LABELS: Final[tuple[Label, ...]] = ("false", "true", "unsure")
MAX_FEEDBACK_BYTES: Final = 32_768
"""No record is larger: the longest fields with every character escaped."""


class Feedback(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing said or done about an episode: who, when, what.

    `brand` and `category` are those of the alert. `time` is when it was said, of an answer when it was published.
    `acknowledged`: somebody acts. `answer`: the brand has answered in public, at `url`. `label`: whether the alarm was
    right. `note`: words for the record. `step`: a step of the playbook is done.

    Raises:
        ValueError: a label without `label`, a step without `step`, a note without `note`; a time of no mention.
    """

    version: Literal[1]
    id: Digest
    episode_id: Digest
    brand: Annotated[str, Meta(pattern=BRAND_PATTERN)]
    kind: FeedbackKind
    time: Annotated[datetime, Meta(tz=True)]
    author: Annotated[str, Meta(min_length=1, max_length=128)]
    note: Annotated[str, Meta(max_length=2000)] | None = None
    label: Label | None = None
    url: Annotated[str, Meta(pattern=r"^https?://", max_length=2048)] | None = None
    language: Annotated[str, Meta(max_length=35)] | None = None
    step: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}\Z")] | None = None
    category: Annotated[str, Meta(pattern=BRAND_PATTERN)] | None = None

    def __post_init__(self) -> None:
        missing = {"label": self.label is None, "step": self.step is None, "note": not self.note}
        if missing.get(self.kind):
            raise ValueError(f"expected the field {self.kind!r} in feedback of this kind, got none")
        if not EARLIEST_EVENT_TIME <= self.time.timestamp() < LATEST_EVENT_TIME:
            raise ValueError(f"the field 'time' must lie in the years 2000 to 2199 (UTC), got {self.time.isoformat()}")


class Said(TypedDict, total=False):
    """What feedback may say beside who, when and about what."""

    note: str | None
    label: Label | None
    url: str | None
    language: str | None
    step: str | None


def new_feedback(alert: Alert, kind: FeedbackKind, *, author: str, time: datetime, **said: Unpack[Said]) -> Feedback:
    """Feedback about an alert's episode. Its id is a hash of all the rest: the same said twice is one.

    Raises:
        msgspec.ValidationError: a field breaks a rule of the record.
    """
    fields = {
        "version": 1,
        "episode_id": alert.episode_id,
        "brand": alert.brand,
        "category": alert.category,
        "kind": kind,
        "time": time.isoformat(),
        "author": author,
        **{name: value or None for name, value in sorted(said.items())},
    }
    return identified(fields, Feedback)


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(Feedback)


def encode_feedback(feedback: Feedback) -> bytes:
    """The record's value as JSON, UTF-8. Equal feedback gives equal bytes."""
    return _encoder.encode(feedback)


def decode_feedback(value: bytes) -> Feedback:
    """The feedback in a record's value.

    Raises:
        msgspec.DecodeError: not JSON; msgspec.ValidationError (a subclass): JSON, but not feedback of version 1, or of
            more than MAX_FEEDBACK_BYTES.
    """
    if len(value) > MAX_FEEDBACK_BYTES:
        raise msgspec.ValidationError(f"expected at most {MAX_FEEDBACK_BYTES:,} bytes, got {len(value):,}")
    return _decoder.decode(value)


def feedback_key(feedback: Feedback) -> bytes:
    """The record's key: what a later record replaces.

    An acknowledgement and a label replace the one before of the same episode, a step itself; notes and answers stay.
    """
    what = {"step": feedback.step, "note": feedback.id, "answer": feedback.id}.get(feedback.kind)
    return ":".join(filter(None, (feedback.episode_id, feedback.kind, what))).encode()


def feedback_partition(feedback: Feedback, partitions: int) -> int:
    """The partition of the record, of as many: where the worker has the brand and its episode."""
    return partition_of((feedback.category or feedback.brand).encode(), partitions)
