"""The topic catalogue: one YAML file a topic, read by `tocsin topics`, the worker and the tests alike."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

_FOLDER = Path(__file__).parent / "topics"


class Topic(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a topic is for and how the broker is to keep it.

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
    """Every topic of the catalogue by name, in the order of the line."""
    found = {
        topic.name: topic
        for topic in (
            msgspec.yaml.decode(path.read_bytes(), type=Topic) for path in sorted(_FOLDER.glob("*.yaml"))
        )
    }
    return {name: found[name] for name in sorted(found, key=("mentions", "mentions-dlq", "brand-state", "alerts").index)}
