"""What is said of a surge is the same in every process: nothing follows the order of a set of texts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from detectors.topics.terms import terms
from detectors.topics.told import Told

ROOT = Path(__file__).parents[3]
SAYING = """
from detectors.topics.causes import cause_of
from detectors.topics.emotions import emotions_of
from detectors.topics.terms import terms
from detectors.topics.told import Told
said = [
    ("砚屿的吸尘器在家里突然起火 吸尘器客服直接挂电话", "zh"), ("吸尘器 双手烧伤住院 评论区都在说吸尘器起火", "zh"),
    ("黑心 吸尘器同样起火，吸尘器起火，客服直接挂电话", "zh"), ("掃除機が突然発火して電話も切られた", "ja"),
    ("掃除機の発火、電話は切られた。怖い", "ja"), ("the vacuum caught fire and support hung up", "en"),
    ("vacuum caught fire again, support hung up on me", "en"), ("#vacuumfire caught fire twice", "en"),
]
told = [Told(text * 2, language, 1 + n % 4, n % 2) for n, (text, language) in enumerate(said * 3)]
print(terms(told, None, leave_out={"acme", "yanyu", "vac", "砚屿"}), cause_of(told), emotions_of(told))
"""


def test_every_process_gives_the_same_terms_cause_and_emotions() -> None:
    found = set()
    for seed in "1357":
        done = subprocess.run(
            [sys.executable, "-c", SAYING],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"},
            capture_output=True,
            encoding="utf-8",
            check=True,
            cwd=ROOT,
        )
        found.add(done.stdout)
    assert len(found) == 1
    assert "吸尘器" in found.pop()


@given(st.permutations(range(6)))
def test_the_order_of_the_texts_changes_no_term(order: list[int]) -> None:
    told = [Told(f"{'kettle' if n % 2 else 'kettle lid'} fire number {n} fire", "en", 1.0 + n, 1.0) for n in range(6)]
    assert terms([told[n] for n in order], None) == terms(told, None)
