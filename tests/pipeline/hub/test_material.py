"""A report out of the hub's store tells the phases that one from the topics tells, as far as it has the counts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from pipeline.hub.material import read_store
from pipeline.hub.store.writer import Incoming, Writer
from pipeline.report.compose import review
from pipeline.report.review import Review
from pipeline.report.trail import digest
from schemas.activity import Activity
from schemas.delivery import encode_delivery, new_delivery
from tests.pipeline.report.recorded import recorded, said

ALERTS, ACTIVITY = recorded()
OPENED, RESOLVED = ALERTS[0], ALERTS[-1]
ONSET, END = OPENED.onset_time.timestamp(), RESOLVED.detected_time.timestamp()
WITHIN_A_DAY = tuple(one for one in ACTIVITY if one.start < END + 20 * 3600)


def of_store(folder: Path, activity: Sequence[Activity]) -> Review:
    """The report out of a store that has read this activity, 50 records at a time."""
    with Writer(folder / "store.sqlite") as writer:
        for place in range(0, len(activity), 50):
            until = activity[place : place + 50][-1].start + 300
            told = [one for one in ALERTS if one.detected_time.timestamp() <= until]
            writer.apply(Incoming(alerts=told, activity=activity[place : place + 50]))
        writer.apply(Incoming(feedback=said(OPENED)))
    return read_store(folder / "store.sqlite", OPENED.episode_id).review(OPENED.episode_id)


def test_the_phases_of_both_reports_begin_and_end_alike_with_the_same_counts(tmp_path):
    stored, told = of_store(tmp_path, WITHIN_A_DAY), review(ALERTS, WITHIN_A_DAY, said(OPENED))
    assert [(one.name, one.start, one.end, one.mentions, one.terms, one.voices) for one in stored.phases] == [
        (one.name, one.start, one.end, one.mentions, one.terms, one.voices) for one in told.phases
    ]
    assert [one.name for one in stored.phases] == ["before", "peak", "decline", "after"]
    assert stored.phases[0].start == OPENED.onset_time - timedelta(hours=6)
    for one, other in zip(stored.phases, told.phases, strict=True):
        # The store keeps counts and what is normal to a hundredth.
        assert one.negatives == pytest.approx(other.negatives, abs=0.5)
        assert one.expected == pytest.approx(other.expected, rel=0.01)
        assert one.negative_share == pytest.approx(other.negative_share, abs=0.01)
    assert (stored.step_seconds, stored.points[0].start) == (told.step_seconds, told.points[0].start)


def test_both_reports_say_alike_who_was_told(tmp_path):
    told = [new_delivery(one, target=("chat", "apprise"), time=one.detected_time) for one in ALERTS]
    with Writer(tmp_path / "store.sqlite") as writer:
        writer.apply(Incoming(alerts=ALERTS, activity=WITHIN_A_DAY, deliveries=[*told, *told]))
    stored = read_store(tmp_path / "store.sqlite", OPENED.episode_id)
    found, other = stored.review(OPENED.episode_id), review(ALERTS, WITHIN_A_DAY, deliveries=told)
    assert found.told == other.told
    assert [one.alerts for one in found.told] == [len(told)]
    assert [one.sha256 for one in found.trail.records if one.kind == "delivery"] == [
        digest(encode_delivery(one)) for one in told
    ]


def test_once_the_store_has_forgotten_the_days_only_what_came_after_the_end_is_shorter(tmp_path):
    stored, told = of_store(tmp_path, ACTIVITY), review(ALERTS, ACTIVITY, said(OPENED))
    bounds = [[(one.name, one.start, one.end) for one in found.phases] for found in (stored, told)]
    assert bounds[0][:-1] == bounds[1][:-1]
    assert stored.phases[-1].start == told.phases[-1].start
    assert timedelta(hours=1) < stored.phases[-1].end - RESOLVED.detected_time <= timedelta(hours=2)


def test_a_brand_that_was_silent_before_has_the_same_phase_before_in_both(tmp_path):
    silent = [one for one in WITHIN_A_DAY if not ONSET - 8 * 3600 <= one.start < ONSET - 4 * 3600]
    stored, told = of_store(tmp_path, silent), review(ALERTS, silent, said(OPENED))
    first, other = stored.phases[0], told.phases[0]
    assert (first.start, first.end, first.mentions) == (other.start, other.end, other.mentions)


def test_a_brand_that_was_first_heard_of_before_the_onset_has_no_phase_from_before_that(tmp_path):
    young = [one for one in WITHIN_A_DAY if one.start >= ONSET - 3 * 3600]
    stored, told = of_store(tmp_path, young), review(ALERTS, young, said(OPENED))
    assert stored.phases[0].start == told.phases[0].start
    assert stored.phases[0].start.timestamp() == young[0].start
