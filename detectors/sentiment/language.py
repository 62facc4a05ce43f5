"""The language of a text, which selects its sentiment model: its script and words, and the tag that came with it.

A tag is often the platform's default, so the text outweighs it: the script always, words where they are plainly those
of another language. All votes are whole numbers, so that every machine gives the same answer.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from importlib.resources import files
from typing import Final, NamedTuple

from detectors.sentiment.lexicon import entries, word_lists
from schemas.text import READ_CHARACTERS

OTHER: Final = "other"
"""Every language without a word list: read by emoji alone until labels teach its model."""
_BY_CHARACTERS: Final = ("zh", "ja")
_LISTED: Final = tuple(
    sorted(
        folder.name
        for folder in files("detectors.sentiment").joinpath("lexicons").iterdir()
        if folder.is_dir() and folder.joinpath("function.txt").is_file()
    )
)
LANGUAGES: Final = ("en", *_BY_CHARACTERS, OTHER, *(language for language in _LISTED if language != "en"))
"""Names of the models, of their state and in metrics: the folders of word lists, and one for all other languages."""

_SCRIPT_CHARACTERS: Final = 100
_WORDS: Final = 40
"""Words by which a language is told."""

# Codes of ISO 639, names of languages, and what platforms write instead: codes of countries.
_TAGS: Final = {
    tag: language
    for language, tags in {
        "en": "en eng english us gb au nz",
        "ja": "ja jpn japanese jp 日本語",
        "zh": "zh zho chi cmn yue wuu nan hak lzh chinese mandarin cantonese cn tw hk 中文 汉语 漢語 简体中文 繁體中文",
        "de": "de deu ger german deutsch at",
        "es": "es spa spanish español espanol castellano mx",
        "fr": "fr fra fre french français francais",
        "pt": "pt por portuguese português portugues br",
        OTHER: "kr russian korean arabic italian dutch turkish polish indonesian hindi thai vietnamese swedish",
    }.items()
    if language in LANGUAGES
    for tag in tags.split()
}
_TAGS.update(zip(_LISTED, _LISTED, strict=True))
# Undetermined, several, uncoded, no linguistic content, and what platforms write for them.
_NO_GUESS: Final = frozenset(("und", "mul", "mis", "zxx", "unk", "un", "xx", "n", "a", "na", "nil"))
# The private-use range of ISO 639: platforms put "only links", "only tags" and the like here.
_PRIVATE_USE: Final = re.compile("q[a-t][a-z]")
_CODE: Final = re.compile("[a-z]{2,3}")
_WORD: Final = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")

# Half-width and full-width kana; the middle dot and the length mark also stand in Chinese text and are left out.
_KANA: Final = re.compile(
    "[\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fd-\u30ff\u31f0-\u31ff\uff66-\uff6f\uff71-\uff9d]+"
)
_HAN: Final = re.compile("[\u3005\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+")
_LATIN: Final = re.compile("[A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff]+")
# Greek to Tibetan and Georgian, Ethiopic, Khmer, Hangul: letters that are neither Latin, Han nor kana.
_OTHER: Final = re.compile("[\u0370-\u1dff\ua000-\uabff\uac00-\ud7af]+")
_NOT_ENGLISH_LETTERS: Final = re.compile(
    "[\u00a1\u00bf-\u1fff\u2c00-\ud7ff\uf900-\ufdff\uff21-\uff9f\U00020000-\U0003ffff]"
)
# Written in Chinese and hardly ever in Japanese.
_CHINESE_ALONE: Final = re.compile("[这们吗你她很没说么吧呢给让还這們嗎沒說麼您啊哦咱啥]")
_HAN_LETTERS: Final = 3
"""Latin letters that say as much as one Han character or kana."""

_BITS: Final = 10
_MASK: Final = (1 << _BITS) - 1
_FUNCTION_WORD: Final = 2
_LISTED_WORD: Final = 1
_LETTER: Final = 2
ENOUGH: Final = 2
"""Votes more than for English by which words tell the language of a text without a tag: one function word."""
CONTRADICTION: Final = 4
"""Votes by which they outweigh a tag: two function words, and more than twice as many as of the tag's own language."""
_LETTERS: Final = {
    "es": "ñ¿¡áíóú",
    "pt": "ãõçáíóúâê",
    "fr": "çèêàùœûîëï",
    "de": "äöüß",
    "it": "èàùìò",
    "tr": "ığşöü",
    "sv": "åäö",
    "da": "æøå",
    "pl": "łąężśćńź",
    "cs": "řěůčšžý",
    "hu": "őűáíóú",
    "ro": "țșăâî",
    "vi": "ơưđạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ",
}


class _Votes(NamedTuple):
    languages: tuple[str, ...]
    by_word: dict[str, int]
    by_letter: dict[str, int]


def language_of(text: str, lang: str | None) -> str:
    """The model that reads a text, one of LANGUAGES.

    The script decides: two kana, or one for ten Han characters, make a text Japanese; Han without them Chinese; letters
    of any other script but the Latin one "other". Of languages in Latin letters the tag decides, unless the words are
    plainly of another one; without a tag the words do, and where they do not tell it is English. Only between Chinese
    and Japanese without kana, and for a text without letters, the tag has the last word.

    Args:
        text: normalised.
        lang: tag as it came: BCP 47, or what platforms write instead ("English", "jp", "EN_us", "und").
    """
    if lang == "en" and text.isascii() and not _looks_foreign(text):
        return lang
    tagged = _language_by_tag(lang[:64]) if lang else None
    script = _script(text[:_SCRIPT_CHARACTERS], tagged)
    if script == "latin":
        return _language_by_words(text, None if tagged in _BY_CHARACTERS else tagged)
    return script or tagged or OTHER


def language_at_a_glance(text: str, lang: str | None) -> str | None:
    """`language_of` a text as it came, where that is plain without normalising it; None where it is not."""
    if lang == "en":
        text = text[:READ_CHARACTERS]
        if (
            "<" not in text
            and "&#" not in text
            and (text.isascii() or not _NOT_ENGLISH_LETTERS.search(text))
            and not _looks_foreign(text)
        ):
            return lang
    elif lang in _BY_CHARACTERS and "<" not in text and "&" not in text:
        text = text[:_SCRIPT_CHARACTERS]
        kana, han = _length(_KANA, text), _length(_HAN, text)
        if 2 * (kana + han) >= len(text) and (kana > 1 if lang == "ja" else not kana):
            return lang
    return None


def _looks_foreign(text: str) -> bool:
    """Whether words must be counted: English texts hardly have any of these, texts of other languages mostly one."""
    # Written out: a loop takes twice as long, and every text tagged English is asked.
    return " the " not in text and (
        " de " in text
        or " la " in text
        or " que " in text
        or " el " in text
        or " le " in text
        or " est " in text
        or " una " in text
        or " ist " in text
        or " und " in text
        or " die " in text
        or " ich " in text
        or " di " in text
    )


@lru_cache(maxsize=1024)
def _language_by_tag(tag: str) -> str | None:
    """The model that a tag names; None where it names no language."""
    words = _WORD.findall(tag.lower().replace("_", " "))
    for word in words:
        if word in _TAGS:
            return _TAGS[word]
        if word in _NO_GUESS or _PRIVATE_USE.fullmatch(word):
            return None
    return OTHER if words and _CODE.fullmatch(words[0]) else None


def _script(text: str, tagged: str | None) -> str | None:
    """One of "zh", "ja", "other" and "latin"; None without letters. The tag only tells Chinese from Japanese."""
    if text.isascii():
        return "latin" if _LATIN.search(text) else None
    # Searching ends at the first character found; counting is for the few texts that it does not decide.
    if _OTHER.search(text):
        other = _length(_OTHER, text)
        if other > _length(_KANA, text) + _length(_HAN, text) and other >= _length(_LATIN, text):
            return OTHER
    kana, han, latin = _length(_KANA, text), _length(_HAN, text), _length(_LATIN, text)
    if not kana + han or _HAN_LETTERS * (kana + han) < latin:
        return "latin" if latin else None
    if kana > 1 or (kana and han <= 10):
        return "zh" if tagged == "zh" and 5 * kana < han else "ja"
    return "ja" if tagged == "ja" and not _CHINESE_ALONE.search(text) else "zh"


def _length(runs: re.Pattern[str], text: str) -> int:
    return sum(map(len, runs.findall(text)))


def _language_by_words(text: str, tagged: str | None) -> str:
    languages, by_word, by_letter = _votes()
    words = set(_WORD.findall(text)[:_WORDS])
    if "'" in text:  # elided: l'écran, d'une
        words |= {word[: word.index("'") + 1] for word in words if "'" in word}
    total = sum([by_word.get(word, 0) for word in words])
    if not text.isascii():
        total += sum([by_letter[letter] for letter in by_letter.keys() & set(text)])
    counts = {language: total >> _BITS * place & _MASK for place, language in enumerate(languages)}
    best = max(languages, key=counts.__getitem__)  # the first of equals: the order is that of LANGUAGES
    found = best if best in LANGUAGES else OTHER
    if tagged is None:
        return found if counts[best] >= counts["en"] + ENOUGH else "en"
    own = (
        counts[tagged]
        if tagged in counts
        else max(counts[language] for language in languages if language not in LANGUAGES)
    )
    return found if counts[best] >= CONTRADICTION and counts[best] > 2 * own else tagged


@cache
def _votes() -> _Votes:
    """The votes of a word or letter, those of all languages side by side in one number."""
    unlisted = {line.partition(":")[0]: frozenset(line.partition(":")[2].split()) for line in _unlisted()}
    languages = ("en", *(language for language in _LISTED if language != "en"), *sorted(unlisted))
    by_word: dict[str, int] = {}
    by_letter: dict[str, int] = {}
    english = word_lists("en").words
    for place, language in enumerate(languages):
        shift = _BITS * place
        function = unlisted.get(language) or entries(f"{language}/function")
        for word in function:
            by_word[word] = by_word.get(word, 0) + (_FUNCTION_WORD << shift)
        if language not in unlisted:
            for word in word_lists(language).words:
                if word not in function and (language == "en" or word not in english):
                    by_word[word] = by_word.get(word, 0) + (_LISTED_WORD << shift)
        for letter in _LETTERS.get(language, ""):
            by_letter[letter] = by_letter.get(letter, 0) + (_LETTER << shift)
    return _Votes(languages, by_word, by_letter)


def _unlisted() -> list[str]:
    text = files("detectors.sentiment").joinpath("lexicons/unlisted.txt").read_text("utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]
