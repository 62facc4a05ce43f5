"""The simulated stream: deterministic, in order, decodable, bounded."""

from __future__ import annotations

import gc
import hashlib
import re
import tracemalloc
from collections import Counter
from itertools import islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.simulation import SCENARIOS, Simulation, demo_stream
from schemas.mention import BRAND_PATTERN, MAX_TEXT_CHARACTERS, Mention, decode_mention

SMALL: dict[str, Any] = {"brands": 20, "hours": 6.0, "history_hours": 3.0}


def digest(simulation: Simulation) -> str:
    found = hashlib.sha256()
    for batch in simulation.batches():
        found.update(b"".join(batch.lines))
    return found.hexdigest()


@pytest.fixture(scope="module")
def mentions() -> list[Mention]:
    """Every mention of a small demo stream, decoded as the worker decodes it."""
    simulation = Simulation("demo", brands=30, hours=12, history_hours=6, seed=5)
    return [decode_mention(line) for batch in simulation.batches() for line in batch.lines]


def test_same_seed_gives_the_same_bytes_and_another_seed_gives_others():
    """A stream is a function of its parameters, and iterating twice changes nothing."""
    simulation = Simulation("demo", seed=3, **SMALL)
    first = digest(simulation)
    assert digest(simulation) == first
    assert digest(Simulation("demo", seed=3, **SMALL)) == first
    assert digest(Simulation("demo", seed=4, **SMALL)) != first


def test_the_population_of_a_seed_is_pinned():
    """The same seed names the same brands with the same sizes on any machine."""
    brands = Simulation("quiet", brands=4, hours=1, history_hours=0, seed=7).labels.brands
    assert [(brand.brand, brand.language, brand.rate) for brand in brands] == [
        ("wexferra-home", "en", 21.2643),
        ("mutingzhou-foods", "zh", 15.91),
        ("zellith-studio", "en", 12.5526),
        ("rumemeru-bank", "ja", 10.2731),
    ]


@settings(max_examples=12, deadline=None)
@given(
    scenario=st.sampled_from(sorted(SCENARIOS)),
    seed=st.integers(0, 2**32 - 1),
    brands=st.integers(20, 40),
    hours=st.floats(0.5, 5.0),
    history_hours=st.floats(0.0, 2.0),
)
def test_every_stream_is_sorted_within_its_batches_and_counts_what_it_writes(
    scenario, seed, brands, hours, history_hours
):
    """Whatever the scenario: event times lie in their batch and rise, ids are unique, counts agree with the lines."""
    simulation = Simulation(scenario, brands=brands, hours=hours, history_hours=history_hours, seed=seed)
    seen: set[str] = set()
    last = 0.0
    expected_start = simulation.labels.start.timestamp()
    batches = 0
    for batch in simulation.batches():
        assert batch.start == expected_start
        expected_start = batch.end
        batches += 1
        per_brand: Counter[str] = Counter()
        for line in batch.lines:
            mention = decode_mention(line)
            time = mention.event_time.timestamp()
            assert batch.start <= time < batch.end
            assert time >= last
            last = time
            assert mention.id not in seen
            seen.add(mention.id)
            per_brand[mention.brand] += 1
        assert per_brand == {count.brand: count.mentions for count in batch.counts}
        assert all(0 <= count.negatives <= count.mentions for count in batch.counts)
    assert batches == simulation.steps
    assert expected_start == simulation.labels.end.timestamp()


def test_reposts_and_replies_refer_to_earlier_mentions_of_the_same_brand(mentions):
    """A cascade can be followed back to a post that is in the stream."""
    earlier: dict[str, str] = {}
    referring: Counter[str] = Counter()
    for mention in mentions:
        for kind, parent in (("repost", mention.repost_of), ("reply", mention.reply_to)):
            if parent is not None:
                assert earlier[parent] == mention.brand
                referring[kind] += 1
        earlier[mention.id] = mention.brand
    assert referring["repost"] > 0.1 * len(mentions)
    assert referring["reply"] > 0.05 * len(mentions)


def test_all_three_languages_are_written_and_the_field_is_sometimes_missing(mentions):
    """English, Chinese and Japanese are all there; about 15 % of the mentions do not say."""
    languages = Counter(mention.lang for mention in mentions)
    assert set(languages) == {"en", "zh", "ja", None}
    assert min(languages.values()) > 0.01 * len(mentions)
    assert 0.13 < languages[None] / len(mentions) < 0.17


def test_mentions_come_from_many_places_authors_and_words(mentions):
    """Platforms, channels, authors and texts vary; authors recur, and some are widely read."""
    assert {"x", "weibo", "reddit", "youtube"} <= {mention.platform for mention in mentions}
    assert {"social", "news", "forum", "video", "review"} == {mention.channel for mention in mentions}
    originals = [mention.text for mention in mentions if mention.repost_of is None]
    assert len(set(originals)) > 0.75 * len(originals)
    authors = Counter(mention.author.id for mention in mentions)
    assert max(authors.values()) >= 5
    followers = sorted(mention.author.followers for mention in mentions)
    assert followers[-1] > 100 * followers[len(followers) // 2]


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_trusted_sentiment_is_given_to_the_share_asked_for_and_varies_in_sign(share):
    """labelled_share of the mentions carry a sentiment; negatives and positives are among them."""
    simulation = Simulation("quiet", labelled_share=share, **SMALL)
    mentions = [decode_mention(line) for batch in simulation.batches() for line in batch.lines]
    values = [mention.sentiment for mention in mentions if mention.sentiment is not None]
    assert abs(len(values) / len(mentions) - share) < 0.05
    if share:
        assert min(values) < -0.4
        assert max(values) > 0.4


def test_true_counts_agree_with_trusted_sentiment():
    """With every mention labelled, the share at or below -0.25 is the true negative share within two points."""
    simulation = Simulation("demo", labelled_share=1.0, **SMALL)
    total = negatives = labelled = 0
    for batch in simulation.batches():
        total += sum(count.mentions for count in batch.counts)
        negatives += sum(count.negatives for count in batch.counts)
        labelled += sum((decode_mention(line).sentiment or 0.0) <= -0.25 for line in batch.lines)
    assert abs(negatives - labelled) < 0.02 * total


def test_memory_does_not_grow_with_the_stream():
    """The stream is a generator: after the first hours no more memory is held."""
    batches = Simulation("quiet", brands=20, hours=48, history_hours=0).batches()
    for _ in islice(batches, 144):
        pass
    gc.collect()
    tracemalloc.start()
    for _ in islice(batches, 288):
        pass
    gc.collect()
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 200_000


def test_rates_follow_the_mean_asked_for():
    """Over a whole week the mean of all brands is mean_rate, within the noise."""
    simulation = Simulation("quiet", brands=40, hours=168, history_hours=0, mean_rate=4.0)
    total = sum(len(batch.lines) for batch in simulation.batches())
    assert 0.85 < total / (40 * 168 * 4.0) < 1.15


def test_sizes_range_from_about_one_to_about_three_hundred_an_hour():
    """The default population holds small, medium and large brands of three home languages."""
    brands = demo_stream().labels.brands
    rates = sorted(brand.rate for brand in brands)
    assert len(brands) == 200
    assert len({brand.brand for brand in brands}) == 200
    assert 1.0 <= rates[0] < 3.0
    assert 200.0 < rates[-1] < 400.0
    assert Counter(brand.language for brand in brands) == {"en": 120, "zh": 40, "ja": 40}
    assert all(0.08 <= brand.negative_share <= 0.28 for brand in brands)


def test_five_thousand_brands_have_slugs_of_their_own():
    """Names run out, slugs do not; every slug is one that a mention may carry."""
    slugs = [brand.slug for brand in Simulation("quiet", brands=5000, hours=1, history_hours=0).brands]
    assert len(set(slugs)) == 5000
    assert all(re.match(BRAND_PATTERN, slug) for slug in slugs)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"brands": 2}, "brands: expected 3 to 10000, got 2"),
        ({"hours": 0.0}, "hours: expected 0.25 to 8760, got 0"),
        ({"hours": float("nan")}, "hours: expected"),
        ({"history_hours": -1.0}, "history_hours: expected"),
        ({"labelled_share": 1.5}, "labelled_share: expected 0 to 1, got 1.5"),
        ({"mean_rate": 0.0}, "mean_rate: expected"),
        ({"seed": -1}, "seed: expected"),
        ({"scenario": "crises", "brands": 9}, "brands: expected at least 10 for scenario crises, got 9"),
    ],
)
def test_parameters_out_of_range_are_refused_by_name(changed, message):
    """The message names the parameter, the range and the value."""
    with pytest.raises(ValueError, match=message):
        Simulation(**({"scenario": "demo"} | changed))


def test_texts_keep_the_limits_of_a_mention(mentions):
    """No text is empty, too long, or holds an unfilled slot."""
    for mention in mentions:
        assert 0 < len(mention.text) <= MAX_TEXT_CHARACTERS
        assert "{" not in mention.text
        assert "%s" not in mention.text
