"""What reports say, in English, Chinese and Japanese: one module for each language, all with the same keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pipeline.report.words.en import ENGLISH
from pipeline.report.words.ja import JAPANESE
from pipeline.report.words.zh import CHINESE

WORDS: Final[Mapping[str, Mapping[str, str]]] = {"en": ENGLISH, "zh": CHINESE, "ja": JAPANESE}
LANGUAGES: Final = tuple(WORDS)


class Words:
    """The words of one language."""

    def __init__(self, language: str) -> None:
        """Choose one of LANGUAGES.

        Raises:
            KeyError: another one.
        """
        self.language = language
        self._words = WORDS[language]

    def __call__(self, key: str, *values: object) -> str:
        """The words under a key with their places filled."""
        return self._words[key].format(*values)

    def name(self, group: str, name: str) -> str:
        """A name of a list that may grow, such as a cause; one that is not known here is shown as it is."""
        return self._words.get(f"{group}.{name}", name.replace("_", " "))

    def duration(self, minutes: float) -> str:
        """A length of time in days, hours and minutes; the sign is left out."""
        whole = round(abs(minutes))
        days, hours, rest = whole // 1440, whole // 60 % 24, whole % 60
        if days:
            return self("days", days) + (" " + self("hours", hours) if hours else "")
        if hours:
            return self("hours", hours) + (" " + self("minutes", rest) if rest else "")
        return self("minutes", rest)
