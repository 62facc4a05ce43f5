"""What stands in addresses and forms: anything at all, read or refused, never an error of ours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config.model import Config
from pipeline.hub.feedback import RefusedFormError, feedback_of_form
from pipeline.hub.queries import search_of
from pipeline.hub.store.reader import Episode
from schemas.feedback import decode_feedback, encode_feedback
from schemas.moments import moment
from tests.pipeline.hub.world import DETECTED, alert

WORDS = st.text(max_size=300) | st.sampled_from(
    ["2026-03-04", "9999-12-31", "0001-01-01T00:00+14:00", "100000", "-1", "٣"]
)
NAMES = ("brand", "cause", "q", "kind", "from", "until", "skip")


@given(st.dictionaries(st.sampled_from(NAMES), WORDS))
def test_any_address_is_a_search_or_says_what_could_not_be_read(query):
    wanted, faults = search_of(query, Config())
    assert len(wanted.text) <= 100
    assert len(faults) <= 3
    for name in {"from", "until", "skip"} & query.keys():
        read = {"from": wanted.since, "until": wanted.until, "skip": 0}[name]
        assert read is not None or not query[name].strip() or any(fault.startswith(name) for fault in faults)


def test_a_day_is_in_its_period_as_a_whole():
    wanted, _ = search_of({"from": "2026-03-04", "until": "2026-03-04"}, Config())
    assert (wanted.since, wanted.until) == (1772582400, 1772582400 + 86400)


EPISODE = Episode(
    episode_id=alert().episode_id,
    scope="brand",
    brand=alert().brand,
    number=1,
    category=None,
    kind="crisis",
    severity="critical",
    onset=0,
    opened=0,
    changed=0,
    resolved=None,
    cause="",
    alert=alert(),
    due=None,
)
FIELDS = st.fixed_dictionaries(
    {"kind": st.sampled_from(["acknowledged", "note", "label", "answer", "step", ""]) | st.text(max_size=9)},
    optional={
        "note": st.text(max_size=2100),
        "label": st.sampled_from(["true", "false", "unsure"]) | st.text(max_size=9),
        "url": st.sampled_from(["https://a.example/", "javascript:1", "http://"]) | st.text(max_size=99),
        "published": WORDS,
        "episode_id": st.text(max_size=9),
    },
)


@given(FIELDS, st.text(max_size=140))
def test_any_form_is_feedback_that_can_be_read_again_or_refused(form, author):
    now = moment(DETECTED)
    try:
        said = feedback_of_form(form, [EPISODE.alert], author, now)
    except RefusedFormError:
        return
    assert decode_feedback(encode_feedback(said)) == said
    assert said.episode_id == EPISODE.episode_id
    assert said.time <= now


def test_an_answer_is_dated_when_it_was_published():
    form = {"kind": "answer", "published": "2026-03-01T12:20", "url": "https://acme.example/a"}
    said = feedback_of_form(form, [EPISODE.alert], "Kim", moment(DETECTED))
    assert (said.time.isoformat(), said.url) == ("2026-03-01T12:20:00+00:00", "https://acme.example/a")


@pytest.mark.parametrize("published", ["2026-03-01T23:00", "2024-01-01T00:00"])
def test_an_answer_of_the_future_or_of_years_ago_is_refused(published):
    form = {"kind": "answer", "published": published, "note": "we are sorry"}
    with pytest.raises(RefusedFormError, match="refused_time"):
        feedback_of_form(form, [EPISODE.alert], "Kim", moment(DETECTED))
