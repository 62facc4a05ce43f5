"""Wording of messages: counts of things as people write them."""

from __future__ import annotations


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
