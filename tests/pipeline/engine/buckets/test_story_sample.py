"""Of a flood on one brand a sample of the texts is compared: 32 of a bucket one and all, then one in eight."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config.model import Config
from pipeline.engine.buckets.open_bucket import STORY_SAMPLE, STORY_TEXTS
from pipeline.engine.buckets.stories import BucketStories
from pipeline.engine.buckets.story import Story
from pipeline.engine.engine import Engine
from pipeline.engine.state import decode_brand, decode_open
from tests.pipeline.engine.engine_runs import latest
from tests.pipeline.mention_streams import START, mention, record, tick

COPIED = "Acme closed my ticket without reading one word of it, third time this week, I am done with them for good"
LETTERS = "abcdefghijklmnoprstuvw"


def own_text(n: int) -> str:
    """A text of twelve words that no other has."""
    r = random.Random(n)
    return "Acme " + " ".join("".join(r.choices(LETTERS, k=7)) for _ in range(12))


def told(texts: Sequence[str], start: float = START, name: str = "m", seconds: float = 290) -> list[bytes]:
    """A post of each text within so many seconds, with a trusted sentiment as most have."""
    step = seconds / len(texts)
    return [
        mention(id=f"{name}{n}", text=text, at=start + step * n, sentiment=0.3, author={"id": f"{name}{n}"})
        for n, text in enumerate(texts)
    ]


def fed(values: Sequence[bytes]) -> Engine:
    engine = Engine(0, Config())
    engine.process([record(n, value) for n, value in enumerate(values)])
    return engine


def open_stories(engine: Engine) -> list[BucketStories]:
    """What the open buckets know of stories, the oldest bucket first."""
    return [
        bucket.stories for bucket in decode_open(b"acme#open", latest(engine.snapshot())[b"acme#open"]).buckets.values()
    ]


def remembered(engine: Engine, mentions: int) -> list[Story]:
    """The stories of the brand once its buckets have closed."""
    engine.process([tick(mentions, START + 3600)])
    return decode_brand(b"acme", latest(engine.snapshot())[b"acme"]).stories.stories


@given(st.integers(1, 1000))
@settings(max_examples=25, deadline=None)
def test_the_first_texts_are_compared_one_and_all_and_one_in_eight_of_the_others(count: int) -> None:
    (stories,) = open_stories(fed(told([own_text(n) for n in range(count)])))
    beyond = max(count - STORY_TEXTS, 0)
    assert stories.read - stories.sampled == min(count, STORY_TEXTS)
    assert stories.sampled == pytest.approx(beyond / STORY_SAMPLE, rel=0.15, abs=4)


def test_the_next_bucket_begins_anew() -> None:
    texts = [own_text(n) for n in range(200)]
    first, second = open_stories(fed([*told(texts), *told(texts[:STORY_TEXTS], START + 300, "n", 100)]))
    assert first.sampled
    assert (second.read, second.sampled) == (STORY_TEXTS, 0)


def test_copies_among_the_first_texts_are_counted_exactly() -> None:
    texts = [own_text(n) for n in range(STORY_TEXTS - 12)] + [COPIED] * 12
    (story,) = remembered(fed(told(texts)), len(texts))
    assert story.mentions == 12


def test_copies_of_a_flood_that_are_written_alike_are_counted_but_for_those_before_the_first_is_read() -> None:
    texts = [own_text(n) for n in range(STORY_TEXTS)] + [COPIED] * 800
    (story,) = remembered(fed(told(texts)), len(texts))
    assert 800 - 2 * STORY_SAMPLE <= story.mentions <= 800
    assert story.unread == 0


def test_the_texts_compared_of_a_flood_stand_for_those_that_are_not() -> None:
    """800 copies after 32 others, each with a word of its own: some 100 are compared, and about 800 are counted."""
    copies = [COPIED.replace("ticket", f"ticket {chr(97 + n // 26)}{chr(97 + n % 26)}") for n in range(800)]
    texts = [own_text(n) for n in range(STORY_TEXTS)] + copies
    (story,) = remembered(fed(told(texts)), len(texts))
    assert story.mentions == pytest.approx(800, rel=0.02)
    assert story.people() == pytest.approx(800, rel=0.13)
    assert story.unread > 600


@pytest.mark.parametrize("texts", [[own_text(n) for n in range(300)], [""] * 300])
def test_of_many_texts_that_are_not_alike_none_is_a_story_with_copies(texts: list[str]) -> None:
    engine = fed(told(texts))
    assert remembered(engine, len(texts)) == []
    (counts,) = engine._state.brands["acme"].recent.since(0)
    assert (counts.mentions, counts.repeats) == (300, 0)


def test_copies_weigh_as_stories_among_many_texts_of_their_own() -> None:
    """250 copies and 1,000 different complaints: what is counted is the complaints and the logarithm of the copies."""
    texts = [COPIED] * 250 + [own_text(n) for n in range(1000)]
    engine = fed(told(texts))
    remembered(engine, len(texts))
    (counts,) = engine._state.brands["acme"].recent.since(0)
    assert counts.counted == pytest.approx(1000 + 1 + 2.4, abs=0.1)
    assert counts.mentions - counts.repeats == 1001


@pytest.mark.parametrize("count", [20, 800])
def test_reposts_whose_text_alone_says_so_weigh_as_the_people_who_made_them(count: int) -> None:
    """A collector may leave out which post is repeated; read one and all, or in a sample that stands for the others."""
    texts = [COPIED, *(f"RT @first{n % 7}: {COPIED}" for n in range(count))]
    engine = fed(told(texts))
    (story,) = remembered(engine, len(texts))
    (counts,) = engine._state.brands["acme"].recent.since(0)
    assert story.copied == pytest.approx(1, abs=1)
    assert counts.counted == pytest.approx(count + 1, rel=0.05)


def test_reposts_that_name_their_post_are_counted_exactly_however_many() -> None:
    posts = told([own_text(n) for n in range(STORY_TEXTS)])
    reposts = [
        mention(id=f"r{n}", text="", at=START + 291 + n / 100, sentiment=0.3, repost_of="m0") for n in range(800)
    ]
    (story,) = remembered(fed([*posts, *reposts]), len(posts) + len(reposts))
    assert (story.mentions, story.reposts) == (801, 800)


def test_nobody_can_choose_an_id_that_is_not_compared() -> None:
    """The place in the bucket decides, not the id: the same texts under other ids give the same sample."""
    texts = [own_text(n) for n in range(300)]
    one, other = (open_stories(fed(told(texts, name=name)))[0] for name in ("m", "chosen-by-its-author-"))
    assert [story.first_seen for story in one.stories] == [story.first_seen for story in other.stories]
