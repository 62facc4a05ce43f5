"""Prometheus Alertmanager, API v2: one of its alerts for every episode, which ends with the episode."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final

import msgspec

from pipeline.notify.decision import dedup_key
from pipeline.notify.messages import Message, Style, message
from pipeline.notify.targets.contract import Delivered, Notice, OneByOne, Outcome, Retry
from pipeline.notify.targets.http import Answer, Endpoint
from schemas.alert import Alert, Kind
from schemas.moments import moment

PATH: Final = "/api/v2/alerts"
KEPT: Final = timedelta(hours=24)
"""An Alertmanager ends by itself what nobody says again. So long it believes us should we be away."""


class Alertmanager(OneByOne):
    """An Alertmanager. It keeps its alerts in memory only, so that it is reminded of them."""

    def __init__(
        self, url: str, secret: str | None, timeout: float, style: Style, clock: Callable[[], float] = time.time
    ) -> None:
        self._endpoint = Endpoint(url, timeout, *([secret] if secret else []))
        self._headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        self._style = style
        self._clock = clock

    def deliver(self, notice: Notice) -> Outcome:
        """Start, change or end the alert of an episode. With another severity it is another alert; the old one ends."""
        alert, now = notice.alert, self._clock()
        posted = [self._posted(alert, notice.message, now, over=alert.transition == "resolved")]
        if notice.previous is not None and labels(notice.previous) != labels(alert):
            posted.insert(0, self._posted(notice.previous, notice.message, now, over=True))
        return self._post(posted)

    def remind(self, alerts: Sequence[Alert]) -> Outcome | None:
        """Say what is open again."""
        if not alerts:
            return None
        now = self._clock()
        return self._post([self._posted(alert, message(alert, self._style), now, over=False) for alert in alerts])

    def _posted(self, alert: Alert, told: Message, now: float, *, over: bool) -> dict[str, Any]:
        start, end = alert.onset_time, moment(now) + (timedelta() if over else KEPT)
        playbook = {"runbook_url": alert.playbook.link} if alert.playbook and alert.playbook.link else {}
        posted = {
            "labels": labels(alert),
            "annotations": {"summary": told.sentence, "description": told.text} | playbook,
            "startsAt": min(start, end),
            "endsAt": end,
        }
        return posted | ({"generatorURL": told.link} if told.link else {})

    def _post(self, posted: list[dict[str, Any]]) -> Outcome:
        answer = self._endpoint.post(msgspec.json.encode(posted), self._headers, PATH)
        if not isinstance(answer, Answer):
            return answer
        if answer.status != 200 or answer.body.strip() not in {b"", b"{}", b'{"status":"success"}'}:
            shown = self._endpoint.shown(answer.body)
            return Retry("answer", f"expected the empty answer of an Alertmanager, got status {answer.status}: {shown}")
        return Delivered()


def alertname(kind: Kind) -> str:
    """The name of alerts of a kind, such as TocsinHighReachPost."""
    return "Tocsin" + kind.title().replace("_", "")


def labels(alert: Alert) -> dict[str, str]:
    """What makes it one alert for an Alertmanager; `incident_id` is what to group by."""
    return {
        "alertname": alertname(alert.kind),
        "brand": alert.brand,
        "kind": alert.kind,
        "severity": alert.severity,
        "scope": alert.scope,
        "episode_id": alert.episode_id,
        "incident_id": dedup_key(alert),
    } | ({"category": alert.category} if alert.category else {})
