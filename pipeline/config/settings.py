"""Settings of one process, from the TOCSIN_ environment: addresses, secrets, names. Only this module reads it."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from pipeline.errors import ConfigError

PREFIX = "TOCSIN_"
_MAX_SECRET_BYTES: Final = 4096


class Settings(BaseSettings):
    """Addresses, secrets and names of one process. Detection is configured in TOML (pipeline.config.model)."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    kafka_bootstrap: Annotated[str, Field(min_length=1, description="Brokers, host:port, comma separated.")] = (
        "127.0.0.1:9092"
    )
    kafka_security_protocol: Annotated[
        Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"], Field(description="Protocol of the brokers.")
    ] = "PLAINTEXT"
    kafka_sasl_mechanism: Annotated[
        Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None, Field(description="With SASL_*: the mechanism.")
    ] = None
    kafka_sasl_username: Annotated[str | None, Field(description="With SASL_*: the user.")] = None
    kafka_sasl_password: Annotated[SecretStr | None, Field(description="With SASL_*: the password.")] = None
    kafka_sasl_password_file: Annotated[
        Path | None, Field(description="Instead of the password: a file that holds it.")
    ] = None
    kafka_ssl_cafile: Annotated[Path | None, Field(description="PEM of the authority that signed the brokers.")] = None
    kafka_ssl_certfile: Annotated[Path | None, Field(description="PEM of our own certificate (mutual TLS).")] = None
    kafka_ssl_keyfile: Annotated[Path | None, Field(description="PEM of our own key (mutual TLS).")] = None
    kafka_ssl_password: Annotated[SecretStr | None, Field(description="Password of our own key.")] = None
    kafka_ssl_password_file: Annotated[
        Path | None, Field(description="Instead of the password of our own key: a file that holds it.")
    ] = None
    kafka_ssl_check_hostname: Annotated[bool, Field(description="Broker certificates must name the broker.")] = True
    kafka_timeout_seconds: Annotated[
        float, Field(gt=0, le=30, description="Time after which to give up on a broker.")
    ] = 10.0

    group: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,100}$", description="Consumer group.")] = "tocsin"
    instance: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9._-]{1,100}$",
            description="Name of this worker, stable over restarts and unique in the group (static membership).",
        ),
    ] = "worker-0"
    group_session_timeout_seconds: Annotated[
        float,
        Field(ge=1, le=300, description="Silence after which a worker loses its partitions; the broker limits it too."),
    ] = 10.0
    topic_prefix: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9-]{0,100}$", description="Put before every topic name, for shared clusters.")
    ] = ""
    state_generation: Annotated[
        int,
        Field(ge=1, le=999, description="Which brand-state topic holds; `tocsin migrate partitions` names the next."),
    ] = 1
    config: Annotated[Path | None, Field(description="TOML file of detection and behaviour.")] = None

    metrics_host: Annotated[str, Field(description="Address that /metrics and /healthz listen on.")] = "127.0.0.1"
    metrics_port: Annotated[
        int, Field(ge=0, le=65535, description="Port of /metrics and /healthz; 0 takes a free one.")
    ] = 9464
    log_format: Annotated[Literal["auto", "console", "json"], Field(description="auto: console on a terminal.")] = (
        "auto"
    )
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Field(description="Minimum level that is logged.")
    ] = "info"
    home: Annotated[Path, Field(description="Where the local Kafka keeps its jars, data and pid.")] = Path(".tocsin")

    @field_validator("*", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: Any, info: ValidationInfo) -> Any:
        """Compose files and shells pass on an empty variable for one that is not set."""
        assert info.field_name is not None
        return None if value == "" and cls.model_fields[info.field_name].default is None else value

    @model_validator(mode="after")
    def _files_and_sasl_are_whole(self) -> Settings:
        for name in ("kafka_sasl_password", "kafka_ssl_password"):
            if getattr(self, name) is not None and getattr(self, f"{name}_file") is not None:
                raise ValueError(f"expected {PREFIX}{name.upper()} or {PREFIX}{name.upper()}_FILE, got both")
            self._secret(name)  # so that a file that cannot be read is reported at the start
        if self.kafka_security_protocol.startswith("SASL"):
            for name in ("kafka_sasl_mechanism", "kafka_sasl_username", "kafka_sasl_password"):
                if getattr(self, name) is None and getattr(self, f"{name}_file", None) is None:
                    raise ValueError(
                        f"{PREFIX}{name.upper()} must be set when {PREFIX}KAFKA_SECURITY_PROTOCOL is "
                        f"{self.kafka_security_protocol}"
                    )
        for name in ("kafka_ssl_cafile", "kafka_ssl_certfile", "kafka_ssl_keyfile"):
            path = getattr(self, name)
            if path is not None and not _is_file(path):
                raise ValueError(f"{PREFIX}{name.upper()} must name a file that can be read, got {str(path)!r}")
        return self

    def sasl_password(self) -> str | None:
        """The password of the SASL user, given or read from its file now; None without one.

        Raises:
            ConfigError: the file cannot be read any more, is empty or holds more than a password.
        """
        return self._secret_now("kafka_sasl_password")

    def ssl_password(self) -> str | None:
        """The password of our own key; as `sasl_password`."""
        return self._secret_now("kafka_ssl_password")

    def _secret_now(self, name: str) -> str | None:
        try:
            return self._secret(name)
        except ValueError as error:
            raise ConfigError(f"environment: {error}") from None

    def _secret(self, name: str) -> str | None:
        given: SecretStr | None = getattr(self, name)
        path: Path | None = getattr(self, f"{name}_file")
        if path is None:
            return given.get_secret_value() if given is not None else None
        variable = f"{PREFIX}{name.upper()}_FILE"
        try:
            with path.open("rb") as file:
                content = file.read(_MAX_SECRET_BYTES + 1)
        except OSError as error:
            raise ValueError(
                f"{variable} must name a file that can be read, got {str(path)!r}: {error.strerror}"
            ) from None
        try:
            # Editors and `echo` end the file with a line end, which is not part of the password.
            secret = content.decode().removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError:
            raise ValueError(f"{variable}={str(path)!r} must hold text in UTF-8, got other bytes") from None
        if not secret or "\n" in secret or "\0" in secret or len(content) > _MAX_SECRET_BYTES:
            raise ValueError(
                f"{variable}={str(path)!r} must hold the password on one line of at most {_MAX_SECRET_BYTES} bytes, "
                f"got {'nothing' if not secret else 'more'}"
            )
        return secret

    def masked(self) -> dict[str, str]:
        """Every setting as text for the start-up log, secrets as asterisks."""
        return {PREFIX + name.upper(): str(value) for name, value in self}


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # such as a name that is longer than a name may be
        return False


def load_settings() -> Settings:
    """The settings of this process.

    Raises:
        ConfigError: a variable breaks its rule, or an unknown TOCSIN_ variable is set (the nearest known is named).
    """
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    for name in os.environ:  # noqa: TID251 - this is the one place
        # Settings are read in any case of letters, so a mistyped one is found in any case too.
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            near = difflib.get_close_matches(name.upper(), known, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ConfigError(f"environment: expected one of the TOCSIN_ settings, got {name}{hint}")
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if not first["loc"]:
            raise ConfigError("environment: " + first["msg"].removeprefix("Value error, ")) from None
        name = PREFIX + str(first["loc"][0]).upper()
        shown = "***" if "PASSWORD" in name else repr(first["input"])
        raise ConfigError(f"environment: {name}={shown}: {first['msg']}") from None


def child_environment(settings: Settings) -> dict[str, str]:
    """The environment for a child process that is to run under these settings and no others."""
    inherited = {
        name: value
        for name, value in os.environ.items()  # noqa: TID251 - this is the one place
        if not name.startswith(PREFIX)
    }
    for name, value in settings:
        if isinstance(value, SecretStr):
            inherited[PREFIX + name.upper()] = value.get_secret_value()
        elif value is not None:
            inherited[PREFIX + name.upper()] = str(value)
    return inherited
