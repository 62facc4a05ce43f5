"""The simulated brands: invented names, languages, sizes, rhythms and tempers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from pipeline.simulation.stream.phrases import LANGUAGES, Language

CATEGORIES: Final = ("outdoor", "food", "beauty", "electronics", "travel", "bank", "fashion", "home")

# Sizes follow rate ~ (rank + _RANK_SHIFT) ** -_RANK_EXPONENT: 200 brands with a mean of 15 mentions an hour then reach
# from about 2 to about 300.
_RANK_SHIFT: Final = 3.0
_RANK_EXPONENT: Final = 1.3

_EN_FIRST: Final = ("Bri", "Tal", "Quo", "Zel", "Kes", "Dru", "Fenn", "Ost", "Lum", "Pel", "Rav", "Sib", "Tor", "Ulm",
                    "Wex", "Jor", "Cal", "Nor", "Gim", "Eld", "Haz", "Miv", "Sorr", "Yst")  # fmt: skip
_EN_SECOND: Final = ("vik", "dane", "mora", "lith", "quill", "sette", "ovan", "tine", "varr", "nissa", "grund", "esko",
                     "umbra", "zaan", "itto", "ferra", "ashen", "obel")  # fmt: skip
_EN_KIND: Final = {"outdoor": "Outdoor", "food": "Foods", "beauty": "Beauty", "electronics": "Tech",
                   "travel": "Airways", "bank": "Bank", "fashion": "Studio", "home": "Home"}  # fmt: skip
_ZH_FIRST: Final = (("lanhe", "岚禾"), ("muting", "沐汀"), ("qiheng", "祁蘅"), ("yaozhu", "曜竹"), ("suman", "夙漫"),
                    ("beixun", "北洵"), ("xiqiao", "熙荞"), ("duoyan", "朵砚"), ("cenluo", "岑珞"))  # fmt: skip
_ZH_SECOND: Final = (("zhou", "舟"), ("ye", "野"), ("ji", "集"), ("fang", "坊"), ("ke", "氪"), ("li", "栗"),
                     ("shu", "屿"), ("wan", "湾"))  # fmt: skip
_ZH_KIND: Final = {"outdoor": "户外", "food": "食品", "beauty": "美妆", "electronics": "数码",
                   "travel": "航空", "bank": "银行", "fashion": "服饰", "home": "家居"}  # fmt: skip
_JA_FIRST: Final = (("rume", "ルメ"), ("tovi", "トヴィ"), ("noka", "ノカ"), ("shiro", "シロ"), ("hazu", "ハズ"),
                    ("miku", "ミク"), ("yora", "ヨラ"), ("kiso", "キソ"), ("sena", "セナ"))  # fmt: skip
_JA_SECOND: Final = (("naru", "ナル"), ("dori", "ドリ"), ("meru", "メル"), ("zaku", "ザク"), ("tomo", "トモ"),
                     ("rika", "リカ"), ("hono", "ホノ"), ("gawa", "ガワ"))  # fmt: skip
_JA_KIND: Final = {"outdoor": "アウトドア", "food": "食品", "beauty": "コスメ", "electronics": "電機",
                   "travel": "航空", "bank": "銀行", "fashion": "服飾", "home": "ホーム"}  # fmt: skip
_NAMES: Final = {"zh": (_ZH_FIRST, _ZH_SECOND, _ZH_KIND), "ja": (_JA_FIRST, _JA_SECOND, _JA_KIND)}

_UTC_OFFSETS: Final[dict[Language, tuple[tuple[float, ...], tuple[float, ...]]]] = {
    "en": ((-8.0, -5.0, 0.0, 5.5, 10.0), (0.2, 0.4, 0.25, 0.08, 0.07)),
    "zh": ((8.0,), (1.0,)),
    "ja": ((9.0,), (1.0,)),
}
_HOME_SHARE: Final = 0.92
"""Share of a brand's mentions in its home language; English brands 0.96, the rest is the other languages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Brand:
    """One simulated brand; none of them exists.

    Attributes:
        slug: the `brand` of its mentions.
        names: forms in which people write it, by language.
        rate: mentions per hour, averaged over a week without events.
        negative_share: base share of negative mentions, around which the true share drifts slowly.
        positive_share: base share of positive mentions.
        utc_offset: hours; time zone of most of its public.
        language_mix: share of each of LANGUAGES.
    """

    slug: str
    names: dict[Language, tuple[str, ...]]
    language: Language
    category: str
    rate: float
    negative_share: float
    positive_share: float
    utc_offset: float
    language_mix: tuple[float, float, float]


def build_population(
    count: int, mean_rate: float, rng: np.random.Generator, rates: tuple[float, float] | None = None
) -> tuple[Brand, ...]:
    """Brands of about 60 % English, 20 % Chinese and 20 % Japanese home language (each at least once from 3 brands).

    Args:
        count: number of brands, at least 1.
        mean_rate: mean mentions per hour over the brands.
        rng: source of every choice.
        rates: mentions per hour of the smallest and the largest brand, the others evenly between them on a logarithmic
            scale; None for the rank law with `mean_rate`.
    """
    others = max(1, round(count * 0.2)) if count >= 3 else 0
    homes: list[Language] = []
    for home_language, share in zip(LANGUAGES, (count - 2 * others, others, others), strict=True):
        homes.extend([home_language] * share)
    order = rng.permutation(count).tolist()
    sizes = (np.arange(1, count + 1) + _RANK_SHIFT) ** -_RANK_EXPONENT
    sizes *= mean_rate * count / float(sizes.sum())
    if rates is not None:
        sizes = np.geomspace(rates[1], rates[0], count)
    makers = {language: _Namer(language, rng) for language in LANGUAGES}
    brands = []
    for rank in range(count):
        language = homes[order[rank]]
        category = CATEGORIES[int(rng.integers(len(CATEGORIES)))]
        slug, names = makers[language].make(category)
        offsets, weights = _UTC_OFFSETS[language]
        home = 0.96 if language == "en" else _HOME_SHARE
        rest = (1.0 - home) / 2
        brands.append(
            Brand(
                slug=slug,
                names=names,
                language=language,
                category=category,
                rate=round(float(sizes[rank]), 4),
                negative_share=round(float(rng.uniform(0.08, 0.28)), 4),
                positive_share=round(float(rng.uniform(0.22, 0.42)), 4),
                utc_offset=offsets[int(rng.choice(len(offsets), p=weights))],
                language_mix=(
                    home if language == "en" else rest,
                    home if language == "zh" else rest,
                    home if language == "ja" else rest,
                ),
            )
        )
    return tuple(brands)


class _Namer:
    """Gives each brand a name of its own; when the combinations are used up, a number is added."""

    def __init__(self, language: Language, rng: np.random.Generator) -> None:
        self._language = language
        first, second = (_EN_FIRST, _EN_SECOND) if language == "en" else _NAMES[language][:2]
        self._pairs = [(a, b) for a in range(len(first)) for b in range(len(second))]
        self._order = rng.permutation(len(self._pairs)).tolist()
        self._made = 0

    def make(self, category: str) -> tuple[str, dict[Language, tuple[str, ...]]]:
        turn, position = divmod(self._made, len(self._pairs))
        self._made += 1
        first, second = self._pairs[self._order[position]]
        suffix = f"-{turn + 1}" if turn else ""
        kind = _EN_KIND[category]
        if self._language == "en":
            stem = _EN_FIRST[first] + _EN_SECOND[second]
            native: tuple[str, ...] = ()
        else:
            firsts, seconds, kinds = _NAMES[self._language]
            stem = (firsts[first][0] + seconds[second][0]).capitalize()
            short = firsts[first][1] + seconds[second][1]
            native = (short, short, short + kinds[category], "#" + short)
        latin = (stem, stem, f"{stem} {kind}", f"@{stem.lower()}", f"#{stem}", stem.lower())
        names: dict[Language, tuple[str, ...]] = {"en": latin, "zh": latin[:3], "ja": latin[:3]}
        if native:
            names[self._language] = native
        return f"{stem.lower()}-{kind.lower()}{suffix}", names
