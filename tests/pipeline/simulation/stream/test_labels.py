"""Labels are true to the stream beside them."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

import pytest

from pipeline.simulation import SCENARIOS, Label, Simulation, decode_labels, demo_stream, encode_labels
from pipeline.simulation.stream.events import HOUR, Benign, Crisis
from schemas.mention import Mention, decode_mention

Counts = dict[str, dict[int, tuple[int, int]]]


class Story:
    """A demo stream, consumed: counts by brand and batch start, and what was said about the labelled brands."""

    def __init__(self, scenario: str, **parameters: Any) -> None:
        simulation = Simulation(scenario, **parameters)
        self.labels = simulation.labels
        labelled = {label.brand for label in self.labels.labels}
        self.counts: Counts = defaultdict(dict)
        self.mentions: dict[str, list[Mention]] = defaultdict(list)
        for batch in simulation.batches():
            for count in batch.counts:
                self.counts[count.brand][batch.start] = (count.mentions, count.negatives)
            for line in batch.lines:
                mention = decode_mention(line)
                if mention.brand in labelled:
                    self.mentions[mention.brand].append(mention)

    def label(self, kind: str, shape: str | None = None) -> Label:
        return next(label for label in self.labels.labels if label.kind == kind and label.shape == shape)

    def hourly(self, brand: str, start: datetime, hours: float) -> tuple[float, float]:
        """Mentions an hour and negative share of a brand in [start, start + hours)."""
        first = start.timestamp()
        found = [pair for time, pair in self.counts[brand].items() if first <= time < first + hours * HOUR]
        mentions = sum(pair[0] for pair in found)
        return mentions / hours, sum(pair[1] for pair in found) / max(mentions, 1)

    def day_before(self, brand: str, start: datetime, hours: float) -> tuple[float, float]:
        """The same hours of the day before."""
        return self.hourly(brand, start - timedelta(hours=24), hours)


@pytest.fixture(scope="module")
def demo() -> Story:
    return Story("demo", brands=40, hours=24, history_hours=26, seed=2)


def test_labels_are_there_before_the_stream_is_consumed():
    """The demo knows what will happen before it publishes a line."""
    simulation = demo_stream()
    kinds = {(label.kind, label.shape) for label in simulation.labels.labels}
    assert kinds == {("crisis", "sudden"), ("crisis", "slow"), ("praise", None)}


def test_the_demo_puts_its_events_where_it_promises():
    """A medium English brand, a Chinese or Japanese one, and a third praised as loudly in the same hours."""
    labels = demo_stream().labels
    facts = {brand.brand: brand for brand in labels.brands}
    by_kind = {(label.kind, label.shape): label for label in labels.labels}
    crisis, slow, praise = by_kind["crisis", "sudden"], by_kind["crisis", "slow"], by_kind["praise", None]
    assert facts[crisis.brand].language == "en"
    assert 40.0 <= facts[crisis.brand].rate <= 80.0
    assert facts[slow.brand].language in {"zh", "ja"}
    assert len({crisis.brand, slow.brand, praise.brand}) == 3
    assert (crisis.trigger_time - labels.history_end).total_seconds() == 2 * HOUR
    assert crisis.onset_time is not None
    assert 20 * 60 <= (crisis.onset_time - crisis.trigger_time).total_seconds() <= 30 * 60
    assert abs((praise.trigger_time - crisis.trigger_time).total_seconds()) < HOUR
    assert crisis.base_rate * crisis.peak_ratio == pytest.approx(praise.base_rate * praise.peak_ratio, rel=0.01)
    assert slow.onset_time is not None
    assert slow.peak_time is not None
    assert (slow.peak_time - slow.trigger_time).total_seconds() > 7 * HOUR


def test_a_sudden_crisis_raises_volume_and_negative_share(demo):
    """After the onset there is far more talk than the day before, most of it negative; before it there is not."""
    label = demo.label("crisis", "sudden")
    usual, usual_share = demo.day_before(label.brand, label.peak_time, 1.5)
    volume, share = demo.hourly(label.brand, label.peak_time, 1.5)
    assert volume > 3.0 * usual
    assert share > max(0.5, usual_share + 0.15, label.base_negative_share + 0.3)
    quiet, _ = demo.hourly(label.brand, demo.labels.history_end, 2.0)
    assert quiet < 2.5 * demo.day_before(label.brand, demo.labels.history_end, 2.0)[0]


def test_a_slow_burn_grows_over_hours(demo):
    """At its onset it is small; at its peak it is large and negative."""
    label = demo.label("crisis", "slow")
    early, _ = demo.hourly(label.brand, label.onset_time, 1.0)
    usual, usual_share = demo.day_before(label.brand, label.peak_time, 3.0)
    volume, share = demo.hourly(label.brand, label.peak_time, 3.0)
    assert volume > 2.0 * usual
    assert volume > 1.5 * early
    assert share > max(0.4, 1.5 * usual_share)


def test_praise_raises_volume_but_not_the_negative_share(demo):
    """The praised brand is as loud, and no more negative than the day before."""
    label = demo.label("praise")
    usual, usual_share = demo.day_before(label.brand, label.peak_time, 1.5)
    volume, share = demo.hourly(label.brand, label.peak_time, 1.5)
    assert volume > 3.0 * usual
    assert share <= usual_share + 0.03


def test_the_trigger_post_is_the_first_of_its_story_and_is_repeated(demo):
    """The labelled id exists at the labelled time; reposts and replies name it, none before it."""
    for label in demo.labels.labels:
        mentions = demo.mentions[label.brand]
        trigger = next(mention for mention in mentions if mention.id == label.trigger_id)
        assert trigger.event_time == label.trigger_time
        assert trigger.author.followers >= 9_000
        echoes = [mention for mention in mentions if trigger.id in (mention.repost_of, mention.reply_to)]
        assert len(echoes) >= 10
        assert min(echo.event_time for echo in echoes) > trigger.event_time


def test_a_crisis_spreads_to_other_platforms_and_to_news_after_a_while():
    """Its first posts stay where it began; hours later it is elsewhere and in the news."""
    story = Story("crises", brands=30, hours=8, history_hours=1, seed=1, mean_rate=60.0)
    label = next(label for label in story.labels.labels if label.cause == "product_failure" and label.shape == "sudden")
    first = [
        mention
        for mention in story.mentions[label.brand]
        if trigger_words(mention) and label.peak_time and mention.event_time < label.peak_time
    ]
    later = [
        mention
        for mention in story.mentions[label.brand]
        if trigger_words(mention) and mention.event_time.timestamp() > label.trigger_time.timestamp() + 3 * HOUR
    ]
    assert len({mention.platform for mention in first}) == 1
    assert len({mention.platform for mention in later}) > 2
    assert "news" in {mention.channel for mention in later}


def trigger_words(mention: Mention) -> bool:
    """Whether a text belongs to a product failure and not to everyday talk."""
    words = (
        "recall",
        "burn",
        "in hospital",
        "batch",
        "injur",
        "召回",
        "起火",
        "批",
        "伤",
        "回収",
        "発火",
        "怪我",
        "やけど",
    )
    return mention.reply_to is None and any(word in mention.text for word in words)


def test_nothing_arrives_in_a_gap_in_the_feed():
    """Between the labelled times the stream is empty, before and after it is not."""
    simulation = Simulation("feed-gap", brands=10, hours=12, history_hours=1)
    label = simulation.labels.labels[0]
    low, high = label.trigger_time.timestamp(), label.end_time.timestamp()
    sizes = {batch.start: len(batch.lines) for batch in simulation.batches()}
    assert sum(size for start, size in sizes.items() if low <= start < high) == 0
    assert sum(size for start, size in sizes.items() if start < low) > 0
    assert sum(size for start, size in sizes.items() if start >= high) > 0


def test_a_newcomer_is_not_heard_of_before_its_burst():
    """The brand's first mention is the first post of its burst."""
    story = Story("newcomer", brands=5, hours=6, history_hours=2, seed=4)
    label = story.label("meme")
    assert story.mentions[label.brand][0].id == label.trigger_id


def test_a_level_shift_lasts():
    """From the labelled time on the brand is about three times as loud, to the end of the stream."""
    story = Story("level-shift", brands=10, hours=26, history_hours=26, seed=1)
    for label in story.labels.labels:
        before, _ = story.hourly(label.brand, story.labels.start, 24.0)
        after, _ = story.hourly(label.brand, label.trigger_time, 24.0)
        assert 2.0 < after / before < 4.5


def test_a_flare_up_is_a_second_peak():
    """Volume falls after the first wave and rises again."""
    crisis = Crisis(brand="a", cause="scandal", trigger_time=0.0, decay=HOUR, hold=HOUR, flare_up_after=9 * HOUR)
    first, between, second = (crisis.excess(crisis.start + hours * HOUR) for hours in (1.0, 8.5, 9.5))
    assert first > second > 10 * between


@pytest.mark.parametrize(
    "event", [Crisis(brand="a", cause="scandal", trigger_time=0.0), Benign(brand="a", start=1200.0)]
)
def test_an_event_is_zero_outside_its_time_and_peaks_at_its_ratio(event):
    """Volume is normal before the start and from the end on, and reaches peak_ratio in between."""
    times = [event.start + minute * 60.0 for minute in range(int(event.duration / 60))]
    assert event.excess(event.start - 1.0) == 0.0
    assert event.excess(event.end) == 0.0
    assert max(map(event.excess, times)) == pytest.approx(event.peak_ratio - 1.0)


def test_labels_survive_their_file():
    """What is written is read back unchanged."""
    for scenario in SCENARIOS:
        labels = Simulation(scenario, brands=20, hours=24, history_hours=1).labels
        assert decode_labels(encode_labels(labels)) == labels


def test_a_stream_too_short_for_its_events_labels_only_what_it_holds():
    """An event after the end has no label; one that only begins has no onset."""
    assert Simulation("demo", brands=10, hours=0.5, history_hours=1).labels.labels == ()
    short = Simulation("demo", brands=10, hours=2.2, history_hours=1).labels
    assert all(label.end_time <= short.end for label in short.labels)
    crisis = next(label for label in short.labels if label.shape == "sudden")
    assert crisis.onset_time is None
