"""The language of a mention, which selects its sentiment model: the platform's own guess, else by script."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

LANGUAGES: Final = ("en", "zh", "ja", "other")

READ_CHARACTERS: Final = 280
"""Characters of a text that the models read; the text after them is ignored."""

_SCRIPT_CHARACTERS: Final = 100

_SUBTAGS: Final = {
    "en": "en", "eng": "en",
    "ja": "ja", "jpn": "ja",
    "zh": "zh", "zho": "zh", "chi": "zh", "cmn": "zh", "yue": "zh", "wuu": "zh", "nan": "zh", "hak": "zh", "lzh": "zh",
}  # fmt: skip

PLAIN_TAGS: Final = {language: language for language in ("en", "zh", "ja")}
"""Tags that are the name of their model, for which `language_of` need not be called."""

# Undetermined, several, uncoded, no linguistic content, and "unknown" as some platforms write it.
_NO_GUESS: Final = frozenset({"", "und", "mul", "mis", "zxx", "unknown", "none", "null"})
# The private-use range of ISO 639: platforms put "only links", "only tags" and the like here.
_PRIVATE_USE: Final = re.compile("q[a-t][a-z]")

# Half-width and full-width kana; the middle dot and the length mark also stand in Chinese text and are left out.
_KANA: Final = re.compile(
    "[\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fd-\u30ff\u31f0-\u31ff\uff66-\uff6f\uff71-\uff9d]+"
)
_HAN: Final = re.compile("[\u3005\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+")
_LATIN: Final = re.compile("[A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f]+")
# Greek to Tibetan and Georgian, Ethiopic, Khmer, Hangul: letters that are neither Latin, Han nor kana.
_OTHER: Final = re.compile("[\u0370-\u1dff\ua000-\uabff\uac00-\ud7af]+")


def language_of(text: str, lang: str | None) -> str:
    """The model that reads this text: "en", "zh", "ja" or "other".

    The primary subtag of `lang` decides where it names a language; otherwise the script does. Two kana, or one for
    ten Han characters, make a text Japanese; Han without them Chinese; Latin letters English, whatever the language.
    A model's own name is returned as it is, so that the result may be passed on as `lang`.
    """
    return (lang and _language_by_tag(lang[:16])) or _language_by_script(text[:_SCRIPT_CHARACTERS])


@lru_cache(maxsize=1024)
def _language_by_tag(tag: str) -> str | None:
    """The model that a tag names; None where it names no language."""
    subtag = tag.strip().replace("_", "-").partition("-")[0].lower()
    if subtag in _NO_GUESS or _PRIVATE_USE.fullmatch(subtag):
        return None
    return _SUBTAGS.get(subtag, "other")


def _language_by_script(text: str) -> str:
    if text.isascii():
        return "en" if _LATIN.search(text) else "other"
    # Searching ends at the first character found; counting is for the few texts that it does not decide.
    if _OTHER.search(text):
        other = _length(_OTHER, text)
        if other > _length(_KANA, text) + _length(_HAN, text) and other >= _length(_LATIN, text):
            return "other"
    kana = _KANA.search(text)
    if kana and (len(kana[0]) > 1 or _KANA.search(text, kana.end()) or _length(_HAN, text) <= 10):
        return "ja"
    if _HAN.search(text):
        return "zh"
    return "en" if _LATIN.search(text) else "other"


def _length(runs: re.Pattern[str], text: str) -> int:
    return sum(map(len, runs.findall(text)))
