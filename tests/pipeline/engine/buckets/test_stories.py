"""Stories: a post, its reposts and its near-copies are one; the tables stay small; strangers are never merged."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.buckets.ids import identity
from pipeline.engine.buckets.stories import (
    KEPT_POSTS,
    KEPT_STORIES,
    MEMORY_BUCKETS,
    MOST_STORIES,
    BucketStories,
    StoryMemory,
    fingerprints,
)
from schemas.mention import Mention, decode_mention
from tests.pipeline.mention_streams import START, mention

POST = "Acme closed my ticket without reading one word of it, third time this week, I am done with them for good"
LONG = "熙荞坊宣传手机用的那个研究根本不存在，我打电话问了学校，人家没听说过熙荞坊。截图在下面，大家都被骗了。"


class Told:
    """A bucket's stories with the ids that the engine keeps beside them."""

    def __init__(self) -> None:
        self.stories = BucketStories()
        self.ids: dict[str, int] = {}
        self.posts = 0

    def tell(self, value: bytes, *, read: bool = True, negative: bool = False, sampled: bool = False) -> int:
        """Take a mention as the engine does; the number of its story."""
        m: Mention = decode_mention(value)
        own = identity(m.id)
        number = self.stories.join(
            m,
            own,
            self.ids,
            m.event_time.timestamp(),
            negative=negative,
            read=read,
            sampled=sampled,
        )
        self.ids[own] = number
        self.posts += m.repost_of is None
        return number


@pytest.mark.parametrize(
    "copy",
    [
        POST.upper(),
        f"RT @someone: {POST}",
        f"{POST} https://x.example/7",
        f"@friend {POST}!!!",
        f"so true: {POST}",
        f"{POST} - this, exactly",
        POST[: len(POST) * 2 // 3] + "…",
        POST.replace("third", "second"),
        POST.replace("week", "month"),
    ],
)
def test_a_copy_with_a_mark_a_link_a_word_changed_added_or_cut_off_is_the_same_story(copy: str) -> None:
    told = Told()
    assert told.tell(mention(id="a", text=POST)) == told.tell(mention(id="b", text=copy)) == 1


@pytest.mark.parametrize(
    "copy", [f"//@guo_mei33: {LONG}", f"转发 {LONG}", LONG[:30] + "……", LONG.replace("学校", "大学")]
)
def test_chinese_copies_are_found_without_words(copy: str) -> None:
    told = Told()
    assert told.tell(mention(id="a", text=LONG)) == told.tell(mention(id="b", text=copy)) == 1


def test_short_texts_are_alike_by_chance_and_no_copies() -> None:
    told = Told()
    assert told.tell(mention(id="a", text="love it")) != told.tell(mention(id="b", text="love it"))
    assert fingerprints("最高です") == ()


def test_a_repost_joins_by_id_whatever_its_text_and_so_does_its_repost() -> None:
    told = Told()
    assert told.tell(mention(id="a", text=POST)) == 1
    assert told.tell(mention(id="b", text="", repost_of="a"), read=False) == 1
    assert told.tell(mention(id="c", text="?", repost_of="b"), read=False) == 1
    story = told.stories.stories[0]
    assert (story.mentions, story.reposts) == (3, 2)


def test_a_repost_that_comes_before_its_post_is_joined_by_it() -> None:
    told = Told()
    assert told.tell(mention(id="b", text="look", repost_of="a", at=START + 9)) == 1
    assert told.tell(mention(id="a", text="another text", at=START + 3)) == 1
    assert told.stories.stories[0].id == "a"
    assert told.stories.stories[0].first_seen == START + 3


def test_half_copies_do_not_chain_strangers_together() -> None:
    """A post that begins like one story and ends like another joins the first and gives the second no way in."""
    a, b = "a" * 45 + "b" * 45, "c" * 45 + "d" * 45
    told = Told()
    assert told.tell(mention(id="1", text=a)) == 1
    assert told.tell(mention(id="2", text="a" * 45 + "d" * 45)) == 1
    assert told.tell(mention(id="3", text=b)) == 2


def reposts_by(people: int, count: int) -> StoryMemory:
    """The memory after a post and so many reposts of it in one bucket."""
    told = Told()
    told.tell(mention(id="a", text=POST))
    for n in range(count):
        told.tell(mention(id=f"r{n}", text="", repost_of="a", author={"id": f"p{n % people}"}))
    memory = StoryMemory()
    memory.absorb(told.stories, told.ids, 7, told.posts)
    return memory


def test_reposts_weigh_as_the_people_who_made_them() -> None:
    """A cascade of 300 people counts in full, 300 reposts by five robots as about five."""
    assert reposts_by(300, 300).stories[0].weight() > 250
    assert reposts_by(5, 300).stories[0].weight() < 10


def test_copied_texts_weigh_by_their_logarithm_however_many_accounts_write_them() -> None:
    told = Told()
    for n in range(256):
        told.tell(mention(id=f"c{n}", text=POST, author={"id": f"robot{n}"}), negative=True)
    surplus = StoryMemory().absorb(told.stories, told.ids, 7, told.posts)
    assert surplus.mentions == surplus.negatives == pytest.approx(256 - 9)
    assert surplus.repeats == 255


def test_copies_in_the_next_buckets_go_on_with_the_same_story() -> None:
    memory = StoryMemory()
    weights = []
    for index in range(4):
        told = Told()
        for n in range(32):
            told.tell(mention(id=f"c{index}-{n}", text=POST, at=START + 300 * index + n))
        weights.append(32 - memory.absorb(told.stories, told.ids, index, told.posts).mentions)
    assert weights == pytest.approx([6.0, 1.0, 0.585, 0.415], abs=0.01)
    (story,) = memory.stories
    assert (story.id, story.mentions, story.first_seen) == ("c0-0", 128, START)


def test_a_post_remembered_from_an_earlier_bucket_is_the_first_of_its_reposts() -> None:
    first, then = Told(), Told()
    first.tell(mention(id="trigger", text=POST, author={"id": "ann", "followers": 90_000}))
    memory = StoryMemory()
    memory.absorb(first.stories, first.ids, 10, first.posts)
    then.tell(mention(id="r", text="", repost_of="trigger", at=START + 900), read=False)
    surplus = memory.absorb(then.stories, then.ids, 13, then.posts)
    (story,) = memory.stories
    assert (story.id, story.first_seen, story.mentions) == ("trigger", START, 2)
    assert surplus.repeats == 1


def test_a_text_read_in_a_sample_stands_for_those_that_were_not() -> None:
    told = Told()
    for n in range(80):
        told.tell(mention(id=f"c{n}", text=POST), read=n % 8 == 0, sampled=n % 8 == 0)
    surplus = StoryMemory().absorb(told.stories, told.ids, 7, told.posts)
    assert surplus.mentions == pytest.approx(80 - (1 + 6.32), abs=0.1)


def test_a_story_is_forgotten_some_hours_after_it_was_last_seen() -> None:
    memory = reposts_by(3, 3)
    memory.absorb(BucketStories(), {}, 7 + MEMORY_BUCKETS, 0)
    assert memory.stories
    memory.absorb(BucketStories(), {}, 8 + MEMORY_BUCKETS, 0)
    assert not memory.stories


ids = st.sampled_from(["a", "b", "c", "d" * 256, "東" * 200])
texts = st.sampled_from(["", "short", POST, LONG, POST[40:], LONG[20:]]) | st.text(max_size=300)
rows = st.lists(st.tuples(ids | st.text(min_size=1, max_size=9), texts, st.none() | ids, st.booleans()), max_size=30)


@given(st.lists(rows, max_size=6))
def test_any_stream_keeps_the_sums_within_the_mentions_and_survives_its_encoding(
    buckets: list[list[tuple[str, str, str | None, bool]]],
) -> None:
    """Whatever comes: nothing negative, the memory bounded and restored as it was, equal through a crash."""
    memory = StoryMemory()
    for index, bucket in enumerate(buckets):
        told = Told()
        for own, text, root, read in bucket:
            if identity(own) not in told.ids:
                told.tell(mention(id=own, text=text, repost_of=root), read=read)
        stored = msgspec.msgpack.encode(told.stories)
        assert msgspec.msgpack.decode(stored, type=BucketStories) == told.stories
        copy = msgspec.msgpack.decode(msgspec.msgpack.encode(memory), type=StoryMemory)
        again = msgspec.msgpack.decode(stored, type=BucketStories)
        surplus = memory.absorb(told.stories, told.ids, index, told.posts)
        assert copy.absorb(again, told.ids, index, told.posts) == surplus
        assert msgspec.msgpack.encode(copy) == msgspec.msgpack.encode(memory)
        assert 0.0 <= surplus.negatives <= surplus.mentions <= len(told.ids)
        assert 0 <= surplus.repeats <= len(told.ids)
        assert len(memory.stories) <= KEPT_STORIES
        assert len(memory.posts) <= KEPT_POSTS


def test_a_flood_of_distinct_texts_or_of_long_ids_stays_small() -> None:
    told = Told()
    for n in range(3000):
        told.tell(mention(id=f"{n}" + "東" * 250, text=f"{chr(97 + n % 26) * (32 + n // 26)} 漢" * 2))
    for n in range(3000):
        told.tell(mention(id=f"s{n}", text=f"{chr(97 + n % 26) * (33 + n // 26)}", repost_of=f"r{n}"))
    assert len(told.stories.stories) <= MOST_STORIES
    assert len(msgspec.msgpack.encode(told.stories)) < 100_000
    memory = StoryMemory()
    memory.absorb(told.stories, told.ids, 3, told.posts)
    assert len(msgspec.msgpack.encode(memory)) < 30_000
