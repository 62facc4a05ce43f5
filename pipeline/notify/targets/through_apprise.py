"""Everything that the apprise package speaks to: Slack, Teams, Discord, Telegram, Feishu, DingTalk, LINE, mail ..."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import apprise

from pipeline.errors import ConfigError
from pipeline.notify.messages import Message
from pipeline.notify.targets.contract import Delivered, Notice, Outcome, Refused, Retry
from schemas.alert import Alert

_STATUS: Final = re.compile(r"\berror[ =]+(\d{3})\b")
_NOTIFY_TYPES: Final = {
    "info": apprise.NotifyType.INFO,
    "warning": apprise.NotifyType.WARNING,
    "critical": apprise.NotifyType.FAILURE,
}
_POISON: Final = frozenset({400, 413, 414, 415, 422})


class ThroughApprise:
    """One service that apprise knows by its URL.

    What apprise logs may hold tokens: it reaches no log, and only a status is read out of it.
    """

    def __init__(self, name: str, url: str, timeout: float) -> None:
        """Take the URL of a service.

        Args:
            name: of the target, for messages.
            url: as apprise documents it; never shown.
            timeout: seconds for a connection and for an answer.

        Raises:
            ConfigError: apprise does not know such a URL.
        """
        logging.getLogger("apprise").propagate = False
        logging.getLogger("apprise").setLevel(logging.WARNING)  # below that it tells addresses
        asset = apprise.AppriseAsset(app_id="Tocsin", app_desc="Tocsin", async_mode=False)
        asset.http_redirects = False
        with _listening():
            plugin = apprise.Apprise.instantiate(url, asset=asset)
        if plugin is None:
            raise ConfigError(
                f"targets.{name}: expected a URL of a service that apprise {apprise.__version__} knows, complete with "
                "its tokens; `apprise --details` lists them"
            )
        plugin.socket_connect_timeout = plugin.socket_read_timeout = timeout
        plugin.overflow_mode = apprise.OverflowMode.TRUNCATE
        self._service = str(plugin.service_name)
        self._apprise = apprise.Apprise(asset=asset)
        self._apprise.add(plugin)

    def deliver(self, notice: Notice) -> Outcome:
        """Send one message."""
        over = notice.alert.transition == "resolved"
        kind = apprise.NotifyType.SUCCESS if over else _NOTIFY_TYPES[notice.alert.severity]
        return self._send(notice.message, kind)

    def deliver_waiting(self, alerts: Sequence[Alert], message: Message) -> Outcome | None:  # noqa: ARG002 - contract
        """See the contract."""
        return self._send(message, apprise.NotifyType.INFO)

    def remind(self, alerts: Sequence[Alert]) -> Outcome | None:  # noqa: ARG002 - contract
        """See the contract: what was said stays said."""
        return None

    def _send(self, told: Message, kind: Any) -> Outcome:
        with _listening() as heard:
            sent = self._apprise.notify(
                body=told.text, title=told.title, notify_type=kind, body_format=apprise.NotifyFormat.TEXT
            )
        return Delivered() if sent else _failure(self._service, heard)


def _failure(service: str, heard: Sequence[str]) -> Outcome:
    """What became of a message that apprise could not send."""
    found = [int(match[1]) for line in heard if (match := _STATUS.search(line))]
    if not found:
        return Retry("library", f"apprise could not send to {service}: no connection, or refused without a status")
    status = found[-1]
    why = f"{service} answered with status {status}"
    if status in _POISON:
        return Refused("status_4xx", why)
    return Retry("status_429" if status == 429 else f"status_{status // 100}xx", why)


class _Listener(logging.Handler):
    """Hears what apprise logs in one thread."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.heard: list[str] = []
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            self.heard.append(record.getMessage())


@contextmanager
def _listening() -> Iterator[list[str]]:
    listener, logger = _Listener(), logging.getLogger("apprise")
    logger.addHandler(listener)
    try:
        yield listener.heard
    finally:
        logger.removeHandler(listener)
