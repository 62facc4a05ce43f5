"""Mention: one post, comment or article that names one brand (topic `mentions`, version 1)."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal, cast, get_args

import msgspec
from msgspec import Meta

from schemas.rejection import Reason, Rejected

Channel = Literal["social", "news", "forum", "video", "review", "other"]
CHANNELS: Final[tuple[str, ...]] = get_args(Channel)
AuthorKind = Literal["person", "brand", "news", "influencer", "unknown"]

BRAND_PATTERN: Final = r"^[a-z0-9][a-z0-9._-]{0,63}\Z"
MAX_TEXT_CHARACTERS: Final = 10_000
MAX_MENTION_BYTES: Final = 131_072
"""Maximum size of a record: 10,000 characters written as JSON escapes are 60 kB, the rest is for unknown fields."""
MAX_NESTING: Final = 64
"""Maximum depth of arrays and objects. It is counted: the interpreter's recursion limit depends on the caller, and the
result must not."""
MIN_NESTED_BYTES: Final = 5 * MAX_NESTING
"""Minimum size of a value whose objects alone are nested too deep: `{"":` and `}` per level."""

EARLIEST_EVENT_TIME: Final = 946_684_800.0  # 2000-01-01T00:00:00Z
LATEST_EVENT_TIME: Final = 7_258_118_400.0  # 2200-01-01T00:00:00Z

Identifier = Annotated[str, Meta(min_length=1, max_length=256)]


class Author(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The author of a mention, as far as the source says."""

    id: Identifier
    followers: Annotated[int, Meta(ge=0, le=10_000_000_000)] | None = None
    kind: AuthorKind = "unknown"
    created_time: Annotated[datetime, Meta(tz=True)] | None = None


class Mention(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One post about one brand, identified by `(brand, id)`. Unknown fields are ignored when decoding."""

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


class _OfSomeBrand(Mention, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A mention whose brand is not checked against its pattern."""

    brand: str


_BRAND: Final = re.compile(BRAND_PATTERN)
DROPPABLE: Final = (
    "text", "lang", "channel", "author", "author.followers", "author.kind", "author.created_time", "reach", "sentiment",
    "url", "repost_of", "reply_to",
)  # fmt: skip
"""Fields without which a mention is one; of a text that is too long its beginning stays."""

_NULL: Final = msgspec.Raw(b"null")
_decoder: Final = msgspec.json.Decoder(Mention)
_decode_of_some_brand: Final = msgspec.json.Decoder(_OfSomeBrand).decode
# msgspec's messages end in the path of the field; what stands before may quote the record, which is untrusted text.
_RULE_AND_FIELD: Final = re.compile(r"(.*?)(?: - at `\$\.?([^`]*)`)?", re.DOTALL)
_OUT_OF_RANGE: Final = re.compile(
    r"Expected `\w+` (?:<=|>=|<|>|of length|matching regex)|Invalid enum value|Number out of"
)
_STRING_OR_BRACKET: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[{\]}]', re.DOTALL)
_ESCAPE: Final = re.compile(
    rb"(?P<pair>\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|(?P<lone>\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\.",
    re.DOTALL,
)


def decode_mention(value: bytes) -> Mention:
    """The mention in a record's value, as `read_mention` gives it.

    Raises:
        Rejected: with the reason code and a sentence that names the field.
    """
    return read_mention(value)[0]


def read_mention(value: bytes) -> tuple[Mention, tuple[str, ...]]:
    """The mention in a record's value, and which of its fields were not fit to keep.

    What is wrong with a field that may be missing costs the field and not the mention. A text that is too long is cut.
    A byte order mark is passed over, lone surrogates become U+FFFD, and a leap second counts as the second before it.

    Args:
        value: JSON, UTF-8, at most MAX_MENTION_BYTES.

    Returns:
        The mention, whose `event_time` keeps the offset it was written with; names out of DROPPABLE.

    Raises:
        Rejected: with the reason code and a sentence that names the field.
    """
    if len(value) > MAX_MENTION_BYTES:
        raise Rejected(
            Reason.TOO_LARGE, f"expected a mention of at most {MAX_MENTION_BYTES} bytes, got {len(value)} bytes"
        )
    if not _is_flat(value) and _nesting(value) > MAX_NESTING:
        raise Rejected(
            Reason.NESTED_TOO_DEEP, f"expected arrays and objects nested at most {MAX_NESTING} deep, got more"
        )
    dropped: tuple[str, ...] = ()
    try:
        mention = _decoder.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        mention, dropped = _decode_loosely(value)
    seconds = mention.event_time.timestamp()
    if not EARLIEST_EVENT_TIME <= seconds < LATEST_EVENT_TIME:
        raise Rejected(
            Reason.INVALID_EVENT_TIME,
            f'field "event_time" must lie in the years 2000 to 2199, got {mention.event_time.isoformat()}',
        )
    return mention, dropped


def decode_of_some_brand(value: bytes) -> Mention | None:
    """The mention in a record's value, in half the time of decode_mention, which checks more.

    The brand's pattern and the range of the event time are not checked: the caller knows all valid brands, and checks
    the event time itself.

    Args:
        value: as for decode_mention.

    Returns:
        The mention; None where decode_mention must be asked, for the mention or for the reason why it is refused.
    """
    if len(value) > MAX_MENTION_BYTES:
        return None
    # Nearly every mention is short and holds no array: then it is not looked through for brackets.
    if (b"[" in value or len(value) >= MIN_NESTED_BYTES) and not _is_flat(value):
        return None
    try:
        return _decode_of_some_brand(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def decode_plain(values: Sequence[bytes | None]) -> list[Mention]:
    """The mentions in values, as decode_of_some_brand gives them, up to the first value for which it may give None."""
    mentions: list[Mention] = []
    decode, add = _decode_of_some_brand, mentions.append
    try:
        for value in values:
            if value is None:
                break
            add(decode(value))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass  # The caller is to ask decode_mention what is wrong with this one.
    decoded = cast("Sequence[bytes]", values[: len(mentions)])
    together = b"".join(decoded)
    longest = max(map(len, decoded), default=0)
    if longest < MIN_NESTED_BYTES and b"[" not in together:
        return mentions
    # A mention has a bracket, and one more if it names an author; all the others may be in the same one.
    authors = len(mentions) - [mention.author for mention in mentions].count(None)
    others = together.count(b"{") + together.count(b"[") - len(mentions) - authors
    if others + 2 > MAX_NESTING or longest > MAX_MENTION_BYTES:
        for row, value in enumerate(decoded):
            if len(value) > MAX_MENTION_BYTES or not _is_flat(value):
                return mentions[:row]
    return mentions


def is_brand(name: str) -> bool:
    """Whether decode_mention takes this for a brand."""
    return _BRAND.match(name) is not None


def encode_mention(mention: Mention) -> bytes:
    """The mention as JSON; decode_mention returns it unchanged."""
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


def _is_flat(value: bytes) -> bool:
    """Whether the brackets are so few that nothing can be nested too deep."""
    # Nearly every mention is an object with an author in it: looking for a third bracket takes a fifth of the time of
    # counting them.
    second = value.find(b"{", 1)
    if (second < 0 or value.find(b"{", second + 1) < 0) and b"[" not in value:
        return True
    return value.count(b"[") + value.count(b"{") <= MAX_NESTING


def _nesting(value: bytes) -> int:
    """The maximum number of arrays and objects open at once, brackets inside strings not counted."""
    depth = deepest = 0
    for match in _STRING_OR_BRACKET.finditer(value):
        mark = value[match.start()]
        if mark in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif mark in b"]}":
            depth -= 1
    return deepest


def _invalid(message: str) -> Rejected:
    """The rejection with the reason code for a message of msgspec; the message itself names the field."""
    match = _RULE_AND_FIELD.fullmatch(message)
    assert match is not None
    rule, field = match.group(1), match.group(2) or ""
    if rule.startswith("Object missing required field"):
        return Rejected(Reason.MISSING_FIELD, message)
    if field == "event_time" and ("RFC3339" in rule or "timezone" in rule):
        return Rejected(Reason.INVALID_EVENT_TIME, f'field "event_time" must be RFC 3339 with an offset ({message})')
    if field == "brand" and "matching regex" in rule:
        return Rejected(Reason.INVALID_BRAND, f'field "brand" must match {BRAND_PATTERN} ({message})')
    if _OUT_OF_RANGE.match(rule):
        return Rejected(Reason.OUT_OF_RANGE, message)
    return Rejected(Reason.WRONG_TYPE, message)


class _Loose(msgspec.Struct, kw_only=True, gc=False):
    """A mention whose optional fields are looked at one by one."""

    id: Identifier
    brand: Annotated[str, Meta(pattern=BRAND_PATTERN)]
    text: str
    event_time: str
    platform: Annotated[str, Meta(min_length=1, max_length=64)]
    lang: msgspec.Raw = _NULL
    channel: msgspec.Raw = _NULL
    author: msgspec.Raw = _NULL
    reach: msgspec.Raw = _NULL
    sentiment: msgspec.Raw = _NULL
    url: msgspec.Raw = _NULL
    repost_of: msgspec.Raw = _NULL
    reply_to: msgspec.Raw = _NULL


class _LooseAuthor(msgspec.Struct, kw_only=True, gc=False):
    id: Identifier
    followers: msgspec.Raw = _NULL
    kind: msgspec.Raw = msgspec.Raw(b'"unknown"')
    created_time: msgspec.Raw = _NULL


class _Moment(msgspec.Struct):
    event_time: Annotated[datetime, Meta(tz=True)]


class _Written(msgspec.Struct):
    event_time: str


class _BrandOnly(msgspec.Struct):
    brand: str


_loose_decoder: Final = msgspec.json.Decoder(_Loose)
_loose_author_decoder: Final = msgspec.json.Decoder(_LooseAuthor)
_moment_decoder: Final = msgspec.json.Decoder(_Moment)
_written_decoder: Final = msgspec.json.Decoder(_Written)
_brand_decoder: Final = msgspec.json.Decoder(_BrandOnly)
_field_decoders: Final[dict[str, msgspec.json.Decoder[Any]]] = {
    **{field.name: msgspec.json.Decoder(field.type) for field in msgspec.structs.fields(Mention)},
    **{f"author.{field.name}": msgspec.json.Decoder(field.type) for field in msgspec.structs.fields(Author)},
}
_DAY: Final = timedelta(days=1)
_LEAP_SECOND: Final = re.compile(r"(.{10}[Tt ][0-9]{2}:[0-9]{2}:)60((?:\.[0-9]+)?(?:[Zz]|[+-][0-9]{2}:?[0-9]{2}))\Z")


def _decode_loosely(value: bytes) -> tuple[Mention, tuple[str, ...]]:
    """The mention in a value that is not quite as the schema has it, and the fields that were dropped or cut.

    Raises:
        Rejected: it cannot become a mention.
    """
    try:
        loose = _loose_decoder.decode(_repaired(value))
        moment = _moment(loose.event_time)
    except msgspec.ValidationError as error:
        raise _invalid(str(error)) from None
    except msgspec.DecodeError as error:
        raise Rejected(Reason.MALFORMED_JSON, f"expected one JSON object: {error}") from None
    dropped: list[str] = []
    if len(loose.text) > MAX_TEXT_CHARACTERS:
        dropped.append("text")
    mention = Mention(
        id=loose.id,
        brand=loose.brand,
        text=loose.text[:MAX_TEXT_CHARACTERS],
        event_time=moment,
        platform=loose.platform,
        lang=_kept("lang", loose.lang, dropped),
        channel=_kept("channel", loose.channel, dropped),
        author=_author(loose.author, dropped),
        reach=_kept("reach", loose.reach, dropped),
        sentiment=_kept("sentiment", loose.sentiment, dropped),
        url=_kept("url", loose.url, dropped),
        repost_of=_kept("repost_of", loose.repost_of, dropped),
        reply_to=_kept("reply_to", loose.reply_to, dropped),
    )
    return mention, tuple(dropped)


def _author(raw: msgspec.Raw, dropped: list[str]) -> Author | None:
    if bytes(raw) == b"null":
        return None
    try:
        loose = _loose_author_decoder.decode(raw)
    except msgspec.DecodeError:
        dropped.append("author")
        return None
    return Author(
        id=loose.id,
        followers=_kept("author.followers", loose.followers, dropped),
        kind=_kept("author.kind", loose.kind, dropped) or "unknown",
        created_time=_kept("author.created_time", loose.created_time, dropped),
    )


def _kept(field: str, raw: msgspec.Raw, dropped: list[str]) -> Any:
    """The value of a field; None, and the field is among the dropped, where it is not as the schema has it."""
    decode = _field_decoders[field].decode
    try:
        return decode(raw)
    except msgspec.DecodeError:
        pass  # A whole number may be written with a point: JSON Schema knows no difference.
    try:
        number = msgspec.json.decode(raw, type=float)
        if number.is_integer():
            return decode(str(int(number)))
    except msgspec.DecodeError:
        pass
    dropped.append(field)
    return None


def _moment(written: str) -> datetime:
    """The moment of an event time. A leap second counts as the one before it, so that it stays in its bucket.

    Raises:
        msgspec.ValidationError: as when decoding a mention.
    """
    leap = _LEAP_SECOND.match(written)
    if leap is not None:
        at = msgspec.convert({"event_time": f"{leap[1]}59{leap[2]}"}, _Moment).event_time
        # By minutes of the day: the first and last days of the calendar cannot be moved to UTC.
        offset = at.utcoffset() or timedelta()
        if (timedelta(hours=at.hour, minutes=at.minute) - offset) % _DAY == _DAY - timedelta(minutes=1):
            return at
    return msgspec.convert({"event_time": written}, _Moment).event_time


def _repaired(value: bytes) -> bytes:
    """A value without byte order mark and lone surrogate escapes, which real feeds contain; each becomes U+FFFD.

    Raises:
        Rejected: the value is not UTF-8.
    """
    value = value.removeprefix(codecs.BOM_UTF8)
    try:
        value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Rejected(
            Reason.INVALID_UTF8, f"expected UTF-8, got byte 0x{value[error.start]:02x} at position {error.start}"
        ) from None
    return _ESCAPE.sub(lambda match: rb"\ufffd" if match.group("lone") else match.group(), value)


def record_key(value: bytes) -> bytes | None:
    """The record key for a mention as JSON: its brand; None where it has none and the worker will dead-letter it."""
    try:
        try:
            brand = _brand_decoder.decode(value).brand
        except (msgspec.DecodeError, UnicodeDecodeError):
            brand = _brand_decoder.decode(_repaired(value)).brand
    except (msgspec.DecodeError, Rejected, RecursionError):
        return None
    return brand.encode("utf-8", "replace") or None


def event_seconds(value: bytes) -> float | None:
    """The event time of a mention as JSON in Unix seconds, whatever else is in it; None where it cannot be read."""
    try:
        try:
            return _moment_decoder.decode(value).event_time.timestamp()
        except (msgspec.DecodeError, UnicodeDecodeError):
            return _moment(_written_decoder.decode(_repaired(value)).event_time).timestamp()
    except (msgspec.DecodeError, Rejected, RecursionError, OverflowError):
        return None
