"""What runs beside the demo can be stopped at any moment."""

from __future__ import annotations

import pytest

from pipeline.config.settings import Settings
from pipeline.demo.background import AlertFollower, Publisher


@pytest.mark.parametrize("make", [lambda: Publisher(Settings(), []), lambda: AlertFollower(Settings())])
def test_what_has_not_begun_can_be_stopped(make):
    background = make()
    background.stop()
    assert background.stop() is None


def test_a_publisher_that_was_asked_to_stop_before_it_began_ends_at_once():
    publisher = Publisher(Settings(), [])
    publisher.stop()
    publisher.start()
    publisher.stop()
    publisher.check()
    assert not publisher.done  # it has published nothing
