"""The configuration from its TOML file, or one clear error."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec

from pipeline.config.errors import broken_rule
from pipeline.config.model import Config, ConfigFile
from pipeline.errors import ConfigError


def load_config(path: Path | None) -> Config:
    """The configuration in a TOML file; without a path, every default.

    Raises:
        ConfigError: names the file, the key, the value, the rule and the nearest known key.
    """
    if path is None:
        return Config()
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: expected a TOML file that can be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: expected TOML: {error}") from None
    except RecursionError:
        raise ConfigError(f"{path}: expected TOML of a few levels, got tables or lists nested too deeply") from None
    try:
        return Config(msgspec.convert(document, ConfigFile))
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {broken_rule(str(error), document, '', ConfigFile)}") from None
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
