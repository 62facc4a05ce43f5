"""Untrusted text is made safe to show."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.text import escaped, printable, replace_lone_surrogates

# A union of alphabets in st.text() yields no surrogates, so the characters are drawn one by one.
unsafe = st.integers(0, 0x9F).map(chr) | st.integers(0xD800, 0xDFFF).map(chr) | st.integers(0x2000, 0x206F).map(chr)
unsafe |= st.sampled_from("\u061c\ufeff") | st.integers(0xE0000, 0xE007F).map(chr)
anything = st.lists(st.characters() | unsafe, max_size=200).map("".join)
BIDIRECTIONAL = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
INVISIBLE = {chr(code) for code in (*range(0x2060, 0x2066), *range(0x206A, 0x2070), *range(0xE0000, 0xE0080))}


@given(anything, st.integers(1, 120))
@example("\x1b]0;title\x07", 40)
@example("a\x85b\x9bc", 40)
@example("one\u2028two\r\nthree", 40)
@example(" " * 500 + "x", 10)
def test_printable_text_is_one_line_within_its_limit_without_anything_a_terminal_acts_on(text, limit):
    line = printable(text, limit)
    assert len(line) <= limit
    assert line == line.strip()
    assert len(line.splitlines()) <= 1
    for character in line:
        assert unicodedata.category(character) not in {"Cc", "Cs", "Zl", "Zp"}, repr(character)
        assert character not in BIDIRECTIONAL
        assert character not in INVISIBLE
    line.encode("utf-8")


@given(st.text(alphabet=st.characters(codec="ascii", categories=["L", "N", "P"]), max_size=50))
def test_harmless_text_within_the_limit_is_left_alone(text):
    assert printable(text, 50) == text


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("", 10, ""),
        ("two  words\n", 20, "two words"),
        ("abcdefghij", 10, "abcdefghij"),
        ("abcdefghijk", 10, "abcdefghi…"),
        ("abcdefgh jk", 10, "abcdefgh…"),
        ("red \x1b[31m", 20, "red \ufffd[31m"),
        ("アクメ\x00炎上", 20, "アクメ\ufffd炎上"),
        ("half \ud83d", 20, "half \ufffd"),
        ("ab\u200fcd\u061c", 20, "ab\ufffdcd\ufffd"),
        ("x\u2062y\u206dz\U000e0041", 20, "x\ufffdy\ufffdz\ufffd"),
        (
            "\U0001f469\u200d\U0001f692 \u0645\u06cc\u200c\u062e\u0648",
            20,
            "\U0001f469\u200d\U0001f692 \u0645\u06cc\u200c\u062e\u0648",
        ),
        ("x" * 1_000_000, 5, "xxxx…"),
    ],
)
def test_printable_text_shows_what_was_replaced_and_what_was_cut(text, limit, expected):
    assert printable(text, limit) == expected


@given(anything)
def test_text_without_lone_surrogates_can_be_encoded_and_keeps_its_length(text):
    mended = replace_lone_surrogates(text)
    mended.encode("utf-8")
    assert len(mended) == len(text)
    assert replace_lone_surrogates(mended) == mended


def test_what_is_replaced_in_a_line_is_escaped_in_a_log():
    """One definition of harmless text: no character is safe for one and not for the other."""
    for code in (*range(0x10000), *range(0xE0000, 0xE0100)):
        character = chr(code)
        replaced = "\N{REPLACEMENT CHARACTER}" in printable(f"a{character}b", 9) and code != 0xFFFD
        assert (escaped(character) != character) == (replaced or character in "\t\n"), hex(code)
        assert escaped(character).isprintable() or escaped(character) == character


@given(anything)
def test_an_escaped_text_is_one_line_and_can_be_written(text):
    line = escaped(text)
    assert len(line.splitlines()) <= 1
    line.encode("utf-8")
