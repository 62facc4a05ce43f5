"""What people have said and done about an open episode, and what follows from it: silence is told of, and answers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, Literal

import msgspec

from schemas.observation import BUCKET_SECONDS, BUCKETS_PER_HOUR

JUDGED_AFTER: Final = BUCKETS_PER_HOUR
"""Buckets after an answer in which its echo is counted, and before it what that is held against."""
BACKFIRED_RATIO: Final = 1.5
"""Negative mentions over what they would have been, from which an answer has fed the fire."""
BACKFIRED_DEVIATIONS: Final = 4.0
"""And beyond chance by so many standard deviations of a Poisson count with the dispersion of the brand's normal."""
_MOST_GROWTH: Final = 2.0
"""What grows as it did goes on growing by no more an hour."""

ResponseChange = Literal["answer", "backfired", "unanswered"]


class Response(msgspec.Struct, array_like=True, gc=False):
    """What is known of the response to one open episode.

    Attributes:
        acknowledged: somebody has said that they act.
        answered: bucket of the brand's first public answer; -1 without one.
        told: an alert has said that there is an answer.
        judged: the effect of the answer was looked at.
        overdue: an alert has said that nobody acted in time.
    """

    acknowledged: bool = False
    answered: int = -1
    told: bool = False
    judged: bool = False
    overdue: bool = False


def acknowledge(response: Response | None) -> Response:
    """Somebody acts."""
    response = response or Response()
    response.acknowledged = True
    return response


def answer(response: Response | None, bucket: int) -> Response:
    """The brand has answered in public, in this bucket; a later answer changes nothing."""
    response = acknowledge(response)
    if response.answered < 0:
        response.answered = bucket
    return response


def is_overdue(response: Response | None, opened: int, bucket: int, minutes: int | None) -> bool:
    """Whether nobody has acted by the close of a bucket, though the time is over.

    Args:
        response: to the episode; None where nobody has said anything.
        opened: bucket at whose close the episode opened.
        bucket: that is closed now.
        minutes: in which somebody is to act; None where that is not configured.
    """
    if minutes is None or (response is not None and (response.acknowledged or response.overdue)):
        return False
    return (bucket - opened) * BUCKET_SECONDS >= minutes * 60


class Echo(msgspec.Struct, frozen=True, gc=False):
    """Negative mentions of the hours around an answer.

    Attributes:
        earlier, before: of the second hour before it, and of the hour before it.
        after: of the hour after it.
        usual: what an hour usually has.
        dispersion: of an hour's count at the brand's normal, 1 or more.
    """

    earlier: float
    before: float
    after: float
    usual: float
    dispersion: float = 1.0


def has_backfired(echo: Echo) -> bool:
    """Whether the negative mentions rose after an answer beyond what the hours before it let expect.

    They are expected to go on as they went: to grow as from the one hour to the next, by no more than twice, and not to
    fall. A difference in time, and no proof of a cause.
    """
    growth = min(max(echo.before / max(echo.earlier, 1.0), 1.0), _MOST_GROWTH)
    expected = max(echo.before, echo.usual) * growth
    beyond = echo.after - expected
    chance = math.sqrt(echo.dispersion * (expected + echo.after))
    return echo.after > BACKFIRED_RATIO * expected and beyond > BACKFIRED_DEVIATIONS * chance


def due(
    response: Response | None, opened: int, bucket: int, minutes: int | None, echo: Callable[[int], Echo]
) -> ResponseChange | None:
    """What is to be told of the response to an open episode at the close of a bucket; None where nothing is.

    Args:
        response: to the episode; None where nobody has said anything.
        opened: bucket at whose close the episode opened.
        bucket: that is closed now.
        minutes: in which somebody is to act; None where that is not configured.
        echo: gives the negative mentions around the bucket of an answer; asked once.
    """
    if is_overdue(response, opened, bucket, minutes):
        return "unanswered"
    if response is None or response.answered < 0:
        return None
    if not response.told:
        return "answer"
    if not response.judged and bucket - response.answered >= JUDGED_AFTER:
        if has_backfired(echo(response.answered)):
            return "backfired"
        response.judged = True
    return None


def after_telling(response: Response | None, change: ResponseChange) -> Response:
    """The response, this change of which an alert has told."""
    response = response or Response()
    if change == "unanswered":
        response.overdue = True
    elif change == "answer":
        response.told = True
    else:
        response.judged = True
    return response
