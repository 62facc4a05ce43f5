"""Fleets of the second family have the cascades, the memory and the calendar that their world's law says."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.simulation.worlds import held_out, ordinary
from pipeline.simulation.worlds.held_out import SIZES, WORLDS, CascadeSampler, HeldOutStream
from pipeline.simulation.worlds.ordinary import Latent
from pipeline.simulation.worlds.worlds import GROUPS, open_stream

DAYS = 14


def lived(
    world: str, sizes: tuple[str, ...] = ("M",), brands: int = 20, *, seed: int = 1
) -> tuple[HeldOutStream, Latent]:
    stream = HeldOutStream(world, sizes, brands, days=DAYS, seed=seed)
    days = [stream.next_day() for _ in range(DAYS)]
    return stream, Latent(np.concatenate([day.rate for day in days]), np.concatenate([day.share for day in days]))


def steady(rate: float, share: float, brands: int, days: int = 3) -> Latent:
    shape = (days * 288, brands)
    return Latent(np.full(shape, rate), np.full(shape, share))


def daily_level(latent: Latent) -> np.ndarray:
    level: np.ndarray = latent.rate.reshape(DAYS, 288, -1).mean(axis=1)
    return level


def test_one_fleet_reaches_from_one_to_ten_thousand_mentions_an_hour_evenly_on_a_logarithmic_scale():
    stream, _ = lived("all-at-once", tuple(SIZES), 200)
    logs = np.log10(stream.rate)
    assert 0.0 <= logs.min() < 0.1
    assert 3.9 < logs.max() <= 4.0
    shares, _ = np.histogram(logs, bins=4, range=(0.0, 4.0))
    np.testing.assert_allclose(shares / len(logs), 0.25, atol=0.05)


def test_the_same_seed_gives_the_same_world_and_another_seed_another():
    (_, a), (_, b), (_, c) = lived("all-at-once"), lived("all-at-once"), lived("all-at-once", seed=2)
    np.testing.assert_array_equal(a.rate, b.rate)
    np.testing.assert_array_equal(a.share, b.share)
    assert not np.array_equal(a.rate, c.rate)


@pytest.mark.parametrize("world", WORLDS)
def test_every_world_can_be_lived_in_and_shows_no_more_negatives_than_mentions(world):
    stream, latent = lived(world, tuple(SIZES), 2)
    mentions, negatives = stream.sampler().draw(latent, np.random.default_rng(1))
    assert (negatives <= mentions).all()
    assert (latent.rate > 0.0).all()
    assert ((latent.share > 0.0) & (latent.share < 1.0)).all()


def test_cascades_keep_the_mean_of_volume_and_share_and_cluster_the_counts():
    stream, _ = lived("contagion", brands=200)
    rng = np.random.default_rng(2)
    mentions, negatives = stream.sampler().draw(steady(10.0, 0.2, 200, days=8), rng)
    settled = slice(288, None)
    assert mentions[settled].mean() == pytest.approx(10.0, rel=0.03)
    assert negatives[settled].sum() / mentions[settled].sum() == pytest.approx(0.2, rel=0.05)
    hourly = mentions[settled].reshape(-1, 12, 200).sum(axis=1)
    # A Poisson process would have 1; a Hawkes process tends to 1 / (1 - branching)^2.
    assert (hourly.var(axis=0) / hourly.mean(axis=0)).mean() > 1.8


def test_mentions_of_one_cascade_share_their_tone():
    loyal = WORLDS["contagion"]
    rng = np.random.default_rng(3)
    mentions, negatives = CascadeSampler(loyal, 200, 8, rng).draw(steady(2.0, 0.2, 200, days=8), rng)
    n, k = (counts.reshape(-1, 12, 200).sum(axis=1) for counts in (mentions, negatives))
    independent = (n * 0.2 * 0.8).mean()
    assert ((k - 0.2 * n) ** 2).mean() > 1.3 * independent


def test_a_copy_of_the_sampler_goes_its_own_way():
    sampler = lived("contagion")[0].sampler()
    sampler.draw(steady(20.0, 0.2, 20, days=1), np.random.default_rng(1))
    twin, witness = sampler.copy(), sampler.copy()
    twin.draw(steady(2000.0, 0.9, 20, days=1), np.random.default_rng(5))
    after = steady(20.0, 0.2, 20, days=1)
    undisturbed = witness.draw(after, np.random.default_rng(2))
    np.testing.assert_array_equal(sampler.draw(after, np.random.default_rng(2))[0], undisturbed[0])


def test_one_draw_of_two_days_is_two_draws_of_one_day():
    latent = steady(20.0, 0.2, 20, days=2)
    whole, parts = (lived("all-at-once")[0].sampler() for _ in range(2))
    rng = np.random.default_rng(4)
    expected = whole.draw(latent, rng)
    rng = np.random.default_rng(4)
    first = parts.draw(Latent(latent.rate[:288], latent.share[:288]), rng)
    second = parts.draw(Latent(latent.rate[288:], latent.share[288:]), rng)
    np.testing.assert_array_equal(np.concatenate([first[0], second[0]]), expected[0])
    np.testing.assert_array_equal(np.concatenate([first[1], second[1]]), expected[1])


def test_long_memory_is_still_felt_after_days():
    def persistence(world: str) -> float:
        level = np.log(daily_level(lived(world, brands=100)[1]))
        level = level - level.mean(axis=0)
        return float((level[:-3] * level[3:]).mean())

    assert persistence("long-memory") > 2.0 * persistence("contagion")


def test_the_tail_of_benign_bursts_is_heavy_and_never_more_negative():
    heavy, _ = lived("heavy-tails", brands=600)
    plain, _ = lived("contagion", brands=600)
    ratios = np.array([burst.ratio for burst in heavy.bursts])
    assert len(ratios) == pytest.approx(600 * 24 * DAYS / 365, rel=0.2)
    assert (ratios > 20.0).mean() > 0.015
    assert ratios.max() <= 60.0
    assert max(burst.ratio for burst in plain.bursts) <= 8.0
    assert all(burst.share <= 1.0 for burst in heavy.bursts)


def test_a_benign_burst_raises_the_volume_it_says_and_leaves_the_share():
    stream = HeldOutStream("heavy-tails", ("L",), 40, days=DAYS, seed=1)
    stream.bursts = [ordinary.Burst(3, 500, 560, 30.0, 1.0)]
    calm = HeldOutStream("heavy-tails", ("L",), 40, days=DAYS, seed=1)
    calm.bursts = []
    for day in range(3):
        loud, quiet = stream.next_day(), calm.next_day()
        np.testing.assert_array_equal(loud.share, quiet.share)
        ratio = loud.rate / quiet.rate
        assert (np.delete(ratio, 3, axis=1) == 1.0).all()
        if day == 1:
            assert ratio[500 - 288 : 560 - 288, 3].max() == pytest.approx(30.0, rel=0.1)


def test_weekends_are_loud_where_the_law_says_so():
    def weekend(world: str) -> float:
        level = daily_level(lived(world, brands=60)[1]).reshape(2, 7, -1)
        return float((level[:, 5:].mean(axis=(0, 1)) / level[:, :5].mean(axis=(0, 1))).mean())

    assert weekend("contagion") < 1.2
    assert weekend("calendar") > 1.8


def test_holidays_are_common_to_all_brands():
    stream = HeldOutStream("calendar", ("L",), 40, days=365, seed=3)
    holidays = [day for day in range(365) if day in stream._holidays]
    assert 15 <= len(holidays) <= 45
    stream.day = holidays[0]
    on = stream._season()
    stream._holidays = np.array([], np.int64)
    np.testing.assert_allclose(on / stream._season(), np.tile(stream._holiday, (288, 1)))


def test_regimes_last():
    stream = HeldOutStream("regimes", ("M",), 200, days=30, seed=1)
    levels = np.concatenate([stream._regimes() for _ in range(30)])
    changes = (np.diff(levels, axis=0) != 0.0).sum()
    assert changes == pytest.approx(200 * 12 * 30 / 365, rel=0.25)


def test_the_classifier_drifts_within_its_range_over_weeks():
    stream = HeldOutStream("drift", ("M",), 50, days=120, seed=1)
    path = stream.sampler()._classifier
    assert path is not None
    low, high = stream.law.sensitivity
    assert ((path[:, 0] >= low) & (path[:, 0] <= high)).all()
    assert np.ptp(path[:, 0], axis=0).mean() > 0.5 * (high - low)
    assert np.abs(np.diff(path[:, 0], axis=0)).mean() < 0.15 * (high - low)
    clean = steady(100.0, 0.2, 50, days=1)
    _, seen = stream.sampler().draw(clean, np.random.default_rng(1))
    expected = 0.2 * path[0, 0] + 0.8 * (1.0 - path[0, 1])
    np.testing.assert_allclose(seen.mean(axis=0) / 100.0, expected, atol=0.02)


def test_worlds_of_both_families_open_by_name_and_no_name_is_taken_twice():
    assert not set(held_out.WORLDS) & set(ordinary.WORLDS)
    for world in (*GROUPS["all"], *GROUPS["held-out"]):
        stream = open_stream(world, ("S",), 2, days=3, shift_day=1, seed=1)
        latent = stream.next_day()
        assert latent.rate.shape == (288, 2)
        assert stream.shifts == (world == "shifted")
