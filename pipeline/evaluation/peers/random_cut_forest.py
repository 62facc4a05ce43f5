"""A robust random cut forest over a sliding window of points.

Guha, Mishra, Roy & Schrijvers, "Robust Random Cut Forest Based Anomaly Detection on Streams" (ICML 2016). A tree cuts
the box around its points at random, a dimension by its share of the box's extent; inserting and removing leave it
distributed as if it had been grown from the points that remain. What a point displaces is its score: the largest
ratio, on the way up, of the points beside a subtree to those in it.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np

Point = tuple[float, ...]
_NONE: Final = -1


class RandomCutTree:
    """One tree. Nodes are places in lists, so that a copy is cheap; equal points share a leaf."""

    def __init__(self, source: np.random.Generator) -> None:
        """Begin empty; `source` draws the cuts."""
        self._source = source
        self._root = _NONE
        self._free: list[int] = []
        self._parent: list[int] = []
        self._left: list[int] = []
        self._right: list[int] = []
        self._dimension: list[int] = []
        self._cut: list[float] = []
        self._points: list[int] = []
        self._low: list[Point] = []
        self._high: list[Point] = []

    def __len__(self) -> int:
        return self._points[self._root] if self._root != _NONE else 0

    def insert(self, point: Point) -> int:
        """Add a point; returns its leaf."""
        if self._root == _NONE:
            self._root = self._new(point, point, 1)
            return self._root
        node = self._root
        while self._left[node] != _NONE or self._low[node] != point:
            low, high = self._low[node], self._high[node]
            around_low = tuple(map(min, low, point))
            extents = [b - a for a, b in zip(around_low, map(max, high, point), strict=True)]
            place = self._source.random() * sum(extents)
            dimension = 0
            while place >= extents[dimension] and dimension < len(extents) - 1:
                place -= extents[dimension]
                dimension += 1
            cut = around_low[dimension] + place
            if point[dimension] <= cut < low[dimension] or high[dimension] <= cut < point[dimension]:
                return self._split(node, point, dimension, cut)
            if self._left[node] == _NONE:
                continue  # rounding put the cut on an end of the box: draw again
            is_left = point[self._dimension[node]] <= self._cut[node]
            node = self._left[node] if is_left else self._right[node]
        self._count(node, 1)
        return node

    def remove(self, leaf: int) -> None:
        """Take away one point of a leaf."""
        if self._points[leaf] > 1:
            self._count(leaf, -1)
            return
        parent = self._parent[leaf]
        self._free.append(leaf)
        if parent == _NONE:
            self._root = _NONE
            return
        sibling = self._right[parent] if self._left[parent] == leaf else self._left[parent]
        above = self._parent[parent]
        self._replace(above, parent, sibling)
        self._free.append(parent)
        if above != _NONE:
            self._count(above, -1)
            self._shrink(above)

    def displacement(self, leaf: int) -> float:
        """The collusive displacement of a leaf's points."""
        node, most = leaf, 0.0
        while (parent := self._parent[node]) != _NONE:
            inside = self._points[node]
            most = max(most, (self._points[parent] - inside) / inside)
            node = parent
        return most

    def _split(self, node: int, point: Point, dimension: int, cut: float) -> int:
        """A new branch in the place of `node`, with the new point beside it."""
        above = self._parent[node]
        leaf = self._new(point, point, 1)
        branch = self._new(self._low[node], self._high[node], self._points[node])
        self._dimension[branch], self._cut[branch] = dimension, cut
        self._replace(above, node, branch)
        is_left = point[dimension] <= cut
        self._left[branch], self._right[branch] = (leaf, node) if is_left else (node, leaf)
        self._parent[leaf] = self._parent[node] = branch
        while branch != _NONE:
            self._points[branch] += 1
            self._low[branch] = tuple(map(min, self._low[branch], point))
            self._high[branch] = tuple(map(max, self._high[branch], point))
            branch = self._parent[branch]
        return leaf

    def _replace(self, above: int, old: int, new: int) -> None:
        self._parent[new] = above
        if above == _NONE:
            self._root = new
        elif self._left[above] == old:
            self._left[above] = new
        else:
            self._right[above] = new

    def _count(self, node: int, change: int) -> None:
        while node != _NONE:
            self._points[node] += change
            node = self._parent[node]

    def _shrink(self, node: int) -> None:
        """Boxes from `node` up, as far as they change."""
        while node != _NONE:
            left, right = self._left[node], self._right[node]
            low = tuple(map(min, self._low[left], self._low[right]))
            high = tuple(map(max, self._high[left], self._high[right]))
            if low == self._low[node] and high == self._high[node]:
                return
            self._low[node], self._high[node] = low, high
            node = self._parent[node]

    def _new(self, low: Point, high: Point, points: int) -> int:
        if not self._free:
            for column, value in (
                (self._parent, _NONE),
                (self._left, _NONE),
                (self._right, _NONE),
                (self._dimension, 0),
                (self._points, 0),
            ):
                column.append(value)
            self._cut.append(0.0)
            self._low.append(low)
            self._high.append(high)
            self._free.append(len(self._parent) - 1)
        node = self._free.pop()
        self._parent[node] = self._left[node] = self._right[node] = _NONE
        self._low[node], self._high[node], self._points[node] = low, high, points
        return node


class RandomCutForest:
    """Trees over the last points of a stream; the score is the mean displacement of the newest point."""

    def __init__(self, *, trees: int, points: int, seed: int) -> None:
        """Begin empty.

        Args:
            trees: how many.
            points: that each tree holds at most; the oldest leaves first.
            seed: of the cuts.
        """
        source = np.random.default_rng(seed)
        self._trees = [(RandomCutTree(source), deque[int]()) for _ in range(trees)]
        self._size = points

    def score_and_learn(self, point: Point) -> float:
        """The point's displacement once it is in; larger is stranger."""
        total = 0.0
        for tree, leaves in self._trees:
            if len(leaves) == self._size:
                tree.remove(leaves.popleft())
            leaf = tree.insert(point)
            leaves.append(leaf)
            total += tree.displacement(leaf)
        return total / len(self._trees)
