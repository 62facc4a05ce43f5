"""The readers once more, as plain as the rules in docs/sentiment.md: what the fast ones are compared with.

Nothing is cached, looked up in bulk or left out because it cannot matter; word by word and place by place. The word
lists and the patterns of negation are data and are shared with the product.
"""

from __future__ import annotations

import re
from math import exp, fsum, sqrt
from typing import NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from detectors.sentiment.characters import CHINESE_NEGATION, JAPANESE_NEGATION
from detectors.sentiment.lexicon import WordLists, weights, with_adjective_forms, word_lists
from schemas.text import normalised

NO_WEIGHTS = np.zeros(1 << 16, np.float32)
EDGES = "\"'`.,;:!?()[]{}<>*_~|/\\#-+=“”‘’„‟‹›«»—–―…‥‼⁉©®™¡¿、。！？，（）【】@\N{LINK SYMBOL}"
CLAUSE_ENDS = set(".,;:!?()…‥—–―‼⁉。！？，、")
DOMAIN = re.compile(
    r"[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|info|io|co|uk|de|fr|es|br|pt|jp|cn|eu|app|dev|me|tv|ly|gl|gg|news|shop)"
    r"(?:[/:?].*)?"
)


KANA = [
    (0x3041, 0x3096),
    (0x309D, 0x309F),
    (0x30A1, 0x30FA),
    (0x30FD, 0x30FF),
    (0x31F0, 0x31FF),
    (0xFF66, 0xFF6F),
    (0xFF71, 0xFF9D),
]
HAN = [(0x3005, 0x3005), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF)]
LATIN = [(0x41, 0x5A), (0x61, 0x7A), (0xC0, 0xD6), (0xD8, 0xF6), (0xF8, 0x24F), (0x1E00, 0x1EFF)]
OTHER = [(0x370, 0x1DFF), (0xA000, 0xABFF), (0xAC00, 0xD7AF)]


def script(text: str) -> str:
    """The script of a text of which nothing else is known; "" without letters."""
    kana, han, latin, other = (
        sum(any(first <= ord(character) <= last for first, last in script) for character in text[:100])
        for script in (KANA, HAN, LATIN, OTHER)
    )
    if other > kana + han and other >= latin:
        return "other"
    if kana + han and 3 * (kana + han) >= latin:
        return "ja" if kana >= 2 or (kana == 1 and han <= 10) else "zh"
    return "latin" if latin else ""


def read(text: str, language: str) -> tuple[float, set[int]]:
    """Prior polarity and feature buckets of a text as it came."""
    text = normalised(text)
    return read_characters(text, language) if language in {"zh", "ja"} else read_words(text, language)


class Word(NamedTuple):
    """A word, and what a list or an emoji makes of it."""

    plain: str  # without punctuation and apostrophes
    weight: float = 0.0
    boost: float = 0.0
    factor: float = 1.0
    turns: bool = False
    ends: bool = False
    stands_alone: bool = False
    is_filler: bool = False

    @property
    def tone(self) -> str:
        if self.factor != 1.0:
            return "negation"
        if not self.weight:
            return ""
        return ("very " if abs(self.weight) >= 2.0 else "") + ("good" if self.weight > 0 else "bad")


def word_of(raw: str, lists: WordLists) -> Word:
    if raw in lists.words and not raw[0].isalpha():
        return Word("", lists.words[raw], ends=True, stands_alone=True)
    drawn_out = re.fullmatch(r"([:;=]['-]?[()\[\]/])(.*)", raw)
    if drawn_out and drawn_out[2] and set(drawn_out[2]) == {drawn_out[1][-1]} and drawn_out[1] in lists.words:
        return Word("", lists.words[drawn_out[1]], ends=True, stands_alone=True)
    emoji = [weights("emoji")[character] for character in raw if character in weights("emoji")]
    if emoji:
        return Word("", limited(sum(emoji)), ends=True, stands_alone=True)
    if raw.startswith("@"):
        return Word("")
    word = bare(raw)
    weight = weight_of(word, lists)
    if not weight and raw.startswith("#"):
        weight = weight_of_hashtag(word.replace("'", ""), lists)
    found = Word(
        word.replace("'", ""),
        weight,
        lists.boosters.get(word, 0.0),
        lists.negators.get(word.replace("'", ""), 1.0),
        word in lists.turns,
        bool(set(raw[len(raw.rstrip(EDGES)) :] if word else raw) & CLAUSE_ENDS),
    )
    says = found.weight or found.boost or found.factor != 1.0 or found.turns or opens_a_phrase(found.plain, lists)
    return found._replace(is_filler=not says and not found.ends and word in lists.fillers)


def weight_of_hashtag(tag: str, lists: WordLists) -> float:
    known = set(lists.common)
    if known:
        known |= {word for word in (*lists.words, *sum(lists.phrases, ())) if len(word) >= 4}
        known.update(lists.boosters, lists.negators, lists.fillers, lists.turns)
        known = {word for word in known if word.isalpha() and len(word) <= 14}
    parts = split(tag, known) if len(tag) <= 26 else None
    if parts and len(parts) > 1:
        return limited(total_of(parts, lists))
    if parts and len(parts) == 1:
        return 0.0
    for length in range(len(tag), 1, -1):
        for part in (tag[:length] + "*", "*" + tag[-length:]):
            if part in lists.hashtags:
                return lists.hashtags[part]
    return 0.0


def split(tag: str, known: set[str]) -> list[str] | None:
    """The fewest known words, at equal number the longest first."""
    found: dict[str, list[str] | None] = {"": []}
    for start in reversed(range(len(tag))):
        ends = [end for end in range(start + 1, len(tag) + 1) if tag[start:end] in known]
        whole = [[tag[start:end], *rest] for end in ends if (rest := found[tag[end:]]) is not None]
        found[tag[start:]] = min(whole, key=lambda words: (len(words), -len(words[0])), default=None)
    return found[tag]


def opens_a_phrase(word: str, lists: WordLists) -> bool:
    return any(phrase[0] == word for phrase in lists.phrases)


def weight_of(word: str, lists: WordLists) -> float:
    listed = lists.words
    if word in listed:
        return listed[word]
    for times in (r"\1\1", r"\1"):
        shorter = re.sub(r"(\w)\1\1", times, word)
        if shorter != word and shorter in listed:
            return listed[shorter]
    stems = [stem for stem in lists.stems if word.startswith(stem)]
    if stems:
        return lists.stems[max(stems, key=len)]
    if "'" in word:
        return weight_of(word.rpartition("'")[2], lists)
    parts = re.split(r"[.,;:!?/|\\()\[\]…]+|--+", word)
    if len(parts) > 1 and not DOMAIN.fullmatch(word):
        return limited(sum(listed.get(part.strip(EDGES), 0.0) for part in parts))
    return 0.0


def bare(raw: str) -> str:
    return raw.strip(EDGES)[:40]


def limited(weight: float) -> float:
    return max(-4.0, min(4.0, weight))


def read_words(text: str, language: str) -> tuple[float, set[int]]:
    lists = WordLists({}) if language == "other" else word_lists(language)
    raws = text.split()[:64]
    total = total_of(raws, lists) * sqrt(20 / (8 + len(raws)))
    spoken = [raw if raw in lists.words else bare(raw) for raw in raws if raw in lists.words or not raw.startswith("@")]
    return polarity(total), buckets_of_words([word for word in spoken if word]) | buckets_of_traits(text, raws, lists)


def total_of(raws: list[str], lists: WordLists) -> float:
    words = with_phrases([word_of(raw, lists) for raw in raws], raws, lists)
    turn = next((place for place, word in enumerate(words) if word.turns), None)
    return sum_of(words) if turn is None else 0.5 * sum_of(words[:turn]) + 1.5 * sum_of(words[turn + 1 :])


def buckets_of_traits(text: str, raws: list[str], lists: WordLists) -> set[int]:
    if not raws:
        return set()
    names = [mark for mark in ("!", "!!", "?", "..", "#", '"', "@", "\N{LINK SYMBOL}") if mark in text]
    names.append(f"length {min(len(raws) // 6, 4)}")
    tones = [word_of(raw, lists).tone for raw in raws]
    for tone in set(tones) - {""}:
        names += [f"{tone} {count}" for count in range(1, min(tones.count(tone), 3) + 1)]
    return {scattered(crc32(b"t" + name.encode()), 0x9E3779B1) for name in names}


def with_phrases(words: list[Word], raws: list[str], lists: WordLists) -> list[Word]:
    found = []
    place = 0
    while place < len(words):
        ends = [
            (len(phrase), end, weight)
            for phrase, weight in lists.phrases.items()
            if not words[place].stands_alone and phrase[0] == words[place].plain
            if (end := end_of(phrase[1:], place + 1, words, raws))
        ]
        if ends and words[place].plain:
            longest = max(length for length, _, _ in ends)
            _, place, weight = min(one for one in ends if one[0] == longest)
            found.append(Word("", weight, ends=True))
        else:
            found.append(words[place])
            place += 1
    return found


def end_of(rest: tuple[str, ...], place: int, words: list[Word], raws: list[str]) -> int:
    for expected in rest:
        if words[place - 1].ends:
            return 0
        while place < len(words) and bare(raws[place]).replace("'", "") != expected:
            word = words[place]
            if not (word.is_filler or (word.boost and not word.ends)):
                return 0
            place += 1
        if place == len(words):
            return 0
        place += 1
    return place


def sum_of(words: list[Word]) -> float:
    total = pending = 0.0
    factor, reach = 1.0, 0
    for place, word in enumerate(words):
        if word.factor != 1.0:
            factor = min(word.factor, factor if reach > 0 else 1.0)
            reach, pending = 2, word.weight
            total += word.weight
        elif word.weight:
            weight = word.weight
            if not word.stands_alone:
                boost = words[place - 1].boost if place and not words[place - 1].ends else 0.0
                weight += boost if weight > 0 else -boost
                if reach > 0:
                    weight = (max(-1.2 * weight, -2.2) if weight > 0 else factor * weight) - pending
                    pending = 0.0
            total += weight
        if word.factor == 1.0 and not word.boost and not word.is_filler:
            reach -= 1
        if word.ends:
            reach = 0
    return total


def read_characters(text: str, language: str) -> tuple[float, set[int]]:
    text = "".join(text.replace("@", "").replace("\N{LINK SYMBOL}", "").split())
    own = with_adjective_forms(weights("ja/words")) if language == "ja" else weights("zh/words")
    listed = {**weights("emoji"), **own}
    longest = max(map(len, listed))
    total = 0.0
    start = counted = 0
    while start < len(text) and counted < 48:
        matches = [text[start : start + n] for n in range(longest, 0, -1) if text[start : start + n] in listed]
        if not matches:
            start += 1
            continue
        end = start + len(matches[0])
        weight = listed[matches[0]]
        if weight:
            counted += 1
            if language == "zh":
                negated = CHINESE_NEGATION.pattern.search(text[max(0, start - 8) : start])
            else:
                negated = JAPANESE_NEGATION.pattern.match(text[end : end + 8])
            total += weight * ((-1.0 if weight > 0 else -0.7) if negated else 1.0)
        start = end
    return polarity(total), buckets_of_characters(text[:96])


def polarity(total: float) -> float:
    return total / sqrt(total * total + 15.0)


def buckets_of_words(words: list[str]) -> set[int]:
    hashes = [crc32(word.encode("utf-8", "surrogatepass")) for word in words]
    firsts = [scattered(code, 0x9E3779B1) for code in hashes]
    seconds = [scattered(code, 0x85EBCA77) for code in hashes]
    stems = {
        scattered(crc32(b"s" + word[:4].encode("utf-8", "surrogatepass")), 0x9E3779B1)
        for word in words
        if len(word) >= 4
    }
    return stems | set(firsts) | {a ^ b for a, b in zip(firsts, seconds[1:], strict=False)}


def buckets_of_characters(text: str) -> set[int]:
    firsts = [scattered(ord(character), 0x9E3779B1) for character in text]
    seconds = [scattered(ord(character), 0x85EBCA77) for character in text]
    return set(firsts) | {a ^ b for a, b in zip(firsts, seconds[1:], strict=False)}


def scattered(code: int, factor: int) -> int:
    """16 bits of a 32-bit product."""
    return (code * factor % 2**32) >> 16


def probability(
    prior: float, buckets: set[int], intercept: float, prior_weight: float, weights: NDArray[np.float32]
) -> float:
    """The logistic regression's answer."""
    logit = intercept + prior_weight * prior
    if buckets:
        logit += fsum(float(weights[bucket]) for bucket in buckets) / sqrt(len(buckets))
    return 1.0 / (1.0 + exp(-max(-30.0, min(30.0, logit))))
