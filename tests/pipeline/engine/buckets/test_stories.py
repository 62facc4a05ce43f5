"""Stories: a post, its reposts and its near-copies are one; the tables stay small; strangers are never merged."""

from __future__ import annotations

import math
import random
import unicodedata

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.engine.buckets.copies import fingerprint, letters_of
from pipeline.engine.buckets.ids import identity
from pipeline.engine.buckets.stories import MOST_STORIES, BucketStories
from pipeline.engine.buckets.story import OWN, QUOTED, TOLD, UNHEARD
from pipeline.engine.buckets.story_memory import (
    KEPT_POSTS,
    KEPT_STORIES,
    MEMORY_BUCKETS,
    StoryMemory,
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


def are_one(*texts: str) -> bool:
    """Whether the texts are one story once their bucket closes."""
    told = Told()
    numbers = [told.tell(mention(id=f"m{n}", text=text)) for n, text in enumerate(texts)]
    told.stories.unite_copies()
    return len({told.stories.resolve(number) for number in numbers}) == 1


@pytest.mark.parametrize(
    "copy",
    [
        POST.upper(),
        f"RT @someone: {POST}",
        f"{POST} https://x.example/7",
        f"@friend {POST}!!!",
        f"so true: {POST}",
        f"{POST} - this, exactly",
        f"so true: {POST} - this, exactly",
        POST[: len(POST) * 2 // 3] + "…",
        POST.replace("third", "second"),
        POST.replace("week", "month"),
        f"<p>{POST} &amp; <b>more</b></p>",
    ],
)
def test_a_copy_with_a_mark_a_link_a_word_changed_added_or_cut_off_is_the_same_story(copy: str) -> None:
    assert are_one(POST, copy)


@pytest.mark.parametrize(
    "copy", [f"//@guo_mei33: {LONG}", f"转发 {LONG}", LONG[:30] + "……", LONG.replace("学校", "大学")]
)
def test_chinese_copies_are_found_without_words(copy: str) -> None:
    assert are_one(LONG, copy)


@pytest.mark.parametrize(
    "text",
    [
        "Über die Hälfte der Züge fällt schon wieder aus, niemand erklärt uns warum",
        "Ça suffit, trois heures à attendre une réponse qui ne vient jamais, c'est honteux",
        "Опять задержали рейс на шесть часов, и никто ничего не объяснил пассажирам",
        "パソコンのガラスがまた割れた、サポートに電話しても誰も出ないし返金もない",
    ],
)
def test_equal_texts_in_composed_and_decomposed_letters_or_in_capitals_are_copies(text: str) -> None:
    assert are_one(text, unicodedata.normalize("NFD", text), text.upper(), unicodedata.normalize("NFKC", text))
    told = Told()
    assert [told.tell(mention(id=f"m{n}", text=one)) for n, one in enumerate((text, text.upper()))] == [1, 1]


OWN_WORDS = (
    "handle branch filter battery parcel is what I complain of, cable motor handle charger",
    "delivery warranty voucher refund, nobody in the support answered, agent queue pump",
)


@pytest.mark.parametrize(
    "shared",
    [
        "\U0001f621" * 10 + " {}",
        "{} #BoycottAcme #AcmeLies #ShameOnAcmeKettles",
        '<p><span class="h-card"><a href="https://s.example/@acme" class="u-url">@<span>acme</span></a></span> {}</p>',
        "{}\n--\nSent from my phone with the app of Acme Mobile, excuse typos",
        "I rate my last visit: {}. Would I come back? I am not sure",
    ],
)
def test_hashtags_emoji_markup_signatures_and_templates_make_no_copy(shared: str) -> None:
    assert not are_one(*(shared.format(words) for words in OWN_WORDS))


def test_posts_that_begin_with_the_same_characters_of_han_are_no_copies() -> None:
    begin = "熙荞坊宣传手机用的那个研究根"
    assert not are_one(
        begin + "本不存在，我打电话问了学校，人家没听说过", begin + "据昨天的新闻是真的，我叔叔就在那里上班"
    )


def test_a_quote_with_as_much_to_say_is_no_copy() -> None:
    own = "I read this twice and do not agree at all, my ticket was answered within the hour by a kind woman"
    assert not are_one(POST, f'{own}: "{POST[:52]}"')


def test_copies_of_copies_do_not_chain_strangers_together() -> None:
    """Each text resembles the next one, but the last has little in common with the first."""
    words = POST.split() + OWN_WORDS[0].split()
    chain = [" ".join(words[begin : begin + 20]) for begin in range(0, 15, 3)]
    told = Told()
    numbers = [told.tell(mention(id=f"m{n}", text=text)) for n, text in enumerate(chain)]
    told.stories.unite_copies()
    assert told.stories.resolve(numbers[0]) != told.stories.resolve(numbers[-1])


def test_short_texts_are_alike_by_chance_and_no_copies() -> None:
    assert not are_one("love it", "love it")
    assert not are_one("", "")
    assert not are_one("#BoycottAcme #AcmeLies #ShameOnAcmeKettles", "#BoycottAcme #AcmeLies #ShameOnAcmeKettles")
    assert fingerprint(letters_of("最高です")) == b""


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
    assert surplus.mentions == surplus.negatives == pytest.approx(256 - 1 - math.log10(256))
    assert (surplus.silent, surplus.repeats) == (255, 255)


def test_copies_in_the_next_buckets_go_on_with_the_same_story() -> None:
    memory = StoryMemory()
    weights = []
    for index in range(4):
        told = Told()
        for n in range(32):
            told.tell(mention(id=f"c{index}-{n}", text=POST, at=START + 300 * index + n))
        weights.append(32 - memory.absorb(told.stories, told.ids, index, told.posts).mentions)
    assert weights == pytest.approx([2.505, 0.301, 0.176, 0.125], abs=0.001)
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


def variants(count: int) -> list[str]:
    """Copies of the post of which each has a word of its own."""
    return [POST.replace("ticket", f"ticket {chr(97 + n % 26)}{chr(97 + n // 26)}") for n in range(count)]


def test_copies_read_in_a_sample_stand_for_those_that_were_not_and_are_marked_as_estimates() -> None:
    told = Told()
    for n, text in enumerate(variants(400)):
        told.tell(
            mention(id=f"c{n}", text=text, reach=100, author={"id": f"robot{n}"}), read=n % 8 == 0, sampled=n % 8 == 0
        )
    memory = StoryMemory()
    surplus = memory.absorb(told.stories, told.ids, 7, told.posts)
    (story,) = memory.stories
    assert (story.mentions, story.reach, story.unread) == (400, 40_000, 350)
    assert story.people() == pytest.approx(400, rel=0.13)
    assert surplus.mentions == pytest.approx(400 - 3.6, abs=0.1)


@pytest.mark.parametrize("people", [1, 5, 41])
def test_a_few_people_who_write_many_copies_stay_few_in_a_sample(people: int) -> None:
    told = Told()
    for n, text in enumerate(variants(600)):
        is_read = n % 8 == 3
        told.tell(mention(id=f"c{n}", text=text, author={"id": f"r{n % people}"}), read=is_read, sampled=is_read)
    memory = StoryMemory()
    memory.absorb(told.stories, told.ids, 7, told.posts)
    (story,) = memory.stories
    assert story.mentions == 600
    assert story.people() == pytest.approx(people, rel=0.25)


def test_a_text_that_the_sample_saw_once_stands_for_itself() -> None:
    told = Told()
    for n in range(80):
        text = f"{chr(97 + n % 26) * 2}{chr(97 + n // 26) * 2} is what came of my order of last {chr(97 + n % 26) * 9}"
        told.tell(mention(id=f"c{n}", text=text), read=n % 8 == 0, sampled=n % 8 == 0)
    surplus = StoryMemory().absorb(told.stories, told.ids, 7, told.posts)
    assert (surplus.mentions, surplus.repeats) == (0, 0)


def test_every_copy_that_is_written_as_one_before_counts_though_texts_are_read_in_a_sample() -> None:
    """Even with another address under each, as robots do."""
    told = Told()
    for n in range(800):
        text = f"{POST} https://t.example/{n}" if n % 2 else POST
        told.tell(mention(id=f"c{n}", text=text, reach=10), read=not n, sampled=False)
    memory = StoryMemory()
    memory.absorb(told.stories, told.ids, 7, told.posts)
    (story,) = memory.stories
    assert (story.mentions, story.reach, story.unread) == (800, 8000, 0)


@pytest.mark.parametrize(
    ("reposts", "text", "words"),
    [
        (("", "", ""), "", UNHEARD),
        (("what a shame, look at this", ""), "what a shame, look at this", QUOTED),
        (("what a shame", f"RT @ann: {POST}"), f"RT @ann: {POST}", TOLD),
        (("", POST, "so true", POST), POST, TOLD),
    ],
)
def test_a_story_without_its_first_post_has_only_words_that_its_reposts_share_or_mark(
    reposts: tuple[str, ...], text: str, words: int
) -> None:
    told = Told()
    for n, said in enumerate(reposts):
        told.tell(mention(id=f"r{n}", text=said, repost_of="a"))
    story = told.stories.stories[0]
    assert (story.text, story.words) == (text, words)


@pytest.mark.parametrize("is_later", [False, True])
def test_the_words_of_the_first_post_replace_those_of_its_reposts(is_later: bool) -> None:
    memory = StoryMemory()
    told = Told()
    told.tell(mention(id="b", text="what a shame, look at this", repost_of="a", at=START + 9))
    told.tell(mention(id="c", text="", repost_of="a", at=START + 10))
    if is_later:
        memory.absorb(told.stories, told.ids, 7, told.posts)
        told = Told()
    told.tell(mention(id="a", text=POST, at=START + 3))
    memory.absorb(told.stories, told.ids, 8, told.posts)
    (story,) = memory.stories
    assert (story.id, story.text, story.words, story.mentions) == ("a", POST, OWN, 3)


def near_copies(index: int) -> Told:
    told = Told()
    for n, text in enumerate(variants(8)):
        told.tell(mention(id=f"v{index}-{n}", text=f"{text} {'xyz'[index % 3] * 3}", author={"id": f"p{index}-{n}"}))
    return told


def test_near_copies_in_the_next_buckets_go_on_with_the_same_story() -> None:
    memory = StoryMemory()
    for index in range(3):
        told = near_copies(index)
        memory.absorb(told.stories, told.ids, index, told.posts)
    (story,) = memory.stories
    assert (story.mentions, story.people()) == (24, 24)


def hourly(memory: StoryMemory, hours: int, *, first: int = 0, copies: int = 1) -> None:
    """A newsletter every hour, among forty posts of its own each."""
    for hour in range(first, first + hours):
        told = Told()
        for n in range(40):
            r = random.Random(100 * hour + n)
            own = " ".join("".join(r.choices("abcdefghijklmnop", k=7)) for _ in range(12))
            told.tell(mention(id=f"o{hour}-{n}", text=own))
        for n in range(copies):
            told.tell(mention(id=f"n{hour}-{n}", text=f"{POST} https://news.example/{hour}", author={"id": f"{n}"}))
        memory.absorb(told.stories, told.ids, 12 * hour, told.posts)


def test_a_text_that_comes_every_hour_is_a_known_template_after_a_day() -> None:
    memory, key = StoryMemory(), fingerprint(letters_of(POST))
    hourly(memory, 23)
    assert key not in memory.templates()
    hourly(memory, 3, first=23)
    assert memory.templates() == {key}
    restored = msgspec.msgpack.decode(msgspec.msgpack.encode(memory), type=StoryMemory)
    assert restored.templates() == {key}


def test_a_template_weighs_nothing_and_is_a_story_again_when_many_copy_it() -> None:
    memory, key = StoryMemory(), fingerprint(letters_of(POST))
    hourly(memory, 30)
    told = Told()
    told.tell(mention(id="again", text=POST))
    surplus = memory.absorb(told.stories, told.ids, 12 * 30, told.posts)
    assert (surplus.mentions, surplus.repeats) == (1, 1)
    hourly(memory, 1, first=31, copies=90)
    assert key not in memory.templates()
    assert max(story.mentions for story in memory.stories) >= 90


def test_many_near_copies_give_room_to_others_while_their_bucket_is_open() -> None:
    """More texts than a bucket keeps: those that are alike are made one when there is no room left."""
    told = Told()
    texts = variants(500)
    numbers = [told.tell(mention(id=f"c{n}", text=text)) for n, text in enumerate(texts)]
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(told.stories), type=BucketStories)
    again.unite_copies()
    assert len({again.resolve(number) for number in numbers}) == 1
    assert again.stories[0].mentions == 500


@example([(0, False, False), (0, False, False), (2, False, True), (0, False, False), (2, False, False)], 2)
@given(st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.booleans()), max_size=60), st.integers(0, 60))
def test_a_bucket_restored_in_between_goes_on_as_the_other(rows: list[tuple[int, bool, bool]], cut: int) -> None:
    """What is remembered beside the state follows from it."""
    said = (POST, LONG, f"RT @ann: {POST}", f"{POST} https://x.example/1")
    one, other = Told(), Told()
    for n, (text, is_read, is_repost) in enumerate(rows):
        if n == cut:
            other.stories = msgspec.msgpack.decode(msgspec.msgpack.encode(other.stories), type=BucketStories)
        value = mention(id=f"m{n}", text=said[text], repost_of="m3" if is_repost else None)
        assert one.tell(value, read=is_read, sampled=is_read) == other.tell(value, read=is_read, sampled=is_read)
    assert msgspec.msgpack.encode(one.stories) == msgspec.msgpack.encode(other.stories)


def test_stories_of_an_older_state_are_read_and_go_on() -> None:
    """As version 2 wrote them before people, words and copies: 64 registers of authors, keys by the ends of a text."""
    registers = bytearray(64)
    registers[3] = 2
    old = ["a", 1.0, 5, 2, 1, 0, 7, 3, 99, bytes(registers), "said before", 7, [b"12345678", b"#a"]]
    memory = msgspec.msgpack.decode(msgspec.msgpack.encode([[old], []]), type=StoryMemory)
    told = Told()
    told.tell(mention(id="r", text="", repost_of="a"))
    memory.absorb(told.stories, told.ids, 8, told.posts)
    (story,) = memory.stories
    assert (story.mentions, story.reposts, story.text) == (6, 3, "said before")
    assert story.people() == pytest.approx(2, abs=0.2)


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
