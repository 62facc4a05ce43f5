"""The forms of a report: an HTML page, JSON, Markdown. Equal reviews give equal bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from pipeline.report.compose import encode_review
from pipeline.report.markdown import markdown
from pipeline.report.page import page, page_title
from pipeline.report.review import REVIEW_VERSION, Review
from pipeline.report.sections import outline_of

Form = Literal["html", "json", "markdown"]
FORMS: Final[tuple[Form, ...]] = ("html", "json", "markdown")
SUFFIXES: Final[dict[str, Form]] = {
    ".html": "html",
    ".htm": "html",
    ".json": "json",
    ".md": "markdown",
    ".markdown": "markdown",
    ".txt": "markdown",
}
"""Forms by the endings of the names of their files, the first of a form being its own."""


class Reviews(msgspec.Struct, frozen=True, kw_only=True):
    """Several episodes of a brand, as JSON."""

    version: int = REVIEW_VERSION
    brand: str
    reviews: tuple[Review, ...]


def rendered(found: Sequence[Review], form: Form, language: str, *, as_several: bool) -> bytes:
    """The report as UTF-8.

    Args:
        found: the reviews, at least one, all of one brand.
        form: how it is written.
        language: one of pipeline.report.words.LANGUAGES; JSON has its headlines in all of them.
        as_several: whether JSON is a list of reviews, also where it is of one.

    Raises:
        TocsinError: a page is asked for, and Jinja2 or matplotlib is not installed.
    """
    if form == "html":
        return page(found, language, page_title(found, language)).encode()
    if form == "markdown":
        return markdown(outline_of(one, language) for one in found).encode()
    if not as_several:
        return encode_review(found[0])
    several = Reviews(brand=found[0].brand, reviews=tuple(found))
    return msgspec.json.format(msgspec.json.encode(several, order="deterministic"), indent=2) + b"\n"
