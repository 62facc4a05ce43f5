"""The readers once more, as plain as the rules in docs/sentiment.md: what the fast ones are compared with.

Nothing is cached, looked up in bulk or left out because it cannot matter; word by word and place by place. The word
lists and the patterns of negation are data and are shared with the product.
"""

from __future__ import annotations

import re
from html import unescape
from math import exp, fsum, sqrt
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from detectors.sentiment.characters import CHINESE_NEGATION, JAPANESE_NEGATION
from detectors.sentiment.lexicon import english_words, own_list, with_adjective_forms

NO_WEIGHTS = np.zeros(1 << 15, np.float32)
EDGES = "\"'`.,;:!?()[]{}<>*_~|/\\#-+=…“”‘’«»、。！？，（）【】"


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
LATIN = [(0x41, 0x5A), (0x61, 0x7A), (0xC0, 0xD6), (0xD8, 0xF6), (0xF8, 0x24F)]
OTHER = [(0x370, 0x1DFF), (0xA000, 0xABFF), (0xAC00, 0xD7AF)]


def language_by_script(text: str) -> str:
    """The language of a text of which nothing else is known."""
    kana, han, latin, other = (
        sum(any(first <= ord(character) <= last for first, last in script) for character in text[:100])
        for script in (KANA, HAN, LATIN, OTHER)
    )
    if other > kana + han and other >= latin:
        return "other"
    if kana >= 2 or (kana == 1 and han <= 10):
        return "ja"
    if han:
        return "zh"
    return "en" if latin else "other"


def read(text: str, language: str) -> tuple[float, set[int]]:
    """Prior polarity and feature buckets of a text."""
    text = unescape(text[:280])
    if language in {"zh", "ja"}:
        return read_characters(text, language)
    return read_words(text, english=language == "en")


def read_words(text: str, *, english: bool) -> tuple[float, set[int]]:
    raw_words = text.lower().split()[:64]
    words, values, factors, boosts, turns = [], [], [], [], []
    weights = english_words() if english else {}
    boosters = own_list("en_boosters") if english else {}
    negators = own_list("en_negators") if english else {}
    for raw in raw_words:
        emoji = sum(own_list("emoji").get(character, 0.0) for character in raw)
        unquoted = raw.replace("’", "'")
        word, value, factor, boost, turn = None, 0.0, 1.0, 0.0, False
        if unquoted in weights:
            word, value = unquoted, weights[unquoted]
        elif not re.match(r"https?://|www\.|@", unquoted):
            word = unquoted.strip(EDGES)[:40]
            value = max(-4.0, min(4.0, weights.get(word, 0.0) + emoji))
            factor = negators.get(word.replace("'", ""), 1.0)
            boost = boosters.get(word, 0.0)
            turn = word in {"but", "however", "yet"}
        words.append(word)
        values.append(value)
        factors.append(factor)
        boosts.append(boost)
        turns.append(turn)
    parts = [0.0]
    for n, value in enumerate(values):
        if value:
            boost = boosts[n - 1] if n else 0.0
            boosted = value + (boost if value > 0 else -boost)
            parts[-1] += boosted * min(factors[max(n - 2, 0) : n], default=1.0)
        elif turns[n] and len(parts) == 1:
            parts.append(0.0)
    total = parts[0] if len(parts) == 1 else 0.5 * parts[0] + 1.5 * parts[1]
    return polarity(total), buckets_of_words([word for word in words if word])


def read_characters(text: str, language: str) -> tuple[float, set[int]]:
    text = re.sub(r"https?://[\x21-\x7e]*|@[\w.-]{1,32}", "", text)
    text = "".join(text.lower().split())
    own = with_adjective_forms(own_list("ja")) if language == "ja" else own_list("zh")
    weights = {**own_list("emoji"), **own}
    longest = max(map(len, weights))
    total = 0.0
    start = counted = 0
    while start < len(text) and counted < 48:
        matches = [text[start : start + n] for n in range(longest, 0, -1) if text[start : start + n] in weights]
        if not matches:
            start += 1
            continue
        end = start + len(matches[0])
        weight = weights[matches[0]]
        if weight:
            counted += 1
            if language == "zh":
                negated = CHINESE_NEGATION.pattern.search(text[max(0, start - 8) : start])
            else:
                negated = JAPANESE_NEGATION.pattern.match(text[end : end + 8])
            total += weight * ((-1.0 if weight > 0 else -0.4) if negated else 1.0)
        start = end
    return polarity(total), buckets_of_characters(text[:96])


def polarity(total: float) -> float:
    return total / sqrt(total * total + 15.0)


def buckets_of_words(words: list[str]) -> set[int]:
    hashes = [crc32(word.encode("utf-8", "surrogatepass")) for word in words]
    firsts = [scattered(code, 0x9E3779B1) for code in hashes]
    seconds = [scattered(code, 0x85EBCA77) for code in hashes]
    stems = {
        scattered(crc32(b"s" + word[:5].encode("utf-8", "surrogatepass")), 0x9E3779B1)
        for word in words
        if len(word) >= 4
    }
    return stems | set(firsts) | {a ^ b for a, b in zip(firsts, seconds[1:], strict=False)}


def buckets_of_characters(text: str) -> set[int]:
    firsts = [scattered(ord(character), 0x9E3779B1) for character in text]
    seconds = [scattered(ord(character), 0x85EBCA77) for character in text]
    return set(firsts) | {a ^ b for a, b in zip(firsts, seconds[1:], strict=False)}


def scattered(code: int, factor: int) -> int:
    """15 bits of a 32-bit product."""
    return (code * factor % 2**32) >> 17


def probability(
    prior: float, buckets: set[int], intercept: float, prior_weight: float, weights: NDArray[np.float32]
) -> float:
    """The logistic regression's answer."""
    logit = intercept + prior_weight * prior
    if buckets:
        logit += fsum(float(weights[bucket]) for bucket in buckets) / sqrt(len(buckets))
    return 1.0 / (1.0 + exp(-max(-30.0, min(30.0, logit))))
