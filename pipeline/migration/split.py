"""The state of the old partitions, dealt out to the new ones: pure, the same for the same states.

What belongs to a brand or a category goes to the partition that its key now has, byte for byte. What a partition has
learned as a whole is handed on so:

    offset            where the new partition is to be read from; feedback goes on where the one of this number stood
    event time        the largest of those from which it gets brands (they stand at one point: migration.drain)
    sentiment models, a copy of the old partition's that most of its brands come from: they are about languages, and a
    pooled tails,     mean of two would be neither's; that others have the same copy does not matter, for nothing is
    label counts      ever added up over partitions
    feed              its share of the usual rate, by what its brands are expected to bring; every gap of its sources,
                      so that nothing is learned from a silence that was known for a gap
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from math import fsum
from operator import itemgetter

from pipeline.config.model import Config
from pipeline.engine.buckets.feed_gaps import Feed, Gap
from pipeline.engine.placement import home_of
from pipeline.engine.state import (
    CATEGORY_PREFIX,
    CHECKPOINT_KEY,
    OPEN_SUFFIX,
    SENTIMENT_PREFIX,
    VERSION,
    Checkpoint,
    decode_brand,
    decode_checkpoint,
    decode_open,
    encode,
    encode_open,
)
from pipeline.migration.drain import State
from schemas.partitioning import partition_of


class Targets:
    """Which new partition takes what an old one knows of a brand or a category."""

    def __init__(self, config: Config, states: Sequence[State], after: int) -> None:
        """Deal out every name of the states.

        A brand whose mentions lay where they did not belong has state on several old partitions. That of the right one
        goes to the right one; any other stays on its number, or on the next that knows nothing of the brand, so that
        neither is lost and an open episode of it still ends.
        """
        self._config = config
        self._before, self._after = len(states), after
        self._targets: dict[tuple[int, bytes], int] = {}
        misplaced: list[tuple[int, bytes]] = []
        taken: set[tuple[bytes, int]] = set()
        for number, state in enumerate(states):
            for name in dict.fromkeys(filter(None, map(_name_of, state))):
                if self._home(name, self._before) == number:
                    target = self._home(name, after)
                    self._targets[number, name] = target
                    taken.add((name, target))
                else:
                    misplaced.append((number, name))
        for number, name in misplaced:
            own = (number + step for step in range(after))
            target = next(one % after for one in own if (name, one % after) not in taken)
            self._targets[number, name] = target
            taken.add((name, target))

    def of(self, number: int, name: bytes) -> int:
        """The new partition of a name (a brand, or CATEGORY_PREFIX and a category) of an old partition."""
        found = self._targets.get((number, name))
        return self._home(name, self._after) if found is None else found  # not in the state: the brand has expired

    @property
    def moved(self) -> int:
        """Names that get another partition than they had."""
        return sum(number != target for (number, _), target in self._targets.items())

    def __len__(self) -> int:
        """Names that are dealt out."""
        return len(self._targets)

    def _home(self, name: bytes, partitions: int) -> int:
        if name.startswith(CATEGORY_PREFIX):
            return partition_of(name.removeprefix(CATEGORY_PREFIX), partitions)
        return home_of(self._config, name.decode(), partitions)


def _name_of(key: bytes) -> bytes:
    """The brand or category that a record is about; empty for what is the whole partition's."""
    if key.startswith(CATEGORY_PREFIX):
        return key
    return b"" if key.startswith(b"#") else key.removesuffix(OPEN_SUFFIX)


def split(states: Sequence[State], targets: Targets, ends: Sequence[int]) -> list[State]:
    """The states of the new partitions, each with its checkpoint as the last record.

    Args:
        states: of the old partitions, all brought to their ends (migration.drain).
        targets: of the same states.
        ends: by new partition, the offset of mentions from which it is read on.

    Raises:
        StateError: a record cannot be read.
    """
    checkpoints = [
        decode_checkpoint(CHECKPOINT_KEY, state[CHECKPOINT_KEY]) if CHECKPOINT_KEY in state else Checkpoint(VERSION)
        for state in states
    ]
    after = len(ends)
    new: list[State] = [{} for _ in ends]
    opened: list[list[tuple[int, int, bytes, int]]] = [[] for _ in ends]
    brands: list[Counter[int]] = [Counter() for _ in ends]
    expected: list[dict[int, list[float]]] = [defaultdict(list) for _ in states]
    for number, state in enumerate(states):
        for key, value in state.items():
            name = _name_of(key)
            if not name:
                continue
            target = targets.of(number, name)
            new[target][key] = value
            brands[target][number] += 1
            if key.endswith(OPEN_SUFFIX):
                buckets = decode_open(key, value).buckets
                opened[target] += ((bucket.first_offset, number, key, index) for index, bucket in buckets.items())
            elif not key.startswith(CATEGORY_PREFIX):
                expected[number][target].append(1e-9 + max(decode_brand(key, value).last[2], 0.0))
    for number, state in enumerate(new):
        _order(state, opened[number])
        sources = sorted(brands[number]) or [number % len(states)]
        main = max(sources, key=lambda source: (brands[number][source], -source))
        state |= {key: value for key, value in states[main].items() if key.startswith(SENTIMENT_PREFIX)}
        shares = [(checkpoints[one], _share(expected[one], number)) for one in sources]
        checkpoint = _checkpoint(checkpoints[main], shares, ends[number], after)
        if number < len(states):
            checkpoint.feedback_offset = checkpoints[number].feedback_offset
        state[CHECKPOINT_KEY] = encode(checkpoint)
    return new


def _order(state: State, opened: list[tuple[int, int, bytes, int]]) -> None:
    """Number open buckets anew in the order of their first mentions, all of them before any offset that is to come."""
    ranks: dict[bytes, dict[int, int]] = {}
    for rank, (_, _, key, index) in enumerate(sorted(opened, key=itemgetter(0, 1)), -len(opened)):
        ranks.setdefault(key, {})[index] = rank
    for key, own in ranks.items():
        buckets = decode_open(key, state[key]).buckets
        for index, rank in own.items():
            buckets[index].first_offset = rank
        state[key] = encode_open(buckets)


def _share(expected: Mapping[int, Sequence[float]], target: int) -> float:
    """The part of an old partition's mentions that a new one may expect."""
    # fsum: the order in which the state was read must not show in the last bit.
    total = fsum(chain.from_iterable(expected.values()))
    return fsum(expected.get(target, ())) / total if total else 0.0


def _checkpoint(main: Checkpoint, shares: Sequence[tuple[Checkpoint, float]], end: int, partitions: int) -> Checkpoint:
    sources = [checkpoint for checkpoint, _ in shares]
    return Checkpoint(
        VERSION,
        next_offset=end,
        event_time=max(one.event_time for one in sources),
        last_timestamp=max(one.last_timestamp for one in sources),
        next_bucket=max(one.next_bucket for one in sources),
        feed=_feed(main.feed, shares),
        tail=main.tail,
        labels=main.labels,
        other_tails=main.other_tails,
        partitions=partitions,
        since=max(one.since for one in sources),
    )


def _feed(main: Feed, shares: Sequence[tuple[Checkpoint, float]]) -> Feed:
    latest = max(checkpoint.feed.bucket for checkpoint, _ in shares)
    return Feed(
        bucket=latest,
        mentions=round(sum(one.feed.mentions * share for one, share in shares if one.feed.bucket == latest)),
        rate=sum(one.feed.rate * share for one, share in shares),
        seen=main.seen,
        gaps=_united(gap for one, _ in shares for gap in one.feed.gaps),
    )


def _united(gaps: Iterable[Gap]) -> list[Gap]:
    """The gaps without overlaps, so that no bucket is counted twice; a part is known when the first of them was."""
    united: list[Gap] = []
    for gap in sorted(gaps, key=lambda one: (one.first, one.end)):
        if united and gap.first < united[-1].end:
            last = united[-1]
            united[-1] = Gap(last.first, max(last.end, gap.end), min(last.due, gap.due))
        else:
            united.append(gap)
    return united
