"""Feedback: what is written is read again, the same said twice is one, its key says what a later record replaces."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Unpack

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.alert import decode_alert
from schemas.feedback import (
    FEEDBACK_KINDS,
    LABELS,
    MAX_FEEDBACK_BYTES,
    Feedback,
    FeedbackKind,
    Said,
    decode_feedback,
    encode_feedback,
    feedback_key,
    feedback_partition,
    new_feedback,
)
from schemas.partitioning import partition_of
from tests.schemas.contracts import SCHEMAS, examples, validator

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = msgspec.yaml.decode((SCHEMAS / "asyncapi.yaml").read_bytes())["components"]["schemas"]["feedbackKey"]["pattern"]

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
ALERT = decode_alert(examples("alert", "valid")[0].read_bytes())
words = st.fixed_dictionaries(
    {
        "note": texts.map(lambda text: text[:2000]),
        "label": st.sampled_from(LABELS),
        "url": st.none() | texts.map(lambda text: ("https://" + text)[:2048]),
        "language": st.none() | st.sampled_from(["en", "ja", "zh-Hans"]),
        "step": st.from_regex(r"[a-z0-9][a-z0-9_-]{0,63}", fullmatch=True),
    }
)


def feedback(kind: FeedbackKind = "note", author: str = "duty", **said: Unpack[Said]) -> Feedback:
    what: Said = {"note": "Facts checked.", "label": "true", "step": "verify-facts"}
    what.update(said)
    return new_feedback(ALERT, kind, author=author, time=NOON, **what)


@given(st.sampled_from(FEEDBACK_KINDS), texts.map(lambda text: text[:128]), st.integers(0, 2**32), words)
def test_what_is_written_is_read_again_within_the_bound_and_by_the_json_schema(kind, author, seconds, said):
    one = new_feedback(ALERT, kind, author=author, time=NOON + timedelta(seconds=seconds), **said)
    value = encode_feedback(one)
    assert decode_feedback(value) == one
    assert len(value) <= MAX_FEEDBACK_BYTES
    assert validator("feedback", 1).is_valid(json.loads(value))
    assert re.search(KEY, feedback_key(one).decode())


def test_the_longest_fields_with_every_character_escaped_fit():
    longest = feedback(note="\x01" * 2000, author="\x01" * 128, url="https://" + "\x01" * 2040, language="\x01" * 35)
    assert len(encode_feedback(longest)) <= MAX_FEEDBACK_BYTES


def test_the_same_said_twice_is_one_and_every_other_word_is_another():
    assert feedback() == feedback()
    ids = {feedback().id, feedback(note="Facts unclear.").id, feedback(author="chief").id, feedback("answer").id}
    assert len(ids) == 4


@pytest.mark.parametrize(
    "time",
    ["0001-01-01T00:00:00+14:00", "1999-12-31T23:59:59Z", "2200-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00"],
)
def test_a_time_that_no_mention_may_have_is_refused(time):
    document = msgspec.to_builtins(feedback()) | {"time": time}
    with pytest.raises(msgspec.ValidationError, match="must lie in the years 2000 to 2199"):
        decode_feedback(msgspec.json.encode(document))


def test_a_record_blown_up_with_unknown_fields_is_refused():
    document = msgspec.to_builtins(feedback()) | {"padding": "x" * MAX_FEEDBACK_BYTES}
    with pytest.raises(msgspec.ValidationError, match="expected at most 32,768 bytes"):
        decode_feedback(msgspec.json.encode(document))


@pytest.mark.parametrize(("kind", "other"), [("acknowledged", {}), ("label", {"label": "false"}), ("step", {})])
def test_a_later_acknowledgement_label_or_step_replaces_the_one_before(kind, other):
    assert feedback_key(feedback(kind)) == feedback_key(feedback(kind, author="chief", **other))


@pytest.mark.parametrize("kind", ["note", "answer"])
def test_notes_and_answers_stay(kind):
    assert feedback_key(feedback(kind)) != feedback_key(feedback(kind, author="chief"))


def test_steps_and_kinds_do_not_replace_each_other():
    keys = {feedback_key(feedback(kind)) for kind in FEEDBACK_KINDS} | {feedback_key(feedback("step", step="tell"))}
    assert len(keys) == len(FEEDBACK_KINDS) + 1


@pytest.mark.parametrize("path", examples("alert", "valid"), ids=lambda path: path.stem)
def test_feedback_lies_where_the_mentions_of_the_alert_lie(path):
    alert = decode_alert(path.read_bytes())
    one = new_feedback(alert, "acknowledged", author="duty", time=NOON)
    assert (one.episode_id, one.brand) == (alert.episode_id, alert.brand)
    assert feedback_partition(one, 7) == partition_of((alert.category or alert.brand).encode(), 7)
