"""The forms of a report: the same bytes for the same review, and strangers' texts are text in all of them."""

from __future__ import annotations

import string
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
from markdown_it import MarkdownIt

from pipeline.report.compose import review
from pipeline.report.forms import FORMS, Form, rendered
from pipeline.report.markdown import escape
from pipeline.report.outline import no_formula
from pipeline.report.review import Review
from pipeline.report.words import LANGUAGES, WORDS
from schemas.alert import decode_alert
from tests.pipeline.report import hostile
from tests.pipeline.report.recorded import recorded, said

EXAMPLES = Path(__file__).parents[3] / "schemas" / "examples" / "alert" / "v1" / "valid"
GOLDEN = Path(__file__).parent / "golden.md"
VOID = {"meta", "br", "img", "link", "hr", "input"}
PLAIN_TAGS = {
    *("html", "head", "meta", "title", "style", "body", "main", "nav", "article", "section", "figure", "figcaption"),
    *("h1", "h2", "h3", "p", "ol", "li", "dl", "dt", "dd", "div", "table", "caption", "thead", "tbody", "tr", "th"),
    *("td", "blockquote", "footer", "code", "bdi", "a"),
}
DRAWN_TAGS = {"svg", "g", "path", "defs", "clippath", "rect", "use", "text", "tspan", "pattern", "style"}


@cache
def ordinary() -> Review:
    alerts, activity = recorded()
    return review(alerts, activity, said(alerts[0]))


@cache
def under_attack() -> Review:
    return review(hostile.alerts(), recorded()[1], hostile.feedback())


def golden() -> bytes:
    return rendered([ordinary()], "markdown", "en", as_several=False)


class Page(HTMLParser):
    """The elements of a page, each with where it stood; what is not closed in order is a fault."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None], bool]] = []
        self.texts: list[str] = []
        self.feed(content)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs), "svg" in self.open))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs), "svg" in self.open))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def page_of(found: Review, language: str = "en") -> Page:
    return Page(rendered([found], "html", language, as_several=False).decode())


def test_markdown_is_as_it_was_agreed_on():
    """After a wanted change: `python -m tests.pipeline.report.test_forms` writes it anew; read the difference."""
    assert golden() == GOLDEN.read_bytes()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_words_with_the_same_places(language):
    def places(text: str) -> int:
        return sum(field is not None for _, field, _, _ in string.Formatter().parse(text))

    assert {key: places(text) for key, text in WORDS[language].items()} == {
        key: places(text) for key, text in WORDS["en"].items()
    }
    assert all(text.strip() for text in WORDS[language].values())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("form", FORMS)
def test_the_same_review_gives_the_same_bytes(form: Form, language):
    once = rendered([ordinary()], form, language, as_several=False)
    assert rendered([ordinary()], form, language, as_several=False) == once
    assert once.endswith(b"\n")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_is_well_formed_in_the_asked_language_and_every_id_is_its_own(language):
    page = page_of(ordinary(), language)
    assert page.seen[0] == ("html", {"lang": language}, False)
    ids = [attributes["id"] for _, attributes, _ in page.seen if "id" in attributes]
    assert len(set(ids)) == len(ids)
    told = "".join(page.texts)
    assert all(WORDS[language][key] in told for key in ("timeline", "phases", "answers", "trail", "chart.threshold"))


def test_pictures_of_several_episodes_on_one_page_do_not_share_ids():
    page = Page(rendered([ordinary(), ordinary()], "html", "en", as_several=True).decode())
    ids = [attributes["id"] for _, attributes, _ in page.seen if "id" in attributes]
    assert len(set(ids)) == len(ids)
    used = {str(attributes["xlink:href"])[1:] for tag, attributes, _ in page.seen if tag == "use"}
    assert used
    assert used <= set(ids)


@pytest.mark.parametrize("language", LANGUAGES)
def test_hostile_texts_are_only_text_on_the_page(language):
    page = page_of(under_attack(), language)
    for tag, attributes, is_drawn in page.seen:
        assert tag in (DRAWN_TAGS if is_drawn else PLAIN_TAGS | {"svg"}), tag
        assert not [name for name in attributes if name.startswith("on") or name in {"src", "srcdoc", "action"}]
        if not is_drawn and "href" in attributes:
            assert attributes["href"] == "https://good.example/post?id=1&x=2#y"
    told = "".join(page.texts)
    assert "<script>alert(1)</script>" in told
    assert "{{ 7 * 7 }}" in told
    assert not {"\x1b", "\u202e", "\u2066"} & set(told)


def test_a_page_asks_for_nothing_from_outside():
    content = rendered([under_attack()], "html", "en", as_several=False).decode()
    assert "default-src 'none'" in content
    assert not [attributes for tag, attributes, _ in Page(content).seen if tag in {"img", "link", "iframe", "script"}]
    assert "@import" not in content
    assert "<image" not in content


@pytest.mark.parametrize("language", LANGUAGES)
def test_hostile_texts_are_only_text_in_markdown(language):
    """Read by a parser of CommonMark with tables that lets HTML through."""
    source = rendered([under_attack()], "markdown", language, as_several=False).decode()
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(source)
    inner = [token for block in tokens for token in (block.children or [])]
    assert not {token.type for token in (*tokens, *inner)} & {"html_block", "html_inline", "image", "fence", "hr"}
    assert {token.attrGet("href") for token in inner if token.type == "link_open"} == {
        "https://good.example/post?id=1&x=2#y"
    }
    titles = [tokens[place + 1].content for place, token in enumerate(tokens) if token.type == "heading_open"]
    assert len(titles) == 1 + len(ordinary_sections(language))
    widths = {len(row.split(" | ")) for row in source.splitlines() if row.startswith("| ")}
    assert max(widths) <= 8
    assert not {"\x1b", "\u202e", "\u2066"} & set(source)


def ordinary_sections(language: str) -> list[str]:
    """The sections that Markdown has: all but the charts."""
    lines = rendered([ordinary()], "markdown", language, as_several=False).decode().splitlines()
    return [line for line in lines if line.startswith("## ")]


@pytest.mark.parametrize("text", ["=1+1", "+cmd", "@SUM(A1)", "-2+3", '=HYPERLINK("x")'])
def test_a_cell_of_a_table_is_no_formula(text):
    assert no_formula(text).startswith("'")


@pytest.mark.parametrize("text", ["-4 points", "+5", "-0.5", "12", "x=1"])
def test_a_number_stays_a_number(text):
    assert not no_formula(text).startswith("'")


@pytest.mark.parametrize("text", ["- item", "1. item", "+ item", "=== x", "--- x", "# x", "> x", "```", "    code"])
def test_a_line_that_would_begin_a_block_is_a_paragraph(text):
    tokens = MarkdownIt("commonmark").parse(escape(text))
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]


def test_no_cell_of_a_table_begins_as_a_formula_does():
    class Cells(Page):
        cells: list[str]

        def handle_data(self, data: str) -> None:
            super().handle_data(data)
            if "td" in self.open:
                self.cells.append(data)

    Cells.cells = []
    Cells(rendered([under_attack()], "html", "en", as_several=False).decode())
    assert [cell for cell in Cells.cells if cell.startswith("'")]
    assert not [cell for cell in Cells.cells if cell.startswith(("=", "+", "@", "-2+3"))]


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_every_alert_that_the_contract_allows_gives_a_report(example):
    found = review([decode_alert(example.read_bytes())])
    for form, language in zip(FORMS, LANGUAGES, strict=True):
        assert found.episode_id in rendered([found], form, language, as_several=False).decode()


def test_json_is_the_review():
    shown = rendered([ordinary()], "json", "en", as_several=False)
    assert msgspec.json.decode(shown, type=Review) == ordinary()
    several = msgspec.json.decode(rendered([ordinary()] * 2, "json", "en", as_several=True))
    assert (several["brand"], len(several["reviews"])) == ("acme", 2)


if __name__ == "__main__":
    GOLDEN.write_bytes(golden())
