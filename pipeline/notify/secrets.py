"""Addresses and secrets of targets, read when the service starts; what they are is never part of a message."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from pipeline.config.settings import secret_from_environment, secret_from_file
from pipeline.errors import ConfigError
from pipeline.notify.config import PAGERDUTY_URL, TargetSection

_MIN_SIGNING_BYTES: Final = 24
"""As the Standard Webhooks specification asks for."""


class Address(msgspec.Struct, frozen=True):
    """Where a target is and what it is spoken to with. Neither is ever shown."""

    url: str
    secret: str | None = None

    def __repr__(self) -> str:
        """Without either."""
        return "Address(***)"


def address_of(name: str, section: TargetSection, folder: Path) -> Address:
    """The address and the secret of a target.

    Args:
        name: of the target, for messages.
        section: a valid one.
        folder: of the configuration file; relative paths start there.

    Raises:
        ConfigError: a file or variable that is not there or holds no such thing.
    """
    try:
        url = section.url or _read(section.url_file, section.url_env, folder, "url") or PAGERDUTY_URL
        secret = _read(section.secret_file, section.secret_env, folder, "secret")
    except ValueError as error:
        raise ConfigError(f"targets.{name}.{error}") from None
    if section.type != "apprise":
        _check_http(name, url)
    if section.type == "webhook" and len((secret or "").encode()) < _MIN_SIGNING_BYTES:
        raise ConfigError(
            f"targets.{name}: expected a key of at least {_MIN_SIGNING_BYTES} bytes to sign with; "
            "`openssl rand -base64 32` makes one"
        )
    return Address(url, secret)


def _read(file: str | None, variable: str | None, folder: Path, what: str) -> str | None:
    if file:
        try:
            return secret_from_file(folder / file)
        except ValueError as error:
            raise ValueError(f"{what}_file={file!r}: {error}") from None
    if variable:
        try:
            return secret_from_environment(variable)
        except ValueError as error:
            raise ValueError(f"{what}_env={variable!r}: {error}") from None
    return None


def _check_http(name: str, url: str) -> None:
    try:
        parts = urlsplit(url)
        is_http = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_http = False
    if not is_http or not url.isprintable() or " " in url:
        raise ConfigError(f"targets.{name}: expected a URL that begins with http:// or https://, got another text")
