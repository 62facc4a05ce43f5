"""The topic catalogue: one YAML file per topic, read by `tocsin topics`, the worker and the tests."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

_FOLDER: Final = Path(__file__).parent / "topics"
_ORDER: Final = (
    "mentions",
    "mentions-dlq",
    "brand-state",
    "alerts",
    "brand-activity",
    "alert-feedback",
    "alert-deliveries",
)


class Topic(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A topic: what it is for, and how the broker is to keep it.

    `config` holds Kafka topic configuration by Kafka's own names, values as text. `keyed` topics rely on
    hash(key) % partitions: their partition count never changes.
    """

    name: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]*\Z")]
    description: str
    key: str
    value: str
    schema: str | None = None
    version: Annotated[int, Meta(ge=1)] = 1
    compatibility: Literal["full_transitive", "none"] = "full_transitive"
    partitions: Annotated[int, Meta(ge=1, le=1000)]
    keyed: bool
    producers: list[str]
    consumers: list[str]
    config: dict[str, str]


@cache
def topics() -> dict[str, Topic]:
    """Every topic of the catalogue by name, in the order in which the pipeline uses them.

    Raises:
        ValueError: a file breaks a rule, or the files are not one for each topic of the pipeline.
    """
    found = {topic.name: topic for topic in map(_read, sorted(_FOLDER.glob("*.yaml")))}
    if set(found) != set(_ORDER):
        raise ValueError(f"schemas/topics: expected the topics {', '.join(_ORDER)}, got {', '.join(found)}")
    return {name: found[name] for name in _ORDER}


def _read(path: Path) -> Topic:
    try:
        return msgspec.yaml.decode(path.read_bytes(), type=Topic)
    except msgspec.DecodeError as error:
        raise ValueError(f"schemas/topics/{path.name}: expected a topic: {error}") from None
