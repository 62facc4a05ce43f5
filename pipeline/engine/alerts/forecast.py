"""Whether the fire grows, as an alert tells it."""

from __future__ import annotations

from detectors.growth import Course
from detectors.normal import Normal
from pipeline.engine.brands.brand import Brand
from schemas.observation import BUCKETS_PER_HOUR


def course_of(brand: Brand, normal: Normal, index: int) -> Course | None:
    """The hours of the brand's surge up to the close of a bucket; None where none is counted."""
    surge = brand.surge
    if surge is None or surge.since < 0:
        return None
    end, hour = index + 1, BUCKETS_PER_HOUR
    last, before, earlier = (
        float(brand.recent.total(end - back * hour, end - (back - 1) * hour).mentions) for back in (1, 2, 3)
    )
    return Course(
        last,
        before,
        earlier,
        float(brand.recent.total(end - hour // 4, end).mentions),
        sum(normal.expect(end - hour, end)),
        sum(normal.expect(end, end + hour)),
        (end - surge.since) / hour,
    )
