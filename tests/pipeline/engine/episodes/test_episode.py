"""Episodes: one open at a time, with hysteresis, escalation and a cool-down."""

from __future__ import annotations

import itertools

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.episodes.episode import Episode, EpisodeTransition, Opening, Rule, episode_id, step
from schemas.alert import Transition
from tests.pipeline.engine.episodes.episode_steps import steps

RULE = Rule(
    kind="crisis",
    threshold=4.0,
    release=2.0,
    critical=6.0,
    quiet_buckets=3,
    cool_down_buckets=5,
    base_severity="warning",
)


def run(scores: list[float], *, rule: Rule = RULE, may_open: bool = True) -> list[tuple[int, Transition]]:
    """Transitions of one episode state over buckets of these scores."""
    found = enumerate(steps(Episode(), rule, scores, may_open=may_open))
    return [(bucket, one.name) for bucket, one in found if isinstance(one, EpisodeTransition)]


def test_opens_at_the_threshold_and_not_below() -> None:
    """The threshold itself rings."""
    assert run([3.99, 4.0]) == [(1, "opened")]


def test_stays_open_while_the_score_is_above_the_release_level() -> None:
    """Between release and threshold nothing ends and nothing opens anew."""
    assert run([5.0, *[2.0] * 50]) == [(0, "opened")]


def test_is_resolved_after_the_quiet_time_below_the_release_level() -> None:
    """Three quiet buckets in a row end it; two do not."""
    assert run([5.0, 1.0, 1.0, 2.5, 1.0, 1.0, 1.0]) == [(0, "opened"), (6, "resolved")]


def test_escalates_once() -> None:
    """Passing the critical level is told once, however often it is passed."""
    assert run([5.0, 6.0, 3.0, 7.0]) == [(0, "opened"), (1, "escalated")]


def test_a_loud_onset_is_critical_from_the_start_and_does_not_escalate() -> None:
    """Nobody is told twice about the same severity."""
    assert run([9.0, 9.0]) == [(0, "opened")]


def test_an_informational_kind_never_becomes_critical() -> None:
    """Praise of any size stays information."""
    rule = Rule("crisis", 4.0, 2.0, 6.0, 3, 5, "info")
    assert run([100.0, 100.0], rule=rule) == [(0, "opened")]


def test_cools_down_after_a_resolution() -> None:
    """The same kind does not ring again within the cool-down."""
    scores = [5.0, 0.0, 0.0, 0.0, *[5.0] * 6]
    assert run(scores) == [(0, "opened"), (3, "resolved"), (8, "opened")]


def test_a_kind_that_flares_up_opens_in_the_cool_down_as_the_same_incident() -> None:
    """A second fire is shown at once, linked to the first; after the cool-down it is an incident of its own."""
    rule = msgspec.structs.replace(RULE, flares_up=True)
    scores = [5.0, 0.0, 0.0, 0.0, 0.0, 5.0, *[0.0] * 20, 5.0]
    made = [one for one in steps(Episode(), rule, scores) if isinstance(one, EpisodeTransition)]
    first, _, second, _, third = made
    assert [(one.bucket, one.name) for one in made] == [
        (0, "opened"),
        (3, "resolved"),
        (5, "opened"),
        (10, "resolved"),
        (26, "opened"),
    ]
    assert (second.parent_id, second.incident_id) == (first.episode_id, first.incident_id)
    assert (third.parent_id, third.incident_id) == (second.episode_id, third.episode_id)


def test_a_held_back_kind_does_not_open() -> None:
    """While a crisis is open, its lesser kinds stay silent."""
    assert run([9.0] * 5, may_open=False) == []


def test_a_flare_up_names_its_parent() -> None:
    """A second fire within three days is linked to the first."""
    episode = Episode()

    def advance(bucket: int, score: float) -> EpisodeTransition:
        known = Opening(bucket, bucket, bucket)
        made = step(episode, RULE, brand="acme", bucket=bucket, score=score, opening=lambda: known, may_open=True)
        assert isinstance(made, EpisodeTransition)
        return made

    first = advance(10, 5.0)
    assert (first.name, first.parent_id) == ("opened", "")
    assert advance(20, 0.0).name == "resolved"
    second = advance(400, 5.0)
    assert (second.name, second.parent_id) == ("opened", first.episode_id)
    assert advance(500, 0.0).parent_id == first.episode_id
    assert advance(500 + 4 * 288, 5.0).parent_id == ""


def test_a_transition_tells_what_the_episode_was_when_it_was_made() -> None:
    """A resolved alert still names its episode, its onset and the threshold at which it opened."""
    episode = Episode()
    made = [one for one in steps(episode, RULE, [5.0, 6.5, 0.0, 0.0, 0.0]) if isinstance(one, EpisodeTransition)]
    assert [(one.name, one.severity, one.onset, one.opened, one.threshold) for one in made] == [
        ("opened", "warning", 0, 0, 4.0),
        ("escalated", "critical", 0, 0, 4.0),
        ("resolved", "critical", 0, 0, 4.0),
    ]
    assert len({one.episode_id for one in made}) == 1
    assert not episode.is_open


def test_the_onset_is_asked_for_only_where_an_episode_opens() -> None:
    """It costs a look over a day of counts."""

    def refused() -> Opening:
        raise AssertionError("asked for")

    for score in (1.0, 3.9):
        made = step(Episode(), RULE, brand="acme", bucket=1, score=score, opening=refused, may_open=True)
        assert made is None


def transition(episode: str, name: Transition, bucket: int) -> EpisodeTransition:
    return EpisodeTransition(
        name=name,
        bucket=bucket,
        episode_id=episode,
        parent_id="",
        severity="warning",
        onset=1,
        opened=2,
        threshold=4.0,
        score=5.0,
    )


def test_identity_depends_on_what_the_alert_is_about_and_on_nothing_else() -> None:
    """Ids are the same after any replay and differ between brands, kinds, transitions and times."""
    assert episode_id("acme", "crisis", 7) == "1cc85657541315ab7854a2e1"
    distinct = {
        episode_id("acme", "crisis", 7),
        episode_id("bolt", "crisis", 7),
        episode_id("acme", "volume_surge", 7),
        episode_id("acme", "crisis", 8),
        transition("e", "opened", 7).alert_id,
        transition("e", "resolved", 7).alert_id,
        transition("e", "opened", 8).alert_id,
    }
    assert len(distinct) == 7


@given(st.lists(st.floats(0, 10), max_size=200))
def test_transitions_alternate(scores: list[float]) -> None:
    """Whatever the scores: opened, at most one escalation, resolved, and again; at least the cool-down apart."""
    state = "closed"
    ended = None
    for bucket, transition in run(scores):
        if transition == "opened":
            assert state == "closed"
            assert ended is None or bucket - ended >= RULE.cool_down_buckets
            state = "open"
        elif transition == "escalated":
            assert state == "open"
            state = "escalated"
        else:
            assert state in {"open", "escalated"}
            state, ended = "closed", bucket


@given(st.lists(st.sampled_from([0.0, 3.0, 5.0, 9.0]), max_size=300))
def test_a_fire_that_flickers_reopens_once_a_cool_down_and_is_never_hidden(scores: list[float]) -> None:
    rule = msgspec.structs.replace(RULE, flares_up=True)
    made = run(scores, rule=rule)
    opened = [bucket for bucket, name in made if name == "opened"]
    ended = [bucket for bucket, name in made if name == "resolved"]
    reopened = [start for start, end in zip(opened[1:], ended, strict=False) if start - end < rule.cool_down_buckets]
    assert all(later - earlier >= rule.cool_down_buckets for earlier, later in itertools.pairwise(reopened))
    for bucket, score in enumerate(scores):
        began = [start for start in opened if start <= bucket]
        over = [end for end in ended if end <= bucket]
        assert score < rule.threshold or len(began) > len(over), f"bucket {bucket} is above the threshold, and hidden"
