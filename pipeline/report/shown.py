"""Untrusted texts of alerts and feedback as a review holds them: one printable line each."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from schemas.evidence import Amplifier, Part, Post, Term
from schemas.text import printable

EXCERPT_CHARACTERS: Final = 280
NAME_CHARACTERS: Final = 64
NOTE_CHARACTERS: Final = 2000
_URL: Final = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+(?:[/?#][A-Za-z0-9\-._~:/?#@!$&*+,;=%]*)?")
"""Web addresses without user names, quotes, brackets or anything else that a form could take for its own."""


def line(text: str | None, limit: int = EXCERPT_CHARACTERS) -> str:
    """A text as one printable line; "" for none."""
    return printable(text, limit) if text else ""


def web_address(url: str | None) -> str:
    """An address that a page may link to; "" for none, and for one that is no plain web address."""
    return url if url and len(url) <= 2048 and _URL.fullmatch(url) else ""


def shown_post(post: Post) -> Post:
    """A post whose texts are printable lines and whose address can be linked to."""
    return msgspec.structs.replace(
        post,
        id=line(post.id, NAME_CHARACTERS),
        excerpt=line(post.excerpt),
        platform=line(post.platform, NAME_CHARACTERS),
        author=line(post.author, NAME_CHARACTERS) or None,
        lang=line(post.lang, NAME_CHARACTERS) or None,
        url=web_address(post.url) or None,
    )


def shown_term(term: Term) -> Term:
    """A term whose text is a printable line."""
    return msgspec.structs.replace(term, text=line(term.text, NAME_CHARACTERS))


def shown_part(part: Part) -> Part:
    """A platform or language whose name is a printable line."""
    return msgspec.structs.replace(part, name=line(part.name, NAME_CHARACTERS))


def shown_amplifier(one: Amplifier) -> Amplifier:
    """An amplifier whose names are printable lines."""
    return msgspec.structs.replace(
        one,
        author=line(one.author, NAME_CHARACTERS),
        platform=line(one.platform, NAME_CHARACTERS),
        kind=None if one.kind is None else line(one.kind, NAME_CHARACTERS),
    )
