"""A reader of texts with blanks between words: word by word, with negation, boosters, phrases and "but"."""

from __future__ import annotations

import re
from math import sqrt
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias, TypeVar, cast

from detectors.sentiment.hashing import NO_BUCKETS, Buckets, WordParts, word_buckets, word_parts
from detectors.sentiment.hashtags import HashtagReader
from detectors.sentiment.lexicon import LIMIT, SHORTEST_STEM, WordLists
from detectors.sentiment.traits import NO_TONE, tone_of, traits
from schemas.text import HANDLE, LINK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

WORDS_READ: Final = 64
"""Maximum of words of a text that are read: they give at most 191 features (words, stems and pairs) and 24 traits."""

NORMALISER: Final = 15.0
"""VADER's constant: a sum s of weights becomes s / sqrt(s * s + 15), within -1..1."""

_BY_LENGTH: Final = tuple(sqrt(20.0 / (8.0 + words)) for words in range(WORDS_READ + 1))
"""Factor on the sum of weights of a text of so many words: one of twelve is the measure. Long texts find good and bad
words by chance; so sums are weighed by length, as by Taboada et al. (2011), though not as much as a mean would."""

REACH: Final = 2
"""Words after a negation that it can turn; fillers and boosters between them do not count."""
NEGATED_GOOD: Final = -1.2
"""Factor on praise that is negated: "not good" is a complaint, though a plain one."""
MOST_NEGATED: Final = -2.2
"""The worst that negated praise can be: "not great" is no worse than "not good"."""

_BEFORE_BUT: Final = 0.5
_AFTER_BUT: Final = 1.5

EDGES: Final = "\"'`.,;:!?()[]{}<>*_~|/\\#-+=“”‘’„‟‹›«»—–―…‥‼⁉©®™¡¿、。！？，（）【】" + HANDLE + LINK
CLAUSE_ENDS: Final = frozenset(".,;:!?()…‥—–―‼⁉。！？，、")
"""Marks past which no negation reaches. A dot within a word or a dash alone is one too."""
_SHORTEST_IN_HASHTAG: Final = 4
_MAX_TOKEN: Final = 40
_GENERATION: Final = 1 << 13
"""Tokens cached per generation: two generations of tokens and of their parts are 8 MB."""
_MAX_CACHED: Final = _MAX_TOKEN
"""Maximum characters of a cached token: a longer one is hardly met again, and thousands would be hundreds of MB."""

_GLUE: Final = re.compile(r"[.,;:!?/|\\()\[\]…]+|--+")
_DOMAIN: Final = re.compile(
    r"[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|info|io|co|uk|de|fr|es|br|pt|jp|cn|eu|app|dev|me|tv|ly|gl|gg|news|shop)(?:[/:?].*)?"
)
_TRIPLE: Final = re.compile(r"(\w)\1\1")
_MOUTHS: Final = "()[]/"
_DRAWN_OUT: Final = re.compile(r"([:;=]['-]?([()\[\]/]))\2+")
"""An emoticon with its mouth several times: ":((("."""


class Phrase(NamedTuple):
    """The rest of a phrase after its first word, without apostrophes, and its weight."""

    rest: tuple[str, ...]
    weight: float


class _Token(NamedTuple):
    """A word that says something."""

    weight: float
    boost: float
    factor: float  # on complaints among the next words; 1 unless it negates
    turns: bool
    ends: bool  # a clause
    stands_alone: bool  # an emoji or an emoticon, which no word negates
    phrases: Mapping[str, Sequence[Phrase]]  # that it begins, by their second words
    is_special: bool  # it turns or may begin a phrase
    is_plain: bool  # no more than a weight to the words after it


_WEIGHT: Final = 0
_PHRASES: Final = 6
_SPECIAL: Final = 7
_PLAIN: Final = 8
"""Places in a token: taken by place, a field costs a third."""


# Words that say nothing are falsy, so that a text of nothing else is passed over at once; identity tells them apart.
_FILLER: Final = 0
_END: Final = ()
_Word: TypeAlias = _Token | int | tuple[()] | None
"""A word that says something, `_FILLER`, `_END` (the last word of a clause), or None."""

_NO_PHRASES: Final[Mapping[str, Sequence[Phrase]]] = {}
_Value = TypeVar("_Value")


class _TokenCache(dict[str, _Value]):
    """A cache of a pure analysis, because posts repeat their words.

    It is bounded by two generations: when one is full, the tokens that were not used since the last time are dropped.
    """

    def __init__(self, analyse: Callable[[str], _Value]) -> None:
        super().__init__()
        self._analyse = analyse
        self._before: dict[str, _Value] = {}

    def __missing__(self, word: str) -> _Value:
        before = self._before
        value = before[word] if word in before else self._analyse(word)
        if len(word) <= _MAX_CACHED:
            if len(self) >= _GENERATION:
                self._before = self.copy()
                self.clear()
            self[word] = value
        return value


class WordReader:
    """A reader of words: the prior polarity of a text, and its features."""

    def __init__(self, lists: WordLists, emoji: Mapping[str, float]) -> None:
        self._words = lists.words
        self._stems = lists.stems
        self._boosters = lists.boosters
        self._negators = lists.negators
        self._fillers = lists.fillers
        self._turns = lists.turns
        phrases: dict[str, dict[str, list[Phrase]]] = {}
        for words, weight in lists.phrases.items():
            phrases.setdefault(words[0], {}).setdefault(words[1], []).append(Phrase(words[1:], weight))
        self._phrases = phrases
        self._hashtags = HashtagReader(_vocabulary(lists), lists.hashtags)
        self._emoji = emoji
        self._emoji_pattern = re.compile("[" + "".join(map(re.escape, emoji)) + "]")
        self._tokens = _TokenCache(self._token)
        self._tokens_with_parts = _TokenCache(self._token_with_parts)

    def read(self, text: str, *, with_features: bool) -> tuple[float, Buckets]:
        """Prior polarity within -1..1 (negative is bad) and, where asked for, the buckets of the words and pairs.

        Args:
            text: normalised.
            with_features: whether features are asked for.
        """
        words = text.split()[:WORDS_READ]
        if not words:
            return 0.0, NO_BUCKETS
        tokens: Sequence[_Word]
        buckets = NO_BUCKETS
        if with_features:
            tokens, parts, tones = zip(*map(self._tokens_with_parts.__getitem__, words), strict=True)
            buckets = word_buckets(list(filter(None, parts)), traits(text, tones))
        else:
            tokens = list(map(self._tokens.__getitem__, words))
        if not any(tokens):
            return 0.0, buckets
        return _squashed(_BY_LENGTH[len(words)] * self._total(tokens, words)), buckets

    def read_many(self, texts: Iterable[str], *, with_features: bool) -> list[tuple[float, Buckets | None]]:
        """`read` of many texts; features None if not asked for."""
        readings = [self.read(text, with_features=with_features) for text in texts]
        return [*readings] if with_features else [(prior, None) for prior, _ in readings]

    def _token(self, raw: str) -> _Word:
        """What a word says."""
        sign = self._sign(raw)
        if sign is not None:
            return _alone(sign)
        if raw.startswith(HANDLE):
            return None
        word = _bare(raw)
        ends = not CLAUSE_ENDS.isdisjoint(raw[len(raw.rstrip(EDGES)) :] if word else raw)
        plain = word.replace("'", "")
        weight = self._weight(word)
        boost = self._boosters.get(word, 0.0)
        factor = self._negators.get(plain, 1.0)
        if not weight and raw.startswith("#"):
            weight = self._hashtag(plain)
        turns = word in self._turns
        phrases = self._phrases.get(plain, _NO_PHRASES)
        if weight or boost or factor != 1.0 or turns or phrases:
            special = turns or bool(phrases)
            return _Token(
                weight,
                boost,
                factor,
                turns,
                ends,
                stands_alone=False,
                phrases=phrases,
                is_special=special,
                is_plain=not boost and factor == 1.0,
            )
        if ends:
            return _END
        return _FILLER if word in self._fillers else None

    def _sign(self, raw: str) -> float | None:
        """The weight of an emoticon or of emoji; None of a word."""
        if raw in self._words and not raw[0].isalpha():  # emoticons, before their eyes are taken for punctuation
            return self._words[raw]
        if raw[-1] in _MOUTHS and (drawn_out := _DRAWN_OUT.fullmatch(raw)) and drawn_out[1] in self._words:
            return self._words[drawn_out[1]]
        if not raw.isascii() and self._emoji_pattern.search(raw):
            return _limited(sum(self._emoji[found] for found in self._emoji_pattern.findall(raw)))
        return None

    def _hashtag(self, tag: str) -> float:
        """The sum of the words that make up a hashtag, or the weight of its beginning or end."""
        words = self._hashtags.split(tag)
        if len(words) > 1:
            return _limited(self._total([self._tokens[word] for word in words], words))
        return 0.0 if words else self._hashtags.weight_of_part(tag)

    def _weight(self, word: str) -> float:
        """Weight of a word, of its stem, or of the plain word where it is drawn out; the sum where words are glued."""
        words = self._words
        if word in words:
            return words[word]
        if _TRIPLE.search(word):
            for times in (r"\1\1", r"\1"):
                shorter = _TRIPLE.sub(times, word)
                if shorter in words:
                    return words[shorter]
        for end in range(len(word), SHORTEST_STEM - 1, -1) if self._stems else ():
            if word[:end] in self._stems:
                return self._stems[word[:end]]
        if "'" in word:  # what is elided before it: l'arnaque
            return self._weight(word.rpartition("'")[2])
        if _GLUE.search(word) and not _DOMAIN.fullmatch(word):
            return _limited(sum(words.get(part.strip(EDGES), 0.0) for part in _GLUE.split(word)))
        return 0.0

    def _token_with_parts(self, raw: str) -> tuple[_Word, WordParts | None, int]:
        """What a word says, its features and tone; no features of an address, a name, or punctuation alone."""
        token = self._token(raw)
        tone = tone_of(token.weight, negates=token.factor != 1.0) if isinstance(token, _Token) else NO_TONE
        if raw not in self._words:
            if raw.startswith(HANDLE):
                return token, None, tone
            raw = _bare(raw)
        return token, word_parts(raw) if raw else None, tone

    def _total(self, tokens: Sequence[_Word], words: Sequence[str]) -> float:
        """The sum of the weights in the manner of VADER: with negations, boosters, and "but"."""
        special = [place for place, token in enumerate(tokens) if token and cast("_Token", token)[_SPECIAL]]
        if special:
            turned = any(cast("_Token", tokens[place]).turns for place in special)
            tokens = self._with_phrases(tokens, words, special)
            # A phrase may have taken it: "nothing but".
            turns = (
                [place for place, token in enumerate(tokens) if token and cast("_Token", token).turns] if turned else []
            )
            if turns:
                before, after = _sum(tokens[: turns[0]]), _sum(tokens[turns[0] + 1 :])
                return _BEFORE_BUT * before + _AFTER_BUT * after
        return _sum(tokens)

    def _with_phrases(self, tokens: Sequence[_Word], words: Sequence[str], special: Sequence[int]) -> Sequence[_Word]:
        """The tokens, one for each phrase among them; phrases begin at some of the special ones."""
        found: list[_Word] = []
        after = 0
        last = len(words) - 1
        for place in special:
            if place < after or place == last:
                continue
            following = words[place + 1]
            if (
                following not in cast("_Token", tokens[place])[_PHRASES]
                and following.isalpha()
                and not _may_stand_between(tokens[place + 1])
            ):
                continue  # most words that may begin a phrase begin none: this saves the closer look
            for phrase in self._candidates(tokens, words, place):
                end = self._end_of_phrase(phrase.rest, tokens, words, place + 1)
                if end:
                    found += [*tokens[after:place], _phrase(phrase.weight)]
                    after = end
                    break
        return [*found, *tokens[after:]] if after else tokens

    @staticmethod
    def _candidates(tokens: Sequence[_Word], words: Sequence[str], place: int) -> list[Phrase]:
        """The phrases that may begin at a place, by the words up to the next that is no filler; the longest first."""
        token = cast("_Token", tokens[place])
        found: list[Phrase] = []
        if token.phrases and not token.ends:
            for n in range(place + 1, len(words)):
                found += token.phrases.get(_bare(words[n]).replace("'", ""), ())
                if not _may_stand_between(tokens[n]):
                    break
        if len(found) > 1:
            found.sort(key=lambda phrase: (-len(phrase.rest), phrase.rest))
        return found

    @staticmethod
    def _end_of_phrase(rest: tuple[str, ...], tokens: Sequence[_Word], words: Sequence[str], place: int) -> int:
        """The place after a phrase whose first word stands before `place`; 0 where the phrase does not stand there.

        Fillers and boosters may stand between its words; no word of it but the last ends a clause.
        """
        before = tokens[place - 1]
        for expected in rest:
            if before is _END or (isinstance(before, _Token) and before.ends):
                return 0
            while place < len(words):
                before = tokens[place]
                word = _bare(words[place]).replace("'", "")
                place += 1
                if word == expected:
                    break
                if not _may_stand_between(before):
                    return 0
            else:
                return 0
        return place


def _vocabulary(lists: WordLists) -> frozenset[str]:
    """The words that hashtags are made of; only a language with a list of common ones has any."""
    if not lists.common:
        return frozenset()
    # Shorter words of opinion stand in names by chance, and many are shorthand: they must be listed as common.
    opinions = {word for words in (*lists.phrases, lists.words) for word in words if len(word) >= _SHORTEST_IN_HASHTAG}
    return lists.common.union(opinions, lists.boosters, lists.negators, lists.fillers, lists.turns)


def _may_stand_between(token: _Word) -> bool:
    return token is _FILLER or (isinstance(token, _Token) and token.boost != 0.0 and not token.ends)


def _bare(raw: str) -> str:
    """A word without the punctuation around it, cut."""
    return raw.strip(EDGES)[:_MAX_TOKEN]


def _alone(weight: float) -> _Token:
    return _Token(
        weight,
        0.0,
        1.0,
        turns=False,
        ends=True,
        stands_alone=True,
        phrases=_NO_PHRASES,
        is_special=False,
        is_plain=True,
    )


def _phrase(weight: float) -> _Token:
    return _alone(weight)._replace(stands_alone=False)


def _sum(tokens: Sequence[_Word]) -> float:
    """The sum of the weights as negations and boosters change them."""
    total = 0.0
    said = list(filter(None, tokens))
    for token in said:
        if not cast("_Token", token)[_PLAIN]:
            return _sum_in_context(tokens)
        total += cast("_Token", token)[_WEIGHT]  # not sum(), which rounds otherwise from Python 3.12 on
    return total


def _sum_in_context(tokens: Sequence[_Word]) -> float:
    total = boost = pending = 0.0
    factor, reach = 1.0, 0
    for token in tokens:
        if not token:
            if reach > 0:
                reach -= (token is None) + REACH * (token is _END)
            boost = 0.0
            continue
        weight, own_boost, own_factor, _, ends, stands_alone, _, _, _ = cast("_Token", token)
        if own_factor != 1.0:
            # Its own weight counts unless it turns out to negate something: "no" alone is a complaint.
            factor, reach, pending = min(own_factor, factor if reach > 0 else 1.0), REACH, weight
            total += weight
        elif weight:
            if not stands_alone:
                weight = _boosted(weight, boost)
                if reach > 0:
                    weight = _negated(weight, factor) - pending
                    pending = 0.0
            total += weight
        if not own_boost:
            reach -= own_factor == 1.0
        boost = own_boost
        if ends:
            reach = 0
            boost = 0.0
    return total


def _boosted(weight: float, boost: float) -> float:
    return weight + boost if weight > 0 else weight - boost


def _negated(weight: float, factor: float) -> float:
    return max(NEGATED_GOOD * weight, MOST_NEGATED) if weight > 0 else factor * weight


def _squashed(total: float) -> float:
    return total / sqrt(total * total + NORMALISER)


def _limited(weight: float) -> float:
    return max(-LIMIT, min(LIMIT, weight))
