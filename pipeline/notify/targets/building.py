"""A target from its section of the configuration, its address and its secret."""

from __future__ import annotations

from pipeline.errors import ConfigError
from pipeline.notify.config import TargetSection
from pipeline.notify.messages import Style
from pipeline.notify.secrets import Address
from pipeline.notify.targets.alertmanager import Alertmanager
from pipeline.notify.targets.bounded import Bounded
from pipeline.notify.targets.contract import Target
from pipeline.notify.targets.pagerduty import PagerDuty
from pipeline.notify.targets.webhook import Webhook


def build_target(name: str, section: TargetSection, address: Address, style: Style) -> Target:
    """The target, each of its calls bounded to twice the time-out.

    Raises:
        ConfigError: an apprise URL that apprise does not know, or apprise is not installed.
    """
    return Bounded(_build(name, section, address, style), 2 * section.timeout_seconds)


def _build(name: str, section: TargetSection, address: Address, style: Style) -> Target:
    seconds = section.timeout_seconds
    if section.type == "apprise":
        try:
            from pipeline.notify.targets.through_apprise import ThroughApprise  # noqa: PLC0415 - takes half a second
        except ModuleNotFoundError as error:
            if error.name != "apprise":
                raise
            raise ConfigError(
                f"targets.{name}: expected the package apprise for this target, got none: install tocsin[notify]"
            ) from None
        return ThroughApprise(name, address.url, seconds)
    if section.type == "alertmanager":
        return Alertmanager(address.url, address.secret, seconds, style)
    assert address.secret is not None, "load_targets asks for it"
    if section.type == "pagerduty":
        return PagerDuty(address.url, address.secret, seconds)
    return Webhook(address.url, address.secret, seconds)
