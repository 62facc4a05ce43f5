"""The targets of `tocsin notify`: a TOML file of its own, read as a whole, every fault said at once."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from pipeline.config.errors import faults, toml_key, without
from pipeline.config.load import toml_document
from pipeline.errors import ConfigError
from pipeline.notify.quiet_hours import QuietHours, parse_quiet_hours
from schemas.alert import SEVERITIES, Kind, Severity, Transition
from schemas.mention import BRAND_PATTERN

TargetType = Literal["alertmanager", "apprise", "pagerduty", "webhook"]
PAGERDUTY_URL: Final = "https://events.pagerduty.com/v2/enqueue"
PEOPLE_PER_HOUR: Final = 60
CLOSING: Final = frozenset({"alertmanager", "pagerduty"})
"""Types that keep what was opened until it is closed by the same key."""

_MASKED_KEYS: Final = r"(key|pass\w*|secret|token|url)\Z"

TargetName = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}\Z")]
Variable = Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}\Z")]
BrandName = Annotated[str, Meta(pattern=BRAND_PATTERN)]
Language = Annotated[str, Meta(pattern=r"^[a-z]{2,3}\Z")]


class TargetSection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One target: where it is, what it wants to hear, how and when."""

    type: TargetType
    url: str | None = None
    url_file: str | None = None
    url_env: Variable | None = None
    secret_file: str | None = None
    secret_env: Variable | None = None
    min_severity: Severity = "info"
    brands: tuple[BrandName, ...] = ()
    categories: tuple[BrandName, ...] = ()
    kinds: tuple[Kind, ...] = ()
    transitions: tuple[Transition, ...] = ()
    languages: tuple[Language, ...] = ()
    language: Literal["alert", "en", "zh", "ja"] = "alert"
    form: Literal["short", "long"] = "long"
    quiet_hours: str | None = None
    rate_per_hour: Annotated[int, Meta(ge=1, le=3600)] | None = None
    max_age_hours: Annotated[float, Meta(gt=0.0, le=2160.0)] = 6.0
    timeout_seconds: Annotated[float, Meta(ge=1.0, le=120.0)] = 20.0

    @property
    def quiet(self) -> QuietHours | None:
        """Its quiet hours, None without any."""
        return parse_quiet_hours(self.quiet_hours) if self.quiet_hours else None

    @property
    def rate(self) -> float:
        """Deliveries within an hour: machines take any number, people are spared a flood."""
        return self.rate_per_hour or (PEOPLE_PER_HOUR if self.type == "apprise" else math.inf)

    @property
    def closes(self) -> bool:
        """Whether it keeps what was opened until that is closed."""
        return self.type in CLOSING

    @property
    def severities(self) -> tuple[Severity, ...]:
        """What it wants to hear of."""
        return SEVERITIES[SEVERITIES.index(self.min_severity) :]


class NotifyFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file. `hub_url` is where the hub's pages are: messages link to {hub_url}/episodes/{episode_id}."""

    hub_url: Annotated[str, Meta(pattern=r"^https?://[^\s<>\"]{1,500}\Z")] | None = None
    targets: dict[TargetName, TargetSection]


def load_targets(path: Path) -> NotifyFile:
    """The targets in a TOML file.

    Raises:
        ConfigError: names the file and, for every fault, the key, the rule and the nearest known key; never a secret.
    """
    document = toml_document(path)
    document.setdefault("targets", {})
    broken = list(faults(_masked(document), NotifyFile))
    found = [fault.text for fault in broken]
    rest = without(document, (fault.path for fault in broken))
    for name, target in rest.get("targets", {}).items() if isinstance(rest.get("targets"), dict) else ():
        try:
            section = msgspec.convert(target, TargetSection)
        except msgspec.ValidationError:
            continue  # said above
        found += [f"targets.{toml_key(name)}{fault}" for fault in _faults_of(section)]
    if not found and not document["targets"]:
        found.append("targets: expected at least one [targets.NAME]")
    if found:
        raise ConfigError(*(f"{path}: {fault}" for fault in found))
    return msgspec.convert(document, NotifyFile)


def _masked(value: Any, key: str = "") -> Any:
    """The document as messages may quote it, however its keys are misspelt: no address but the hub's, no secret."""
    if isinstance(value, dict):
        return {name: _masked(inner, str(name)) for name, inner in value.items()}
    if isinstance(value, list):
        return [_masked(inner, key) for inner in value]
    secret = isinstance(value, str) and ("://" in value or re.search(_MASKED_KEYS, key.lower()))
    return "***" if secret and key != "hub_url" else value


def _faults_of(section: TargetSection) -> list[str]:
    """What does not go together in one target, each to be read after its name."""
    found = []
    urls = [name for name in ("url", "url_file", "url_env") if getattr(section, name)]
    if len(urls) > 1 or (not urls and section.type != "pagerduty"):
        found.append(f": expected one of url, url_file, url_env, got {' and '.join(urls) or 'none'}")
    secrets = [name for name in ("secret_file", "secret_env") if getattr(section, name)]
    what = {"pagerduty": "its routing key", "webhook": "the key that signs"}.get(section.type)
    if section.type == "apprise" and secrets:
        found.append(f".{secrets[0]}: the secret of an apprise target is part of its URL; use url_file or url_env")
    elif len(secrets) > 1 or (what and not secrets):
        needed = f" with {what}" if what else ""
        found.append(f": expected secret_file or secret_env{needed}, got {' and '.join(secrets) or 'none'}")
    if section.closes and section.transitions and not {"opened", "resolved"} <= set(section.transitions):
        found.append(f".transitions: {section.type} closes what it opens: expected opened and resolved among them")
    if section.quiet_hours:
        try:
            parse_quiet_hours(section.quiet_hours)
        except ValueError as error:
            found.append(f".quiet_hours={section.quiet_hours!r}: {error}")
    return found
