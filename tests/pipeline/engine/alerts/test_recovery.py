"""How an episode ended, in minutes: how long it was, when half of it was over, when the tone was as usual again."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.engine.alerts.surge_evidence import recovery
from pipeline.engine.buckets.surge import Surge
from schemas.alert import Alert
from schemas.evidence import Recovery
from schemas.observation import BUCKETS_PER_HOUR
from tests.pipeline.engine.alerts.test_evidence import BURST, HOUR, own_complaint, quiet
from tests.pipeline.engine.engine_runs import undisturbed
from tests.pipeline.mention_streams import mention, record, tick

FIRST = 480_000 * BUCKETS_PER_HOUR


def ended(hours: list[tuple[int, float]], *, since: int = FIRST, last_above: int = FIRST) -> Recovery:
    """Of a brand that usually has 12 mentions an hour, a tenth of them negative."""
    normal: Any = SimpleNamespace(base_rate=0.1, expect=lambda begin, end: [1.0] * (end - begin))
    brand: Any = SimpleNamespace(surge=Surge(since, since=since, hours=hours))
    found = recovery(brand, normal, last_above)
    assert found is not None
    return found


def test_where_nothing_is_counted_nothing_is_known_of_how_it_ended() -> None:
    normal: Any = None
    for surge in (None, Surge(FIRST)):
        brand: Any = SimpleNamespace(surge=surge)
        assert recovery(brand, normal, FIRST) is None


def test_it_lasted_from_its_onset_to_the_end_of_its_last_loud_bucket() -> None:
    assert ended([(12, 1.0)]).duration_minutes == 5
    assert ended([(12, 1.0)], since=FIRST + 7, last_above=FIRST + 30).duration_minutes == 24 * 5


@pytest.mark.parametrize(
    ("mentions", "minutes"),
    [
        ([112, 62], 60),  # of 100 beyond the usual 50 are half
        ([112, 63], None),
        ([20, 112, 90, 40], 120),
        ([112, 90, 200, 100], 60),  # after the greatest hour, not after the first loud one
        ([112], None),
        ([200, 30, 200, 30], 60),  # the first of two greatest hours
    ],
)
def test_half_of_it_was_over_so_long_after_its_greatest_hour(mentions: list[int], minutes: int | None) -> None:
    assert ended([(count, 0.9 * count) for count in mentions]).half_life_minutes == minutes


@pytest.mark.parametrize(
    ("shares", "minutes"),
    [([0.9, 0.5, 0.15], 120), ([0.9, 0.16], None), ([0.9], None), ([0.1, 0.1], 60)],
)
def test_the_tone_is_as_usual_again_at_one_and_a_half_times_its_usual_share(
    shares: list[float], minutes: int | None
) -> None:
    hours = [(1000 - number, share * (1000 - number)) for number, share in enumerate(shares)]
    assert ended(hours).share_back_minutes == minutes


def alerts() -> list[Alert]:
    """Two loud hours, a third of half the size, and praise from then on."""
    values, n = quiet(4), 0
    for hour, (count, is_praise) in enumerate([(120, False), (110, False), (40, False), (30, True), (4, True)]):
        for place in range(count):
            n += 1
            values.append(
                mention(
                    id=f"h{n}",
                    text=f"order {n} has come" if is_praise else own_complaint(n),
                    at=BURST + HOUR * (hour + place / count),
                    sentiment=0.6 if is_praise else -0.8,
                    author={"id": f"p{n}"},
                )
            )
    records = [record(n, value) for n, value in enumerate(values)]
    found = undisturbed([*records, tick(len(records), BURST + 40 * HOUR)]).outputs.alerts
    return [alert for alert in found if alert.kind == "crisis"]


def test_the_alert_of_an_end_and_no_other_says_how_it_ended() -> None:
    *before, last = alerts()
    assert before
    assert all(alert.recovery is None for alert in before)
    assert last.transition == "resolved"
    assert last.recovery is not None
    assert (last.recovery.half_life_minutes, last.recovery.share_back_minutes) == (120, 180)
    over = last.onset_time.timestamp() + last.recovery.duration_minutes * 60
    assert BURST + 2 * HOUR < over <= last.detected_time.timestamp()
