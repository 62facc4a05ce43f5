"""PagerDuty, Events API v2: the incident's id is the dedup key."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from pipeline.notify.decision import dedup_key
from pipeline.notify.messages import Message
from pipeline.notify.targets.contract import Delivered, Notice, OneByOne, Outcome, Refused, Retry
from pipeline.notify.targets.http import Answer, Endpoint
from schemas.alert import Alert

_SUMMARY_CHARACTERS: Final = 1024


class PagerDuty(OneByOne):
    """A service of PagerDuty."""

    def __init__(self, url: str, routing_key: str, timeout: float) -> None:
        self._endpoint = Endpoint(url, timeout, routing_key)
        self._routing_key = routing_key

    def deliver(self, notice: Notice) -> Outcome:
        """Trigger or resolve; a key that the episode no longer has is resolved as well."""
        alert = notice.alert
        if alert.transition == "resolved":
            outcome = self._post({"event_action": "resolve", "dedup_key": dedup_key(alert)})
        else:
            outcome = self._post(_event(alert, notice.message))
        if notice.free_key is not None and isinstance(outcome, Delivered):
            return self._post({"event_action": "resolve", "dedup_key": notice.free_key})
        return outcome

    def _post(self, event: dict[str, Any]) -> Outcome:
        answer = self._endpoint.post(msgspec.json.encode({"routing_key": self._routing_key, **event}), {})
        if isinstance(answer, Refused) and "routing" in answer.why.lower():
            return Retry("status_4xx", f"PagerDuty does not know the routing key: {answer.why}")
        if not isinstance(answer, Answer):
            return answer
        try:
            said = msgspec.json.decode(answer.body, type=_Said)
        except (msgspec.DecodeError, UnicodeDecodeError):
            said = _Said()
        if answer.status != 202 or said.status != "success":
            shown = self._endpoint.shown(answer.body)
            return Retry("answer", f"expected PagerDuty's 202 and success, got status {answer.status}: {shown}")
        return Delivered()


class _Said(msgspec.Struct, frozen=True):
    status: str = ""


def _event(alert: Alert, told: Message) -> dict[str, Any]:
    event = {
        "event_action": "trigger",
        "dedup_key": dedup_key(alert),
        "client": "Tocsin",
        "payload": {
            "summary": f"{told.title}. {told.sentence}"[:_SUMMARY_CHARACTERS],
            "source": alert.brand,
            "severity": alert.severity,
            "timestamp": alert.detected_time,
            "component": alert.brand,
            "group": alert.category or alert.brand,
            "class": alert.kind,
            "custom_details": {
                "text": told.text,
                "alert_id": alert.id,
                "episode_id": alert.episode_id,
                "transition": alert.transition,
                "mentions": alert.observed.mentions,
                "negative_share": alert.observed.negative_share,
            },
        },
    }
    links = [{"href": told.link, "text": "Episode"}] if told.link else []
    if alert.playbook and alert.playbook.link:
        links.append({"href": alert.playbook.link, "text": "Playbook"})
    links += [{"href": address, "text": name} for name, address in alert.links.items() if address != told.link]
    return event | ({"client_url": told.link} if told.link else {}) | ({"links": links} if links else {})
