"""Which settings of a topic a guarantee rests on, and how far each may differ from the catalogue. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from schemas.catalogue import Topic

Rule = Literal["equal", "at least"]

RULES: Final[Mapping[str, Rule]] = {
    "cleanup.policy": "equal",
    "message.timestamp.type": "equal",
    "retention.ms": "at least",
    "retention.bytes": "at least",
    "max.message.bytes": "at least",
    "unclean.leader.election.enable": "equal",
}
"""Settings of the catalogue that a guarantee rests on. What else it sets decides on speed and disk only. A setting that
is compared with `at least` may be larger, or -1, which is without limit."""
IN_SYNC: Final = "min.insync.replicas"
"""Not in the catalogue: what is right depends on the number of replicas."""
_UNLIMITED: Final = -1
_SAFE_REPLICAS: Final = 3
_SAFE_IN_SYNC: Final = 2


class Difference(msgspec.Struct, frozen=True):
    """A setting that is not as it should be.

    Attributes:
        setting: by Kafka's name.
        found: its value, `unset` for none.
        wanted: the value to give it.
        expected: what would do, in words.
    """

    setting: str
    found: str
    wanted: str
    expected: str


def differences(
    topic: Topic, config: Mapping[str, str], replication: int, *, guaranteed_only: bool = False
) -> list[Difference]:
    """The settings that are to be changed.

    Args:
        topic: the catalogue's entry.
        config: effective values on the broker.
        replication: replicas of a partition.
        guaranteed_only: leave out those that no guarantee rests on, and those that the broker does not speak of: some
            that are compatible with Kafka do not have them all.
    """
    found = [
        Difference(setting, config.get(setting, "unset"), value, _expected(setting, value))
        for setting, value in topic.config.items()
        if not (guaranteed_only and (setting not in RULES or setting not in config))
        and not _suffices(setting, config.get(setting), value)
    ]
    in_sync = _in_sync(config.get(IN_SYNC), replication)
    return [*found, in_sync] if in_sync else found


def allowances(topic: Topic, config: Mapping[str, str]) -> list[str]:
    """Settings that differ from the catalogue's and do no harm, such as "retention.ms -1 (604800000 or more)"."""
    return [
        f"{setting} {config[setting]} ({_expected(setting, value)})"
        for setting, value in topic.config.items()
        if setting in RULES and config.get(setting, value) != value and _suffices(setting, config[setting], value)
    ]


def compared(topic: Topic) -> frozenset[str]:
    """Every setting that `differences` looks at."""
    return frozenset({*topic.config, IN_SYNC})


def _suffices(setting: str, found: str | None, value: str) -> bool:
    if found is None:
        return False
    if RULES.get(setting) == "at least":
        try:
            have, least = int(found), int(value)
        except ValueError:
            return False
        return have == _UNLIMITED or (least != _UNLIMITED and have >= least)
    return {part.strip() for part in found.split(",")} == {part.strip() for part in value.split(",")}


def _expected(setting: str, value: str) -> str:
    return f"{value} or more" if RULES.get(setting) == "at least" and int(value) != _UNLIMITED else value


def _in_sync(found: str | None, replication: int) -> Difference | None:
    """An acknowledged record is on two brokers at least where there are three; and it can be acknowledged at all."""
    least = _SAFE_IN_SYNC if replication >= _SAFE_REPLICAS else 1
    if found is None or least <= int(found) <= replication:
        return None
    return Difference(IN_SYNC, found, str(least), f"from {least} to {replication}, as it has {replication} replicas")
