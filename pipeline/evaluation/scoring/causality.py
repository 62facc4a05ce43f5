"""A detector must not see the future: what it said of the past may not change when the future is cut off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]


class LookAheadError(ValueError):
    """A score that depends on what came after it."""


def check_causality(
    score: Callable[[Array, Array], Array], mentions: Array, negatives: Array, cuts: Sequence[int]
) -> None:
    """Score the whole series and its beginnings, and compare; then the same with another future.

    Args:
        score: scores of a whole series of counts, one a bucket; called anew each time.
        mentions: of every bucket.
        negatives: of every bucket.
        cuts: where to cut the series.

    Raises:
        LookAheadError: names the cut and the first bucket whose score changed.
    """
    whole = score(mentions, negatives)
    for cut in cuts:
        other = mentions.copy()
        other[cut:] = other[cut:] * 20.0 + 100.0
        for changed in (score(mentions[:cut], negatives[:cut]), score(other, negatives)[:cut]):
            differs = np.flatnonzero(~np.isclose(changed, whole[:cut], rtol=1e-12, atol=1e-12, equal_nan=True))
            if differs.size:
                raise LookAheadError(
                    f"expected the scores before bucket {cut} whatever comes after it, got another score of bucket "
                    f"{differs[0]}: {changed[differs[0]]} instead of {whole[differs[0]]}"
                )
