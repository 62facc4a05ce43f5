"""Untrusted text: what is kept, what is replaced, what never reaches a log, an alert or a terminal."""

from __future__ import annotations

import re
from typing import Final

# C0 and C1 controls except tab and line feed, DEL, line and paragraph separators, lone surrogates, and what makes a
# terminal or a dashboard show something else than what is stored: marks and overrides of direction, invisible
# operators, tag characters. The joiners U+200C and U+200D stay: Persian words and many emoji are written with them.
_HARMFUL: Final = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u206f\ufeff"
    "\U000e0000-\U000e007f\ud800-\udfff"
)
_UNSAFE: Final = re.compile(f"[{_HARMFUL}]")
_UNSAFE_IN_ONE_LINE: Final = re.compile(f"[\t\n{_HARMFUL}]")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def replace_lone_surrogates(text: str) -> str:
    """Text that can be encoded as UTF-8: each surrogate without its partner becomes U+FFFD."""
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


def printable(text: str, limit: int) -> str:
    """One line of at most `limit` characters that is safe in a terminal, a log line, a header and a dashboard.

    Control characters, marks and overrides of direction, invisible characters except the joiners, and lone surrogates
    become U+FFFD; white space is collapsed to single blanks; a text that is too long ends in an ellipsis.
    """
    line = " ".join(_UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text[: 4 * limit]).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def escaped(text: str) -> str:
    """The text on one line with nothing lost: what `printable` replaces, tabs and line feeds become escapes."""
    return _UNSAFE_IN_ONE_LINE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    return match.group().encode("unicode_escape").decode("ascii")
