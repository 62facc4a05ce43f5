"""Which texts are copies of each other.

Equal letters make a copy, and so does a resemblance (Broder 1997) of at least RESEMBLANCE: the share that two texts
have in common of all shingles, runs of SHINGLE bytes, in either. So does being the cut-off beginning of a text. Letters
are what is left of a normalised text without hashtags, emoji, addresses, accounts, digits, punctuation and blanks; so
neither these nor case or dress of letters make a copy or hide one, and a signature or template makes one only where it
is most of both texts.

The resemblance is estimated by one permutation hashing (Li, Owen and Zhang 2012), a MinHash that hashes every shingle
once: exact where a text has few shingles, standard error 3 % at most. Whole numbers of 64 bits only, so it is the same
on every processor. As two texts seldom resemble each other, those that share no longer chunks (content-defined:
Muthitacharoen et al. 2001) are not sketched at all.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from schemas.text import READ_CHARACTERS, normalised

SHORTEST: Final = 32
"""Bytes of letters (some seven words, eleven Han characters): shorter texts are alike by chance and no copies."""
SHORTEST_ALIKE: Final = 40
"""Bytes of letters from which on a text may be a copy of one that differs from it."""
RESEMBLANCE: Final = 0.72
"""Of two texts from which on one is a copy of the other: two people who fill in one form write two texts."""
CUT_OFF: Final = 0.5
"""Of a longer text that a copy of its beginning has at least."""
SHINGLE: Final = 6
"""Bytes: letters of Latin, two characters of Han, Kana and Hangul, three letters of Cyrillic and Arabic."""
BINS: Final = 256

ID_MARK: Final = b"#"
"""Begins the keys of stories that are ids, which a digest of a text must not be taken for."""

_SHARED: Final = 0.2
"""Of a text's letters in chunks that another text has too: less is no reason to look closer."""
_SHORTEST_CHUNK: Final = 6
_HOLDERS: Final = 2
"""Texts that are remembered by a chunk: many that share it are a template, and each is looked at for that."""

_SIGNS: Final = (
    "\u00a1-\u00a9\u00ab-\u00b4\u00b6-\u00b9\u00bb-\u00bf\u00d7\u00f7\u060c\u061b\u061f\u0660-\u066d\u06d4\u06f0-\u06f9"
    "\u0964-\u096f\u2000-\u206f\u20a0-\u20cf\u2190-\u2bff\u3000-\u3004\u3007-\u3030\u30fb\ufe00-\ufe0f\ufe30-\ufe6f"
    "\uff00-\uff20\uff3b-\uff40\uff5b-\uff65\uffe0-\uffef\U0001f000-\U0001faff"
)
_SIGN: Final = re.compile(f"[{_SIGNS}]+")
_HASHTAG: Final = re.compile(rf"#[^\s#!-/:-@\[-^`{{-~{_SIGNS}]{{1,64}}#?")
_NO_LETTERS: Final = bytes(code for code in range(128) if not chr(code).isalpha())
_LOWER: Final = bytes(range(256)).lower()
_DIGEST: Final = hashlib.blake2b(digest_size=8)

_BETWEEN: Final = b"\xff"
"""Ends a chunk: no byte of UTF-8."""
_CUT: Final = bytes(
    0xFF if chr(code) in "sdm" or (0x80 <= code < 0xC0 and code % 8 == 5) else code for code in range(256)
)
"""Of Latin letters one in eight ends a chunk, of other scripts one byte in twelve."""

_MASK: Final = np.uint64((1 << 8 * SHINGLE) - 1)
_FACTORS: Final = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93))
_HALF: Final = np.uint64(32)
_TO_BIN: Final = np.uint64(64 - (BINS.bit_length() - 1))
_NONE: Final = np.uint64((1 << 64) - 1)
_PADDING: Final = bytes(8)

Sketches: TypeAlias = NDArray[np.uint64]
"""A row of BINS minima per text."""


def letters_of(text: str) -> bytes:
    """The letters of a text by which copies of it are known, in lower case and UTF-8."""
    return _letters_of(text) if len(text) > READ_CHARACTERS else _remembered_letters(text)


def _letters_of(text: str) -> bytes:
    beginning = text[:READ_CHARACTERS]
    if beginning.isascii() and not _has_more_than_words(beginning):
        return beginning.encode().translate(_LOWER, _NO_LETTERS)
    read = normalised(text)
    if "#" in read:
        read = _HASHTAG.sub("", read)
    letters = read.encode("utf-8", "replace").translate(_LOWER, _NO_LETTERS)
    if letters.isascii():
        return letters
    return _SIGN.sub("", letters.decode()).encode()


_remembered_letters: Final = lru_cache(maxsize=4096)(_letters_of)
"""A text is asked for when its mention comes, when its bucket closes, and while it is told as a story."""


def _has_more_than_words(text: str) -> bool:
    """Whether an ASCII text may hold markup, an address, an account or a hashtag."""
    return "@" in text or "#" in text or "/" in text or "<" in text or "&" in text


def fingerprint(letters: bytes) -> bytes:
    """A digest of 64 bits by which equal letters are known; empty where they are too few to tell a copy from chance.

    BLAKE2b: nobody can choose a text whose digest is another's, so it needs no secret. None begins with ID_MARK.
    """
    if len(letters) < SHORTEST:
        return b""
    digest = _DIGEST.copy()  # half the time of a new one, which reads its parameters first
    digest.update(letters)
    found = digest.digest()
    return found if found[0] != ID_MARK[0] else b"\0" + found[1:]


def fingerprints(texts: Sequence[str]) -> list[bytes]:
    """`fingerprint` of the letters of each text."""
    beginnings = [text[:READ_CHARACTERS] for text in texts]
    whole = "".join(beginnings)
    if not whole.isascii() or _has_more_than_words(whole):
        return [fingerprint(letters_of(text)) for text in texts]
    if not texts:
        return []
    letters = _BETWEEN.join(map(str.encode, beginnings)).translate(_LOWER, _NO_LETTERS).split(_BETWEEN)
    return list(map(fingerprint, letters))


def copies(texts: Sequence[bytes], known: int = 0) -> dict[int, int]:
    """Copies among some texts.

    A text joins the one before it that it resembles most and that is itself no copy: copies of copies would chain
    strangers together.

    Args:
        texts: letters, each at least SHORTEST_ALIKE bytes.
        known: so many at the beginning are known; nothing need be found unless a copy may be among the others.

    Returns:
        The places of copies to the places of what they are copies of.
    """
    if not _may_share(texts, known):
        return {}
    places = _worth_a_look(texts)
    if len(places) < 2:
        return {}
    sketches = sketched([texts[place] for place in places])
    found: dict[int, int] = {}
    firsts: list[int] = []
    chosen = np.empty_like(sketches)
    for row, place in enumerate(places):
        if firsts:
            alike = resemblances(sketches[row], chosen[: len(firsts)])
            best = int(alike.argmax())
            if alike[best] < RESEMBLANCE:
                best = _cut_off(texts[place], [texts[places[first]] for first in firsts], alike)
            if best >= 0:
                found[place] = places[firsts[best]]
                continue
        chosen[len(firsts)] = sketches[row]
        firsts.append(row)
    return found


def _cut_off(letters: bytes, others: Sequence[bytes], alike: NDArray[np.float64]) -> int:
    """The first of some texts that begins as this one goes on, or the other way round; -1 where none does."""
    for place in np.flatnonzero(alike >= CUT_OFF / 2).tolist():
        shorter, longer = sorted((letters, others[place]), key=len)
        if len(shorter) >= CUT_OFF * len(longer) and longer.startswith(shorter):
            return int(place)
    return -1


def _may_share(texts: Sequence[bytes], known: int) -> bool:
    """Whether a text past the known ones may share a part of its letters with another: quick, and seldom."""
    chunks = set[bytes]().union(*map(_chunks, texts[:known]))
    shortest = min(map(len, texts), default=0)
    for letters in texts[known:]:
        own = _chunks(letters)
        if not chunks.isdisjoint(own) and sum([len(chunk) for chunk in own if chunk in chunks]) >= _SHARED * min(
            len(letters), shortest
        ):
            return True
        chunks.update(own)
    return False


def _worth_a_look(texts: Sequence[bytes]) -> list[int]:
    """Places of the texts that share a part of their letters with another, in order."""
    holders: dict[bytes, list[int]] = {}
    found: set[int] = set()
    for place, letters in enumerate(texts):
        enough = _SHARED * len(letters)
        shared: dict[int, int] = {}
        for chunk in _chunks(letters):
            size = len(chunk)
            known = holders.get(chunk)
            if known is None:
                holders[chunk] = [place]
                continue
            for other in known:
                shared[other] = shared.get(other, 0) + size
            if len(known) < _HOLDERS:
                known.append(place)
        for other, size in shared.items():
            if size >= enough or size >= _SHARED * len(texts[other]):
                found.add(other)
                found.add(place)
    return sorted(found)


@lru_cache(maxsize=2048)
def _chunks(letters: bytes) -> tuple[bytes, ...]:
    """The different chunks of a text that are long enough to tell; what is told is compared in every bucket anew."""
    return tuple([chunk for chunk in set(letters.translate(_CUT).split(_BETWEEN)) if len(chunk) >= _SHORTEST_CHUNK])


def sketched(texts: Sequence[bytes]) -> Sketches:
    """The sketches of texts."""
    return np.array([_sketch(letters) for letters in texts])


@lru_cache(maxsize=1024)
def _sketch(letters: bytes) -> NDArray[np.uint64]:
    """The sketch of a text; what is told is compared in every bucket anew."""
    size = max(len(letters) - SHINGLE + 1, 1)
    windows: NDArray[np.uint64] = np.ndarray((size,), "<u8", letters + _PADDING, strides=(1,))
    hashes = _mixed(windows.astype(np.uint64) & _MASK)
    hashes.sort()
    # A shingle that comes again is another one: words said twice make up as much of a text as they take.
    is_again = hashes[1:] == hashes[:-1]
    times = np.zeros(size, np.uint64)
    if is_again.any():
        numbers = np.arange(size)
        numbers[1:][is_again] = 0
        times = (np.arange(size) - np.maximum.accumulate(numbers)).astype(np.uint64)
    hashes = _mixed(hashes + times)
    hashes.sort()
    # Bins are the first bits, so in order too: the least of a bin is the first of its run.
    bins = (hashes >> _TO_BIN).astype(np.int64)
    is_least = np.ones(size, np.bool_)
    is_least[1:] = bins[1:] != bins[:-1]
    sketch = np.full(BINS, _NONE)
    sketch[bins[is_least]] = hashes[is_least]
    return sketch


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    values = values * _FACTORS[0]
    values ^= values >> _HALF
    values *= _FACTORS[1]
    values ^= values >> _HALF
    return values


def resemblances(sketch: NDArray[np.uint64], others: Sketches) -> NDArray[np.float64]:
    """How much a text resembles each of some others: the share of bins with the same minimum."""
    is_empty = sketch == _NONE
    equal = np.count_nonzero((others == sketch) & ~is_empty, axis=1)
    filled = BINS - np.count_nonzero((others == _NONE) & is_empty, axis=1)
    shares: NDArray[np.float64] = equal / np.maximum(filled, 1)
    return shares


def is_copy(one: bytes, other: bytes) -> bool:
    """Whether one text is a copy of the other; both are letters, of any length."""
    if one == other:
        return True
    return min(len(one), len(other)) >= SHORTEST_ALIKE and bool(copies((one, other)))


def distinct(texts: Iterable[str], limit: int) -> list[int]:
    """Places of the first texts, at most so many, of which none is a copy of another; one without letters is none."""
    found: list[int] = []
    known: list[bytes] = []
    for place, text in enumerate(texts):
        letters = letters_of(text)
        if letters and any(is_copy(letters, other) for other in known):
            continue
        found.append(place)
        known.append(letters)
        if len(found) == limit:
            break
    return found
