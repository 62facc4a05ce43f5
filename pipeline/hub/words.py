"""Words of the pages in English, Chinese and Japanese: a file of the folder locales; causes and steps by others."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Final

from markupsafe import Markup

from detectors.topics.causes import CAUSES
from detectors.topics.emotions import EMOTIONS
from pipeline.engine.alerts.evidence_text import named
from pipeline.report.playbook import DEFAULT_STEPS
from pipeline.report.words import Words as Told
from schemas.alert import KINDS

LANGUAGES: Final = ("en", "zh", "ja")


class Words:
    """What the pages say in one language."""

    def __init__(self, language: str, words: Mapping[str, str]) -> None:
        self.language = language
        self._words = words

    def __call__(self, name: str, /, **values: object) -> str:
        """The words of a name, with values in their places: markup where a value is markup, the others escaped in it.

        Raises:
            KeyError: no words have this name.
        """
        words = self._words[name]
        if any(isinstance(value, Markup) for value in values.values()):
            return Markup(words).format(**values)  # noqa: S704 - words are ours, and values that are text are escaped
        return words.format(**values)

    def known(self, group: str, name: str) -> str:
        """The words for a word of a record, such as a cause; itself where a record has one that we do not know."""
        return self._words.get(f"{group}_{name}", name.replace("_", " "))

    def names(self) -> frozenset[str]:
        """Every name that has words."""
        return frozenset(self._words)

    def duration(self, seconds: float) -> str:
        """A length of time in minutes, hours or days."""
        minutes = max(int(seconds // 60), 0)
        hours, minutes = divmod(minutes, 60)
        days, hours = divmod(hours, 24)
        if days:
            return self("days", days=days, hours=hours) if hours else self("days_whole", days=days)
        if hours:
            return self("hours", hours=hours, minutes=minutes) if minutes else self("hours_whole", hours=hours)
        return self("minutes", minutes=minutes)


@cache
def words_of(language: str) -> Words:
    """The words of one of LANGUAGES."""
    source = files("pipeline.hub") / "locales" / f"{language}.toml"
    words = tomllib.loads(source.read_text(encoding="utf-8"))
    words |= {f"cause_{cause}": named(cause, language) for cause in CAUSES}
    words |= {f"kind_{kind}": Told(language)(f"kind.{kind}") for kind in KINDS}
    words |= {f"step_{step}": Told(language)(f"step.{step}") for step in DEFAULT_STEPS}
    words |= {f"emotion_{emotion}": named(emotion, language) for emotion in EMOTIONS}
    return Words(language, words)


def chosen(asked: str | None, accepted: str) -> str:
    """The language of a page: what was asked for, else the first of Accept-Language that we have, else English.

    Args:
        asked: such as "ja", from the address or a cookie.
        accepted: the header Accept-Language.
    """
    if asked in LANGUAGES:
        return asked
    for name in _by_weight(accepted):
        if name in LANGUAGES:
            return name
    return LANGUAGES[0]


def _by_weight(accepted: str) -> Sequence[str]:
    weighted = []
    for part in accepted[:500].split(","):
        name, _, weight = part.partition(";q=")
        try:
            weighted.append((-float(weight or 1), name.strip().lower()[:2]))
        except ValueError:
            continue  # a weight that is no number: the preference is passed over, as if it were not there
    return [name for _, name in sorted(weighted, key=lambda pair: pair[0])]
