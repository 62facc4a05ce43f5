"""Wording of messages: counts, shares and times as people write them."""

from __future__ import annotations

from datetime import UTC, datetime


def unjudged(brands: int, of: int) -> str:
    """Says that an input was too short for some brands: that they have no alert does not mean that nothing happened.

    Args:
        brands: that were still warming up at the end of the input.
        of: brands in all.
    """
    return f"{brands:,} of {counted(of, 'brand')} never finished warm-up: that they have no alert says nothing"


def counted(number: float, noun: str, plural: str = "") -> str:
    """A number with its noun, such as "1 brand", "2 brands", "12,345 brands", "0.4 brands".

    Args:
        number: the number; a fraction has one digit below ten, and is rounded above.
        noun: the noun in the singular.
        plural: the plural, if it is not the noun with an s.
    """
    shown = f"{number:,.0f}" if number >= 10 or number == int(number) else f"{number:.1f}"
    return f"{shown} {noun if shown == '1' else plural or noun + 's'}"


def percent(share: float) -> str:
    """A share, 0..1, in whole percent."""
    return f"{100 * share:.0f} %"


def time_of_day(moment: datetime, now: datetime) -> str:
    """The time of day of a moment in UTC; with its date where that is another one than now."""
    moment, now = moment.astimezone(UTC), now.astimezone(UTC)
    return f"{moment:%H:%M} UTC" if moment.date() == now.date() else f"{moment:%Y-%m-%d %H:%M} UTC"
