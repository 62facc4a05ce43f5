"""How well an alert dates the beginning of what it is about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from schemas.alert import Alert


class Dated(NamedTuple):
    """A crisis that was found: when it began, and when its alert says that it did; Unix seconds.

    `interval` is the stretch that the alert gives for it, end excluded; None where it gives none.
    """

    true: float
    said: float
    interval: tuple[float, float] | None


def dated_by(alert: Alert, true: float) -> Dated:
    """What an alert says of the beginning of a crisis that truly began then."""
    interval = alert.onset_interval
    return Dated(
        true,
        alert.onset_time.timestamp(),
        None if interval is None else (interval.start.timestamp(), interval.end.timestamp()),
    )


class OnsetErrors(msgspec.Struct, frozen=True, kw_only=True):
    """The errors of the onsets of some crises, in minutes.

    Attributes:
        crises: how many.
        lower, median, upper: quartiles of the absolute error.
        bias: median of the error; below 0 where alerts date too early.
        inside: share of the crises that began in the interval that the alert gives, of those that give one.
        width: median length of that interval; None where no alert gives one.
    """

    crises: int
    lower: float
    median: float
    upper: float
    bias: float
    inside: float | None
    width: float | None


def onset_errors(dated: Sequence[Dated]) -> OnsetErrors | None:
    """The errors of these onsets; None without any.

    An alert dates to buckets of five minutes, so an error of a few minutes is none.
    """
    if not dated:
        return None
    errors = np.array([one.said - one.true for one in dated]) / 60.0
    lower, median, upper = (float(value) for value in np.quantile(np.abs(errors), (0.25, 0.5, 0.75)))
    given = [(one.true, one.interval) for one in dated if one.interval is not None]
    inside = [begin <= true < end for true, (begin, end) in given]
    widths = [end - begin for _, (begin, end) in given]
    return OnsetErrors(
        crises=len(dated),
        lower=lower,
        median=median,
        upper=upper,
        bias=float(np.median(errors)),
        inside=float(np.mean(inside)) if inside else None,
        width=float(np.median(widths)) / 60.0 if widths else None,
    )
