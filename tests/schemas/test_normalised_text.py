"""Texts are read in one form, however they were written, and shown in their author's words."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas import text as module
from schemas.text import LINK, READ_CHARACTERS, normalised, printable, readable

PIECES = st.sampled_from(
    [
        "terrible", "Scam", "isn’t", "最悪", "很差", " ", "\n", "<p>", "</p>", "<br/>", "<3", "&amp;", "&#39;",
        "&lt;p&gt;", "\u200b", "\u00ad", "\u202e", "\ufeff", "😡", "❤️", "👩‍🚒", "ＧＯＯＤ", "ｻｲﾃｲ",
        "e\u0301", "か\u3099", "aaaaa", "哈哈哈哈", "@acme", "@小米 ", "https://t.example/a?b=c", "RT @acme: ", "—",
        "…", "!!!", "\x00", "\x1b", "`", "´", "<", ">", "&", "\ud83d", "ß", "İ", "ﬁ", "Ⅳ", "𝐁𝐚𝐝", "\u0336",
    ]
)  # fmt: skip
MENTION = (
    '<span class="h-card"><a href="https://social.example/@acme" class="u-url mention">@<span>acme</span></a></span>'
)
HASHTAG = '<a href="https://social.example/tags/a" class="mention hashtag" rel="tag">#<span>acme</span></a>'
ADDRESS = (
    '<a href="https://n.example/a/b"><span class="invisible">https://</span><span class="ellipsis">n.example/a</span>'
    '<span class="invisible">/b</span></a>'
)
VISIBLE_FORMATS = set("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
ANYTHING = st.lists(PIECES | st.text(max_size=5), max_size=40).map("".join) | st.text(max_size=400)


def words(text: str) -> list[str]:
    return normalised(text).split()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Worst service EVER", "worst service ever"),
        ("", ""),
        # markup of the fediverse and of feeds
        ("<p>This is a <strong>scam</strong></p>", "this is a scam"),
        ("<p>one</p><p>two<br>three<br />four</p>", "one two three four"),
        (f"<p>{MENTION} I hate {HASHTAG}</p>", "@ i hate #acme"),
        (f"<p>see {ADDRESS}</p>", f"see {LINK}"),
        ("isn&#39;t good &amp; not &lt;3", "isn't good & not <3"),
        ("&lt;p&gt;a &lt;b&gt;scam&lt;/b&gt;&lt;/p&gt;", "a scam"),
        ("<![CDATA[<div>awful</div>]]>", "awful"),
        ("<style>p{color:red}</style><script>let a = 1</script>awful", "awful"),
        ("I <3 this, 2 < 3 > 1 <sarcasm>great</sarcasm>", "i <3 this, 2 < 3 > 1 <sarcasm>great</sarcasm>"),
        # what nobody sees
        ("sc\u200bam te\u00adrri\u2060ble\ufeff", "scam terrible"),
        ("\u202escam\u202c \u2066awful\u2069", "scam awful"),
        ("s\x00ca\x1bm", "scam"),
        ("s\u0336c\u0336a\u0336m\u0336", "scam"),
        # apostrophes, quotes, dashes
        *((f"isn{mark}t", "isn't") for mark in "'’‘`´ʼʻʹ′＇‛ꞌ"),
        ("terrible—awful…bad", "terrible — awful … bad"),
        # emoji and symbols
        ("scam😡😡avoid", "scam 😡😡 avoid"),
        ("🤦‍♀️terrible❤️", "🤦♀ terrible ❤"),
        ("Acme™", "acme ™"),
        # letters in another dress
        ("ＷＯＲＳＴ　ｅｖｅｒ", "worst ever"),
        ("ｻｲﾃｲ ｶﾞｯｶﾘ", "サイテイ ガッカリ"),
        ("か\u3099っかり", "がっかり"),
        ("𝐬𝐜𝐚𝐦 𝓈𝒸𝒶𝓂 ⓢⓒⓐⓜ ﬁne Ⅳ", "scam scam scam fine iv"),
        ("cafe\u0301 İstanbul", "café istanbul"),
        ("差，真的差！", "差，真的差！"),
        # repeated letters
        ("soooooo baaaad!!!! 10000 good", "sooo baaad!!!! 10000 good"),
        ("すごーーーーーい", "すごーーーい"),
        # addresses and accounts
        ("bad https://t.example/terrible?a=1 WWW.awful.example", f"bad {LINK} {LINK}"),
        ("最悪https://t.example/aでした", f"最悪 {LINK} でした"),
        ("@terrible@bad.example is ok, @小米公司 很差", "@ is ok, @ 很差"),
        ("@acme最悪", "@ 最悪"),
        ("RT @acme: RT @b: the story", "the story"),
        ("//@小米:转发 //@b:x", "转发 //@ :x"),
    ],
)
def test_what_is_read_does_not_depend_on_how_it_was_written(text: str, expected: str) -> None:
    assert words(text) == expected.split()


@given(ANYTHING)
@example("<p>" * 5_000)
@example("<" * 20_000)
@example("&" * 20_000)
@example("\u200b" * 20_000 + "scam")
@example("ﷺ" * 20_000)
@example("a\u0301" * 20_000)
def test_a_normalised_text_is_short_and_without_anything_that_hides_a_word(text: str) -> None:
    read = normalised(text)
    assert len(read) <= READ_CHARACTERS
    assert read == read.lower()
    for character in read:
        assert unicodedata.category(character) != "Cf" or character in VISIBLE_FORMATS or character > "\uffff", repr(
            character
        )
        assert character not in "’´`\x00\x1b", repr(character)


@given(ANYTHING)
def test_markup_around_a_text_and_within_it_changes_nothing(text: str) -> None:
    plain = text.replace("<", "").replace(">", "").replace("&", "")[:60]
    marked = "<p><b>" + plain.replace(" ", " <br/>") + '</b></p><img src="x" alt="y">'
    assert words(marked) == words(plain)


@given(st.text(st.characters(max_codepoint=0x7F), max_size=80) | ANYTHING)
@example("www.x")
@example("a  \t   b")
@example("x" * 300)
def test_the_short_way_of_a_plain_text_gives_what_the_long_one_gives(text: str) -> None:
    text = text[:200]
    assert words(text) == module._normalised(text).split()


@given(ANYTHING)
def test_what_is_shown_has_nothing_invisible(text: str) -> None:
    shown = printable(readable(f"<p>{text}</p>"), 280)
    assert not set(shown) & set("\u00ad\u200b\u200e\u202e\u2066\ufeff")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Acme, why?  I've had it…", "Acme, why? I've had it…"),
        ('<p>Never <a href="https://x.example">again</a>!<br/>Bye &amp; thanks</p>', "Never again! Bye & thanks"),
        ("sc\u200bam \u202edaer\u202c so\u00adft", "scam daer soft"),
        (
            "👩\u200d🚒 \u0645\u06cc\u200c\u062e\u0648 ❤️ ＧＯＯＤ",
            "👩\u200d🚒 \u0645\u06cc\u200c\u062e\u0648 ❤️ ＧＯＯＤ",
        ),
        ("sc\u200dam", "scam"),
        ("\x1b[31mred", "\ufffd[31mred"),
        ('<img src=x onerror="alert(1)"><svg onload=a()>hi<x-y z></x-y>', "hi"),
    ],
)
def test_what_is_shown_keeps_the_authors_words(text: str, expected: str) -> None:
    assert printable(readable(text), 280) == expected
