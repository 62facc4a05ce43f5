"""Where a post came from: what a trigger is shown with beside its words."""

from __future__ import annotations

from typing import Final

import msgspec

from schemas.mention import Mention

NAME_CHARACTERS: Final = 64
URL_CHARACTERS: Final = 256


class Origin(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Of a post: platform, language as tagged, author, followers, stated reach and address, the texts cut."""

    platform: str
    lang: str | None = None
    author: str | None = None
    followers: int | None = None
    reach: int | None = None
    url: str | None = None

    @property
    def size(self) -> int:
        """Bytes of its texts, about."""
        return sum([len(text.encode("utf-8", "replace")) for text in (self.platform, self.author, self.url) if text])


def origin_of(mention: Mention) -> Origin:
    """Where a mention came from."""
    author, url = mention.author, mention.url
    return Origin(
        mention.platform,
        mention.lang,
        None if author is None else author.id[:NAME_CHARACTERS],
        None if author is None else author.followers,
        mention.reach,
        None if url is None else url[:URL_CHARACTERS],
    )
