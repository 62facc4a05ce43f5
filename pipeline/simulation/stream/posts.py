"""The writer of posts: from drawn numbers to mentions with author, text, platform and the post they repeat."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from pipeline.simulation.stream.authors import CAST_SIZE, cast
from pipeline.simulation.stream.circles import Circle, Said
from pipeline.simulation.stream.events import ClassifierDrift, Crisis, Surge
from pipeline.simulation.stream.phrases import LANGUAGES, TONES, Language, phrasebook
from pipeline.simulation.stream.population import Brand
from schemas.mention import Author, Channel, Mention

PLATFORMS: Final[dict[Language, tuple[tuple[str, Channel, float], ...]]] = {
    "en": (("x", "social", 0.58), ("reddit", "forum", 0.2), ("youtube", "video", 0.12),
           ("opinionbox", "review", 0.06), ("", "news", 0.04)),
    "zh": (("weibo", "social", 0.7), ("zhihu", "forum", 0.12), ("bilibili", "video", 0.1),
           ("opinionbox", "review", 0.03), ("", "news", 0.05)),
    "ja": (("x", "social", 0.6), ("line-voom", "social", 0.18), ("youtube", "video", 0.12),
           ("opinionbox", "review", 0.05), ("", "news", 0.05)),
}  # fmt: skip
"""Platforms of each language: name, channel, share. The first is the main one; "" is a news site."""

NEGATIVE, NEUTRAL, POSITIVE = range(3)

_REPOST_SHARE: Final = 0.18
_REPLY_SHARE: Final = 0.28  # replies lie between the two
_HEADLINE_SHARE: Final = 0.3  # of the neutral posts of a surge that news sites have noticed
_LANG_PERCENT: Final = 85
_SENTIMENT: Final = ((-0.64, 0.16), (0.0, 0.11), (0.62, 0.17))  # mean and deviation by tone

_MAIN_PLATFORM: Final = 0
_NEWS: Final = 4
_ANY_PRODUCT: Final = -1
_TRIGGER_TONE: Final = {
    "launch": NEUTRAL,
    "praise": POSITIVE,
    "giveaway": NEUTRAL,
    "match_day": NEUTRAL,
    "meme": POSITIVE,
}
_SPREAD_SHARES: Final = {
    "launch": (0.3, 0.33, 0.45),
    "praise": (0.25, 0.27, 0.39),
    "giveaway": (0.7, 0.72, 0.85),
    "match_day": (0.15, 0.15, 0.25),
    "meme": (0.4, 0.55, 0.6),
}
_CRISIS_SHARES: Final = (0.34, 0.42, 0.54)
"""Cumulative shares of reposts, near-copies and replies among the posts of a surge that share its trigger's tone."""


class Draws(msgspec.Struct, gc=False):
    """One mention before it is written: time, tone, language, and random numbers for everything else."""

    time_ms: int
    tone: int
    language: int
    kind: float
    platform: float
    author: float
    text: int
    style: int
    flags: int
    noise: float
    writer: int = 0


class PostWriter:
    """The writer of a stream's mentions, in order of time; its memory is bounded by brands and surges."""

    def __init__(
        self,
        brands: Sequence[Brand],
        surges: Sequence[Surge],
        start: datetime,
        prefix: str,
        labelled_share: float,
        drift: ClassifierDrift | None = None,
    ) -> None:
        """Begin a stream.

        Args:
            brands: the population.
            surges: crises and benign bursts of the scenario.
            start: start of the stream; the times of the draws are milliseconds since then.
            prefix: prefix of every id.
            labelled_share: share of the mentions that carry a trusted sentiment.
            drift: drift of the classifier that gives these sentiments; None where it makes no mistakes.
        """
        self._drift = drift
        self._brands = brands
        self._surges = surges
        self._start = start
        self._start_seconds = start.timestamp()
        self._prefix = prefix
        self._labelled = int(labelled_share * 10_000)
        self._books = [phrasebook(language) for language in LANGUAGES]
        self._casts = [cast(language) for language in LANGUAGES]
        self._platforms = [PLATFORMS[language] for language in LANGUAGES]
        self._circles = [Circle() for _ in brands]
        self._surge_circles = [Circle() for _ in surges]
        self._triggers: list[Said | None] = [None for _ in surges]
        self._index = {brand.slug: index for index, brand in enumerate(brands)}
        self._pools: dict[tuple[int, int, int], dict[str, tuple[str, ...]]] = {}
        self._written = 0
        # Each brand has regulars: consecutive accounts of the cast, more for larger brands.
        self._regulars = [(index * 7919 % CAST_SIZE, int(60 + 40 * brand.rate)) for index, brand in enumerate(brands)]

    def trigger_id(self, surge: int) -> str:
        """Id of the trigger post of the surge with this index."""
        return f"{self._prefix}-trigger{surge}"

    def trigger(self, surge: int, draws: Draws) -> tuple[Mention, int]:
        """The post that starts a surge, on the main platform of its language, and its tone."""
        event = self._surges[surge]
        brand = self._index[event.brand]
        language = LANGUAGES.index(self._brands[brand].language)
        templates = self._books[language].topics[event.topic]["trigger"]
        text = templates[draws.text % len(templates)].fill(self._pool(brand, language, event.product), draws.style)
        if isinstance(event, Crisis):
            tone = NEGATIVE
            account = self._casts[language].authors[int(draws.author * CAST_SIZE)]
            author = Author(id=account.id, followers=event.followers, kind="influencer")
        else:
            tone = _TRIGGER_TONE[event.kind]
            author = Author(id=event.brand, followers=event.followers, kind="brand")
        said = Said(
            self.trigger_id(surge), text, tone, language, _MAIN_PLATFORM, author, event.followers, draws.time_ms
        )
        self._triggers[surge] = said
        self._surge_circles[surge].add(said)
        return self._mention(brand, said, draws), tone

    def seen(self, tone: int, draws: Draws) -> int:
        """The tone that the classifier gives a mention written in `tone`."""
        if self._drift is None:
            return tone
        missed, invented = self._drift.errors(self._seconds(draws))
        # An odd multiplier spreads the bits of a draw that is used elsewhere only in its low digits.
        luck = ((draws.flags * 0x9E3779B97F4A7C15 + draws.text) >> 16 & 0xFFFFFFFF) / 2.0**32
        if tone == NEGATIVE:
            return NEUTRAL if luck < missed else tone
        return NEGATIVE if luck < invented else tone

    def ordinary(self, brand: int, draws: Draws) -> tuple[Mention, int]:
        """An ordinary mention of a brand, and its tone: that of the post it repeats, else the one it is written in."""
        first, count = self._regulars[brand]
        draws.writer = (first + int(count * draws.author * draws.author)) % CAST_SIZE
        circle = self._circles[brand]
        if draws.kind < _REPLY_SHARE:
            parent = circle.pick(draws.flags >> 20, draws.time_ms)
            if parent is not None:
                if draws.kind < _REPOST_SHARE:
                    return self._repost(brand, parent, draws), parent.tone
                return self._reply(brand, parent, draws, "reply", _ANY_PRODUCT), draws.tone
        language = draws.language
        text = self._books[language].post(
            "ordinary", TONES[draws.tone], self._pool(brand, language, _ANY_PRODUCT), draws.text, draws.style
        )
        said = self._said(text, draws.tone, language, self._platform(language, draws.platform), draws)
        circle.add(said)
        return self._mention(brand, said, draws), draws.tone

    def surging(self, surge: int, draws: Draws) -> tuple[Mention, int]:
        """A mention that a surge adds, and its tone, which is the one it is written in."""
        event = self._surges[surge]
        brand = self._index[event.brand]
        trigger = self._triggers[surge]
        assert trigger is not None, "the trigger comes first"
        # Mostly people who never wrote about the brand before.
        draws.writer = int(CAST_SIZE * draws.author)
        reposts, copies, replies = _SPREAD_SHARES.get(event.kind, _CRISIS_SHARES)
        if draws.tone != trigger.tone or draws.kind >= replies:
            return self._own_words(surge, brand, trigger, draws), draws.tone
        if draws.kind < reposts:
            circle = self._surge_circles[surge]
            other = circle.pick(draws.flags >> 20, draws.time_ms) if draws.flags & 0x80000 else None
            parent = other if other is not None and other.tone == draws.tone else trigger
            return self._repost(brand, parent, draws), draws.tone
        if draws.kind < copies:
            text = self._books[trigger.language].near_copy(trigger.text, draws.text)
            place = self._spread(event, trigger.language, draws)
            said = self._said(text, draws.tone, trigger.language, place, draws)
            return self._mention(brand, said, draws), draws.tone
        topic = event.topic if draws.style & 1 else "reply"
        return self._reply(brand, trigger, draws, topic, event.product), draws.tone

    def _own_words(self, surge: int, brand: int, trigger: Said, draws: Draws) -> Mention:
        """A post about a surge in the author's own words, or after a while the headline of a news site."""
        event = self._surges[surge]
        elapsed = self._seconds(draws) - event.start
        language = draws.language if elapsed > event.spread_after else trigger.language
        book, pool = self._books[language], self._pool(brand, language, event.product)
        headlines = book.topics[event.topic].get("news", ())
        if headlines and elapsed > event.news_after and draws.tone == NEUTRAL and draws.kind < _HEADLINE_SHARE:
            text = headlines[draws.text % len(headlines)].fill(pool, draws.style)
            said = self._said(text, draws.tone, language, _NEWS, draws)
        else:
            text = book.post(event.topic, TONES[draws.tone], pool, draws.text, draws.style)
            said = self._said(text, draws.tone, language, self._spread(event, language, draws), draws)
        self._surge_circles[surge].add(said)
        return self._mention(brand, said, draws)

    def _seconds(self, draws: Draws) -> float:
        return self._start_seconds + draws.time_ms / 1000.0

    def _spread(self, event: Surge, language: int, draws: Draws) -> int:
        """The platform of a person's post about a surge: at first only the one where it began."""
        if self._seconds(draws) - event.start <= event.spread_after:
            return _MAIN_PLATFORM
        platform = self._platform(language, draws.platform)
        return _MAIN_PLATFORM if platform == _NEWS else platform

    def _platform(self, language: int, draw: float) -> int:
        for index, (_, _, share) in enumerate(self._platforms[language]):
            draw -= share
            if draw < 0.0:
                return index
        return _MAIN_PLATFORM

    def _pool(self, brand: int, language: int, product: int) -> dict[str, tuple[str, ...]]:
        key = (brand, language, product)
        pool = self._pools.get(key)
        if pool is None:
            who = self._brands[brand]
            only = None if product == _ANY_PRODUCT else product
            pool = self._books[language].pools(who.category, who.names[LANGUAGES[language]], only)
            self._pools[key] = pool
        return pool

    def _said(self, text: str, tone: int, language: int, platform: int, draws: Draws) -> Said:
        self._written += 1
        identity = f"{self._prefix}-{self._written:x}"
        people = self._casts[language]
        if platform == _NEWS:
            author = people.news[draws.flags % len(people.news)]
            return Said(identity, text, tone, language, platform, author, author.followers or 0, draws.time_ms)
        author, followers = people.authors[draws.writer], people.followers[draws.writer]
        return Said(identity, text, tone, language, platform, author, followers, draws.time_ms)

    def _repost(self, brand: int, parent: Said, draws: Draws) -> Mention:
        if LANGUAGES[parent.language] == "zh":
            text = f"//@{parent.author.id}: {parent.text}" if draws.style & 1 else parent.text
        else:
            text = f"RT @{parent.author.id}: {parent.text}" if draws.style & 3 else parent.text
        platform = _MAIN_PLATFORM if parent.platform == _NEWS else parent.platform
        said = self._said(text, parent.tone, parent.language, platform, draws)
        return self._mention(brand, said, draws, repost_of=parent.id)

    def _reply(self, brand: int, parent: Said, draws: Draws, topic: str, product: int) -> Mention:
        pool = self._pool(brand, parent.language, product)
        text = self._books[parent.language].post(topic, TONES[draws.tone], pool, draws.text, draws.style >> 1)
        platform = _MAIN_PLATFORM if parent.platform == _NEWS else parent.platform
        said = self._said(f"@{parent.author.id} {text}", draws.tone, parent.language, platform, draws)
        return self._mention(brand, said, draws, reply_to=parent.id)

    def _mention(
        self, brand: int, said: Said, draws: Draws, *, repost_of: str | None = None, reply_to: str | None = None
    ) -> Mention:
        flags = draws.flags
        platform, channel, _ = self._platforms[said.language][said.platform]
        if said.platform == _NEWS:
            platform = f"{said.author.id}.example"
        sentiment = None
        if flags % 10_000 < self._labelled:
            mean, deviation = _SENTIMENT[self.seen(said.tone, draws)]
            sentiment = round(min(1.0, max(-1.0, mean + deviation * draws.noise)), 2)
        flags //= 10_000
        return Mention(
            id=said.id,
            brand=self._brands[brand].slug,
            text=said.text,
            event_time=self._start + timedelta(milliseconds=said.time_ms),
            platform=platform,
            lang=LANGUAGES[said.language] if flags % 100 < _LANG_PERCENT else None,
            channel=channel,
            author=said.author,
            reach=said.followers * (1 + flags % 7) // 10 if flags & 0x300 == 0 else None,
            sentiment=sentiment,
            url=f"https://{platform.removesuffix('.example')}.example/p/{said.id}" if flags & 0x3000 else None,
            repost_of=repost_of,
            reply_to=reply_to,
        )
