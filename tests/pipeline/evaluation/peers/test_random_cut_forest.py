"""A random cut tree stays what its points make it, whatever came and went."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluation.peers.random_cut_forest import RandomCutForest, RandomCutTree

POINTS = st.tuples(*[st.integers(0, 4).map(float)] * 2)


@given(st.lists(st.one_of(POINTS, st.none()), max_size=60), st.integers(0, 3))
def test_a_tree_holds_what_was_inserted_and_not_removed(steps, seed):
    tree, leaves, points = RandomCutTree(np.random.default_rng(seed)), [], []
    for step in steps:
        if step is not None:
            leaves.append(tree.insert(step))
            points.append(step)
        elif leaves:
            tree.remove(leaves.pop(0))
            points.pop(0)
        assert len(tree) == len(points)
        assert all(0.0 <= tree.displacement(leaf) <= len(points) for leaf in leaves)
        assert [leaves.index(leaf) for leaf in leaves] == [points.index(point) for point in points]


def test_a_point_far_from_all_others_displaces_them_all_at_once():
    source = np.random.default_rng(1)
    tree = RandomCutTree(source)
    crowd = [tree.insert((source.random(), source.random())) for _ in range(60)]
    far = tree.insert((1e6, 1e6))
    assert tree.displacement(far) == 60.0
    assert max(map(tree.displacement, crowd)) < 60.0


def test_a_forest_forgets_its_oldest_points():
    source = np.random.default_rng(2)
    forest = RandomCutForest(trees=10, points=64, seed=3)
    first = [forest.score_and_learn((source.normal(0.0, 1.0),)) for _ in range(200)]
    moved = [forest.score_and_learn((source.normal(1000.0, 1.0),)) for _ in range(200)]
    assert moved[0] > 3.0 * sum(first[100:]) / 100.0
    assert sum(moved[100:]) / 100.0 < 2.0 * sum(first[100:]) / 100.0
