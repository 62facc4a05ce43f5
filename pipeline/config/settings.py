"""Settings of one process, from the TOCSIN_ environment: addresses, secrets, names. Only this module reads it."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from pipeline.errors import ConfigError

PREFIX = "TOCSIN_"
_MAX_SECRET_BYTES: Final = 4096
_MIN_TOKEN: Final = 16
_SECRETS: Final = ("kafka_sasl_password", "kafka_ssl_password", "hub_token", "hub_read_token")
DEFAULT_PORT: Final = 9092
"""Of a broker whose address has none."""


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

    notify_config: Annotated[Path | None, Field(description="TOML file of the targets of `tocsin notify`.")] = None

    event_time: Annotated[
        bool,
        Field(description="Commands take the newest alert's time for now: for demos, whose day is another one."),
    ] = False

    metrics_host: Annotated[str, Field(description="Address that /metrics and /healthz listen on.")] = "127.0.0.1"
    metrics_port: Annotated[
        int, Field(ge=0, le=65535, description="Port of /metrics and /healthz; 0 takes a free one.")
    ] = 9464

    hub_host: Annotated[
        str, Field(description="Address that the hub listens on; any but this machine's asks a login.")
    ] = "127.0.0.1"
    hub_port: Annotated[int, Field(ge=0, le=65535, description="Port of the hub; 0 takes a free one.")] = 9480
    hub_store: Annotated[Path | None, Field(description="File of the hub's store; by default in `home`.")] = None
    hub_names: Annotated[
        str, Field(description="Names that the hub is reached by beside its address, comma separated.")
    ] = ""
    hub_token: Annotated[SecretStr | None, Field(description="Token that lets people read and act in the hub.")] = None
    hub_token_file: Annotated[Path | None, Field(description="Instead of the token: a file that holds it.")] = None
    hub_read_token: Annotated[SecretStr | None, Field(description="Token that lets people read the hub.")] = None
    hub_read_token_file: Annotated[Path | None, Field(description="Instead of this token: a file that holds it.")] = (
        None
    )
    hub_trusted_header: Annotated[
        str | None,
        Field(pattern=r"^[A-Za-z0-9-]{1,64}$", description="Header in which a proxy names who has signed in there."),
    ] = None
    hub_trusted_proxies: Annotated[
        str, Field(description="Addresses of the proxies whose headers are believed, comma separated.")
    ] = "127.0.0.1"
    hub_acting_users: Annotated[
        str, Field(description="With the header: names that may act, comma separated; `*` is everybody.")
    ] = ""
    log_format: Annotated[Literal["auto", "console", "json"], Field(description="auto: console on a terminal.")] = (
        "auto"
    )
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Field(description="Minimum level that is logged.")
    ] = "info"
    home: Annotated[
        Path,
        Field(description="Where the local Kafka keeps data and pid; if set, its jars too (else `~/.cache/tocsin`)."),
    ] = Path(".tocsin")

    @field_validator("*", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: Any, info: ValidationInfo) -> Any:
        """Compose files and shells pass on an empty variable for one that is not set."""
        assert info.field_name is not None
        return None if value == "" and cls.model_fields[info.field_name].default is None else value

    @field_validator("kafka_bootstrap")
    @classmethod
    def _addresses(cls, value: str) -> str:
        broker_addresses(value)
        return value

    @model_validator(mode="after")
    def _belong_together(self) -> Settings:
        faults = [*self._secret_faults(), *self._sasl_faults(), *self._file_faults(), *self._unused_faults()]
        if faults:
            raise ValueError("\n".join(faults))
        return self

    def _secret_faults(self) -> Iterator[str]:
        for name in _SECRETS:
            if getattr(self, name) is not None and getattr(self, f"{name}_file") is not None:
                yield f"expected {PREFIX}{name.upper()} or {PREFIX}{name.upper()}_FILE, got both"
                continue
            try:
                self._secret(name)  # so that a file that cannot be read is reported at the start
            except ValueError as error:
                yield str(error)

    def _sasl_faults(self) -> Iterator[str]:
        if self.kafka_security_protocol.startswith("SASL"):
            for name in ("kafka_sasl_mechanism", "kafka_sasl_username", "kafka_sasl_password"):
                if getattr(self, name) is None and getattr(self, f"{name}_file", None) is None:
                    yield (
                        f"{PREFIX}{name.upper()} must be set when {PREFIX}KAFKA_SECURITY_PROTOCOL is "
                        f"{self.kafka_security_protocol}"
                    )

    def _file_faults(self) -> Iterator[str]:
        for name in ("kafka_ssl_cafile", "kafka_ssl_certfile", "kafka_ssl_keyfile"):
            path = getattr(self, name)
            if path is not None and not _is_file(path):
                yield f"{PREFIX}{name.upper()} must name a file that can be read, got {str(path)!r}"

    def _unused_faults(self) -> Iterator[str]:
        """A user, a password or an authority that the protocol passes over: a weaker connection than was meant."""
        protocol = self.kafka_security_protocol
        for part, prefix, users in (
            ("SASL", "kafka_sasl_", "SASL_SSL or SASL_PLAINTEXT"),
            ("SSL", "kafka_ssl_", "SSL or SASL_SSL"),
        ):
            given = [name for name in _given(self) if name.startswith(prefix)]
            if given and part not in protocol.split("_"):
                yield (
                    f"{PREFIX}{given[0].upper()} is set, but {PREFIX}KAFKA_SECURITY_PROTOCOL is {protocol}, which does "
                    f"not use it: set that to {users}, or unset it"
                )

    @property
    def jars(self) -> Path:
        """Folder of Apache Kafka's jars: `home` where that is set, else the one that all folders of the user share."""
        return self.home if "home" in self.model_fields_set else user_cache(self.home)

    def sasl_password(self) -> str | None:
        """The password of the SASL user, given or read from its file now; None without one.

        Raises:
            ConfigError: the file cannot be read any more, is empty or holds more than a password.
        """
        return self._secret_now("kafka_sasl_password")

    def ssl_password(self) -> str | None:
        """The password of our own key; as `sasl_password`."""
        return self._secret_now("kafka_ssl_password")

    def hub_token_now(self) -> str | None:
        """The token to read and act; as `sasl_password`."""
        return self._token_now("hub_token")

    def hub_read_token_now(self) -> str | None:
        """The token to read; as `sasl_password`."""
        return self._token_now("hub_read_token")

    @property
    def trusted_proxies(self) -> list[str]:
        """Addresses whose header is believed."""
        return _names(self.hub_trusted_proxies)

    @property
    def acting_users(self) -> list[str]:
        """Who may act, where a proxy names people."""
        return _names(self.hub_acting_users)

    @property
    def hub_host_names(self) -> list[str]:
        """Names of the hub beside its address."""
        return _names(self.hub_names)

    def _token_now(self, name: str) -> str | None:
        token = self._secret_now(name)
        if token is not None and len(token) < _MIN_TOKEN:
            raise ConfigError(
                f"environment: {PREFIX}{name.upper()}: expected a token of at least {_MIN_TOKEN} characters, got "
                f"{len(token)}; make one with `python -c 'import secrets; print(secrets.token_urlsafe())'`"
            )
        return token

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
            return _secret_line(content, "the password")
        except ValueError as error:
            raise ValueError(f"{variable}={str(path)!r} {error}") from None

    def masked(self) -> dict[str, str]:
        """Every setting as text for the start-up log, secrets as asterisks."""
        return {PREFIX + name.upper(): str(value) for name, value in self}


def secret_from_file(path: Path) -> str:
    """The one line that a file of a secret holds.

    Raises:
        ValueError: what was expected, to be read after the name of the file; never what it holds.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_SECRET_BYTES + 1)
    except OSError as error:
        raise ValueError(f"must name a file that can be read: {error.strerror}") from None
    return _secret_line(content, "it")


def secret_from_environment(name: str) -> str:
    """The secret in an environment variable that another configuration names.

    Raises:
        ValueError: the variable is empty, not set, or a setting of Tocsin; to be read after its name.
    """
    if name.upper().startswith(PREFIX):
        raise ValueError(f"must name a variable of your own: {PREFIX} begins the settings of Tocsin")
    value = os.environ.get(name, "")  # noqa: TID251 - this is the one place
    if not value:
        raise ValueError("must name an environment variable that is set, got one that is not or is empty")
    return value


def _secret_line(content: bytes, what: str) -> str:
    try:
        # Editors and `echo` end the file with a line end, which is not part of the secret.
        secret = content.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise ValueError("must hold text in UTF-8, got other bytes") from None
    if not secret or "\n" in secret or "\0" in secret or len(content) > _MAX_SECRET_BYTES:
        raise ValueError(
            f"must hold {what} on one line of at most {_MAX_SECRET_BYTES} bytes, got {'more' if secret else 'nothing'}"
        )
    return secret


def _names(text: str) -> list[str]:
    """The parts of a list with commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def _given(settings: Settings) -> list[str]:
    """Names of what is set and has no default."""
    return [name for name, field in Settings.model_fields.items() if field.default is None and getattr(settings, name)]


def broker_addresses(bootstrap: str) -> list[tuple[str, int]]:
    """The addresses of kafka_bootstrap as (host, port).

    Raises:
        ValueError: one that is not host or host:port.
    """
    found = []
    for address in map(str.strip, bootstrap.split(",")):
        host, colon, port = address.rpartition(":")
        if not colon or host.startswith("[") != host.endswith("]"):
            host, port = address, str(DEFAULT_PORT)
        if "/" in address:
            scheme = f" without a scheme (the protocol is {PREFIX}KAFKA_SECURITY_PROTOCOL)" if "://" in address else ""
            raise ValueError(f"expected host:port, comma separated{scheme}, got {address!r}")
        if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
            raise ValueError(f"expected host:port, comma separated, got {address!r}")
        found.append((host.strip("[]"), int(port)))
    return found


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # such as a name that is longer than a name may be
        return False


def user_cache(homeless: Path) -> Path:
    """Where this user keeps what can be fetched again, as the XDG base directories say.

    Args:
        homeless: the folder for a user that has none.
    """
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))  # noqa: TID251 - this is the one place
    try:
        cache = given if given.is_absolute() else Path.home() / ".cache"
    except RuntimeError:
        return homeless
    return cache / "tocsin"


def load_settings() -> Settings:
    """The settings of this process.

    Raises:
        ConfigError: every variable that breaks its rule, and every unknown TOCSIN_ variable with the nearest known one.
    """
    faults = []
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    for name in os.environ:  # noqa: TID251 - this is the one place
        # Settings are read in any case of letters, so a mistyped one is found in any case too.
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            near = difflib.get_close_matches(name.upper(), known, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            faults.append(f"environment: expected one of the TOCSIN_ settings, got {name}{hint}")
    settings = None
    try:
        settings = Settings()
    except ValidationError as error:
        for one in error.errors(include_url=False):
            message = one["msg"].removeprefix("Value error, ")
            if one["loc"]:
                name = PREFIX + str(one["loc"][0]).upper()
                shown = "***" if "PASSWORD" in name or "TOKEN" in name else repr(one["input"])
                faults.append(f"environment: {name}={shown}: {message}")
            else:
                faults += [f"environment: {line}" for line in message.split("\n")]
    if settings is None or faults:
        raise ConfigError(*faults) from None
    return settings


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
