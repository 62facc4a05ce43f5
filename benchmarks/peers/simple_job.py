"""The job that the peers do: 5-minute windows per brand, an exponentially weighted mean and deviation, alerts at z > 4.

No lateness, no texts, no state that outlives the process: far less than Tocsin does.
"""

from __future__ import annotations

import math

import msgspec

NEGATIVE = -0.25
"""A mention whose sentiment is below is negative."""


class Mention(msgspec.Struct, gc=False):
    """The fields that the job needs."""

    brand: str
    event_time: str
    sentiment: float = 0.0


class Window(msgspec.Struct, gc=False):
    bucket: int = -1
    negatives: int = 0
    mean: float = 0.0
    variance: float = 0.0
    closed: int = 0


decode = msgspec.json.Decoder(Mention).decode


class SimpleJob:
    def __init__(self) -> None:
        self.windows: dict[str, Window] = {}
        self.alerts = 0

    def take(self, mention: Mention) -> None:
        window = self.windows.get(mention.brand)
        if window is None:
            window = self.windows[mention.brand] = Window()
        self.put(window, mention)

    def put(self, window: Window, mention: Mention) -> None:
        """The same for peers that keep the brand's window themselves."""
        text = mention.event_time
        bucket = (int(text[8:10]) * 24 + int(text[11:13])) * 12 + int(text[14:16]) // 5
        if bucket > window.bucket:
            if window.bucket >= 0:
                self.close(window)
            window.bucket, window.negatives = bucket, 0
        if mention.sentiment < NEGATIVE:
            window.negatives += 1

    def close(self, window: Window) -> None:
        """Count an alert if the window's negatives stand out, and learn from them."""
        off = window.negatives - window.mean
        if window.closed >= 6 and window.negatives >= 8 and off / math.sqrt(window.variance + 1.0) > 4.0:
            self.alerts += 1
        window.mean += 0.1 * off
        window.variance = 0.9 * (window.variance + 0.1 * off * off)
        window.closed += 1
