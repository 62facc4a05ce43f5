"""Links of an alert, from the templates of the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from schemas.alert import MAX_LINK_CHARACTERS, Alert

_BEFORE_ONSET_MS: Final = 3_600_000


def links_of(alert: Alert, templates: Mapping[str, str], name: str) -> dict[str, str]:
    """The addresses by name, every value percent-encoded. One that would be too long is left out.

    Args:
        alert: what they are about.
        templates: by name, checked when the configuration was loaded.
        name: what people call the brand.
    """
    terms = alert.evidence.terms
    values = {
        "brand": alert.brand,
        "category": alert.category or "",
        "detected": alert.detected_time.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "episode_id": alert.episode_id,
        "from_ms": str(int(alert.onset_time.timestamp() * 1000) - _BEFORE_ONSET_MS),
        "kind": alert.kind,
        "name": name,
        "onset": alert.onset_time.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "severity": alert.severity,
        "term": terms[0].text if terms else name,
        "to_ms": str(int(alert.detected_time.timestamp() * 1000)),
    }
    encoded = {field: quote(value, safe="") for field, value in values.items()}
    found = {link: template.format_map(encoded) for link, template in templates.items()}
    return {link: address for link, address in found.items() if len(address.encode()) <= MAX_LINK_CHARACTERS}
