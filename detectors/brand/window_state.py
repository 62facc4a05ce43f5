"""What is kept of a brand's windows between its buckets, packed.

Eight windows of six numbers are 384 bytes packed; as Python objects they would take four times that, for every brand
ever seen. They are unpacked for the one brand whose bucket is being closed.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Final

from detectors.brand.volume import FIRST_DISPERSION
from detectors.brand.window_lengths import DECAY, WINDOWS

Row = tuple[float, float, float, float, float, float]
"""One window: decayed sums of mentions, of their expectation and of negatives (times SCALE they add up to the window);
dispersion, the variance over mean of the mentions; excess and pairs, the two moments of the negatives' correlation."""

_ROW: Final = struct.Struct("<6d")
_ROWS: Final = struct.Struct(f"<{6 * len(WINDOWS)}d")

rows_of: Final[Callable[[bytes], Iterator[Row]]] = _ROW.iter_unpack
"""The windows, one after the other."""
pack_rows: Final[Callable[..., bytes]] = _ROWS.pack
"""The numbers of all rows, one after the other, as bytes."""
_MOMENTS: Final = struct.Struct(f"<{2 * len(WINDOWS)}d")
CORRELATIONS_SIZE: Final = _MOMENTS.size
"""Bytes of `correlations_of`."""
_DISPERSION: Final = struct.Struct("<24xd")
FIRST_ROWS: Final = pack_rows(*(0.0, 0.0, 0.0, FIRST_DISPERSION, 0.0, 0.0) * len(WINDOWS))


def first_dispersion(windows: bytes) -> float:
    """The dispersion of the shortest window, alone."""
    (dispersion,) = _DISPERSION.unpack_from(windows)
    return float(dispersion)


def decayed(windows: bytes, buckets: int) -> bytes:
    """The windows after so many buckets of which nothing is known: the sums keep only what was seen."""
    numbers: list[float] = []
    for decay, (mentions, expected, negatives, *learned) in zip(DECAY, rows_of(windows), strict=True):
        keep = decay**buckets
        numbers += (mentions * keep, expected * keep, negatives * keep, *learned)
    return pack_rows(*numbers)


def with_learned(windows: bytes, before: bytes, learning: int) -> bytes:
    """The windows with what they have learned as it was before; the first `learning` of them keep what they have."""
    numbers: list[float] = []
    for w, (row, former) in enumerate(zip(rows_of(windows), rows_of(before), strict=True)):
        numbers += row if w < learning else (*row[:3], *former[3:])
    return pack_rows(*numbers)


def correlations_of(windows: bytes) -> bytes:
    """The two moments of every window's correlation, packed."""
    return _MOMENTS.pack(*(moment for row in rows_of(windows) for moment in row[4:]))


def with_correlations(windows: bytes, correlations: bytes) -> bytes:
    """The windows with these moments, of `correlations_of`, instead of their own."""
    numbers: list[float] = []
    moments = iter(_MOMENTS.unpack(correlations))
    for row in rows_of(windows):
        numbers += (*row[:4], next(moments), next(moments))
    return pack_rows(*numbers)
