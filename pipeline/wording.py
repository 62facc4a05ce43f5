"""Numbers of things as people write them."""

from __future__ import annotations


def counted(number: float, noun: str, plural: str = "") -> str:
    """Such as "1 brand", "2 brands", "12,345 brands", "0.4 brands".

    Args:
        number: how many; a fraction is shown with one digit below ten, and rounded above.
        noun: in the singular.
        plural: where it is not the noun with an s.
    """
    shown = f"{number:,.0f}" if number >= 10 or number == int(number) else f"{number:.1f}"
    return f"{shown} {noun if shown == '1' else plural or noun + 's'}"
