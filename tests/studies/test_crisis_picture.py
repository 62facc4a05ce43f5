"""The README's picture shows what the engine saw, and the same bytes each time."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest

from pipeline.config.load import load_config
from pipeline.simulation import demo_stream
from studies import crisis_picture


@pytest.fixture(scope="module")
def course():
    simulation = demo_stream(brands=20, hours=20, history_hours=26)
    label = next(label for label in simulation.labels.labels if label.shape == "sudden")
    return crisis_picture.course_of(simulation, label, load_config(None)), simulation


def test_the_mentions_of_every_bucket_are_those_of_the_stream(course):
    drawn, simulation = course
    counts = [
        sum(count.mentions for count in batch.counts if count.brand == drawn.label.brand)
        for batch in simulation.batches()
    ]
    assert drawn.mentions.tolist() == counts


def test_a_sum_covers_its_window():
    assert crisis_picture.sums(np.array([1.0, 2.0, 3.0, 4.0]), 2).tolist() == [1.0, 3.0, 5.0, 7.0]


def test_the_band_at_the_expectation_of_the_alert_is_the_alerts_own(course):
    opened = course[0].alerts[0]
    low, high = crisis_picture.band(np.array([opened.expected.value]), opened)
    assert low[0] == pytest.approx(opened.expected.lower, abs=0.02)
    assert high[0] == pytest.approx(opened.expected.upper, abs=0.02)


def test_the_same_course_gives_the_same_file(course):
    files = []
    for _ in range(2):
        with mpl.rc_context(crisis_picture.STYLE):
            file = io.BytesIO()
            crisis_picture.draw(course[0], load_config(None)).savefig(file, format="svg", metadata={"Date": None})
        files.append(file.getvalue())
    assert files[0] == files[1]
    assert ET.fromstring(files[0]).tag.endswith("svg")
