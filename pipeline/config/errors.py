"""Error messages of the configuration file in one form: key, value, rule, nearest known key."""

from __future__ import annotations

import difflib
import re
import types
from typing import Any, Final, get_args

import msgspec

from pipeline.errors import ConfigError

_WHERE: Final = re.compile(r"^(?P<rule>.*?)(?: - at `\$\.?(?P<path>[^`]*)`)?\Z", re.DOTALL)
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(?P<key>.*)`", re.DOTALL)


def broken_rule(message: str, document: dict[str, Any], prefix: str, section: type[msgspec.Struct]) -> ConfigError:
    """The error for a message of msgspec, in our form: key, value, rule, nearest known key."""
    match = _WHERE.match(message)
    assert match is not None
    rule, path = match.group("rule"), match.group("path") or ""
    keys = re.findall(r"\[\.\.\.\]|[^.\[\]]+", path)
    value: Any = document
    known: Any = section
    walked = [prefix] if prefix else []
    for step in keys:
        key = step
        # msgspec writes [...] for the keys of a mapping: the first entry that breaks the rule is the one meant.
        if isinstance(value, dict) and key == "[...]":
            key, value, known = _culprit(value, known)
        else:
            value = value.get(key) if isinstance(value, dict) else None
            known = _field_type(known, key)
        walked.append(toml_key(key))
    unknown = _UNKNOWN.match(rule)
    if unknown:
        name = unknown.group("key")
        walked.append(toml_key(name))
        got = value.get(name) if isinstance(value, dict) else None
        fields = known.__struct_fields__ if isinstance(known, type) and issubclass(known, msgspec.Struct) else ()
        return ConfigError(f"{'.'.join(walked)}={got!r}: unknown key{nearest(name, fields)}")
    if rule.startswith("Invalid enum value"):
        rule = f"expected one of {', '.join(get_args(known))}"
    return ConfigError(f"{'.'.join(walked)}={value!r}: {rule[0].lower() + rule[1:]}")


def toml_key(name: str) -> str:
    """A key in TOML syntax: bare where that is allowed, else quoted, so that a message stays one line."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else repr(name)


def _field_type(section: Any, key: str) -> Any:
    if isinstance(section, type) and issubclass(section, msgspec.Struct):
        for field in msgspec.structs.fields(section):
            if field.encode_name == key:
                # Of `PlaybookConfig | None` the section is meant.
                if isinstance(field.type, types.UnionType):
                    return next(option for option in get_args(field.type) if option is not types.NoneType)
                return field.type
    return None


def _culprit(mapping: dict[str, Any], annotation: Any) -> tuple[str, Any, Any]:
    item = annotation.__args__[1] if hasattr(annotation, "__args__") else Any
    for key, value in mapping.items():
        try:
            msgspec.convert(value, item)
        except msgspec.ValidationError:
            return key, value, item
    return "[...]", None, item


def nearest(name: str, known: Any) -> str:
    """The end of a message about an unknown name: the nearest known one, or all of them."""
    near = difflib.get_close_matches(name, list(known), 1, 0.4)
    return f"; did you mean {near[0]!r}?" if near else f"; known are: {', '.join(sorted(known)) or 'none'}"
