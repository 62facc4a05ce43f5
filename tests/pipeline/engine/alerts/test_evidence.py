"""What an alert tells of stories and posts is what was written: whose words, how often, by how many, how bad."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from pipeline.config.model import Config, ConfigFile, DetectionConfig
from pipeline.engine.alerts.evidence import NO_TEXT, NO_WORDS, SHOWN_STORIES
from pipeline.engine.records import Record
from schemas.alert import Alert
from tests.pipeline.engine.engine_runs import undisturbed
from tests.pipeline.mention_streams import START, mention, record, tick

HOUR = 3600.0
BURST = START + 96 * HOUR
COMPLAINT = "My kettle broke after two days and support refuses the refund, this is a terrible disgrace"
THINGS = (
    *("handle", "branch", "filter", "battery", "parcel", "warranty", "voucher", "refund"),
    *("delivery", "agent", "queue", "cable", "motor", "lid", "pump"),
)
COUNTING = Config(ConfigFile(detection=DetectionConfig(copies="count")))


def own_complaint(n: int) -> str:
    """Nobody else complains of these things in this order."""
    r = random.Random(n)
    things, more = " ".join(r.choices(THINGS, k=5)), " ".join(r.choices(THINGS, k=4))
    return f"{things} is broken and awful, I hate what they did with my {more}"


def quiet(rate: float) -> list[bytes]:
    """Four days of so many mentions an hour, one in seven negative, no two alike."""
    return [
        mention(
            id=f"q{n}",
            text=f"question {' '.join(chr(97 + n // 26**k % 26) * 3 for k in range(3))}: open on Sunday?",
            at=START + n * HOUR / rate,
            sentiment=-0.7 if n % 7 == 0 else 0.4,
            author={"id": f"u{n}"},
        )
        for n in range(round(96 * rate))
    ]


def burst(count: int, seconds: float = 240, **of: Callable[[int], Any]) -> list[bytes]:
    """So many negative mentions within a bucket, with these fields of the n-th."""
    fields: dict[str, Callable[[int], Any]] = {"id": lambda n: f"h{n}", "author": lambda n: {"id": f"p{n}"}} | of
    return [
        mention(at=BURST + n * seconds / count, sentiment=-0.7, **{name: give(n) for name, give in fields.items()})
        for n in range(count)
    ]


def alerts_of(values: Sequence[bytes], config: Config | None = None, *, rate: float = 4) -> list[Alert]:
    records: list[Record] = [record(n, value) for n, value in enumerate([*quiet(rate), *values])]
    return undisturbed([*records, tick(len(records), BURST + HOUR)], config or Config()).outputs.alerts


def opened(values: Sequence[bytes], config: Config | None = None) -> Alert:
    return next(alert for alert in alerts_of(values, config) if alert.kind == "crisis")


@pytest.mark.parametrize("text", [own_complaint, lambda _: ""])
@pytest.mark.parametrize("config", [None, COUNTING])
def test_sixty_posts_of_their_own_are_sixty_stories(text: Callable[[int], str], config: Config | None) -> None:
    """Different complaints, or pictures without a word."""
    alert = opened(burst(60, text=text), config)
    assert alert.observed.stories == alert.observed.mentions >= 60
    assert alert.evidence.stories == ()


def test_a_post_without_text_is_said_in_words() -> None:
    posts = opened(burst(60, text=lambda _: "")).evidence.posts
    assert [post.excerpt for post in posts] == [NO_TEXT] * 3


def test_a_story_of_reposts_without_words_is_told_in_those_of_its_first_post() -> None:
    reposts = burst(25, text=lambda _: "", repost_of=lambda _: "first")
    first = mention(id="first", text=COMPLAINT, at=BURST - 2, sentiment=-0.8, author={"id": "ann", "followers": 9000})
    evidence = opened([first, *reposts]).evidence
    (story,) = evidence.stories
    assert (story.id, story.excerpt, story.mentions, story.reposts) == ("first", COMPLAINT, 26, 25)
    assert [post.excerpt for post in evidence.posts] == [COMPLAINT]


def test_a_story_whose_first_post_was_not_seen_says_so() -> None:
    reposts = burst(25, text=lambda n: f"look at this {n}" if n % 2 else "", repost_of=lambda _: "first")
    (story,) = opened(reposts).evidence.stories
    assert (story.excerpt, story.mentions) == (NO_WORDS, 25)


@pytest.mark.parametrize("people", [1, 9])
def test_copies_by_few_are_at_most_a_warning_and_shown_once(people: int) -> None:
    """One angry author with many copies, or nine robots with one text, even where each copy counts."""
    copies = burst(
        9, text=lambda n: COMPLAINT if n % 2 else COMPLAINT.upper(), author=lambda n: {"id": f"p{n % people}"}
    )
    alerts = alerts_of(copies, COUNTING, rate=0.5)
    assert {alert.kind for alert in alerts} >= {"crisis"}
    assert {alert.severity for alert in alerts} <= {"warning", "info"}
    crisis = next(alert for alert in alerts if alert.kind == "crisis")
    assert crisis.score.value > 1.5 * crisis.score.threshold
    assert len(crisis.evidence.posts) == 1


def test_a_dozen_complaints_of_as_many_people_are_critical() -> None:
    alerts = alerts_of(burst(12, text=own_complaint), rate=0.5)
    assert "critical" in {alert.severity for alert in alerts}
    assert len({post.excerpt for post in alerts[0].evidence.posts}) == 3


def test_people_and_reach_of_a_copied_text_are_those_of_all_who_copied_it() -> None:
    copies = burst(1200, text=lambda _: COMPLAINT, reach=lambda _: 100)
    story = opened(copies).evidence.stories[0]
    assert (story.mentions, story.copies, story.reach, story.estimated) == (1200, 1199, 120_000, False)
    assert story.authors == pytest.approx(1200, rel=0.13)


def test_what_a_sample_stands_for_is_marked_as_an_estimate() -> None:
    copies = burst(
        1200, text=lambda n: f"{COMPLAINT} {THINGS[n % 15][:3]}{THINGS[n // 15 % 15][:3]}", reach=lambda _: 100
    )
    story = opened(copies).evidence.stories[0]
    assert story.estimated
    assert story.mentions == pytest.approx(1200, rel=0.13)
    assert story.reach == pytest.approx(120_000, rel=0.13)
    assert story.authors == pytest.approx(1200, rel=0.25)


def test_a_newsletter_of_every_hour_is_not_what_a_crisis_is_about() -> None:
    newsletter = "The morning letter of the kettle club: offers, events and everything that boils in your town"
    letters = [
        mention(id=f"n{hour}", text=newsletter, at=START + hour * HOUR + 7, sentiment=-0.3, author={"id": "club"})
        for hour in range(97)
    ]
    crisis = burst(30, text=lambda n: COMPLAINT if n < 5 else own_complaint(n))
    values = sorted([*quiet(4), *letters], key=_time)
    records = [record(n, value) for n, value in enumerate([*values, *sorted(crisis, key=_time)])]
    alerts = undisturbed([*records, tick(len(records), BURST + HOUR)], Config()).outputs.alerts
    alert = next(alert for alert in alerts if alert.kind == "crisis")
    assert [story.excerpt for story in alert.evidence.stories] == [COMPLAINT]
    assert newsletter not in [post.excerpt for post in alert.evidence.posts]
    assert len(alert.evidence.stories) <= SHOWN_STORIES


def _time(value: bytes) -> bytes:
    return value[value.index(b'"event_time"') :]
