"""Untrusted text: how it is read, how it is shown, what never reaches a log, an alert or a terminal.

`normalised` is what the program reads: language, tone and stories see no other form of a text. `readable` and
`printable` are what people see: the author's words, made harmless.

Both are the same on every machine. Unicode's composed and compatible forms are those of Unicode 3.2, which every
version of Python carries beside its own; only the lower case of letters younger than Unicode 14 depends on Python.
"""

from __future__ import annotations

import re
from functools import lru_cache
from html import unescape
from typing import Final
from unicodedata import ucd_3_2_0

READ_CHARACTERS: Final = 280
"""Characters of a normalised text: what follows them is read by nobody."""
LINK: Final = "\N{LINK SYMBOL}"
"""Stands for an address in a normalised text."""
HANDLE: Final = "@"
"""Stands for the name of an account in a normalised text."""

_RAW_CHARACTERS: Final = 10 * READ_CHARACTERS
"""Characters of a text as it came that may give those: a post in HTML is up to ten times as long as its words."""
_LONGEST_TAG: Final = 512

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

# What is drawn as nothing: soft hyphens, fillers, spaces without width, marks of direction, operators, tags.
_HIDDEN: Final = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff"
    "\uffa0\ufff0-\ufffc\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_JOINERS: Final = "\u200c\u200d"
_CONTROLS: Final = "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"
_APOSTROPHES: Final = "\u00b4\u02b9\u02bb-\u02bd\u02c8\u055a\u05f3\u2018-\u201b\u2032\u2035\ua78c\uff07\uff40"
# Letters and digits in another dress: full width and half width, ligatures, circled, mathematical, Roman numerals,
# the same Han characters once more, Arabic by position, jamo. Full-width punctuation stays as Chinese has it.
_DRESSED: Final = (
    "\u017f\u02b0-\u02b8\u1100-\u1112\u1161-\u1175\u11a8-\u11c2\u2070-\u207f\u2102\u210a-\u2113\u2115\u2119-\u211d"
    "\u2124\u2128\u212a-\u2138\u2160-\u217f\u24b6-\u24e9\u2f00-\u2fd5\uf900-\ufaff\ufb00-\ufb06\ufb50-\ufbb1"
    "\ufbd3-\ufd3d\ufd50-\ufdc7\ufe70-\ufefc"
    "\uff03\uff06\uff10-\uff19\uff20-\uff3a\uff41-\uff5a\uff65-\uff9f\U0001d400-\U0001d7ff"
)
_MARKS: Final = "\u0300-\u036f"
_KANA_MARKS: Final = "\u3099\u309a"
# Emoji, symbols and arrows, dashes and ellipses: never a part of the word beside them.
_PARTED: Final = (
    "\u00a9\u00ae\u2013-\u2015\u2025\u2026\u203c\u2049\u20e3\u2120\u2122\u2190-\u23ff\u2500-\u27bf\u2900-\u297f"
    "\u2b00-\u2bff\U0001f000-\U0001faff"
)

_CONTROL: Final = re.compile(f"[{_CONTROLS}]")
_INVISIBLE: Final = re.compile(f"[{_CONTROLS}{_HIDDEN}{_JOINERS}\ufe00-\ufe0f]+")
_UNSEEN: Final = re.compile(f"[{_HIDDEN}]+|(?<=[\x00-\u024f])[{_JOINERS}]+")
_APOSTROPHE: Final = re.compile(f"[{_APOSTROPHES}]")
_IN_ANOTHER_DRESS: Final = re.compile(f"[{_DRESSED}]+")
_TO_COMPOSE: Final = re.compile(f"[{_MARKS}{_KANA_MARKS}]")
_MARK: Final = re.compile(f"[{_MARKS}]+")
_TO_PART: Final = re.compile(f"[{_PARTED}]+")
_ODD: Final = re.compile(
    f"[{_CONTROLS}{_HIDDEN}{_JOINERS}\ufe00-\ufe0f{_APOSTROPHES}{_DRESSED}{_MARKS}{_KANA_MARKS}{_PARTED}]"
)
_RUN: Final = re.compile(r"([^\W\d_])\1{3,}")

# Every pattern of markup ends at the next bracket, so that looking for it takes time in proportion to the text.
_BLOCKS: Final = (
    "address|article|aside|blockquote|body|br|caption|center|dd|details|dialog|div|dl|dt|fieldset|figcaption|figure|"
    "footer|form|h[1-6]|head|header|hr|html|iframe|img|li|main|menu|nav|noscript|ol|option|p|pre|section|select|"
    "summary|table|tbody|td|template|textarea|tfoot|th|thead|title|tr|ul|video"
)
_INLINE: Final = (
    "a|abbr|acronym|applet|area|audio|b|base|bdi|bdo|big|button|canvas|cite|code|col|colgroup|data|datalist|del|dfn|"
    "em|embed|font|i|input|ins|kbd|label|legend|link|map|mark|marquee|math|meta|meter|object|optgroup|output|param|"
    "path|picture|progress|q|rb|rp|rt|ruby|s|samp|script|slot|small|source|span|strike|strong|style|sub|sup|svg|time|"
    "track|tt|u|var|wbr"
)
_SCRIPT: Final = re.compile(r"<(?:script|style)\b[^<>]*>[^<]*", re.IGNORECASE)
_BLOCK: Final = re.compile(rf"</?(?:{_BLOCKS})(?:[\s/][^<>]*)?>", re.IGNORECASE)
# An element that HTML does not know is one only with attributes or a hyphen: "<sarcasm>" is what somebody wrote.
_TAG: Final = re.compile(
    rf"</?(?:{_INLINE})(?:[\s/][^<>]*)?>|<[a-z][a-z0-9:-]*[\s/][^<>=]*=[^<>]*>"
    r"|</?[a-z][a-z0-9]*[:-][a-z0-9:-]*(?:[\s/][^<>]*)?>"
    r"|<!(?:doctype|--)[^<>]*>|<!\[CDATA\[|\]\]>",
    re.IGNORECASE,
)

_LINK: Final = re.compile(r"(?:https?://|www\.)[!-~\u00c0-\u024f]*")
# A name in Latin letters ends where they end, for Japanese goes on without a blank; any other at a blank or sign.
_HANDLE: Final = re.compile(r"@(?:(?:[.@-]?[a-z0-9_\u00df-\u024f])++|\w{1,32})")
_REPOST_MARK: Final = re.compile(r"\A(?:(?:rt\s{1,3}|//)@[^\s:：]{1,64}\s?[:：]\s*)+")


def normalised(text: str) -> str:
    """The form of a text that is read: its first 280 characters in lower case, the same however it was written.

    Gone are markup (HTML tags, entities), controls, whatever is invisible, the mark of a repost before the text, and
    marks that compose with no letter. Every apostrophe is `'`; letters in another dress (full width, half width,
    mathematical, ligatures) are plain ones; accents are composed with their letters; a letter more than three times in
    a row stands three times; `LINK` stands for an address, `HANDLE` for an account; emoji, symbols and dashes are
    parted from words by blanks. Other punctuation, digits and blanks stay.

    A text costs what 3,000 characters cost, whatever its length. It need not be valid: surrogates stay.
    """
    beginning = text[:READ_CHARACTERS]
    if (
        beginning.isascii()
        and "<" not in beginning
        and "&" not in beginning
        and "@" not in beginning
        and "/" not in beginning
        and "`" not in beginning
    ):
        read = beginning.lower()
        if "www." not in read and not _repeats(read) and (read.isprintable() or not _CONTROL.search(read)):
            return read
    return _normalised(text) if len(text) > _REMEMBERED_CHARACTERS else _remembered(text)


def _repeats(text: str) -> bool:
    """Whether a character of an ASCII text stands four times in a row: its bytes less those before, all at once."""
    letters = int.from_bytes(text.encode(), "little")
    return b"\0\0\0" in (letters ^ letters >> 8).to_bytes(len(text), "little")


def _normalised(text: str) -> str:
    text = _without_markup(text).lower()
    if _ODD.search(text):
        text = _plain_letters(_INVISIBLE.sub("", text)[: 2 * READ_CHARACTERS])
    text = text[: 2 * READ_CHARACTERS].replace("`", "'").strip()
    if "@" in text:
        if text.startswith(("rt", "//")):
            text = _REPOST_MARK.sub("", text, count=1)
        text = _HANDLE.sub(f"{HANDLE} ", text)
    if "://" in text or "www." in text:
        text = _LINK.sub(f" {LINK} ", text)
    return _RUN.sub(r"\1\1\1", text)[:READ_CHARACTERS]


_REMEMBERED_CHARACTERS: Final = 1_000
_remembered: Final = lru_cache(maxsize=1024)(_normalised)
"""A mention's text is asked for by language, tone and stories, soon one after the other."""


def _plain_letters(text: str) -> str:
    """A text without invisible characters, its letters in plain dress and parted from emoji."""
    text = _APOSTROPHE.sub("'", text)
    text = _IN_ANOTHER_DRESS.sub(_undressed, text)
    if _TO_COMPOSE.search(text):
        text = _MARK.sub("", ucd_3_2_0.normalize("NFC", text))
    return _TO_PART.sub(r" \g<0> ", text)


def _undressed(match: re.Match[str]) -> str:
    return ucd_3_2_0.normalize("NFKC", match.group()).lower()


def _without_markup(text: str) -> str:
    """The beginning of a text without HTML: blocks and breaks become blanks, other tags nothing, entities characters.

    What entities make to markup is markup too: feeds escape it.
    """
    text = text[:_RAW_CHARACTERS]
    if "<" in text:
        text = _without_tags(text)
    if "&" in text:
        text = unescape(text)
        if "<" in text:
            text = _without_tags(text)
    return text


def _without_tags(text: str) -> str:
    cut = text.rfind("<", -_LONGEST_TAG)
    if len(text) == _RAW_CHARACTERS and cut >= 0 and ">" not in text[cut:]:
        text = text[:cut]  # the limit stands within a tag
    text = _SCRIPT.sub(" ", text)
    return _TAG.sub("", _BLOCK.sub(" ", text))


def readable(text: str) -> str:
    """The author's words for people: without markup and without what nobody can see; else as they were written.

    Of a long text the beginning. To be shown it must be made `printable`.
    """
    if text.isascii() and "<" not in text and "&" not in text:
        return text[:_RAW_CHARACTERS]
    return _UNSEEN.sub("", _without_markup(text))


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
