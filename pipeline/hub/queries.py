"""What people look for, as it stands in an address."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final

from pipeline.config.model import Config
from pipeline.hub.store.reader import Search
from schemas.text import replace_lone_surrogates

PAGE: Final = 50
"""Episodes of one answer."""
MAX_SKIPPED: Final = 100_000
_MAX_TEXT: Final = 100
_MAX_CALLED: Final = 1_000


def search_of(query: Mapping[str, str], config: Config) -> tuple[Search, list[str]]:
    """The search that an address asks for, and what of it could not be read.

    A period is two dates, both of them in it; or two moments in RFC 3339, the second not.

    Args:
        query: of the address.
        config: what people call brands.
    """
    faults: list[str] = []

    def text(name: str) -> str:
        return text_of(query, name)

    def when(name: str, *, end: bool) -> float | None:
        given = text(name)
        if not given:
            return None
        try:
            found = datetime.fromisoformat(given)
            found = found if found.tzinfo else found.replace(tzinfo=UTC)
            return (found + timedelta(days=1) if end and len(given) == len("2026-03-04") else found).timestamp()
        except (ValueError, OverflowError):
            faults.append(f"{name}: expected a date such as 2026-03-04, got {given!r}")
            return None

    skip = query.get("skip", "")
    if skip and not (skip.isascii() and skip.isdigit() and len(skip) < 9 and int(skip) <= MAX_SKIPPED):
        faults.append(f"skip: expected a whole number of at most {MAX_SKIPPED}")
    wanted = Search(
        brand=text("brand"),
        called=called(text("brand"), config),
        cause=text("cause"),
        text=text("q"),
        text_called=called(text("q"), config),
        kind=text("kind"),
        since=when("from", end=False),
        until=when("until", end=True),
    )
    return wanted, faults


def text_of(query: Mapping[str, str], name: str) -> str:
    """A text of an address, cut to what is looked for."""
    return replace_lone_surrogates(query.get(name, ""))[:_MAX_TEXT].strip()


def called(text: str, config: Config) -> tuple[str, ...]:
    """Brands that people call so, in any language."""
    if not text:
        return ()
    part = text.casefold()
    found = (
        brand
        for brand, section in config.file.brands.items()
        if any(part in name.casefold() for name in section.names.values())
    )
    return tuple(islice(found, _MAX_CALLED))
