"""Reasons why a record is refused: a closed list of codes, so that people and programs can route on them."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Reason code of a dead letter: header `tocsin-reason` and metric label. Codes are added, never renamed."""

    TOMBSTONE = "tombstone"
    """A record without a value: the mentions topic has no deletions."""
    MISSING_KEY = "missing_key"
    """No record key, or an empty one: the key must be the brand."""
    TOO_LARGE = "too_large"
    """More bytes than a mention may have."""
    INVALID_UTF8 = "invalid_utf8"
    """The value is not UTF-8."""
    MALFORMED_JSON = "malformed_json"
    """The value is not one JSON object (NaN and Infinity are not JSON)."""
    NESTED_TOO_DEEP = "nested_too_deep"
    """Arrays or objects nested deeper than is allowed."""
    MISSING_FIELD = "missing_field"
    """A required field is absent."""
    WRONG_TYPE = "wrong_type"
    """A field has another JSON type than the schema says."""
    OUT_OF_RANGE = "out_of_range"
    """A value is outside its range, too long, or not one of the listed words."""
    INVALID_BRAND = "invalid_brand"
    """The brand is not a slug: [a-z0-9][a-z0-9._-]{0,63}."""
    BRAND_KEY_MISMATCH = "brand_key_mismatch"
    """The record key is another brand than that of the value."""
    INVALID_EVENT_TIME = "invalid_event_time"
    """event_time is not RFC 3339 with an offset, or lies outside the years 2000 to 2199."""
    EVENT_TIME_IN_FUTURE = "event_time_in_future"
    """event_time is later than the record's own Kafka timestamp by more than the tolerance."""
    INVALID_TICK = "invalid_tick"
    """A tick record whose time cannot be read or lies in the future."""
    TOO_MANY_BRANDS = "too_many_brands"
    """An unknown brand, while as many buckets of unknown brands are open as the partition may have brands."""
    MISPLACED = "misplaced"
    """The record is on another partition than its key's (only with worker.misplaced = "dead_letter")."""
    UNREADABLE_BATCH = "unreadable_batch"
    """A batch of records that cannot be decompressed or parsed, or whose records have offsets outside the batch."""


class Rejected(ValueError):  # noqa: N818 - it is the result for a record, not a fault of the program
    """A record that cannot become a mention.

    Attributes:
        reason: the reason code.
    """

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
