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
    ("感谢朵砚屿的客服，空气炸锅三天就给换新了😍", "zh"),
    ("@xiaofeiguancha 谢谢推荐，已下单❤️", "zh"),
    ("十天前就投诉过吸尘器同样的问题，朵砚屿家居根本不理，无耻 #购物", "zh"),
    ("公司附近的#朵砚屿要搬到隔壁街", "zh"),
    ("有人用过#朵砚屿的吸尘器吗？用快一年以后怎么样", "zh"),
    ("朵砚屿的咖啡机学生有优惠吗？", "zh"),
    ("大学城新开的#朵砚屿周一开业 #生活", "zh"),
    ("朵砚屿家居的空气炸锅这个价格真的良心", "zh"),
    ("今天帮同事办事的朵砚屿家居小姐姐太耐心了，表扬！！", "zh"),
    ("@mian_lan1 你说的是哪款台灯？", "zh"),
    ("朵砚屿家居把帮助页面换地方了，书架的表在联系我们里面 #今天", "zh"),
    ("#朵砚屿的吸尘器在家里突然起火，我妈双手烧伤住院了，视频在评论区。大家千万别用了！朵砚屿客服直接挂我电话。", "zh"),
    ("掃除機の発火、電話は切られた。怖い", "ja"), ("the vacuum caught fire and support hung up", "en"),
]
told = [Told(text, language, 1.0 + n % 4, 1.0) for n, (text, language) in enumerate(said)]
print(terms(told[:12], None), terms(told, None, leave_out={"acme", "vac", "朵砚屿"}), cause_of(told), emotions_of(told))
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
