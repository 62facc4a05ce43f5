"""Links in alerts: addresses of the hub, a dashboard or a search, written with fields of the alert."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from pipeline.config.errors import near, toml_key
from pipeline.config.templates import template_faults

LINK_FIELDS: Final = (
    "brand", "category", "detected", "episode_id", "from_ms", "kind", "name", "onset", "severity", "term", "to_ms"
)  # fmt: skip
"""Fields of a template: times as RFC 3339 (`onset`, `detected`) and in milliseconds (`from_ms`, an hour before the
onset, and `to_ms`), what people call the brand, and the top term of the surge or else that name."""
MAX_LINKS: Final = 8


def link_faults(links: Mapping[str, str]) -> Iterator[str]:
    """Every fault of the templates, each on one line."""
    if len(links) > MAX_LINKS:
        yield f"links: must be {MAX_LINKS} at most, got {len(links)}"
    for name, template in links.items():
        where = f"links.{toml_key(name)}={template!r}"
        if not template.startswith(("http://", "https://")):
            yield f"{where}: must begin with http:// or https://"
        for fault, unknown in template_faults(where, template, LINK_FIELDS, "brand"):
            yield fault if unknown is None else fault + near(unknown, LINK_FIELDS)
