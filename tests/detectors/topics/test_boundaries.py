"""Words end where BudouX says, for one text as for many."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.topics.boundaries import boundaries


def cut(text: str, language: str) -> list[str]:
    scores = boundaries(language).scores([text])[0].tolist()
    return "".join(("\n" if score > 0 and place else "") + text[place] for place, score in enumerate(scores)).split(
        "\n"
    )


# As budoux.Parser of BudouX 0.10.1 parses them with its models zh-hans and ja_word.
@pytest.mark.parametrize(
    ("language", "parsed"),
    [
        ("zh", ["已经", "有", "几", "十", "个", "用户", "反映", "电池", "鼓包，", "大家", "扩散"]),
        ("zh", ["同事", "推荐", "的", "手机，", "感觉", "屏幕", "还", "算清晰"]),
        ("ja", ["残業代", "未払い", "の", "説明", "が", "ある", "まで", "二度と", "行か", "ない"]),
        ("ja", ["iphone15", "が", "発火", "し", "た", "。", "焦げ臭い"]),
    ],
)
def test_the_places_are_those_of_budoux(language, parsed):
    assert cut("".join(parsed), language) == parsed


@given(st.lists(st.text(alphabet="电池鼓包了 バッテリーが膨張、a1𠮷\n", max_size=12), max_size=5))
def test_no_text_sees_its_neighbours(texts: list[str]):
    model = boundaries("ja")
    together = [scores.tolist() for scores in model.scores(texts)]
    assert together == [model.scores([text])[0].tolist() for text in texts]
