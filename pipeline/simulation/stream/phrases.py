"""Texts of simulated posts: templates with slots from texts/*.toml, filled and roughened the way people write."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

Language = Literal["en", "zh", "ja"]
Tone = Literal["negative", "neutral", "positive"]

LANGUAGES: Final[tuple[Language, ...]] = ("en", "zh", "ja")
TONES: Final[tuple[Tone, ...]] = ("negative", "neutral", "positive")
CAUSES: Final = ("product_failure", "false_claim", "data_breach", "insensitive_post", "scandal")

_FOLDER: Final = Path(__file__).parent / "texts"
_SLOT: Final = re.compile(r"\{(\w+)\}")

Pools = Mapping[str, tuple[str, ...]]


class Template:
    """One sentence with slots; one random number decides how `fill` fills all of them."""

    __slots__ = ("_format", "_slots")

    def __init__(self, source: str) -> None:
        """Compile `source`, whose slots stand in braces."""
        self._slots = tuple(_SLOT.findall(source))
        self._format = _SLOT.sub("%s", source.replace("%", "%%"))

    @property
    def slots(self) -> tuple[str, ...]:
        """The names of the slots, in order."""
        return self._slots

    def fill(self, pools: Pools, draw: int) -> str:
        """The sentence with each slot filled from its pool; the same draw gives the same sentence."""
        words = []
        for slot in self._slots:
            pool = pools[slot]
            draw, choice = divmod(draw, len(pool))
            words.append(pool[choice])
        return self._format % tuple(words)


Templates = tuple[Template, ...]


class Phrasebook:
    """All templates of one language, by topic and tone."""

    def __init__(self, language: Language, document: dict[str, Any]) -> None:
        """Compile a TOML document of the folder texts."""
        self.language = language
        self.slots: dict[str, tuple[str, ...]] = {name: tuple(words) for name, words in document["slots"].items()}
        self.products: dict[str, tuple[str, ...]] = {
            category: tuple(words) for category, words in document["products"].items()
        }
        self.topics: dict[str, dict[str, Templates]] = {
            "ordinary": {
                tone: tuple(Template(line) for topic in document["ordinary"].values() for line in topic[tone])
                for tone in TONES
            },
            "reply": _compile(document["reply"]),
            **{topic: _compile(document[topic]) for topic in ("launch", "praise", "giveaway", "match_day", "meme")},
        }
        crisis = document["crisis"]
        for cause in CAUSES:
            self.topics[cause] = _compile(crisis[cause]) | {"positive": tuple(Template(x) for x in crisis["defence"])}
        self.copy_before: tuple[str, ...] = tuple(crisis["copy_before"])
        self.copy_after: tuple[str, ...] = tuple(crisis["copy_after"])
        self.endings: dict[str, tuple[str, ...]] = {tone: tuple(document["style"][tone]["endings"]) for tone in TONES}
        self.tags: tuple[str, ...] = tuple(document["style"]["tags"])

    def pools(self, category: str, names: tuple[str, ...], product: int | None = None) -> dict[str, tuple[str, ...]]:
        """The words for the slots of one brand.

        Args:
            category: category of the brand, which has its products.
            names: the forms in which people write the brand.
            product: index of the one product to talk about, None for all of them.
        """
        products = self.products[category]
        if product is not None:
            products = (products[product % len(products)],)
        return self.slots | {"b": names, "p": products}

    def post(self, topic: str, tone: str, pools: Pools, draw: int, style: int) -> str:
        """A post on a topic in a tone, made less tidy by `style`. Both draws are non-negative integers."""
        templates = self.topics[topic].get(tone) or self.topics["ordinary"][tone]
        draw, choice = divmod(draw, len(templates))
        return self._roughen(templates[choice].fill(pools, draw), tone, style)

    def near_copy(self, text: str, draw: int) -> str:
        """The text as people pass it on: a few words before or after, or the end left out."""
        draw, kind = divmod(draw, 4)
        if kind == 0:
            return self.copy_before[draw % len(self.copy_before)] + text
        if kind == 1:
            return text + self.copy_after[draw % len(self.copy_after)]
        if kind == 2:
            return text[: max(20, len(text) * (55 + draw % 40) // 100)] + "…"
        draw, before = divmod(draw, len(self.copy_before))
        return self.copy_before[before] + text + self.copy_after[draw % len(self.copy_after)]

    def _roughen(self, text: str, tone: str, style: int) -> str:
        style, kind = divmod(style, 16)
        if self.language == "en":
            if kind < 2:
                text = text.lower()
            elif kind == 2:
                style, place = divmod(style, max(1, len(text) - 3))
                text = text[:place] + text[place + 1 : place + 2] + text[place : place + 1] + text[place + 2 :]
            elif kind == 3:
                text = text.rstrip(".!")
        style, kind = divmod(style, 16)
        if kind < 7:
            style, choice = divmod(style, len(self.endings[tone]))
            text += self.endings[tone][choice]
        elif kind == 7:
            style, choice = divmod(style, len(self.tags))
            text = f"{text} {self.tags[choice]}"
        return text


def _compile(section: dict[str, list[str]]) -> dict[str, Templates]:
    return {key: tuple(Template(line) for line in lines) for key, lines in section.items()}


@cache
def phrasebook(language: Language) -> Phrasebook:
    """The phrasebook of a language, read once."""
    return Phrasebook(language, tomllib.loads((_FOLDER / f"{language}.toml").read_text(encoding="utf-8")))
