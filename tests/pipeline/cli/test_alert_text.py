"""Alerts in words: what is seen, what was expected, why; and nothing from a stranger that a terminal would obey."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cli.alert_text import alert_lines, alert_renderable
from schemas.alert import Alert, Playbook, decode_alert
from schemas.evidence import Evidence, Post, Story

EXAMPLES = Path(__file__).parents[3] / "schemas" / "examples" / "alert" / "v1" / "valid"


def example(name: str) -> Alert:
    return decode_alert((EXAMPLES / f"{name}.json").read_bytes())


def test_a_full_alert_is_four_lines_that_say_everything():
    assert alert_lines(example("full")) == [
        "WARNING crisis opened: acme, 2026-03-01 12:35 UTC (first signs from 12:05)",
        "  the last 30 min: 412 mentions, 61 to 128 expected; 75 % negative, 12 % usual; score 15.8, threshold 12.0",
        '  because of 50 % volume, 50 % negativity; "Third outage at Acme this week" (x, user-77, 1,200 followers)',
        "  owner duty-officer@acme.example, act by 2026-03-01 13:05 UTC, https://wiki.acme.example/crisis",
    ]


def test_every_example_is_at_most_five_short_lines_and_ten_more_of_the_time_since_its_onset():
    for path in EXAMPLES.glob("*.json"):
        alert = decode_alert(path.read_bytes())
        lines = alert_lines(alert)
        assert 2 <= len(lines) <= (15 if alert.since_onset else 5), path.stem
        assert max(map(len, lines)) < 400, path.stem


def test_a_resolved_alert_gives_neither_reasons_nor_duties():
    alert = msgspec.structs.replace(example("crisis-resolved"), playbook=Playbook(owner="duty-officer"))
    assert len(alert_lines(alert)) == 2


def test_the_day_is_said_when_the_onset_was_on_another():
    alert = example("crisis-opened")
    late = msgspec.structs.replace(alert, detected_time=alert.detected_time.replace(day=2))
    assert "(first signs from 2026-03-01 12:05 UTC)" in alert_lines(late)[0]


def test_small_fractions_are_not_rounded_to_nothing():
    alert = example("crisis-opened")
    quiet = msgspec.structs.replace(alert, expected=msgspec.structs.replace(alert.expected, lower=0.0, upper=0.4))
    assert "0 to 0.4 expected" in alert_lines(quiet)[1]


def test_the_most_told_story_is_named_with_how_often_by_whom_and_how_far():
    alert = example("stories")
    shared = "120 times since 12:04, by 104 authors, reach 1,210,000"
    assert alert_lines(alert)[3] == f"  most shared is this post: {shared}"
    (post,) = alert.evidence.posts
    other = msgspec.structs.replace(post, id="another", excerpt="It has gone dark again")
    evidence = msgspec.structs.replace(alert.evidence, posts=(other,))
    lines = alert_lines(msgspec.structs.replace(alert, evidence=evidence))
    assert lines[3] == f'  most shared: "Third outage at Acme this week", {shared}'


def test_a_story_told_once_is_no_story_and_neither_is_one_of_an_episode_that_is_over():
    alert = example("stories")
    once = msgspec.structs.replace(alert.evidence.stories[0], mentions=1)
    evidence = msgspec.structs.replace(alert.evidence, stories=(once,))
    assert not any("most shared" in line for line in alert_lines(msgspec.structs.replace(alert, evidence=evidence)))
    assert len(alert_lines(msgspec.structs.replace(alert, transition="resolved"))) == 2


def test_a_single_mention_and_a_single_follower_are_one():
    alert = example("full")
    post = msgspec.structs.replace(alert.evidence.posts[0], followers=1)
    single = msgspec.structs.replace(
        alert,
        observed=msgspec.structs.replace(alert.observed, mentions=1.0),
        evidence=msgspec.structs.replace(alert.evidence, posts=(post,)),
    )
    text = "\n".join(alert_lines(single))
    assert "  the last 30 min: 1 mention, " in text
    assert "1 follower)" in text


@given(st.text(max_size=200))
def test_no_text_of_a_stranger_reaches_the_terminal_as_a_command(text):
    alert = example("full")
    post = Post(id="1", excerpt=text, platform=text or "x", event_time=alert.onset_time, author=text, followers=3)
    story = Story(id="2", excerpt="x" + text, mentions=2, first_seen=alert.onset_time)
    hostile = msgspec.structs.replace(
        alert,
        evidence=Evidence(posts=(post,), stories=(story,)),
        playbook=Playbook(owner=text, link=text),
        contributions={text: 1.0},
    )
    lines = alert_lines(hostile)
    assert len(lines) == 5
    for line in lines:
        line.encode()  # no lone surrogate
        assert not any(ord(character) < 32 or 0x7F <= ord(character) < 0xA0 for character in line)
    assert alert_renderable(hostile).plain == "\n".join(lines)


@pytest.mark.parametrize(("name", "style"), [("crisis-escalated", "red"), ("crisis-resolved", "green")])
def test_the_headline_is_coloured_by_severity_and_green_when_resolved(name, style):
    assert any(style in str(span.style) for span in alert_renderable(example(name)).spans)


def test_the_end_of_a_critical_episode_reads_as_good_news():
    critical = msgspec.structs.replace(example("crisis-resolved"), severity="critical")
    assert alert_lines(critical)[0].startswith("RESOLVED crisis: acme")
