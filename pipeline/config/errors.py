"""Every fault of a configuration document, in one form: key, value, rule, nearest known key."""

from __future__ import annotations

import difflib
import re
import types
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec


class Fault(msgspec.Struct, frozen=True):
    """One broken rule.

    Attributes:
        path: keys from the top of the document to what has to go for the rest to be read.
        text: key, value and rule, on one line.
    """

    path: tuple[str, ...]
    text: str


def faults(document: Any, annotation: Any, path: tuple[str, ...] = ()) -> Iterator[Fault]:
    """Everything in which a document differs from a type; nothing where msgspec would convert it.

    Args:
        document: what TOML gives.
        annotation: a section, a mapping of sections, or the type of one value.
        path: where in the file it stands.
    """
    section = _section_of(annotation)
    if section is not None and isinstance(document, dict):
        fields = {field.encode_name: field for field in msgspec.structs.fields(section)}
        for key, value in document.items():
            if key in fields:
                yield from faults(value, fields[key].type, (*path, key))
            else:
                yield _fault((*path, key), value, f"unknown key{nearest(key, fields)}")
        for name, field in fields.items():
            if field.required and name not in document:
                yield _fault(path, document, f"object missing required field `{name}`")
        return
    if get_origin(annotation) is dict and isinstance(document, dict):
        keys, values = get_args(annotation)
        for key, value in document.items():
            yield from _key_faults(key, value, keys, path) or faults(value, values, (*path, key))
        return
    yield from list(_item_faults(document, annotation, path)) or _value_faults(document, annotation, path)


def _value_faults(document: Any, annotation: Any, path: tuple[str, ...]) -> Iterator[Fault]:
    """What is wrong with one value as a whole."""
    try:
        msgspec.convert(document, annotation)
    except msgspec.ValidationError as error:
        rule = str(error).partition(" - at `$")[0]
        if rule.startswith("Invalid enum value"):
            rule = f"expected one of {', '.join(_options(annotation))}"
        section = _section_of(annotation)
        if section is not None and rule.startswith("Expected `object`"):
            rule = rule.replace("`object`", f"a table with {', '.join(section.__struct_fields__)}")
        yield _fault(path, document, rule[0].lower() + rule[1:])


def _item_faults(document: Any, annotation: Any, path: tuple[str, ...]) -> Iterator[Fault]:
    """What is wrong with the items of an array of tables; without it, the whole array has to go."""
    item = next((found for found in map(_item_of, _alternatives(annotation)) if found is not None), None)
    if item is None or not isinstance(document, list) or not path:
        return
    for number, value in enumerate(document):
        place = f"{path[-1]}[{number}]"
        for one in faults(value, item, (*path[:-1], place)):
            yield Fault(path, one.text.replace(repr(place), place, 1))


def _alternatives(annotation: Any) -> list[Any]:
    """The types of a union, or the one type; what only annotates is left out."""
    if get_origin(annotation) is Annotated:
        return _alternatives(get_args(annotation)[0])
    if isinstance(annotation, types.UnionType):
        return [one for part in get_args(annotation) for one in _alternatives(part)]
    return [annotation]


def _item_of(annotation: Any) -> Any:
    """The section that the items of a tuple are; None where it is no tuple of sections."""
    if get_origin(annotation) is not tuple:
        return None
    return get_args(annotation)[0] if _section_of(get_args(annotation)[0]) is not None else None


def _key_faults(key: str, value: Any, annotation: Any, path: tuple[str, ...]) -> list[Fault]:
    """What is wrong with the name of an entry of a table whose names are the writer's own, or a choice."""
    options = _options(annotation)
    if options:
        return [] if key in options else [_fault((*path, key), value, f"unknown key{nearest(key, options)}")]
    rules = [one.text.partition("=")[2].partition(": ")[2] for one in faults(key, annotation)]
    return [_fault((*path, key), value, f"{rule} as a key") for rule in rules]


def without(document: dict[str, Any], paths: Iterable[tuple[str, ...]]) -> dict[str, Any]:
    """A copy of the document in which what stands at these paths is left out."""
    copy: dict[str, Any] = _copied(document)
    for path in paths:
        inner: Any = copy
        for key in path[:-1]:
            inner = inner.get(key) if isinstance(inner, dict) else None
        if path and isinstance(inner, dict):
            inner.pop(path[-1], None)
    return copy


def toml_key(name: str) -> str:
    """A key in TOML syntax: bare where that is allowed, else quoted, so that a message stays one line."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else repr(name)


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: the nearest known one, or all of them."""
    known = sorted(known)
    return near(name, known) or f"; known are: {', '.join(known) or 'none'}"


def near(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: the nearest known one, or nothing where none is near."""
    found = difflib.get_close_matches(name, sorted(known), 1, 0.4)
    return f"; did you mean {found[0]!r}?" if found else ""


def _fault(path: tuple[str, ...], value: Any, rule: str) -> Fault:
    return Fault(path, f"{'.'.join(map(toml_key, path))}={value!r}: {rule}")


def _section_of(annotation: Any) -> type[msgspec.Struct] | None:
    """The section that a field holds; of `PlaybookSection | None` the section is meant."""
    options = get_args(annotation) if isinstance(annotation, types.UnionType) else (annotation,)
    return next((one for one in options if isinstance(one, type) and issubclass(one, msgspec.Struct)), None)


def _options(annotation: Any) -> tuple[str, ...]:
    """The legal values of a choice, or of the items of a list of choices."""
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    inner = get_args(annotation)[:1] if get_origin(annotation) in {Annotated, tuple, list} else get_args(annotation)
    return tuple(option for one in inner for option in _options(one))


def _copied(value: Any) -> Any:
    return {key: _copied(inner) for key, inner in value.items()} if isinstance(value, dict) else value
