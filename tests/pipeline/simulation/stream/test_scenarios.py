"""Each scenario shows in its stream what it is for."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any

import numpy as np
import pytest

from pipeline.simulation import SCENARIOS, Label, Simulation
from pipeline.simulation.stream.phrases import CAUSES
from schemas.mention import Mention, decode_mention

HOUR = 3600


class Lived:
    """A stream, consumed: mentions by brand, and counts by brand and hour."""

    def __init__(self, scenario: str, **shape: Any) -> None:
        """Let it happen."""
        defaults: dict[str, Any] = {"brands": 24, "hours": 24, "history_hours": 48, "seed": 2, "mean_rate": 40}
        self.simulation = Simulation(scenario, **({"labelled_share": 1.0} | defaults | shape))
        self.labels = self.simulation.labels
        self.start = int(self.labels.start.timestamp())
        hours = -(-self.simulation.steps // 12)
        self.mentions: dict[str, list[Mention]] = {brand.brand: [] for brand in self.labels.brands}
        self.volume = {brand: np.zeros(hours) for brand in self.mentions}
        self.negatives = {brand: np.zeros(hours) for brand in self.mentions}
        for batch in self.simulation.batches():
            hour = (batch.start - self.start) // HOUR
            for count in batch.counts:
                self.volume[count.brand][hour] += count.mentions
                self.negatives[count.brand][hour] += count.negatives
            for line in batch.lines:
                mention = decode_mention(line)
                self.mentions[mention.brand].append(mention)

    def at_peak(self, label: Label, hours: int = 2) -> tuple[float, float]:
        """Volume of the hours from the peak on over the same hours of the two days before, and their negative share."""
        assert label.peak_time is not None
        first = int(label.peak_time.timestamp() - self.start) // HOUR
        now = slice(first, first + hours)
        usual = (self.volume[label.brand][first - 24 : first - 24 + hours]).sum()
        volume = self.volume[label.brand][now].sum()
        return volume / max(usual, 1.0), self.negatives[label.brand][now].sum() / max(volume, 1.0)


@cache
def lived(scenario: str) -> Lived:
    return Lived(scenario)


def test_nothing_happens_in_quiet():
    quiet = lived("quiet")
    assert quiet.labels.labels == ()
    total = np.sum(list(quiet.volume.values()), axis=0)
    assert total[48:].sum() / total[24:48].sum() == pytest.approx(1.0, abs=0.15)


def test_each_cause_breaks_out_once_suddenly_and_once_slowly():
    crises = lived("crises")
    assert Counter((label.cause, label.shape) for label in crises.labels.labels) == {
        (cause, shape): 1 for cause in CAUSES for shape in ("sudden", "slow")
    }
    assert len({label.brand for label in crises.labels.labels}) == 10


@pytest.mark.parametrize("shape", ["sudden", "slow"])
def test_volume_and_negative_share_rise_together_in_a_crisis(shape):
    crises = lived("crises")
    for label in crises.labels.labels:
        if label.shape == shape:
            ratio, share = crises.at_peak(label)
            assert ratio > 2.0, label
            assert share > max(0.4, 1.5 * label.base_negative_share), label


def test_a_sudden_crisis_takes_minutes_to_its_peak_and_a_slow_one_hours():
    for label in lived("crises").labels.labels:
        assert label.onset_time
        assert label.peak_time
        minutes = (label.peak_time - label.onset_time).total_seconds() / 60
        assert minutes < 60 if label.shape == "sudden" else minutes > 300


def test_a_crisis_begins_with_its_trigger_post_and_a_lag_after_it():
    crises = lived("crises")
    for label in crises.labels.labels:
        trigger = next(m for m in crises.mentions[label.brand] if m.id == label.trigger_id)
        assert trigger.event_time == label.trigger_time
        assert trigger.sentiment is not None
        assert trigger.sentiment < 0.0
        assert label.onset_time
        assert (label.onset_time - label.trigger_time).total_seconds() / 60 >= 10


def test_reposts_of_a_crisis_come_in_cascades_larger_than_everyday_ones():
    crises, quiet = lived("crises"), lived("quiet")

    def largest(mentions: list[Mention]) -> int:
        return max(Counter(m.repost_of for m in mentions if m.repost_of).values(), default=0)

    loud = [label.brand for label in crises.labels.labels if label.shape == "sudden"]
    everyday = [largest(quiet.mentions[brand]) for brand in loud]
    cascades = [largest(crises.mentions[brand]) for brand in loud]
    assert max(everyday) >= 3
    assert np.median(cascades) > 3 * np.median(everyday)


def test_every_kind_of_benign_burst_is_there_and_as_big_as_a_crisis():
    kinds = {label.kind: label for label in lived("benign").labels.labels}
    assert set(kinds) == {"launch", "praise", "giveaway", "match_day", "meme"}
    sudden = [label.peak_ratio for label in lived("crises").labels.labels if label.shape == "sudden"]
    assert all(label.peak_ratio == pytest.approx(np.mean(sudden), rel=0.01) for label in kinds.values())


def test_a_benign_burst_raises_the_volume_and_not_the_negative_share():
    benign = lived("benign")
    for label in benign.labels.labels:
        ratio, share = benign.at_peak(label)
        assert ratio > 3.0, label
        assert share <= label.base_negative_share + 0.05, label


def test_an_industry_move_is_common_to_one_category_and_to_nobody_else():
    industry = lived("industry")
    moved = {label.brand for label in industry.labels.labels}
    categories = {brand.brand: brand.category for brand in industry.labels.brands}
    (category,) = {categories[brand] for brand in moved}
    assert {brand for brand, own in categories.items() if own == category} == moved
    assert len(moved) >= 3
    assert {label.kind for label in industry.labels.labels} == {"industry"}
    for label in industry.labels.labels:
        ratio, share = industry.at_peak(label)
        assert ratio > 1.5
        assert share > label.base_negative_share + 0.1
    others = [brand for brand in categories if brand not in moved]
    elsewhere = sum(industry.volume[brand][50:56].sum() for brand in others)
    assert elsewhere / sum(industry.volume[b][26:32].sum() for b in others) == pytest.approx(1.0, abs=0.25)


def test_a_newcomer_starts_louder_than_it_goes_on():
    newcomer = Lived("newcomer", hours=36)
    silence = next(label for label in newcomer.labels.labels if label.kind == "silence")
    volume = newcomer.volume[silence.brand]
    begins = int(silence.end_time.timestamp() - newcomer.start) // HOUR
    assert volume[:begins].sum() == 0
    assert volume[begins : begins + 4].mean() > 2.5 * volume[begins + 20 :].mean()


def test_holidays_change_the_volume_of_their_country_for_a_day_and_not_the_tone():
    holidays = Lived("holidays", hours=48, history_hours=168, mean_rate=20)
    labels = holidays.labels.labels
    assert {label.kind for label in labels} == {"holiday"}
    assert {label.brand for label in labels} == set(holidays.mentions)
    for ratio in {label.peak_ratio for label in labels}:
        group = [label for label in labels if label.peak_ratio == ratio]
        on = before = bad = bad_before = 0.0
        for label in group:
            first, last = (int(t.timestamp() - holidays.start) // HOUR for t in (label.trigger_time, label.end_time))
            # A week before is the same day of the week.
            on += holidays.volume[label.brand][first:last].sum()
            bad += holidays.negatives[label.brand][first:last].sum()
            before += holidays.volume[label.brand][first - 168 : last - 168].sum()
            bad_before += holidays.negatives[label.brand][first - 168 : last - 168].sum()
        assert on / before == pytest.approx(ratio, rel=0.35)
        assert bad / on == pytest.approx(bad_before / before, abs=0.06)


def test_a_drifting_classifier_sees_other_shares_while_texts_and_volume_stay():
    drifting, quiet = lived("classifier-drift"), lived("quiet")
    assert {label.kind for label in drifting.labels.labels} == {"classifier_drift"}

    def texts(stream: Lived) -> list[str]:
        return [mention.text for mentions in stream.mentions.values() for mention in mentions]

    assert texts(drifting) == texts(quiet)
    seen, true = (sum(stream.negatives[b][66:].sum() for b in stream.negatives) for stream in (drifting, quiet))
    total = sum(volume[66:].sum() for volume in quiet.volume.values())
    share = true / total
    assert seen / total == pytest.approx(share * 0.7 + (1.0 - share) * 0.12, abs=0.01)
    for brand in quiet.negatives:
        np.testing.assert_array_equal(drifting.negatives[brand][:48], quiet.negatives[brand][:48])


def test_a_drifting_classifier_is_what_trusted_sentiments_and_counts_agree_on():
    drifting = lived("classifier-drift")
    labelled = sum((m.sentiment or 0.0) <= -0.25 for mentions in drifting.mentions.values() for m in mentions)
    counted = sum(negatives.sum() for negatives in drifting.negatives.values())
    assert labelled == pytest.approx(counted, rel=0.05)


def test_brands_reach_from_one_to_ten_thousand_mentions_an_hour_where_asked():
    simulation = Simulation("quiet", brands=9, hours=0.5, history_hours=0, rates=(1.0, 10_000.0))
    rates = sorted(brand.rate for brand in simulation.brands)
    np.testing.assert_allclose(rates, np.geomspace(1.0, 10_000.0, 9), rtol=1e-3)
    heard = Counter(count.brand for batch in simulation.batches() for count in batch.counts)
    assert heard[max(simulation.brands, key=lambda brand: brand.rate).slug] == simulation.steps


@pytest.mark.parametrize(
    ("rates", "words"), [((5.0, 1.0), "the lower one first"), ((0.0, 1.0), "lowest rate: expected 0.01 to 100000")]
)
def test_rates_out_of_order_or_range_are_refused(rates, words):
    with pytest.raises(ValueError, match=words):
        Simulation("quiet", rates=rates)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_scenario_labels_only_brands_of_its_population(scenario):
    labels = Simulation(scenario, brands=24, hours=24, history_hours=1).labels
    assert {label.brand for label in labels.labels} <= {brand.brand for brand in labels.brands}
    assert all(label.end_time >= label.trigger_time for label in labels.labels)
