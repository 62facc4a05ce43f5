"""A normal that was set aside says what the detector would have said then."""

from __future__ import annotations

import math

import pytest

from detectors.brand.model import BrandModel
from detectors.ewma import Ewma

DAY = 288


def mentions_at(bucket: int) -> float:
    return 20.0 + 15.0 * math.sin(bucket * 2.0 * math.pi / DAY)


@pytest.mark.parametrize("make", [BrandModel, Ewma])
def test_a_normal_expects_what_its_detector_does_and_learns_nothing_more(make: type[BrandModel | Ewma]) -> None:
    detector = make()
    for bucket in range(9 * DAY):
        detector.close(bucket, mentions_at(bucket), 2.0)
    normal = detector.normal()
    expected = detector.expect(9 * DAY, 11 * DAY)
    assert normal.expect(9 * DAY, 11 * DAY) == expected
    for bucket in range(9 * DAY, 10 * DAY):
        detector.close(bucket, 1.5 * mentions_at(bucket), 5.0)
    assert normal.expect(9 * DAY, 11 * DAY) == expected
    assert detector.expect(10 * DAY, 11 * DAY) != expected[DAY:]
    assert normal.base_rate < detector.normal().base_rate


def test_the_interval_is_that_of_the_shortest_window_that_is_long_enough() -> None:
    normal = BrandModel().normal()
    assert normal.dispersion(1) == normal.dispersions[0][1]
    assert normal.dispersion(13) == normal.dispersions[4][1]
    assert normal.dispersion(10_000) == normal.dispersions[-1][1]
    assert normal.spread(100.0, 12) == pytest.approx(19.6 * math.sqrt(normal.dispersion(12)))
