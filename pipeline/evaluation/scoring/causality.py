"""The causality check: the scores of the past may not change when the future is left out or replaced."""

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
    """Check that scores depend on nothing later: score the series whole, up to each cut, and with another future.

    Args:
        score: gives the scores of a series of counts, one per bucket; called afresh each time.
        mentions: mentions of every bucket.
        negatives: negatives of every bucket.
        cuts: buckets at which the series is cut.

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
