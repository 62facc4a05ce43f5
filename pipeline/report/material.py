"""What reports are made from, gathered from files or from the topics: each record with its place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, TypeVar

import msgspec

from pipeline.engine.alerts.headline import NO_NAMES
from pipeline.errors import TocsinError
from pipeline.report.compose import review
from pipeline.report.held import Daily
from pipeline.report.review import Record, Review, Setting
from pipeline.report.trail import Place, Said, record_of
from schemas.activity import Activity
from schemas.alert import Alert
from schemas.delivery import Delivery
from schemas.feedback import Feedback
from schemas.text import printable

_Record = TypeVar("_Record", Alert, Feedback, Delivery)

LEAST_DIGITS: Final = 6
NEAREST: Final = 5


class Material(msgspec.Struct):
    """Alerts, feedback, deliveries and activity.

    Attributes:
        alerts, feedback, deliveries: each with its place.
        activity: of the brands asked for.
        daily: whole days of the one brand asked for, where they are known for longer than activity.
        problems: records that could not be read, a line for people each.
    """

    alerts: list[tuple[Alert, Place]] = []
    feedback: list[tuple[Feedback, Place]] = []
    deliveries: list[tuple[Delivery, Place]] = []
    activity: list[Activity] = []
    daily: Daily | None = None
    problems: list[str] = []

    def episode(self, prefix: str) -> str:
        """The id of the one episode that begins with these digits.

        Raises:
            TocsinError: none does, or several; it names the nearest ones.
        """
        ids = {alert.episode_id: alert for alert, _ in self.alerts}
        found = sorted(name for name in ids if name.startswith(prefix))
        if prefix in ids:
            return prefix
        if len(found) == 1:
            return found[0]
        asked = printable(prefix, 80)
        if found:
            raise TocsinError(
                f"expected the beginning of one episode's id, got {asked!r}, with which {len(found)} begin: "
                f"{_listed(ids, found)}; give more digits"
            )
        if not ids:
            raise TocsinError(f"expected alerts of the episode {asked!r}, got no alert at all")
        nearest = sorted(ids, key=lambda name: (-_common(name, prefix), -ids[name].detected_time.timestamp(), name))
        raise TocsinError(
            f"expected an episode that alerts tell of, got {asked!r}; the nearest of {len(ids)}: "
            f"{_listed(ids, nearest)}"
        )

    def episodes(self, brand: str, kinds: Sequence[str], since: float, until: float | None) -> list[str]:
        """The ids of a brand's episodes whose first alert was in [since, until), in Unix seconds, in order.

        Args:
            brand: the brand, or a category.
            kinds: only these; all where there is none.
            since: the earliest.
            until: the end; None without one.

        Raises:
            TocsinError: there is none; it says what there is.
        """
        first: dict[str, Alert] = {}
        for alert, _ in self.alerts:
            known = first.get(alert.episode_id)
            if alert.brand == brand and (known is None or alert.detected_time < known.detected_time):
                first[alert.episode_id] = alert
        asked = sorted(
            (alert.detected_time, name)
            for name, alert in first.items()
            if alert.detected_time.timestamp() >= since
            and (until is None or alert.detected_time.timestamp() < until)
            and (not kinds or alert.kind in kinds)
        )
        if asked:
            return [name for _, name in asked]
        if first:
            raise TocsinError(
                f"expected an episode of {brand} in that time, got none; it has {_listed(first, sorted(first))}"
            )
        brands = sorted({alert.brand for alert, _ in self.alerts}, key=lambda name: (-_common(name, brand), name))
        raise TocsinError(
            f"expected alerts about {printable(brand, 64)}, got none; "
            + (f"there are some about {', '.join(brands[:NEAREST])}" if brands else "there is no alert at all")
        )

    def brand_of(self, episode: str) -> str:
        """Whose an episode is."""
        return next(alert.brand for alert, _ in self.alerts if alert.episode_id == episode)

    def onset_of(self, episode: str) -> float:
        """When an episode began by its alerts, in Unix seconds."""
        return min(alert.onset_time.timestamp() for alert, _ in self.alerts if alert.episode_id == episode)

    def values(self, episode: str) -> list[bytes]:
        """The bytes of an episode's alerts and feedback, and of who was told."""
        found: list[tuple[Said, Place]] = [*self.alerts, *self.feedback, *self.deliveries]
        return [place.value for said, place in found if said.episode_id == episode]

    def review(self, episode: str, settings: Sequence[Setting] = (), names: Mapping[str, str] = NO_NAMES) -> Review:
        """The review of one episode.

        Args:
            episode: its id.
            settings: what other settings would have said (pipeline.report.rehearsal).
            names: what people call the brand, by language.
        """
        alerts = [(alert, place) for alert, place in self.alerts if alert.episode_id == episode]
        said = [(one, place) for one, place in self.feedback if one.episode_id == episode]
        told = [(one, place) for one, place in self.deliveries if one.episode_id == episode]
        brand = alerts[0][0].brand
        found = review(
            [alert for alert, _ in alerts],
            self.activity,
            [one for one, _ in said],
            [alert for alert, _ in self.alerts if alert.brand == brand and alert.episode_id != episode],
            deliveries=[one for one, _ in told],
            daily=self.daily,
            records=[*_records(alerts), *_records(said), *_records(told)],
            names=names,
        )
        return msgspec.structs.replace(found, settings=tuple(settings))


def kept(records: list[tuple[_Record, Place]], decode: Callable[[bytes], _Record]) -> Callable[[bytes, Place], None]:
    """What keeps a record among others of its kind; it raises what `decode` raises."""
    return lambda value, place: records.append((decode(value), place))


def take(
    keep: Callable[[bytes, Place], None], value: bytes | None, place: Place, where: str, expected: str
) -> str | None:
    """Give a record's value to what decodes and keeps it; returns what is wrong with it, None where nothing is."""
    if value is None:
        return f"{where}: expected {expected} of version 1: no value"
    try:
        keep(value, place)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
        return f"{where}: expected {expected} of version 1: {printable(str(error), 200)}"
    return None


class Brand(msgspec.Struct):
    """Whose a record of activity is, read alone because most are another brand's."""

    brand: str


def _records(found: Iterable[tuple[Said, Place]]) -> list[Record]:
    return [record_of(said, place) for said, place in found]


def _listed(alerts: dict[str, Alert], names: Sequence[str]) -> str:
    shown = [
        f"{name} ({alerts[name].kind} of {alerts[name].brand}, {alerts[name].detected_time:%Y-%m-%d %H:%M})"
        for name in names[:NEAREST]
    ]
    left = len(names) - NEAREST
    return ", ".join(shown) + (f" and {left} more" if left > 0 else "")


def _common(a: str, b: str) -> int:
    """How many characters two names begin with alike."""
    return next((place for place, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
