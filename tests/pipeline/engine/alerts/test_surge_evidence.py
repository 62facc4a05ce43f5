"""What an alert says of the time since its onset: which post set it off, where it is told, about what, how much."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import permutations
from typing import Any

import msgspec
import pytest

from detectors.sentiment import LANGUAGES
from detectors.topics.boundaries import boundaries
from detectors.topics.causes import cause_of
from detectors.topics.emotions import emotions_of
from detectors.topics.phrases import finder
from detectors.topics.told import Told
from detectors.topics.units import stop_words
from pipeline.engine.alerts.coordination import coordination_of
from pipeline.engine.alerts.evidence import add_late_posts
from pipeline.engine.alerts.surge_evidence import amplifiers_of, preload, terms_of
from pipeline.engine.buckets.late import WaitingRoom
from pipeline.engine.buckets.open_bucket import OpenBucket
from pipeline.engine.buckets.posts import keep_post
from pipeline.engine.buckets.surge import MOST_SPEAKERS, MOST_TEXTS, Speaker, Surge
from pipeline.engine.records import Record
from pipeline.engine.state import decode_brand, encode
from schemas.alert import Alert
from schemas.evidence import Coordination, Trigger
from schemas.mention import read_mention
from schemas.moments import moment
from tests.pipeline.engine.alerts.test_evidence import BURST, HOUR, own_complaint, quiet
from tests.pipeline.engine.engine_runs import undisturbed, with_crashes
from tests.pipeline.mention_streams import mention, record, tick

FIRST = "The kettle I bought caught fire next to my sleeping child and nobody answers the phone"


def trigger(**fields: Any) -> bytes:
    """A post of twenty minutes before the burst."""
    known: dict[str, Any] = {
        "id": "first",
        "text": FIRST,
        "at": BURST - 1200,
        "sentiment": -0.9,
        "platform": "mastodon",
        "author": {"id": "witness", "followers": 900},
        "url": "https://mastodon.example/first",
        "lang": "en",
    }
    return mention(**(known | fields))


def burst(count: int = 80, **of: Callable[[int], Any]) -> list[bytes]:
    """Half an hour of negative mentions, every other one a repost of the first post."""
    fields: dict[str, Callable[[int], Any]] = {
        "id": lambda n: f"h{n}",
        "text": lambda n: f"RT @witness: {FIRST}" if n % 2 else f"{own_complaint(n)} after the fire",
        "repost_of": lambda n: "first" if n % 2 else None,
        "author": lambda n: {"id": f"p{n}", "followers": 10 * n},
        "platform": lambda n: "mastodon" if n % 2 else "x",
        "sentiment": lambda _: -0.8,
    } | of
    return [
        mention(at=BURST + n * 1800 / count, **{name: give(n) for name, give in fields.items()}) for n in range(count)
    ]


def stream(values: list[bytes], *, hours: float = 1.0) -> list[Record]:
    records = [record(n, value) for n, value in enumerate([*quiet(4), *values])]
    return [*records, tick(len(records), BURST + hours * HOUR)]


def alerts(values: list[bytes], *, hours: float = 1.0) -> list[Alert]:
    return [alert for alert in undisturbed(stream(values, hours=hours)).outputs.alerts if alert.kind == "crisis"]


def opened(values: list[bytes]) -> Alert:
    return alerts(values)[0]


def test_the_post_that_is_reposted_is_the_trigger_with_all_that_is_known_of_it() -> None:
    first = opened([trigger(), *burst()]).evidence.triggers[0]
    assert first == Trigger(
        id="first",
        excerpt=FIRST,
        event_time=first.event_time,
        mentions=first.mentions,
        share=first.share,
        reason="reposts",
        platform="mastodon",
        lang="en",
        author="witness",
        followers=900,
        url="https://mastodon.example/first",
    )
    assert first.event_time.timestamp() == BURST - 1200
    assert first.mentions > 5


def test_a_trigger_that_was_never_seen_is_known_by_its_id_and_by_the_words_of_its_reposts() -> None:
    first = opened(burst()).evidence.triggers[0]
    assert (first.id, first.platform, first.author) == ("first", None, None)
    assert first.excerpt == FIRST


def test_without_reposts_and_copies_the_loudest_posts_are_named_for_their_audience() -> None:
    own: dict[str, Any] = {"text": own_complaint, "repost_of": lambda _: None}
    found = opened(burst(**own)).evidence.triggers
    assert {one.reason for one in found} == {"audience"}
    audiences = [one.followers or 0 for one in found]
    assert audiences == sorted(audiences, reverse=True)


def test_a_platform_where_the_brand_is_usually_not_mentioned_is_new_since_its_first_mention() -> None:
    spread = opened([trigger(), *burst()]).evidence.spread
    assert spread is not None
    parts = {part.name: part for part in spread.platforms}
    assert parts["mastodon"].usual_share == 0.0
    assert parts["mastodon"].first_seen is not None
    assert parts["x"].usual_share == 1.0
    assert parts["x"].first_seen is None
    assert sum(part.share for part in spread.platforms) == pytest.approx(1.0, abs=0.001)


def test_what_the_posts_say_and_the_brand_usually_does_not_is_among_the_terms() -> None:
    alert = opened([trigger(), *burst()])
    assert any("fire" in term.text for term in alert.evidence.terms)
    assert not any("acme" in term.text.casefold() or "sunday" in term.text for term in alert.evidence.terms)
    assert f"“{alert.evidence.terms[0].text}”" in alert.headline


def test_the_loudest_authors_and_different_voices_are_named_each_once() -> None:
    evidence = opened([trigger(), *burst()]).evidence
    names = [one.author for one in evidence.amplifiers]
    assert names
    assert len(names) == len(set(names))
    excerpts = [voice.excerpt for voice in evidence.voices]
    assert len(excerpts) == len(set(excerpts)) > 1
    assert {voice.platform for voice in evidence.voices[:2]} == {"mastodon", "x"}


def test_copies_without_a_mark_are_coordination_and_reposts_are_not() -> None:
    copied = opened(
        burst(text=lambda n: f"{FIRST}, boycott them all" if n % 4 else own_complaint(n), repost_of=lambda _: None)
    )
    assert copied.evidence.coordination is not None
    assert copied.evidence.coordination.share > 0.5
    shared = opened([trigger(), *burst()]).evidence.coordination
    assert shared is not None
    assert shared.share < 0.1


def test_a_few_young_accounts_that_write_within_seconds_are_told_from_a_crowd() -> None:
    crowd = alerts([trigger(), *burst()], hours=30.0)[-1].evidence.coordination
    assert crowd is not None
    assert crowd.top_ten_share == pytest.approx(0.2, abs=0.1)
    assert (crowd.burst_share, crowd.young_share) == (0.0, None)
    created = moment(BURST - 86_400).isoformat()
    made = burst(author=lambda n: {"id": f"p{n % 6}", "created_time": created}, repost_of=lambda _: None)
    at_once = [
        msgspec.json.encode(json.loads(value) | {"event_time": moment(BURST + 300 * (n // 20) + 32).isoformat()})
        for n, value in enumerate(made)
    ]
    few = alerts(at_once, hours=30.0)[-1].evidence.coordination
    assert few is not None
    assert few.young_share == 1.0
    assert few.top_ten_share is not None
    assert few.top_ten_share > 0.8
    assert few.burst_share is not None
    assert few.burst_share > 0.8


def test_amplifiers_have_a_kind_and_a_share_of_the_audience() -> None:
    loud = mention(
        id="paper",
        text="A kettle burns and the maker is silent",
        at=BURST + 300,
        sentiment=-0.5,
        author={"id": "paper", "followers": 31_600, "kind": "news"},
        lang="en",
    )
    first = alerts([trigger(), loud, *burst()], hours=30.0)[-1].evidence.amplifiers[0]
    assert (first.author, first.kind, first.followers, first.posts) == ("paper", "news", 31_600, 1)
    assert first.share == 0.5  # the eighty others have as many followers together


def test_a_surge_of_an_older_release_is_told_of_without_what_it_did_not_count() -> None:
    surge = Surge(0, platforms={"x": 200}, speakers={"witness": Speaker("x", 900, 2)})
    assert [one.share for one in amplifiers_of(surge, surge.authorship.audience)] == [None]
    assert coordination_of([surge]) == Coordination(copies=0, share=0.0)
    for n in range(60):
        surge.authorship.see_late(n, 10)
    assert coordination_of([surge]).nameless_share == 0.0


def test_mentions_without_an_author_are_a_share_of_all_however_many_platforms_there_are() -> None:
    found = alerts(
        burst(
            200,
            id=lambda n: f"m{n}",
            platform=lambda n: f"p{n % 39}",
            author=lambda n: {"id": f"w{n}"} if n % 2 else None,
            repost_of=lambda _: None,
            text=own_complaint,
        ),
        hours=30.0,
    )[-1].evidence.coordination
    assert found is not None
    assert found.nameless_share == pytest.approx(0.5, abs=0.05)


def test_an_author_who_is_late_has_no_greater_share_than_all_others_leave() -> None:
    """Of its audience no more than the reach is counted when it comes; the sum has it all the same."""
    waiting = WaitingRoom()
    late = read_mention(
        mention(id="late", at=BURST, text="The late star says so too", author={"id": "star", "followers": 1_000_000})
    )[0]
    keep_post(waiting.top_posts, late, BURST, int(BURST // 300), 1_000_000)
    bucket = OpenBucket(first_offset=0)
    bucket.authorship.audience = 1_200_000
    add_late_posts(bucket, waiting)
    surge = Surge(0)
    surge.add(bucket, 1)
    assert [one.share for one in amplifiers_of(surge, surge.authorship.audience)] == [round(1 / 2.2, 4)]


def test_the_counts_since_the_onset_go_on_from_alert_to_alert() -> None:
    found = alerts([trigger(), *burst()], hours=30.0)
    first, last = found[0].since_onset, found[-1].since_onset
    assert found[-1].transition == "resolved"
    assert first is not None
    assert last is not None
    assert 0 < first.mentions < last.mentions <= 81
    assert last.peak_per_hour == 80
    assert last.peak_time.timestamp() == BURST
    assert first.trend == "rising"
    assert last.excess_negatives == pytest.approx(last.negatives - last.expected / 7, rel=0.2)


def test_evidence_is_the_same_whatever_crashes_came_between() -> None:
    records = stream([trigger(), *burst()], hours=30.0)
    assert with_crashes(records, [(37, 3, True), (11, 0, False)]).outputs == undisturbed(records).outputs


def test_what_is_gathered_stays_bounded_and_is_let_go_when_the_brand_is_ordinary_again() -> None:
    loud = [*quiet(4), *burst(2000)]
    burning = undisturbed([record(n, value) for n, value in enumerate(loud)]).state
    surge = decode_brand(b"acme", burning[b"acme"]).surge
    assert surge is not None
    assert len(surge.texts) == MOST_TEXTS
    assert 3 < len(surge.speakers) <= MOST_SPEAKERS
    assert len(encode(surge)) < 32_768
    calm = [
        *loud,
        *(
            mention(
                id=f"c{n}",
                text=f"open on day {n}?",
                at=BURST + (2 + n / 4) * HOUR,
                sentiment=-0.7 if n % 7 == 0 else 0.4,
            )
            for n in range(400)
        ),
    ]
    after = decode_brand(b"acme", undisturbed([record(n, value) for n, value in enumerate(calm)]).state[b"acme"])
    assert after.surge is None or "open on day" in next(iter(after.surge.texts))
    assert after.background is not None


def test_the_first_negative_item_in_the_news_is_named_with_its_time_after_the_onset() -> None:
    item = mention(
        id="report",
        text="Kettles of Acme catch fire, fire brigade warns",
        at=BURST + 1000,
        platform="daily.example",
        channel="news",
        sentiment=-0.6,
    )
    found = alerts(sorted([trigger(), *burst(), item], key=lambda value: json.loads(value)["event_time"]))
    spread = found[-1].evidence.spread
    assert spread is not None
    assert spread.first_news is not None
    assert (spread.first_news.id, spread.first_news.platform) == ("report", "daily.example")
    assert spread.first_news_minutes == round((BURST + 1000 - found[-1].onset_time.timestamp()) / 60)


def report(own: str, at: float) -> bytes:
    """A negative item in the news."""
    text = f"Kettles of Acme catch fire, fire brigade warns ({own})"
    return mention(id=own, text=text, at=at, platform=f"{own}.example", channel="news", sentiment=-0.6)


def first_news(values: list[bytes]) -> tuple[str, int | None]:
    """Id of the first news item that the last alert names, and its minutes after the onset; values in any order."""
    spread = alerts(sorted(values, key=lambda value: json.loads(value)["event_time"]))[-1].evidence.spread
    return (
        ("", None) if spread is None or spread.first_news is None else (spread.first_news.id, spread.first_news_minutes)
    )


def test_an_item_of_an_ordinary_hour_before_the_onset_is_not_the_first() -> None:
    items = [report("this-morning", BURST - 3 * HOUR), report("today", BURST + 1000)]
    assert first_news([trigger(), *burst(), *items])[0] == "today"


def test_an_item_that_came_after_the_trigger_and_before_the_onset_is_the_first() -> None:
    """Nothing was gathered then, for nothing was unusual yet."""
    items = [report("early", BURST - 1000), report("later", BURST + 1000)]
    own, minutes = first_news([trigger(), *burst(), *items])
    assert own == "early"
    assert minutes is not None
    assert minutes < 0
    untold: dict[str, Any] = {"text": own_complaint, "repost_of": lambda _: None}
    assert first_news([*burst(**untold), *items])[0] == "later"


@pytest.mark.parametrize("order", list(permutations([10, 120, 190])))
def test_of_the_items_of_a_bucket_the_earliest_is_the_first_whichever_came_first(order: tuple[int, ...]) -> None:
    """As single records and as a run of an intake by batches."""
    others = burst()
    items = [report(f"at-{seconds}", BURST + 900 + seconds) for seconds in order]
    place = next(
        n for n, value in enumerate(others) if json.loads(value)["event_time"] > moment(BURST + 1100).isoformat()
    )
    spread = alerts([trigger(), *others[:place], *items, *others[place:]])[-1].evidence.spread
    assert spread is not None
    assert spread.first_news is not None
    assert spread.first_news.id == "at-10"


def test_what_the_brand_itself_writes_is_no_voice_against_it_and_amplifies_nothing() -> None:
    """An apology sounds negative and has the greatest audience; a post that others repeat is a trigger all the same."""
    own = {"id": "acme-official", "followers": 5_000_000, "kind": "brand"}
    sorry = "We are sorry that our kettle failed and that you had to wait for so long"
    apology = mention(id="apology", text=sorry, at=BURST + 600, sentiment=-0.5, author=own)
    alone: dict[str, Any] = {"text": own_complaint, "repost_of": lambda _: None}
    values = sorted([*burst(**alone), apology], key=lambda value: json.loads(value)["event_time"])
    evidence = alerts(values)[-1].evidence
    assert evidence.voices
    assert evidence.triggers
    assert evidence.amplifiers
    shown = [*(post.id for post in (*evidence.voices, *evidence.posts)), *(one.id for one in evidence.triggers)]
    assert "apology" not in shown
    assert "acme-official" not in {one.author for one in evidence.amplifiers}
    assert [post.id for post in evidence.own_posts] == ["apology"]
    advert = trigger(author=own)
    assert alerts([advert, *burst()])[-1].evidence.triggers[0].author == "acme-official"


def test_of_what_the_brand_itself_wrote_since_the_onset_the_first_two_posts_and_the_last_are_told() -> None:
    """One by one and in runs alike; what it repeats of others is not its own."""
    own = {"id": "acme-official", "followers": 10, "kind": "brand"}

    def post(name: str, at: float, **fields: Any) -> bytes:
        return mention(
            id=name, text=f"Acme says {name} about kettles today", at=at, sentiment=0.0, author=own, **fields
        )

    posts = [post(f"own-{n}", BURST + 400 * n) for n in range(1, 6)]
    others = [post("advert", BURST - 3 * HOUR), post("shared", BURST + 350, repost_of="h1")]
    values = sorted([trigger(), *burst(), *posts, *others], key=lambda value: json.loads(value)["event_time"])
    told = [one.id for one in alerts(values, hours=3.0)[-1].evidence.own_posts]
    assert told == ["own-1", "own-2", "own-5"]


def test_once_the_lists_are_read_no_first_evidence_of_a_language_reads_any() -> None:
    caches = (boundaries, finder, stop_words)
    preload()
    before = [cache.cache_info().misses for cache in caches]
    for language in LANGUAGES:
        told = [Told("the parcel never came 快递一直没有到 荷物が届かない", language, 3.0, 2.0)]
        terms_of(told, b"", ("acme",))
        cause_of(told)
        emotions_of(told)
    assert [cache.cache_info().misses for cache in caches] == before
