"""Alerts: the same value gives the same bytes, and the bytes give the value back."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.alert import (
    CHANGES,
    KINDS,
    MAX_ALERT_BYTES,
    SCOPES,
    SEVERITIES,
    SUPPRESSION_REASONS,
    TRANSITIONS,
    Alert,
    Expected,
    Member,
    Observed,
    Playbook,
    ScoreReading,
    Suppressed,
    SuppressedOpening,
    Window,
    alert_headers,
    decode_alert,
    encode_alert,
)
from schemas.documents import json_schema
from schemas.evidence import (
    TRENDS,
    TRIGGER_REASONS,
    Amplifier,
    Cause,
    Coordination,
    Evidence,
    Part,
    Post,
    Recovery,
    SinceOnset,
    Spread,
    Story,
    Term,
    Trigger,
)
from tests.schemas.contracts import examples, validator

moments = st.datetimes(
    datetime(2000, 1, 2),  # noqa: DTZ001 - Hypothesis adds the zone
    datetime(2199, 12, 30),  # noqa: DTZ001 - Hypothesis adds the zone
    timezones=st.just(UTC),
)
digests = st.from_regex(r"\A[0-9a-f]{12,64}\Z")
slugs = st.from_regex(r"\A[a-z0-9][a-z0-9._-]{0,63}\Z")
counts = st.floats(0.0, 1e12)
shares = st.floats(0.0, 1.0)
figures = st.floats(-1e9, 1e9)
names = st.text(max_size=20)
tables = st.dictionaries(names, st.integers(0, 10**9), max_size=4)
posts = st.builds(
    Post,
    id=names,
    excerpt=st.text(max_size=100),
    platform=names,
    event_time=moments,
    lang=st.none() | names,
    author=st.none() | names,
    followers=st.none() | st.integers(0, 10**9),
    reach=st.none() | st.integers(0, 10**9),
    url=st.none() | names,
)
stories = st.builds(
    Story,
    id=names,
    excerpt=st.text(max_size=100),
    mentions=st.integers(0, 10**9),
    copies=st.integers(0, 10**9),
    reposts=st.integers(0, 10**9),
    authors=st.integers(0, 10**9),
    reach=st.integers(0, 10**12),
    first_seen=moments,
)
whole = st.integers(0, 10**9)
terms = st.builds(Term, text=names, mentions=counts, share=shares, negative_share=shares)
triggers = st.builds(
    Trigger,
    id=names,
    excerpt=st.text(max_size=100),
    event_time=moments,
    mentions=whole,
    share=shares,
    reason=st.sampled_from(TRIGGER_REASONS),
    platform=st.none() | names,
    lang=st.none() | names,
    author=st.none() | names,
    followers=st.none() | whole,
    reach=st.none() | whole,
    url=st.none() | names,
)
parts = st.lists(
    st.builds(
        Part,
        name=names,
        mentions=whole,
        share=shares,
        usual_share=st.none() | shares,
        first_seen=st.none() | moments,
    ),
    max_size=3,
).map(tuple)
since_onset = st.builds(
    SinceOnset,
    mentions=whole,
    negatives=counts,
    expected=counts,
    excess_negatives=figures,
    reach=whole,
    fold=counts,
    peak_per_hour=whole,
    peak_time=moments,
    trend=st.sampled_from(TRENDS),
)
evidence = st.builds(
    Evidence,
    posts=st.lists(posts, max_size=3).map(tuple),
    stories=st.lists(stories, max_size=3).map(tuple),
    platforms=tables,
    languages=tables,
    authors=whole,
    reposts=whole,
    reach=st.integers(0, 10**12),
    terms=st.lists(terms, max_size=3).map(tuple),
    triggers=st.lists(triggers, max_size=3).map(tuple),
    amplifiers=st.lists(
        st.builds(Amplifier, author=names, platform=names, audience=whole, posts=whole), max_size=3
    ).map(tuple),
    voices=st.lists(posts, max_size=3).map(tuple),
    spread=st.none() | st.builds(Spread, platforms=parts, languages=parts),
    emotions=st.dictionaries(names, shares, max_size=4),
    cause=st.none() | st.builds(Cause, name=names, confidence=shares, terms=st.lists(names, max_size=3).map(tuple)),
    coordination=st.none() | st.builds(Coordination, copies=whole, share=shares),
    own_posts=st.lists(posts, max_size=3).map(tuple),
)
alerts = st.builds(
    Alert,
    id=digests,
    episode_id=digests,
    parent_episode_id=st.none() | digests,
    incident_id=st.none() | digests,
    related_episode_ids=st.lists(digests, max_size=2).map(tuple),
    onset_interval=st.none() | st.builds(Window, start=moments, end=moments),
    transition=st.sampled_from(TRANSITIONS),
    kind=st.sampled_from(KINDS),
    severity=st.sampled_from(SEVERITIES),
    brand=slugs,
    onset_time=moments,
    detected_time=moments,
    window=st.builds(Window, start=moments, end=moments),
    score=st.builds(ScoreReading, value=figures, threshold=figures, unit=names),
    observed=st.builds(
        Observed,
        mentions=counts,
        negatives=counts,
        negative_share=shares,
        stories=st.none() | st.integers(0, 10**9),
        counted=st.none() | counts,
    ),
    expected=st.builds(Expected, value=counts, lower=counts, upper=counts, negative_share=shares),
    contributions=st.dictionaries(names, figures, max_size=4),
    evidence=evidence,
    headline=st.text(max_size=100),
    since_onset=st.none() | since_onset,
    changes=st.lists(st.sampled_from(CHANGES), max_size=3).map(tuple),
    recovery=st.none()
    | st.builds(
        Recovery,
        duration_minutes=whole,
        half_life_minutes=st.none() | whole,
        share_back_minutes=st.none() | whole,
    ),
    playbook=st.none() | st.builds(Playbook, owner=names, link=st.none() | names, respond_by=st.none() | moments),
    config_hash=digests,
    detector=names,
    scope=st.sampled_from(SCOPES),
    category=st.none() | slugs,
    category_episode_id=st.none() | digests,
    members=st.lists(st.builds(Member, brand=slugs, score=figures, episode_id=st.none() | digests), max_size=3).map(
        tuple
    ),
    suppressed=st.none()
    | st.builds(
        Suppressed,
        count=st.integers(1, 10**6),
        recent=st.lists(
            st.builds(
                SuppressedOpening,
                time=moments,
                kind=st.sampled_from(KINDS),
                score=figures,
                reason=st.sampled_from(SUPPRESSION_REASONS),
            ),
            max_size=3,
        ).map(tuple),
    ),
)


@given(alerts)
def test_an_encoded_alert_decodes_to_itself_and_holds_the_published_schema(original):
    value = encode_alert(original)
    assert decode_alert(value) == original
    assert encode_alert(decode_alert(value)) == value
    validator("alert", 1).validate(json.loads(value))


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_refused_as_undecodable(value):
    with pytest.raises(msgspec.DecodeError):
        decode_alert(value)


def test_an_alert_beyond_the_size_limit_is_not_written():
    full = decode_alert(examples("alert", "valid")[0].read_bytes())
    posts = tuple(msgspec.structs.replace(full.evidence.posts[0], excerpt="x" * 10_000) for _ in range(7))
    huge = msgspec.structs.replace(full, evidence=Evidence(posts=posts))
    with pytest.raises(ValueError, match=f"at most {MAX_ALERT_BYTES} bytes"):
        encode_alert(huge)


@settings(max_examples=25)
@given(alerts)
def test_the_headers_are_cloudevents_attributes_in_ascii(alert):
    headers = dict(alert_headers(alert))
    assert all(value.isascii() for value in headers.values())
    assert headers["ce_id"].decode() == alert.id
    assert headers["ce_subject"].decode() == alert.brand
    assert headers["ce_severity"].decode() == alert.severity
    assert headers["ce_type"].decode() == f"tocsin.alert.{alert.kind}.{alert.transition}.v1"
    assert datetime.fromisoformat(headers["ce_time"].decode()) == alert.detected_time


def test_the_moment_of_an_alert_written_with_another_offset_is_the_same_moment():
    content = json.loads(examples("alert", "valid")[0].read_bytes()) | {"onset_time": "2026-03-01T21:05:00+09:00"}
    onset = decode_alert(json.dumps(content).encode()).onset_time
    assert onset == datetime(2026, 3, 1, 21, 5, tzinfo=timezone(timedelta(hours=9)))


def test_the_words_of_the_record_are_the_words_of_the_schema():
    fields = json_schema("alert", 1)["properties"]
    assert set(fields["kind"]["enum"]) == set(KINDS)
    assert set(fields["severity"]["enum"]) == set(SEVERITIES)
    assert set(fields["transition"]["enum"]) == set(TRANSITIONS)
    assert set(fields["scope"]["enum"]) == set(SCOPES)
    parts = json_schema("alert", 1)["$defs"]
    assert set(parts["Trigger"]["properties"]["reason"]["enum"]) == set(TRIGGER_REASONS)
    assert set(parts["SinceOnset"]["properties"]["trend"]["enum"]) == set(TRENDS)
    opening = json_schema("alert", 1)["$defs"]["SuppressedOpening"]["properties"]
    assert set(opening["reason"]["enum"]) == set(SUPPRESSION_REASONS)
