"""Fleets of counts have the sizes, the noise and the events that their world's law says."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.simulation.worlds.ordinary import CRISES, SIZES, WORLDS, FleetStream, Latent, draw_counts, with_crisis

DAYS = 14


def lived(
    world: str, sizes: tuple[str, ...] = ("M",), brands: int = 20, *, seed: int = 1
) -> tuple[FleetStream, Latent]:
    stream = FleetStream(world, sizes, brands, days=DAYS, shift_day=7, seed=seed)
    days = [stream.next_day() for _ in range(DAYS)]
    return stream, Latent(np.concatenate([day.rate for day in days]), np.concatenate([day.share for day in days]))


@pytest.mark.parametrize("size", SIZES)
def test_brands_are_as_big_as_their_size_says(size):
    stream, latent = lived("calm", (size,))
    low, high = SIZES[size]
    assert low <= stream.rate.min() <= stream.rate.max() <= high
    np.testing.assert_allclose(latent.rate.mean(axis=0) * 12, stream.rate, rtol=0.25)


def test_the_same_seed_gives_the_same_world_and_another_seed_another():
    (_, a), (_, b), (_, c) = lived("rough"), lived("rough"), lived("rough", seed=2)
    np.testing.assert_array_equal(a.rate, b.rate)
    assert not np.array_equal(a.rate, c.rate)


def test_rough_is_rougher_than_ordinary_and_calm_calmer():
    def noise(world: str) -> float:
        _, latent = lived(world)
        daily = np.log(latent.rate).reshape(DAYS, 288, -1)
        return float((daily - daily.mean(axis=0)).std())

    assert noise("calm") < 0.8 * noise("ordinary") < noise("rough") * 0.8


def test_benign_bursts_raise_the_volume_and_never_the_negative_share():
    stream, _ = lived("weekly", brands=60)
    assert len(stream.bursts) == pytest.approx(60 * 52 * DAYS / 365, rel=0.25)
    assert all(2.0 <= burst.ratio <= 6.0 and 0.5 <= burst.share <= 1.0 for burst in stream.bursts)
    assert all(12 <= burst.end - burst.start <= 72 for burst in stream.bursts)


def test_threads_come_in_threes_of_one_sentiment():
    stream, latent = lived("threaded", ("S",))
    mentions, negatives = draw_counts(latent, stream.law, np.random.default_rng(1))
    assert (mentions % 3 == 0).all()
    assert (negatives % 3 == 0).all()
    np.testing.assert_allclose(mentions.mean(axis=0), latent.rate.mean(axis=0), rtol=0.3)


def test_a_poor_classifier_sees_negatives_where_there_are_none():
    stream, latent = lived("classifier")
    mentions, negatives = draw_counts(latent, stream.law, np.random.default_rng(1))
    expected = latent.share * 0.75 + (1.0 - latent.share) * 0.15
    assert negatives.sum() / mentions.sum() == pytest.approx(
        (expected * latent.rate).sum() / latent.rate.sum(), rel=0.02
    )


def test_counts_are_rougher_than_poisson():
    stream, _ = lived("ordinary")
    flat = Latent(np.full((4000, 1), 20.0), np.full((4000, 1), 0.2))
    mentions, _ = draw_counts(flat, stream.law, np.random.default_rng(1))
    assert mentions.mean() == pytest.approx(20.0, rel=0.03)
    assert mentions.var() == pytest.approx(20.0 + 20.0**2 / stream.law.shape, rel=0.15)


def test_a_shifting_world_shifts_when_it_is_told_to():
    _, latent = lived("shifted", brands=40)
    assert latent.rate[7 * 288 :].mean() / latent.rate[: 7 * 288].mean() == pytest.approx(3.0, rel=0.2)


@pytest.mark.parametrize("kind", CRISES)
def test_a_crisis_begins_at_its_onset_and_reaches_its_height(kind):
    law, brands = CRISES[kind], 50
    calm = Latent(np.full((576, brands), 10.0), np.full((576, brands), 0.15))
    onset = np.full(brands, 100)
    crisis = with_crisis(calm, kind, onset, np.random.default_rng(1))
    np.testing.assert_array_equal(crisis.rate[:100], calm.rate[:100])
    assert (crisis.rate[100] > 10.0).all()
    ratio, share = crisis.rate.max(axis=0) / 10.0, crisis.share.max(axis=0)
    assert law.ratio[0] * 0.95 <= ratio.min() <= ratio.max() <= law.ratio[1] * 1.01
    assert share.max() <= law.share[1] + 0.01
    assert share.min() >= min(law.share[0], 0.98 * (1 - 1 / law.ratio[0]) + 0.15 / law.ratio[0]) - 0.02


def test_every_world_says_what_it_is():
    assert {"ordinary", "calm", "rough", "weekly", "threaded", "classifier", "shifted"} <= set(WORLDS)
    assert all(law.text for law in WORLDS.values())
