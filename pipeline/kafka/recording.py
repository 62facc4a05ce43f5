"""A range of the mentions topic into a file that `replay` reads: every committed record once, interrupted or not.

The records of all partitions are merged by their Kafka timestamps, each partition in its own order, so the same range
always gives the same lines. They are written in chunks to FILE.part; after each chunk, FILE.part.json says how far it
has come. Whoever begins again with the same request cuts off what was written after the last chunk and goes on. The
file gets its name when it is whole.
"""

from __future__ import annotations

import math
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import msgspec

from pipeline.config.load import load_config
from pipeline.config.settings import Settings
from pipeline.engine.feedback import feedback_in
from pipeline.engine.records import FEEDBACK_HEADER, TICK_HEADER
from pipeline.errors import BrokerError, TocsinError
from pipeline.files.recording import RecordedRecord, RecordingHeader, encode_header, encode_record, is_plain
from pipeline.files.resumable import ResumableFile
from pipeline.kafka.arrival_order import in_order_of_arrival
from pipeline.kafka.clients import admin, broker_errors, consumer, topic_name
from pipeline.kafka.partitioning import partition_of_brand
from schemas.mention import brand_key, decode_mention
from schemas.rejection import Reason, Rejected

Clock = Literal["event", "arrival"]
"""What the bounds of a range are held against: the time that a mention names, or that of its arrival at the broker."""

CHUNK_RECORDS: Final = 20_000
CHUNK_BYTES: Final = 8 << 20
"""Records read, and bytes to be written, after which a chunk ends."""
_POLL_MILLISECONDS: Final = 200
_WAITING_RECORDS: Final = 4_000
"""Records of one partition that may wait for those of the others."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What to record.

    Attributes:
        since, until: bounds in Unix seconds; None where open.
        asked: the request as it was typed: by this a recording that goes on is known. "Two hours ago" is another
            moment at the second attempt, and the range is that of the first.
        time: what the bounds are held against.
        brands: only these; all where there is none.
        plain: mentions only, as they stand on the topic, without their places.
    """

    since: float | None
    until: float | None
    asked: str
    time: Clock = "event"
    brands: tuple[str, ...] = ()
    plain: bool = False


class Recorded(msgspec.Struct, kw_only=True):
    """How far a recording has come.

    Attributes:
        read: records read of the topic; the others count those of them that were written.
        mentions, ticks, feedback: that the worker takes.
        refused: records that the worker refuses, by reason.
        left_out: refused records of no brand, where only some brands are asked for.
        first, last: time of the first and last record, Unix seconds.
        resumed: whether it went on from an earlier attempt.
        trimmed: whether the range begins before what the topic still holds.
    """

    read: int = 0
    mentions: int = 0
    ticks: int = 0
    feedback: int = 0
    refused: dict[str, int] = {}
    left_out: int = 0
    first: float | None = None
    last: float | None = None
    resumed: bool = False
    trimmed: bool = False

    @property
    def records(self) -> int:
        """Records written."""
        return self.mentions + self.ticks + self.feedback + sum(self.refused.values())


class _Journal(msgspec.Struct, kw_only=True):
    """FILE.part.json: the request, its range of offsets, and what of it is in the first `size` bytes of FILE.part."""

    request: Request
    topic: str
    topic_id: str
    first: list[int]
    end: list[int]
    next: list[int]
    size: int = 0
    recorded: Recorded = msgspec.field(default_factory=Recorded)


def record_mentions(
    settings: Settings,
    path: Path,
    request: Request,
    *,
    tolerance_seconds: float,
    restart: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> Recorded:
    """Record a range of the mentions topic.

    Args:
        settings: where the broker is.
        path: of the new file; compressed when its name ends in .gz.
        request: what to record.
        tolerance_seconds: how far ahead of its arrival an event time may lie (engine.future_tolerance_seconds).
        restart: drop what an earlier attempt has written.
        on_progress: called with the records read so far and those of the whole range, after every chunk.

    Returns:
        What the file holds.

    Raises:
        BrokerError: no broker, no topic, no permission; records of the range were deleted meanwhile.
        TocsinError: the file cannot be written, or an earlier attempt has asked for something else.
    """
    with ResumableFile(path) as unfinished:
        if restart:
            unfinished.drop_note()
        topic, topic_id, partitions = _topic(settings)
        with _reading(settings, topic) as client:
            journal = _resumed(unfinished, request, topic, topic_id)
            if journal is None:
                journal = _planned(client, request, topic, topic_id, partitions, tolerance_seconds)
            writer = _Writer(unfinished, journal, tolerance_seconds)
            total = sum(journal.end) - sum(journal.first)
            for record in _merged(settings, client, topic, journal.next, journal.end):
                if writer.take(record) and on_progress:
                    on_progress(sum(journal.next) - sum(journal.first), total)
            writer.end()
            if on_progress:
                on_progress(total, total)
        unfinished.finish()
    return journal.recorded


@contextmanager
def topic_records(settings: Settings, brand: str) -> Iterator[tuple[int, int, Iterator[RecordedRecord]]]:
    """Partitions of the mentions topic, and of the one of a brand the offsets that it holds now and their records.

    Raises:
        BrokerError: no broker, no topic, no permission.
        ConfigError: the configuration breaks a rule.
    """
    from kafka import TopicPartition

    topic, _, partitions = _topic(settings)
    number = partition_of_brand(load_config(settings.config), brand.encode(), partitions)
    place = TopicPartition(topic, number)
    with _reading(settings, topic) as client:
        begin, end = [0] * partitions, [0] * partitions
        begin[number] = client.beginning_offsets([place])[place]
        end[number] = client.end_offsets([place])[place]
        yield (
            partitions,
            end[number] - begin[number],
            (
                RecordedRecord(number, one.offset, one.timestamp, one.key, one.value, tuple(one.headers))
                for one in _merged(settings, client, topic, begin, end)
            ),
        )


@contextmanager
def _reading(settings: Settings, topic: str) -> Iterator[Any]:
    """A consumer that never leaves out in silence what was deleted."""
    options = {"auto_offset_reset": "none", "max_poll_records": _WAITING_RECORDS}
    with consumer(settings, **options) as client, broker_errors(settings, f"read {topic}"):
        yield client


def _topic(settings: Settings) -> tuple[str, str, int]:
    """Full name, id and number of partitions of the mentions topic."""
    from kafka.errors import UnknownTopicOrPartitionError, for_code

    topic = topic_name(settings, "mentions")
    with admin(settings) as client, broker_errors(settings, f"read the topic {topic}"):
        (found,) = client.describe_topics([topic])
        if found["error_code"] not in {0, UnknownTopicOrPartitionError.errno}:
            raise for_code(found["error_code"])(topic)
    if found["error_code"] == UnknownTopicOrPartitionError.errno:
        raise BrokerError(
            f"{settings.kafka_bootstrap}: expected the topic {topic}, got none; run `tocsin topics apply`"
        )
    return topic, str(found.get("topic_id") or ""), len(found["partitions"])


def _resumed(unfinished: ResumableFile, request: Request, topic: str, topic_id: str) -> _Journal | None:
    """The journal of an earlier attempt at the same request, with the file as it was then; None without one.

    Raises:
        TocsinError: the earlier attempt asked for something else, or its file is not what it left.
    """
    note = unfinished.read_note()
    if note is None:
        unfinished.cut(0)
        return None
    try:
        journal = msgspec.json.decode(note, type=_Journal)
    except msgspec.DecodeError as error:
        raise TocsinError(
            f"{unfinished}: expected the journal of a recording: {error}; begin anew with --restart"
        ) from None
    if not unfinished.size and journal.next == journal.end:
        return None  # It was whole and had got its name, and the note was left.
    begun = journal.request.asked
    if (begun, journal.topic, journal.topic_id) != (request.asked, topic, topic_id):
        where = "" if (journal.topic, journal.topic_id) == (topic, topic_id) else f" of another topic ({journal.topic})"
        raise TocsinError(
            f"{unfinished}: expected an unfinished recording of `{request.asked}`, got one of `{begun}`{where}; "
            "ask for the same to go on, or begin anew with --restart"
        )
    if unfinished.size < journal.size:
        raise TocsinError(
            f"{unfinished}: expected {journal.size:,} bytes of an unfinished recording, got {unfinished.size:,}; "
            "begin anew with --restart"
        )
    unfinished.cut(journal.size)
    journal.recorded.resumed = True
    return journal


def _planned(
    client: Any, request: Request, topic: str, topic_id: str, partitions: int, tolerance_seconds: float
) -> _Journal:
    """A fresh journal: which offsets to read.

    An event time is never later than its arrival by more than the tolerance (the worker refuses others), so a range of
    event time begins there; it ends with the topic, for a mention may come late.
    """
    from kafka import TopicPartition

    places = [TopicPartition(topic, number) for number in range(partitions)]
    oldest, newest = client.beginning_offsets(places), client.end_offsets(places)
    first, end = dict(oldest), dict(newest)
    slack = tolerance_seconds if request.time == "event" else 0.0
    if request.since is not None:
        first |= _offsets_at(client, places, request.since - slack, newest)
    if request.until is not None and request.time == "arrival":
        end = _offsets_at(client, places, request.until, newest)
    first = {place: min(offset, end[place]) for place, offset in first.items()}
    return _Journal(
        request=request,
        topic=topic,
        topic_id=topic_id,
        first=[first[place] for place in places],
        end=[end[place] for place in places],
        next=[first[place] for place in places],
        recorded=Recorded(trimmed=any(first[place] == offset > 0 for place, offset in oldest.items())),
    )


def _offsets_at(client: Any, places: Sequence[Any], seconds: float, newest: dict[Any, int]) -> dict[Any, int]:
    """By partition, the first offset whose record arrived then or later; the end where none did."""
    milliseconds = max(math.ceil(seconds * 1000), 0)
    found = client.offsets_for_times(dict.fromkeys(places, milliseconds))
    ends = {place: newest[place] for place in places}
    return ends | {place: min(at.offset, ends[place]) for place, at in found.items() if at is not None}


def _merged(settings: Settings, client: Any, topic: str, begin: Sequence[int], end: Sequence[int]) -> Iterator[Any]:
    """Records of a topic in order of arrival, each partition in its own order.

    Args:
        settings: where the broker is.
        client: a consumer without partitions.
        topic: full name.
        begin: by partition, the first offset.
        end: by partition, the offset after the last one.

    Raises:
        BrokerError: a record was deleted before it was read, or the broker sends nothing.
    """
    from kafka import TopicPartition
    from kafka.errors import OffsetOutOfRangeError

    ends = {TopicPartition(topic, number): offset for number, offset in enumerate(end)}
    unread = {place for place, offset in ends.items() if begin[place.partition] < offset}
    if not unread:
        return
    client.assign(list(unread))
    for place in unread:
        client.seek(place, begin[place.partition])
    waiting: dict[Any, deque[Any]] = {place: deque() for place in unread}
    patience = 3 * settings.kafka_timeout_seconds
    heard = time.monotonic()
    while unread or any(waiting.values()):
        try:
            polled = client.poll(_POLL_MILLISECONDS) if unread else {}
        except OffsetOutOfRangeError as error:
            raise BrokerError(
                f"{topic}: records of the range were deleted before they were read ({error}); "
                "record a range that begins later, with --restart"
            ) from None
        for place, batch in polled.items():
            waiting[place] += [record for record in batch if record.offset < ends[place]]
        unread = {place for place in unread if client.position(place) < ends[place]}
        if polled:
            heard = time.monotonic()
        elif unread and time.monotonic() - heard > patience:
            raise BrokerError(
                f"{settings.kafka_bootstrap}: expected records of {topic}, got none in {patience:g} s; "
                "run the same command again to go on"
            )
        if all(waiting[place] for place in unread):
            yield from (record for _, record in in_order_of_arrival(waiting, unread))
        held = {place for place in waiting if place not in unread or len(waiting[place]) > _WAITING_RECORDS}
        client.pause(*(held - client.paused()))
        client.resume(*(client.paused() - held))


class _Writer:
    """Puts records into chunks, and counts them."""

    def __init__(self, unfinished: ResumableFile, journal: _Journal, tolerance_seconds: float) -> None:
        self._unfinished = unfinished
        self._journal = journal
        self._tolerance_seconds = tolerance_seconds
        self._brands = frozenset(journal.request.brands)
        self._lines: list[bytes] = []
        self._bytes = self._read = 0
        self._refused = Counter(journal.recorded.refused)
        if not journal.size and not journal.request.plain:
            self._lines.append(encode_header(_header(journal)))

    def take(self, record: Any) -> bool:
        """Take one record; True where a chunk has ended."""
        journal = self._journal
        journal.next[record.partition] = record.offset + 1
        self._read += 1
        line = self._line(record)
        if line is not None:
            self._lines.append(line)
            self._bytes += len(line)
        if self._read < CHUNK_RECORDS and self._bytes < CHUNK_BYTES:
            return False
        self._write()
        return True

    def end(self) -> None:
        """Write what is left."""
        self._journal.next = list(self._journal.end)
        self._write()

    def _write(self) -> None:
        journal = self._journal
        journal.recorded.read += self._read
        journal.recorded.refused = dict(self._refused)
        data = b"".join(line + b"\n" for line in self._lines)
        journal.size = self._unfinished.append(data)
        self._unfinished.note(msgspec.json.encode(journal))
        self._lines, self._bytes, self._read = [], 0, 0

    def _line(self, record: Any) -> bytes | None:
        """The line of a record; None where it is not asked for."""
        recorded, request = self._journal.recorded, self._journal.request
        judged = _judged(record, self._tolerance_seconds)
        at = record.timestamp / 1000 if request.time == "arrival" else judged.time
        if (request.since is not None and at < request.since) or (request.until is not None and at >= request.until):
            return None
        if self._brands and judged.kind != "tick" and judged.brand not in self._brands:
            recorded.left_out += not judged.brand
            return None
        if request.plain and judged.kind != "mention":
            recorded.left_out += judged.kind == "refused"
            return None
        self._count(judged)
        recorded.first = at if recorded.first is None else min(recorded.first, at)
        recorded.last = at if recorded.last is None else max(recorded.last, at)
        if not request.plain:
            return encode_record(record.partition, record)
        value: bytes = record.value
        return value if is_plain(record.key, value) else msgspec.json.format(value, indent=-1)

    def _count(self, judged: _Judged) -> None:
        recorded = self._journal.recorded
        if judged.kind == "refused":
            self._refused[str(judged.reason)] += 1
        elif judged.kind == "tick":
            recorded.ticks += 1
        elif judged.kind == "feedback":
            recorded.feedback += 1
        else:
            recorded.mentions += 1


class _Judged(NamedTuple):
    """What the worker makes of a record, as far as the record alone says.

    Attributes:
        kind: what it is for the worker.
        brand: whose; "" of a tick, and of what names none.
        time: Unix seconds. Of feedback when it was said, of what has no time that can be read that of its arrival; a
            time of the future counts as the latest that the worker would have taken.
        reason: why it is refused.
    """

    kind: Literal["mention", "tick", "feedback", "refused"]
    brand: str
    time: float
    reason: Reason | None = None


def _judged(record: Any, tolerance_seconds: float) -> _Judged:
    """What the worker makes of a record."""
    arrived = record.timestamp / 1000
    if record.value is None:
        return _judged_headers(record, arrived, arrived + tolerance_seconds)
    try:
        mention = decode_mention(record.value)
        brand_key(mention, record.key)
    except Rejected as rejected:
        key = (record.key or b"")[:256].decode("utf-8", "replace")
        return _Judged("refused", key, arrived, rejected.reason)
    happened = mention.event_time.timestamp()
    if happened > arrived + tolerance_seconds:
        return _Judged("refused", mention.brand, arrived + tolerance_seconds, Reason.EVENT_TIME_IN_FUTURE)
    return _Judged("mention", mention.brand, happened)


def _judged_headers(record: Any, arrived: float, latest: float) -> _Judged:
    """The same of a record without a value, which arrived then and may name no later time than the latest."""
    headers = dict(record.headers)
    if FEEDBACK_HEADER in headers and record.key is None:
        try:
            feedback, _ = feedback_in(headers)
        except Rejected as rejected:
            return _Judged("refused", "", arrived, rejected.reason)
        return _Judged("feedback", feedback.brand, min(feedback.time.timestamp(), latest))
    tick = headers.get(TICK_HEADER)
    if tick is None or record.key is not None:
        return _Judged("refused", "", arrived, Reason.TOMBSTONE)
    at = int(tick) / 1000 if tick.isdigit() and len(tick) <= 16 else math.inf
    return _Judged("tick", "", at) if at <= latest else _Judged("refused", "", arrived, Reason.INVALID_TICK)


def _header(journal: _Journal) -> RecordingHeader:
    request = journal.request
    return RecordingHeader(
        topic=journal.topic,
        partitions=len(journal.first),
        since=request.since,
        until=request.until,
        time=request.time,
        brands=request.brands,
        first=tuple(journal.first),
        end=tuple(journal.end),
    )
