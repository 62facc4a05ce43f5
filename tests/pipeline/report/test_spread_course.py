"""Where an episode was told over time: what the alerts say, no more."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.alerts.surge_evidence import SHOWN_PARTS
from pipeline.report.charts import spread_chart
from pipeline.report.review import SpreadTold
from pipeline.report.spread_course import MOST_COURSES, courses_of, spread_told
from pipeline.report.words import Words
from schemas.evidence import Part
from tests.pipeline.report.recorded import NOW, changed, recorded
from tests.pipeline.report.test_forms import ordinary

SHARES = st.dictionaries(st.sampled_from([f"p{n}" for n in range(12)]), st.floats(0, 1), max_size=SHOWN_PARTS)


def told(*shares: dict[str, float]) -> list[SpreadTold]:
    """What alerts say, one a minute."""
    return [
        SpreadTold(
            time=NOW + timedelta(minutes=place),
            platforms=tuple(Part(name=name, mentions=1, share=share) for name, share in one.items()),
            languages=(),
        )
        for place, one in enumerate(shares)
    ]


@given(st.lists(SHARES, min_size=1, max_size=5))
def test_a_course_has_every_share_that_an_alert_tells_and_no_other(shares):
    courses = courses_of(told(*shares), "platforms")
    assert len(courses) <= MOST_COURSES
    for course in courses:
        for (_, share), one in zip(course.shares, shares, strict=True):
            unknown = None if len(one) == SHOWN_PARTS else 0.0
            assert share == one.get(course.name, unknown)


def test_a_place_that_a_full_list_leaves_out_is_not_known_to_be_silent():
    full = {f"p{number}": 0.1 for number in range(SHOWN_PARTS)}
    (first,) = [course for course in courses_of(told({"new": 1.0}, full), "platforms") if course.name == "new"]
    assert [share for _, share in first.shares] == [1.0, None]
    assert first.last == 1.0


def test_alerts_that_say_nothing_of_places_are_left_out():
    alerts, _ = recorded()
    silent = changed(alerts[0], evidence=msgspec.structs.replace(alerts[0].evidence, spread=None))
    assert [one.time for one in spread_told([silent, *alerts])] == [alert.detected_time for alert in alerts]


def test_the_picture_of_a_report_is_the_same_each_time_and_takes_a_hostile_name_for_text():
    named = told({"$x^2$ <b>": 0.4}, {"$x^2$ <b>": 0.6, "微博": 0.4})
    found = msgspec.structs.replace(ordinary(), spread_told=tuple(named))
    picture = spread_chart(found, Words("zh"), "s1")
    assert picture == spread_chart(found, Words("zh"), "s1")
    texts = [element.text for element in ET.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")]
    assert "$x^2$ <b>：60 %" in texts
    assert "微博：40 %" in texts


def test_a_single_alert_gives_no_picture():
    found = msgspec.structs.replace(ordinary(), spread_told=tuple(told({"x": 1.0})))
    assert spread_chart(found, Words("en"), "s1") == ""
