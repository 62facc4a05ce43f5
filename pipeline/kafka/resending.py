"""Dead letters once more onto the mentions topic, each once, however often and by whomever it is asked for.

Every dead letter that is sent is noted on its own partition of the dead letter topic, in the same transaction
(pipeline.kafka.dead_letters.sent_again). Whoever begins fences whoever was at it, by the transactional id, and reads
the notes only then: so nothing is sent that another one has sent or may still send.
"""

from __future__ import annotations

import struct
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

import msgspec

from pipeline.config.load import load_config
from pipeline.config.model import Config
from pipeline.config.settings import Settings
from pipeline.engine.encoding import REASON_HEADER, SIZE_HEADER
from pipeline.errors import BrokerError
from pipeline.kafka.clients import broker_errors, commit_transaction, producer, topic_name, user_of
from pipeline.kafka.dead_letters import SENT_AGAIN_HEADER, UNKNOWN, sent_again
from pipeline.kafka.publishing import MAX_LINE_BYTES, NULL, partition_for, value_or_null
from pipeline.kafka.reading import place, read_records
from pipeline.kafka.topics import partition_count
from schemas.mention import brand_key, decode_mention, record_key
from schemas.rejection import Rejected

SOURCE_HEADER: Final = "tocsin-dead-letter"
"""Header of a record that was sent again: the place of its dead letter."""
_BATCH_RECORDS: Final = 500
_BATCH_BYTES: Final = 4 << 20
"""Records and bytes of one transaction."""


class Resending(msgspec.Struct):
    """What was sent again, or would be.

    Attributes:
        sent: records by the reason for which they had been refused.
        refused: those that this version would refuse again, by its reason; not sent unless that is forced.
        incomplete: what is no whole record of its own (a shortened value, a packed batch, no value), by reason.
        before: dead letters that were sent earlier.
        late: of `sent`, those whose event time lies further back than the allowed lateness.
    """

    sent: Counter[str] = msgspec.field(default_factory=Counter)
    refused: Counter[str] = msgspec.field(default_factory=Counter)
    incomplete: Counter[str] = msgspec.field(default_factory=Counter)
    before: int = 0
    late: int = 0


class _Letter(msgspec.Struct, frozen=True):
    """A dead letter to be sent: where it lies, and the record that it becomes."""

    place: str
    partition: int
    offset: int
    reason: str
    key: bytes | None
    value: bytes


def resend(
    settings: Settings,
    reasons: Collection[str],
    *,
    apply: bool,
    force: bool = False,
    limit: int | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Resending:
    """Send dead letters once more, keyed by their brands as `publish` does.

    Args:
        settings: where the broker is.
        reasons: only these; without any, every reason that the worker has written.
        apply: send; else only say what would be sent.
        force: send also what this version would refuse again.
        limit: at most so many.
        on_progress: called with the number of records of each transaction.

    Raises:
        BrokerError: no broker, no topic, no permission, or another one has begun meanwhile; what was not committed is
            not sent, and the next attempt goes on.
        ConfigError: the configuration breaks a rule.
    """
    config = load_config(settings.config)
    found = Resending()
    with ExitStack() as stack:
        sender = stack.enter_context(_Sender.started(settings, config)) if apply else None
        done: defaultdict[int, set[int]] = defaultdict(set)
        for record in _dead_letters(settings):
            done[record.partition] |= sent_again(record)
        batch: list[_Letter] = []
        size = 0
        for letter in _chosen(settings, config, reasons, done, found, force=force):
            if limit is not None and found.sent.total() + len(batch) >= limit:
                break
            batch.append(letter)
            size += len(letter.value)
            if len(batch) >= _BATCH_RECORDS or size >= _BATCH_BYTES:
                _take(batch, sender, config, found, on_progress)
                batch, size = [], 0
        _take(batch, sender, config, found, on_progress)
    return found


def _take(
    batch: list[_Letter],
    sender: _Sender | None,
    config: Config,
    found: Resending,
    on_progress: Callable[[int], None] | None,
) -> None:
    if not batch:
        return
    if sender is not None:
        sender.send(batch)
    oldest = time.time() - config.engine.allowed_lateness_seconds
    found.sent.update(letter.reason for letter in batch)
    found.late += sum(_happened(letter.value, oldest) < oldest for letter in batch)
    if on_progress:
        on_progress(len(batch))


def _happened(value: bytes, otherwise: float) -> float:
    try:
        return decode_mention(value).event_time.timestamp()
    except Rejected:
        return otherwise


def _dead_letters(settings: Settings) -> Iterator[Any]:
    return read_records(settings, "mentions-dlq", from_beginning=True, follow=False, stop=lambda: False)


def _chosen(
    settings: Settings,
    config: Config,
    reasons: Collection[str],
    done: dict[int, set[int]],
    found: Resending,
    *,
    force: bool,
) -> Iterator[_Letter]:
    """The dead letters to be sent, in order of their partitions; what is not is counted."""
    tolerance = config.engine.future_tolerance_seconds
    for record in _dead_letters(settings):
        if sent_again(record):
            continue
        headers = {str(name): bytes(content or b"") for name, content in record.headers}
        reason = headers.get(REASON_HEADER, b"").decode("utf-8", "replace") or UNKNOWN
        if reason not in reasons if reasons else reason == UNKNOWN:
            continue
        if record.offset in done[record.partition]:
            found.before += 1
            continue
        value = record.value
        if value is None or SIZE_HEADER in headers or _is_batch(value) or len(value) > MAX_LINE_BYTES:
            found.incomplete[reason] += 1
            continue
        value = bytes(value)
        key = record_key(value) or record.key
        again = _refusal(key, value, time.time() + tolerance)
        if again and not force:
            found.refused[again] += 1
            continue
        yield _Letter(place(record), record.partition, record.offset, reason, key, value)


def _refusal(key: bytes | None, value: bytes, latest: float) -> str:
    """Why this version would refuse the record now; empty where it would not."""
    try:
        mention = decode_mention(value)
        brand_key(mention, key)
    except Rejected as rejected:
        return str(rejected.reason)
    return "event_time_in_future" if mention.event_time.timestamp() > latest else ""


def _is_batch(value: bytes) -> bool:
    """Whether it is a packed batch of records, refused as a whole: format 2 in byte 16, its length in bytes 8 to 11."""
    return len(value) > 60 and value[16] == 2 and struct.unpack_from(">i", value, 8)[0] == len(value) - 12


class _Sender:
    """A transactional producer that is the only one to send dead letters again."""

    def __init__(self, settings: Settings, config: Config, client: Any, partitions: int) -> None:
        self._settings = settings
        self._config = config
        self._client = client
        self._partitions = partitions
        self._mentions = topic_name(settings, "mentions")
        self._dead_letters = topic_name(settings, "mentions-dlq")

    @classmethod
    @contextmanager
    def started(cls, settings: Settings, config: Config) -> Iterator[_Sender]:
        """Fence whoever else sends, and wait until what it had begun is committed or aborted."""
        from kafka.errors import (
            InvalidProducerEpochError,
            KafkaError,
            ProducerFencedError,
            TransactionalIdAuthorizationFailedError,
        )

        partitions = partition_count(settings, "mentions")
        options = {
            "transactional_id": f"{settings.topic_prefix}tocsin-dead-letters",
            "max_request_size": 2 * MAX_LINE_BYTES,
            "value_serializer": value_or_null(),
        }
        with producer(settings, **options) as client, broker_errors(settings, "send dead letters again"):
            try:
                client.init_transactions()
            except TransactionalIdAuthorizationFailedError:
                raise BrokerError(
                    f"{user_of(settings)} has no permission to Write on the transactional id "
                    f"{options['transactional_id']}; ask for ACLs that allow it"
                ) from None
            try:
                yield cls(settings, config, client, partitions)
            except KafkaError as error:
                # What fails after the first refusal has it for an argument.
                if any(
                    isinstance(one, ProducerFencedError | InvalidProducerEpochError) for one in (error, *error.args)
                ):
                    raise BrokerError(
                        "expected to be the only one to send dead letters again, but another one has begun since; what "
                        "was not sent is left to it"
                    ) from None
                raise

    def send(self, batch: list[_Letter]) -> None:
        """Send letters and note it, all together or not at all.

        Raises:
            kafka.errors.KafkaError: nothing was sent.
        """
        client = self._client
        client.begin_transaction()
        futures = []
        noted: defaultdict[int, list[int]] = defaultdict(list)
        for letter in batch:
            partition = partition_for(self._config, letter.key, self._partitions)
            source = [(SOURCE_HEADER, letter.place.encode())]
            futures.append(client.send(self._mentions, letter.value, letter.key, source, partition=partition))
            noted[letter.partition].append(letter.offset)
        for partition, offsets in noted.items():
            note = [(SENT_AGAIN_HEADER, ",".join(map(str, offsets)).encode())]
            futures.append(client.send(self._dead_letters, NULL, headers=note, partition=partition))
        for future in futures:
            future.get(3 * self._settings.kafka_timeout_seconds)
        commit_transaction(client, 3 * self._settings.kafka_timeout_seconds)
