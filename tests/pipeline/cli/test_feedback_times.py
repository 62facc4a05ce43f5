"""`tocsin answer --at`: how long ago is counted from the moment that the demo's events have come to, if it says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner

from pipeline.cli import answer, feedback
from pipeline.config.settings import Settings
from schemas.feedback import Feedback
from tests.pipeline.hub.world import episode

OPENED = episode(1, kind="crisis")


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs `tocsin answer` where events have come to OPENED, without a broker; gives the result and what was said."""
    said: list[Feedback] = []

    def write(_: Settings, one: Feedback) -> str:
        said.append(one)
        return "there"

    def run(*arguments: str, by_events: bool) -> tuple[Any, list[Feedback]]:
        settings = Settings.model_construct(event_time=by_events)
        monkeypatch.setattr("pipeline.config.settings.load_settings", lambda: settings)
        monkeypatch.setattr(feedback, "_alerts", lambda _: [OPENED])
        monkeypatch.setattr("pipeline.kafka.feedback.write_feedback", write)
        words = [OPENED.episode_id, "--note", "We are sorry", "--as", "Kim", *arguments]
        return CliRunner().invoke(answer.command, words, standalone_mode=False), said

    return run


def test_ten_minutes_ago_is_of_event_time_where_that_is_asked_for(answered: Callable[..., Any]) -> None:
    result, said = answered("--at", "10m", by_events=True)
    assert result.exception is None
    assert [(OPENED.detected_time - one.time).total_seconds() for one in said] == [600.0]


def test_otherwise_it_is_of_the_clock(answered: Callable[..., Any]) -> None:
    _, said = answered("--at", "10m", by_events=False)
    assert all((one.time - OPENED.detected_time).days > 30 for one in said)
    assert said


def test_a_time_that_is_none_is_refused_before_anything_is_looked_up(answered: Callable[..., Any]) -> None:
    result, said = answered("--at", "yesterday", by_events=True)
    assert "expected a date" in str(result.exception)
    assert said == []
