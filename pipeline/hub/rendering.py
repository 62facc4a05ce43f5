"""Pages from templates: every value escaped, untrusted text cut and freed of what misleads, moments as UTC."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit

import jinja2
from markupsafe import Markup

from pipeline.config.model import Config
from schemas.moments import moment
from schemas.text import printable

EXCERPT_CHARACTERS: Final = 400
WHOLE_CHARACTERS: Final = 6_144
"""Of a text that is shown to be copied: as many as a playbook has bytes."""
_NAME_CHARACTERS: Final = 80


@cache
def environment() -> jinja2.Environment:
    """The templates with their filters. A name that is not given is an error, not an empty text."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("pipeline.hub"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "excerpt": lambda text: isolated(text, EXCERPT_CHARACTERS),
        "whole": lambda text: isolated(text, WHOLE_CHARACTERS),
        "name": lambda text: isolated(text, _NAME_CHARACTERS),
        "plain": lambda text: printable(str(text), EXCERPT_CHARACTERS),
        "count": count,
        "tenths": tenths,
        "setting": setting,
        "percent": percent,
        "moment": time_tag,
        "address": address,
        "width": lambda share: f"{100 * min(max(share, 0.0), 1.0):.1f}",
    }
    return made


def isolated(text: object, limit: int) -> Markup:
    """Untrusted text: one line, without what nobody can see, in a direction of its own that no neighbour takes on."""
    return Markup('<bdi dir="auto">{}</bdi>').format(printable(str(text), limit))


def count(number: float) -> str:
    """A count as people read it."""
    return f"{number:,.0f}" if number >= 10 or number == int(number) else f"{number:.1f}"


def percent(share: float) -> str:
    """A share of 0 to 1."""
    return f"{100 * share:.0f} %"


def tenths(number: float) -> str:
    """A score with one decimal, without the sign of what is rounded to nothing."""
    shown = f"{number:.1f}"
    return "0.0" if shown == "-0.0" else shown


def setting(value: object) -> str:
    """A value of the configuration as its file would say it; a dash for one that is empty."""
    if isinstance(value, bool):
        shown = str(value).lower()
    elif isinstance(value, Mapping):
        shown = ", ".join(f"{key} = {setting(one)}" for key, one in value.items()) or "–"
    elif isinstance(value, tuple | list | set | frozenset):
        shown = ", ".join(setting(one) for one in value) or "–"
    else:
        shown = "–" if value is None or value == "" else str(value)
    return printable(shown, EXCERPT_CHARACTERS)


def time_tag(when: datetime | float, shape: str = "full") -> Markup:
    """A moment in UTC, which the script shows in the reader's zone as well.

    Args:
        when: a moment, or Unix seconds.
        shape: "full" with the date, "short" without.
    """
    found = when.astimezone(UTC) if isinstance(when, datetime) else moment(when)
    shown = f"{found:%H:%M} UTC" if shape == "short" else f"{found:%Y-%m-%d %H:%M} UTC"
    return Markup('<time datetime="{}" data-shape="{}">{}</time>').format(f"{found:%Y-%m-%dT%H:%M:%SZ}", shape, shown)


def address(url: str | None) -> Markup:
    """A link to an address of the web, shown as its host; of any other address nothing."""
    if not url:
        return Markup()
    try:
        parts = urlsplit(url)
    except ValueError:
        return Markup()
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        return Markup()
    return Markup('<a class="out" href="{}" rel="noopener noreferrer nofollow ugc" target="_blank">{}</a>').format(
        printable(url, 2048), printable(parts.hostname or "", _NAME_CHARACTERS)
    )


def brand_name(config: Config, brand: str, language: str) -> str:
    """What people call a brand, in the language of the page where it has a name there; else its slug."""
    names = config.brand(brand).names
    return names.get(language) or next(iter(names.values()), brand)


def render(template: str, values: Mapping[str, Any]) -> str:
    """A page."""
    return environment().get_template(template).render(values)
