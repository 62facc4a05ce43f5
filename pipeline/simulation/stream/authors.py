"""Authors: a cast of invented accounts per language, few of them with many followers, and invented news sites."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np

from pipeline.simulation.stream.phrases import Language
from schemas.mention import Author

CAST_SIZE: Final = 20_000
"""Accounts per language. A brand's regulars are consecutive accounts of the cast, so that the same authors recur."""

_FIRST: Final[dict[Language, tuple[str, ...]]] = {
    "en": ("maple", "quiet", "dusty", "north", "tiny", "brisk", "velvet", "salty", "lucky", "plain", "foggy", "copper",
           "late", "wandering", "honest", "grumpy", "sunny", "river", "paper", "second"),
    "zh": ("xiao", "lao", "amu", "nan", "bei", "feng", "yun", "tang", "mian", "dou", "cha", "lu", "shan", "hai", "yue",
           "chi", "mo", "qing", "tao", "guo"),
    "ja": ("haru", "natsu", "aki", "fuyu", "mochi", "neko", "inu", "sora", "umi", "yama", "kumo", "ame", "kaze",
           "tsuki", "hoshi", "mame", "cha", "momo", "kuri", "yuki"),
}  # fmt: skip
_SECOND: Final[dict[Language, tuple[str, ...]]] = {
    "en": ("otter", "kettle", "lantern", "pixel", "sparrow", "biscuit", "cyclist", "gardener", "reader", "walker",
           "teapot", "magpie", "harbour", "button", "ferry", "sock", "comet", "pebble", "badger", "violin"),
    "zh": ("mao", "xiong", "tu", "yu", "niao", "he", "cheng", "lin", "shi", "hua", "ye", "qiao", "tian", "guang", "xue",
           "lei", "zhu", "mei", "lan", "song"),
    "ja": ("biyori", "sanpo", "gohan", "tabi", "dayo", "chan", "san", "maru", "log", "memo", "no-ki", "goto", "mori",
           "kawa", "hana", "pan", "eki", "machi", "note", "ringo"),
}  # fmt: skip
_NEWS: Final[dict[Language, tuple[str, ...]]] = {
    "en": ("harborledger", "thedailymeridian", "northgatepost", "consumerlens"),
    "zh": ("beianribao", "chengshixinwen", "xiaofeiguancha"),
    "ja": ("minatoshimbun", "asagiri-news", "shohinotomo"),
}


class Cast:
    """The accounts of one language.

    Attributes:
        authors: CAST_SIZE authors, the same for every seed of the stream.
        followers: number of followers of each.
        news: news sites; the id is the name of the site.
    """

    def __init__(self, language: Language) -> None:
        """Make the cast, which takes about 0.1 s."""
        rng = np.random.Generator(np.random.PCG64(sum(language.encode())))
        followers = np.minimum(np.exp(rng.normal(5.2, 1.9, CAST_SIZE)), 2e7).astype(np.int64).tolist()
        first, second = _FIRST[language], _SECOND[language]
        self.followers: list[int] = followers
        self.authors = [
            Author(
                id=f"{first[index % 20]}_{second[index // 20 % 20]}{index // 400}",
                followers=followers[index],
                kind="influencer" if followers[index] >= 50_000 else "person",
            )
            for index in range(CAST_SIZE)
        ]
        self.news = [
            Author(id=site, followers=120_000 * (rank + 1), kind="news") for rank, site in enumerate(_NEWS[language])
        ]


@cache
def cast(language: Language) -> Cast:
    """The cast of a language, made once."""
    return Cast(language)
