"""The activity codec: what is written is read again, and no record is larger than its bound."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.activity import (
    MAX_ACTIVITY_BYTES,
    Activity,
    Scores,
    Thresholds,
    Usual,
    decode_activity,
    encode_activity,
)
from schemas.alert import KINDS
from tests.schemas.contracts import document, examples, validator

finite = st.floats(allow_nan=False, allow_infinity=False)
amounts = st.floats(0.0, 1e300)
whole = st.integers(0, 2**63 - 1)
slugs = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,63}", fullmatch=True)
digests = st.from_regex(r"[0-9a-f]{12,64}", fullmatch=True)
activities = st.builds(
    Activity,
    version=st.just(1),
    brand=slugs,
    start=st.integers(0, 2**40).map(lambda bucket: bucket * 300),
    mentions=whole,
    negatives=amounts,
    positives=amounts,
    reach=whole,
    authors=whole,
    expected=st.builds(Usual, amounts, amounts, amounts, st.floats(0.0, 1.0)),
    scores=st.builds(Scores, finite, finite, finite),
    thresholds=st.builds(Thresholds, st.none() | finite, st.none() | finite, st.none() | finite),
    config_hash=digests,
    detector=st.text(max_size=32),
    warming_up=st.booleans(),
    episodes=st.dictionaries(st.sampled_from(KINDS), digests),
    counted=st.none() | amounts,
    counted_negatives=st.none() | amounts,
)


@given(activities)
def test_what_is_written_is_read_again_within_the_bound_and_by_the_json_schema(activity):
    value = encode_activity(activity)
    assert decode_activity(value) == activity
    assert encode_activity(decode_activity(value)) == value
    assert len(value) <= MAX_ACTIVITY_BYTES
    assert validator("activity", 1).is_valid(json.loads(value))


@pytest.mark.parametrize("path", examples("activity", "valid"), ids=lambda path: path.stem)
def test_a_field_that_equals_its_default_is_not_written(path):
    activity = decode_activity(path.read_bytes())
    written = json.loads(encode_activity(activity))
    assert written.get("warming_up", True) is True
    assert written.get("episodes") != {}
    assert None not in [*written.values(), *written["thresholds"].values()]
    assert decode_activity(json.dumps(written).encode()) == activity


def test_another_version_is_refused():
    content = document(examples("activity", "valid")[0]) | {"version": 2}
    with pytest.raises(msgspec.ValidationError):
        decode_activity(json.dumps(content).encode())
