"""A review says what the alerts and the activity of an episode say, whatever their order, and no more."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.report.compose import encode_review, review
from pipeline.report.playbook import DEFAULT_STEPS
from pipeline.report.review import Due, Review
from pipeline.report.sections import outline_of
from schemas.activity import Activity
from schemas.alert import Alert, Playbook, PlaybookStep
from schemas.evidence import Post, Recovery, Similar
from schemas.feedback import Feedback, new_feedback
from tests.pipeline.report.recorded import changed, recorded, said

ALERTS, ACTIVITY = recorded()
OPENED, RESOLVED = ALERTS[0], ALERTS[-1]
SAID = said(OPENED)
USUAL = ACTIVITY[-1].expected.negative_share


def whole(feedback: tuple[Feedback, ...] = SAID) -> Review:
    return review(ALERTS, ACTIVITY, feedback)


def answered_at(minutes: float) -> datetime:
    return OPENED.detected_time + timedelta(minutes=minutes)


def calm_days(days: int, share: float) -> list[Activity]:
    """Activity as of the last record, hour after hour, with another negative share."""
    last = ACTIVITY[-1]
    return [
        msgspec.structs.replace(last, start=last.start + 3600 * hour, mentions=20, negatives=20 * share)
        for hour in range(1, 24 * days)
    ]


def again(days: float, kind: str = "crisis") -> Alert:
    """The opening of another episode of the brand, so many days after this one was resolved."""
    time = RESOLVED.detected_time + timedelta(days=days)
    name = f"{abs(round(days)):024x}"
    return changed(OPENED, id=name, episode_id=name, kind=kind, onset_time=time, detected_time=time)


def test_counts_and_recovery_are_those_of_the_resolved_alert():
    found = whole()
    since, recovery = RESOLVED.since_onset, RESOLVED.recovery
    assert since is not None
    assert recovery is not None
    assert found.peak is not None
    assert (found.peak.mentions, found.peak.start) == (since.peak_per_hour, since.peak_time)
    assert found.excess is not None
    assert found.excess.negatives == pytest.approx(since.negatives)
    assert found.excess.excess == pytest.approx(since.excess_negatives, abs=0.5)
    assert found.calm.half_life_minutes == recovery.half_life_minutes
    # This episode ended before its share was back: only the activity after it can tell.
    assert recovery.share_back_minutes in {None, found.calm.share_back_minutes}
    assert found.calm.agrees is True


def test_a_recovery_that_activity_contradicts_is_said_to_differ():
    other = changed(RESOLVED, recovery=Recovery(duration_minutes=90, half_life_minutes=600))
    assert review([*ALERTS[:-1], other], ACTIVITY).calm.agrees is False


def test_the_phases_follow_each_other_and_hold_every_mention_since_the_onset():
    found = whole()
    assert [phase.name for phase in found.phases] == ["before", "peak", "decline", "after"]
    assert all(a.end == b.start for a, b in zip(found.phases, found.phases[1:], strict=False))
    since = RESOLVED.since_onset
    assert since is not None
    assert sum(phase.mentions or 0 for phase in found.phases[1:-1]) == since.mentions
    assert all(phase.start <= voice.event_time < phase.end for phase in found.phases for voice in phase.voices)


def test_the_time_line_has_what_was_seen_told_said_and_done_in_order_of_time():
    found = whole()
    assert [entry.time for entry in found.timeline] == sorted(entry.time for entry in found.timeline)
    assert {"trigger", "onset", "opened", "peak", "resolved", "acknowledged", "answer", "step", "label", "note"} <= {
        entry.what for entry in found.timeline
    }


def posted(*minutes: float) -> list[Alert]:
    """The alerts, the last one telling of the brand's own posts so many minutes after the opening."""
    posts = tuple(
        Post(
            id=f"own{place}",
            excerpt="we are sorry",
            platform="x",
            event_time=OPENED.detected_time + timedelta(minutes=after),
            author="acme-official",
        )
        for place, after in enumerate(minutes)
    )
    return [*ALERTS[:-1], changed(RESOLVED, evidence=msgspec.structs.replace(RESOLVED.evidence, own_posts=posts))]


def test_what_followed_an_own_post_is_measured_as_after_an_answer_that_was_recorded():
    (answer,) = review(ALERTS, ACTIVITY, [new_feedback(OPENED, "answer", author="Kim", time=answered_at(60))]).answers
    found = review(posted(60), ACTIVITY)
    (post,) = found.own_posts
    assert (post.time, post.effect, post.text) == (answer.time, answer.effect, "we are sorry")
    assert post.effect.negatives is not None
    # It stops no clock: an advertisement must not pass for an answer.
    assert (found.answers, found.times.alert_to_answer) == ((), None)


def test_a_post_that_was_recorded_as_the_answer_is_one_response():
    answer = new_feedback(OPENED, "answer", author="Kim", time=answered_at(60))
    found = review(posted(55, 200), ACTIVITY, [answer])
    assert [one.time for one in found.own_posts] == [answered_at(200)]
    assert [one.others_within for one in (*found.answers, *found.own_posts)] == [1, 1]


def test_of_own_posts_within_an_hour_the_first_stands_for_all():
    assert [one.time for one in review(posted(60, 90, 130), ACTIVITY).own_posts] == [answered_at(60), answered_at(130)]


def test_times_are_counted_from_the_onset_the_trigger_and_the_alarm():
    times = whole().times
    assert times.onset_to_alert == (OPENED.detected_time - OPENED.onset_time).total_seconds() / 60
    assert (times.alert_to_acknowledged, times.alert_to_answer) == (6.0, 60.0)
    silent = whole(()).times
    assert (silent.alert_to_acknowledged, silent.alert_to_answer) == (None, None)


def test_without_its_opening_nothing_is_said_of_how_early_the_alarm_was():
    found = review(ALERTS[1:], ACTIVITY, SAID)
    assert found.opening_missing
    assert (found.times.onset_to_alert, found.times.alert_to_acknowledged) == (None, None)


@settings(max_examples=10)
@given(st.data())
def test_order_and_repetition_of_what_is_given_change_no_byte(data):
    shuffled = [data.draw(st.permutations([*records, *records[:2]])) for records in (ALERTS, ACTIVITY[-300:], SAID)]
    assert encode_review(review(*shuffled)) == encode_review(review(ALERTS, ACTIVITY[-300:], SAID))


@settings(max_examples=25)
@given(st.integers(1, len(ALERTS)), st.integers(0, len(ACTIVITY)), st.integers(0, len(ACTIVITY)))
def test_a_part_of_the_material_gives_a_review_that_claims_nothing_beyond_it(alerts, first, last):
    found = review(ALERTS[:alerts], ACTIVITY[first:last], SAID)
    assert msgspec.json.decode(encode_review(found), type=Review) == found
    assert all(phase.end <= max(found.known_until, RESOLVED.detected_time) for phase in found.phases)
    onset = OPENED.onset_time.timestamp()
    assert found.activity_missing == (
        first >= last or not ACTIVITY[first].start <= onset < ACTIVITY[last - 1].start + 300
    )
    if found.activity_missing:
        assert (found.points, found.calm.half_life_minutes) == ((), None)
        assert {answer.effect.verdict for answer in found.answers} == {"unknown"}


def test_whether_the_calm_held_is_known_after_14_days_and_not_before():
    assert whole().calm.held == "not_yet_known"
    assert review(ALERTS, [*ACTIVITY, *calm_days(14, USUAL)]).calm.held == "yes"
    assert review(ALERTS, [*ACTIVITY, *calm_days(14, 0.6)]).calm.held == "no"


@pytest.mark.parametrize(
    ("days", "kind", "held"),
    [(3, "crisis", "no"), (3, "sentiment_shift", "no"), (3, "volume_surge", "yes"), (15, "crisis", "yes")],
)
def test_an_alarm_within_14_days_means_that_it_did_not_hold(days, kind, held):
    activity = [*ACTIVITY, *calm_days(15, USUAL)]
    assert review(ALERTS, activity, others=[again(days, kind)]).calm.held == held


def test_activity_with_a_forged_time_costs_and_changes_nothing():
    forged = [msgspec.structs.replace(ACTIVITY[0], start=300 * start) for start in (-(10**12), 10**12)]
    assert review(ALERTS, [*ACTIVITY, *forged], SAID) == whole()


@pytest.mark.parametrize("kind", ["sentiment_shift", "volume_surge", "high_reach_post"])
def test_the_score_is_that_of_the_episode_s_kind(kind):
    found = review([changed(one, kind=kind) for one in ALERTS], ACTIVITY)
    known = {one.start: one for one in ACTIVITY}
    shown = [point for point in found.points if found.step_seconds == 300] or found.points
    wanted = [
        None
        if kind == "high_reach_post"
        else max(
            (
                getattr(known[start].scores, kind)
                for start in range(point.start, point.start + found.step_seconds, 300)
                if start in known
            ),
            default=None,
        )
        for point in shown
    ]
    assert [point.score for point in shown] == [None if one is None else round(one, 3) for one in wanted]


def test_alerts_of_several_episodes_or_of_none_are_refused():
    with pytest.raises(ValueError, match="expected alerts of one episode, got those of 2"):
        review([*ALERTS, again(1)])
    with pytest.raises(ValueError, match="got those of 0"):
        review([])


def test_an_answer_says_how_many_others_fell_into_its_hours():
    times = [OPENED.detected_time + timedelta(hours=hours) for hours in (1, 2, 9)]
    given_ = [new_feedback(OPENED, "answer", author="PR", time=time) for time in times]
    answers = review(ALERTS, ACTIVITY, given_).answers
    assert [(one.is_first, one.others_within) for one in answers] == [(True, 1), (False, 1), (False, 0)]


def test_a_first_answer_that_feeds_the_fire_is_said_to():
    """By the three hours after it, and by the alert that told so after one."""
    time = OPENED.detected_time
    given_ = [new_feedback(OPENED, "answer", author="PR", time=time)]
    burning = [
        msgspec.structs.replace(one, mentions=one.mentions + 400, negatives=one.negatives + 400)
        if time.timestamp() < one.start < time.timestamp() + 3 * 3600
        else one
        for one in ACTIVITY
    ]
    calm, burnt = review(ALERTS, ACTIVITY, given_), review(ALERTS, burning, given_)
    told = review([OPENED, changed(RESOLVED, id="e" * 32, transition="updated", changes=("backfired",))], (), given_)
    assert [one.answers[0].effect.verdict for one in (calm, burnt, told)] == ["calmer", "fed", "unknown"]
    assert told.backfired == RESOLVED.detected_time
    for found, words in ((calm, 0), (burnt, 1), (told, 1)):
        (section,) = (one for one in outline_of(found, "en").sections if one.name == "answers")
        assert sum(block.part == "text" for block in section.blocks) == 1 + words


def test_the_playbook_says_what_was_due_and_what_of_it_was_done():
    by = OPENED.detected_time + timedelta(minutes=30)
    steps = (PlaybookStep(id="tell-legal", text="Tell the lawyers."), PlaybookStep(id="stop-ads", text="Stop ads."))
    alerts = [changed(one, playbook=Playbook(owner="duty", respond_by=by, steps=steps)) for one in ALERTS]
    found = review(alerts, ACTIVITY, SAID)
    assert found.due == Due(by=by, kept=True, deed="acknowledged")
    assert [(one.id, one.text, one.author) for one in found.steps] == [
        ("tell-legal", "Tell the lawyers.", "Kim"),
        ("stop-ads", "Stop ads.", ""),
    ]
    assert [one.done is None for one in found.steps] == [False, True]
    assert review(alerts, ACTIVITY).due == Due(by=by, kept=False)
    assert review(alerts[:1]).due == Due(by=by, kept=None)
    late = new_feedback(OPENED, "acknowledged", author="Kim", time=by + timedelta(minutes=1))
    missed = review(alerts, ACTIVITY, [late])
    assert missed.due == Due(by=by, kept=False, deed="acknowledged", late_minutes=1)
    assert "missed: acknowledged 1 min after the deadline" in str(outline_of(missed, "en"))
    assert whole().due is None


def test_a_deadline_that_an_episode_did_not_live_to_see_is_neither_kept_nor_missed():
    by = RESOLVED.detected_time + timedelta(minutes=30)
    alerts = [changed(one, playbook=Playbook(owner="duty", respond_by=by)) for one in ALERTS]
    late = new_feedback(OPENED, "acknowledged", author="Kim", time=by + timedelta(minutes=1))
    for found in (review(alerts, ACTIVITY), review(alerts, ACTIVITY, [late])):
        assert found.due == Due(by=by)
        assert "the episode was over before" in str(outline_of(found, "en"))


def test_without_a_checklist_of_its_own_a_playbook_has_the_usual_steps_of_which_one_is_done():
    done = new_feedback(OPENED, "step", author="Kim", time=OPENED.detected_time, step="publish")
    steps = review([OPENED], ACTIVITY, [done]).steps
    assert [one.id for one in steps] == list(DEFAULT_STEPS)
    assert [one.id for one in steps if one.done] == ["publish"]
    assert review([changed(OPENED, kind="volume_surge")], ACTIVITY).steps == ()


def test_what_an_alert_calls_similar_is_told_where_no_topic_tells_more():
    past = Similar(
        episode_id="c" * 24,
        brand="bolt",
        kind="crisis",
        severity="critical",
        onset_time=OPENED.onset_time - timedelta(days=400),
        resolved_time=OPENED.onset_time - timedelta(days=399),
        duration_minutes=1440,
        shared_terms=("recall",),
        peak_per_hour=90,
    )
    own = msgspec.structs.replace(past, episode_id=again(-300).episode_id, brand="acme")
    evidence = msgspec.structs.replace(RESOLVED.evidence, similar=(past, own))
    found = review([OPENED, changed(RESOLVED, evidence=evidence)], ACTIVITY, others=[again(-300)]).earlier
    assert [(one.brand, one.episode_id, one.likeness is None) for one in found] == [
        ("acme", own.episode_id, False),
        ("bolt", past.episode_id, True),
    ]


def test_an_earlier_episode_with_the_same_words_is_found_and_a_stranger_is_not():
    like = again(-400)
    evidence = msgspec.structs.replace(
        OPENED.evidence,
        cause=None,
        terms=tuple(msgspec.structs.replace(term, text=f"other {n}") for n, term in enumerate(OPENED.evidence.terms)),
    )
    stranger = changed(again(-300), id="c" * 32, episode_id="c" * 24, evidence=evidence)
    other_brand = changed(again(-200), id="b" * 32, episode_id="b" * 24, brand="bolt")
    found = review(ALERTS, ACTIVITY, others=[like, stranger, other_brand, again(2)]).earlier
    assert [(one.episode_id, one.shared_terms != ()) for one in found] == [(like.episode_id, True)]


def test_the_time_line_names_the_span_of_every_alert_s_counts():
    (since,) = [entry for entry in whole().timeline if entry.what == "opened"]
    assert "window_minutes" not in since.figures
    old = [changed(one, since_onset=None) for one in ALERTS]
    (alone,) = [entry for entry in review(old, ACTIVITY).timeline if entry.what == "opened"]
    minutes = (OPENED.window.end - OPENED.window.start).total_seconds() / 60
    assert alone.figures["window_minutes"] == minutes
    for found, words in ((whole(), "negative since the onset"), (review(old, ACTIVITY), "negative in the last")):
        assert words in str(outline_of(found, "en"))
