"""Mention: one post, comment or article that names one brand (topic `mentions`, version 1)."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from schemas.rejection import Reason, Rejected
from schemas.text import replace_lone_surrogates

Channel = Literal["social", "news", "forum", "video", "review", "other"]
AuthorKind = Literal["person", "brand", "news", "influencer", "unknown"]

BRAND_PATTERN: Final = r"^[a-z0-9][a-z0-9._-]{0,63}\Z"
MAX_TEXT_CHARACTERS: Final = 10_000
MAX_MENTION_BYTES: Final = 131_072
"""10,000 characters written as JSON escapes are 60 kB; the rest is room for fields that we ignore."""

EARLIEST_EVENT_TIME: Final = 946_684_800.0  # 2000-01-01T00:00:00Z
LATEST_EVENT_TIME: Final = 7_258_118_400.0  # 2200-01-01T00:00:00Z

Identifier = Annotated[str, Meta(min_length=1, max_length=256)]


class Author(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Who wrote it, as far as the source says."""

    id: Identifier
    followers: Annotated[int, Meta(ge=0, le=10_000_000_000)] | None = None
    kind: AuthorKind = "unknown"


class Mention(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One post about one brand. `(brand, id)` is its identity. Unknown fields are ignored when decoding."""

    id: Identifier
    brand: Annotated[str, Meta(pattern=BRAND_PATTERN)]
    text: Annotated[str, Meta(max_length=MAX_TEXT_CHARACTERS)]
    event_time: Annotated[datetime, Meta(tz=True)]
    platform: Annotated[str, Meta(min_length=1, max_length=64)]
    lang: Annotated[str, Meta(max_length=35)] | None = None
    channel: Channel | None = None
    author: Author | None = None
    reach: Annotated[int, Meta(ge=0, le=100_000_000_000)] | None = None
    sentiment: Annotated[float, Meta(ge=-1.0, le=1.0)] | None = None
    url: Annotated[str, Meta(max_length=2048)] | None = None
    repost_of: Identifier | None = None
    reply_to: Identifier | None = None


_decoder: Final = msgspec.json.Decoder(Mention)
_OUT_OF_RANGE: Final = re.compile(r"` (?:<=|>=|<|>|of length|matching regex)|[Ii]nvalid enum value|out of range")
_SURROGATE_ESCAPE: Final = re.compile(r"\\u[dD][89a-fA-F]")
_PATH: Final = re.compile(r"`\$\.?([^`]*)`")


def decode_mention(value: bytes) -> Mention:
    """The mention in a record's value.

    Args:
        value: JSON, UTF-8, at most MAX_MENTION_BYTES.

    Returns:
        The mention; `event_time` keeps the offset it was written with.

    Raises:
        Rejected: with the reason code and a sentence that names the field.
    """
    if len(value) > MAX_MENTION_BYTES:
        raise Rejected(
            Reason.TOO_LARGE, f"expected a mention of at most {MAX_MENTION_BYTES} bytes, got {len(value)} bytes"
        )
    try:
        mention = _decoder.decode(value)
    except msgspec.ValidationError as error:
        raise _invalid(str(error)) from None
    except RecursionError:
        raise Rejected(Reason.NESTED_TOO_DEEP, "expected flat fields, got arrays or objects nested too deep") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        mention = _decode_leniently(value, str(error))
    seconds = mention.event_time.timestamp()
    if not EARLIEST_EVENT_TIME <= seconds < LATEST_EVENT_TIME:
        raise Rejected(
            Reason.INVALID_EVENT_TIME,
            f'field "event_time" must lie in the years 2000 to 2199, got {mention.event_time.isoformat()}',
        )
    return mention


def encode_mention(mention: Mention) -> bytes:
    """The mention as JSON; decode_mention gives it back unchanged."""
    return msgspec.json.encode(mention)


def brand_key(mention: Mention, key: bytes | None) -> None:
    """Check that the record key is the brand.

    Raises:
        Rejected: when the key is missing or names another brand.
    """
    if not key:
        raise Rejected(Reason.MISSING_KEY, f"expected the record key {mention.brand!r} (the brand), got none")
    if key != mention.brand.encode():
        raise Rejected(
            Reason.BRAND_KEY_MISMATCH,
            f"expected the record key to be the brand {mention.brand!r}, got {key[:80].decode('utf-8', 'replace')!r}",
        )


def _invalid(message: str) -> Rejected:
    """Sort msgspec's message into our closed list; the message itself names the field."""
    match = _PATH.search(message)
    field = match.group(1) if match else ""
    if "missing required field" in message:
        return Rejected(Reason.MISSING_FIELD, message)
    if field == "event_time" and ("RFC3339" in message or "timezone" in message or "Invalid" in message):
        return Rejected(Reason.INVALID_EVENT_TIME, f'field "event_time" must be RFC 3339 with an offset ({message})')
    if field == "brand" and "matching regex" in message:
        return Rejected(Reason.INVALID_BRAND, f'field "brand" must match {BRAND_PATTERN} ({message})')
    if _OUT_OF_RANGE.search(message):
        return Rejected(Reason.OUT_OF_RANGE, message)
    return Rejected(Reason.WRONG_TYPE, message)


def _decode_leniently(value: bytes, message: str) -> Mention:
    """Second chance for JSON with lone surrogate escapes, which real feeds contain and msgspec refuses."""
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Rejected(
            Reason.INVALID_UTF8, f"expected UTF-8, got byte 0x{value[error.start]:02x} at position {error.start}"
        ) from None
    if not _SURROGATE_ESCAPE.search(text):
        raise Rejected(Reason.MALFORMED_JSON, f"expected one JSON object: {message}")
    try:
        document = json.loads(text, parse_constant=_refuse_constant)
        repaired = replace_lone_surrogates(json.dumps(document, ensure_ascii=False))
        return _decoder.decode(repaired.encode())
    except msgspec.ValidationError as error:
        raise _invalid(str(error)) from None
    except RecursionError:
        raise Rejected(Reason.NESTED_TOO_DEEP, "expected flat fields, got arrays or objects nested too deep") from None
    except ValueError as error:
        raise Rejected(Reason.MALFORMED_JSON, f"expected one JSON object: {error}") from None


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
