"""A crisis that the engine itself found: three calm days, a storm of two hours, and the calm after it."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import msgspec

from pipeline.config.model import Config
from pipeline.replay import Replay
from schemas.activity import Activity, encode_activity
from schemas.alert import Alert, encode_alert
from schemas.feedback import Feedback, encode_feedback, new_feedback
from tests.pipeline.mention_streams import START, mention

NOW = datetime(2027, 6, 1, tzinfo=UTC)
HOURS, STORM = 96, 66
CALM = ["delivered today", "the box is blue", "works for me", "bought it on monday", "ordinary colour, ordinary size"]
ANGRY = [
    "RT @kim: the kettle caught fire, this is a terrible scam",
    "caught fire again, disgusting, recall it",
    "my kettle caught fire and nobody answers, awful",
]


@cache
def lines() -> tuple[bytes, ...]:
    """Mentions of one brand in order of time."""
    r = random.Random(7)
    times = sorted(START + r.random() * 3600 * HOURS for _ in range(20 * HOURS))
    times = sorted([*times, *(START + 3600 * (STORM + 2 * r.random()) for _ in range(500))])
    found = []
    for n, at in enumerate(times):
        storm = START + 3600 * STORM <= at < START + 3600 * (STORM + 2)
        is_bad = r.random() < (0.8 if storm else 0.1)
        text = f"{r.choice(ANGRY if is_bad else CALM)} {n % 37}"
        found.append(
            mention(
                id=f"m{n}",
                text=f"acme {text}",
                at=at,
                lang="en",
                platform="x" if n % 3 else "reddit",
                author={"id": f"u{n % 400}", "followers": 10 + n},
                url=f"https://x.example/p/{n}",
            )
        )
    return tuple(found)


@cache
def recorded() -> tuple[tuple[Alert, ...], tuple[Activity, ...]]:
    """Alerts of the crisis, and the activity of the brand."""
    activity: list[Activity] = []
    replay = Replay(Config(), partitions=1, now=NOW, on_activity=activity.extend)
    replay.take_lines(lines())
    report = replay.end(flush=True)
    crisis = next(alert for alert in report.alerts if alert.kind == "crisis")
    alerts = tuple(alert for alert in report.alerts if alert.episode_id == crisis.episode_id)
    assert alerts[0].transition == "opened"
    assert alerts[-1].transition == "resolved"
    return alerts, tuple(activity)


def said(alert: Alert) -> tuple[Feedback, ...]:
    """Feedback about an episode: acknowledged after 6 minutes, answered after an hour."""

    def after(minutes: int) -> datetime:
        return alert.detected_time + timedelta(minutes=minutes)

    return (
        new_feedback(alert, "acknowledged", author="Kim", time=after(6)),
        new_feedback(alert, "step", author="Kim", time=after(10), step="tell-legal"),
        new_feedback(
            alert,
            "answer",
            author="PR",
            time=after(60),
            url="https://acme.example/1",
            note="We recall it.",
            language="en",
        ),
        new_feedback(alert, "label", author="Lee", time=after(300), label="true"),
        new_feedback(alert, "note", author="Lee", time=after(20), note="The plant in B. was told."),
    )


def write(folder: Path) -> list[str]:
    """The material as files, and the options by which `tocsin report` is given them."""
    alerts, activity = recorded()
    for name, records in (
        ("alerts", map(encode_alert, alerts)),
        ("activity", map(encode_activity, activity)),
        ("feedback", map(encode_feedback, said(alerts[0]))),
    ):
        (folder / f"{name}.jsonl").write_bytes(b"".join(record + b"\n" for record in records))
    return [
        part for name in ("alerts", "activity", "feedback") for part in (f"--{name}", str(folder / f"{name}.jsonl"))
    ]


def changed(alert: Alert, **fields: object) -> Alert:
    """An alert with other fields."""
    return msgspec.structs.replace(alert, **fields)
