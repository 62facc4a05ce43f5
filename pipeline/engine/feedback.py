"""Feedback as it comes in the log of mentions: what people have said and done about an open episode."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from pipeline.engine.episodes.episode import Episode
from pipeline.engine.episodes.response import acknowledge, answer
from pipeline.engine.partition_state import PartitionState
from pipeline.engine.records import (
    FEEDBACK_HEADER,
    FEEDBACK_OFFSET_HEADER,
    FEEDBACK_TOPIC,
    FEEDBACK_TOPIC_HEADER,
    SourceRecord,
)
from schemas.feedback import Feedback, decode_feedback
from schemas.observation import BUCKET_SECONDS
from schemas.rejection import Reason, Rejected

_LONGEST_OFFSET: Final = 18
"""Digits: every number of so many is an offset of Kafka, which has 63 bits; of one more not every one is."""


def is_feedback(record: SourceRecord) -> bool:
    """Whether a record of the mentions brings feedback; before it is taken all that is due is closed."""
    return record.value is None and any(name == FEEDBACK_HEADER for name, _ in record.headers)


def feedback_in(headers: Mapping[str, bytes | None]) -> tuple[Feedback, int]:
    """The feedback in the headers of a record of the mentions, and its offset in alert-feedback.

    Raises:
        Rejected: it is none.
    """
    try:
        feedback = decode_feedback(headers.get(FEEDBACK_HEADER) or b"")  # Kafka has headers without a value
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Rejected(Reason.TOMBSTONE, f"expected feedback of version 1 in {FEEDBACK_HEADER}, got {error}") from None
    offset = headers.get(FEEDBACK_OFFSET_HEADER) or b""
    if not offset.isdigit() or len(offset) > _LONGEST_OFFSET:
        raise Rejected(Reason.TOMBSTONE, f"expected an offset in {FEEDBACK_OFFSET_HEADER}, got {offset[:40]!r}")
    return feedback, int(offset)


class FeedbackIntake:
    """Takes feedback to the episodes of one partition."""

    def __init__(self, state: PartitionState, close_due: Callable[[], object]) -> None:
        """Work on a partition's state.

        Args:
            state: of the partition.
            close_due: closes all that is due, so that it does not depend on how far closing has come whom it meets.
        """
        self._state = state
        self._close_due = close_due

    def take(self, headers: Mapping[str, bytes | None]) -> None:
        """Take the feedback in the headers of a record, of which Kafka allows that one has no value.

        Raises:
            Rejected: it is none.
        """
        feedback, offset = feedback_in(headers)
        state = self._state
        known, brought_from = state.at.topic_ids.get(FEEDBACK_TOPIC), headers.get(FEEDBACK_TOPIC_HEADER)
        # One that waited while the topic was created again speaks of a place in the topic of before.
        if not known or not brought_from or brought_from == known.encode():
            state.at.feedback_offset = offset + 1
        state.stats.feedback += 1
        self._close_due()
        brand = state.brands.get(feedback.brand)
        if brand is None or feedback.brand not in state.with_episode:
            return
        state.cache.evict()
        brand.load()
        for episode in brand.episodes.values():
            if episode.id == feedback.episode_id:
                _respond(episode, feedback, int(state.at.event_time // BUCKET_SECONDS))
                state.changes.brands[brand.name] = None


def _respond(episode: Episode, feedback: Feedback, now: int) -> None:
    """Let feedback act on its episode; `now` is the bucket that event time has come to."""
    if feedback.kind == "acknowledged":
        episode.response = acknowledge(episode.response)
    elif feedback.kind == "answer":
        # Published before the episode opened: the response is to what burned by then. Dated ahead (a wrong clock, or
        # old mentions): it is here, and an hour later there is something to judge.
        bucket = max(min(int(feedback.time.timestamp() // BUCKET_SECONDS), now), episode.opened)
        episode.response = answer(episode.response, bucket)
