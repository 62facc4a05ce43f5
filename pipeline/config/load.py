"""The configuration from its TOML file, or an error that lists all that is wrong with it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import msgspec

from pipeline.config.errors import faults, without
from pipeline.config.model import Config, ConfigFile
from pipeline.errors import ConfigError


def load_config(path: Path | None) -> Config:
    """The configuration in a TOML file; without a path, every default.

    Raises:
        ConfigError: names the file and, for every fault, the key, the value, the rule and the nearest known key.
    """
    if path is None:
        return Config()
    document = toml_document(path)
    broken = list(faults(document, ConfigFile))
    found = [fault.text for fault in broken]
    # What is left is looked through too, unless a whole table is lost: what refers to it would seem wrong.
    if not any(len(fault.path) == 1 and fault.path[0] in ConfigFile.__struct_fields__ for fault in broken):
        try:
            config = Config(msgspec.convert(without(document, (fault.path for fault in broken)), ConfigFile))
        except ConfigError as error:
            found += error.faults
        else:
            if not found:
                return config
    raise ConfigError(*(f"{path}: {fault}" for fault in found))


def toml_document(path: Path) -> dict[str, Any]:
    """What a TOML file says, unchecked.

    Raises:
        ConfigError: it cannot be read, or is no TOML; it names the file.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: expected a TOML file that can be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: expected TOML: {error}") from None
    except RecursionError:
        raise ConfigError(f"{path}: expected TOML of a few levels, got tables or lists nested too deeply") from None
