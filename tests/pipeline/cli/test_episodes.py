"""`tocsin episodes` on a narrow terminal, and who acts."""

from __future__ import annotations

from datetime import timedelta, timezone

import pytest
from rich.console import Console

from pipeline.cli import episodes
from pipeline.inspection.lives import open_lives
from pipeline.report.duty import duty_of
from schemas.alert import Playbook
from schemas.feedback import Feedback, new_feedback
from schemas.moments import moment
from tests.pipeline.hub.world import DETECTED, episode, later

OPENED = episode(
    1, kind="crisis", playbook=Playbook(owner="duty-officer@acme.example", respond_by=moment(DETECTED + 900))
)
NOW = moment(DETECTED + 1800)


def printed(monkeypatch: pytest.MonkeyPatch, width: int, said: list[Feedback], *, is_known: bool = True) -> list[str]:
    """The lines of the list on a terminal of so many columns."""
    console = Console(width=width, force_terminal=True, color_system=None, record=True, highlight=False, quiet=True)
    monkeypatch.setattr("rich.console.Console", lambda **_: console)
    console.quiet = False
    ((life, last),) = open_lives([OPENED])
    episodes._print([(life, last, duty_of([OPENED], said, NOW))], NOW, is_known=is_known)
    return console.export_text().splitlines()


def test_eighty_columns_hold_every_line_whole_with_owner_deadline_and_acknowledgement(monkeypatch):
    lines = printed(monkeypatch, 80, [])
    assert max(map(len, lines)) <= 80
    text = "\n".join(lines)
    for words in (
        "duty-officer@acme.example",
        "act by 03-01 12:50, overdue 15 min",
        "not acknowledged",
        OPENED.episode_id,
    ):
        assert words in text, words


def test_a_wide_terminal_has_one_row_an_episode(monkeypatch):
    tokyo = timezone(timedelta(hours=9))
    said = [new_feedback(OPENED, "acknowledged", author="Kim", time=moment(DETECTED + 300).astimezone(tokyo))]
    header, row = printed(monkeypatch, 200, said)
    assert [name in header for name in ("owner", "act by", "acknowledged")] == [True] * 3
    assert "acknowledged by Kim 12:40" in row
    assert "overdue" not in row


def test_a_deadline_that_was_kept_late_stays_known(monkeypatch):
    said = [new_feedback(OPENED, "acknowledged", author="Kim", time=moment(DETECTED + 1270))]
    assert "act by 03-01 12:50, missed by 7 min" in "\n".join(printed(monkeypatch, 80, said))
    found = duty_of([OPENED], said, NOW)
    assert (found.overdue, found.late_minutes) == (False, 7)
    kept = [new_feedback(OPENED, "answer", author="PR", time=moment(DETECTED + 900), note="We look into it."), *said]
    assert duty_of([OPENED], kept, NOW).late_minutes is None


def test_what_cannot_be_read_is_not_called_missing(monkeypatch):
    text = "\n".join(printed(monkeypatch, 80, [], is_known=False))
    assert "acknowledged: not known" in text
    assert "overdue" not in text


def test_an_answer_suffices_and_feedback_on_other_episodes_does_not():
    other = new_feedback(episode(2), "acknowledged", author="Ann", time=moment(DETECTED))
    assert duty_of([OPENED], [other], NOW).overdue
    answer = new_feedback(OPENED, "answer", author="PR", time=moment(DETECTED + 1200), note="We look into it.")
    found = duty_of([OPENED], [other, answer], NOW)
    assert (found.overdue, found.acknowledged) == (False, None)
    assert found.answered is not None
    assert found.answered.author == "PR"


def test_the_owner_and_the_deadline_of_earlier_alerts_hold_where_the_last_has_none():
    last = later(OPENED, 2, "updated", 5, playbook=None)
    found = duty_of([OPENED, last], [], OPENED.detected_time + timedelta(minutes=5))
    assert (found.owner, found.respond_by, found.overdue) == (
        "duty-officer@acme.example",
        moment(DETECTED + 900),
        False,
    )
