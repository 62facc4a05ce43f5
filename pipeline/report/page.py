"""A report as one HTML page that needs nothing else: no script, no font, no picture, no address is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.errors import TocsinError
from pipeline.report.charts import charts, spread_chart
from pipeline.report.outline import no_formula
from pipeline.report.review import Review
from pipeline.report.sections import outline_of
from pipeline.report.words import Words

if TYPE_CHECKING:
    from jinja2 import Environment


def page(found: Sequence[Review], language: str, title: str) -> str:
    """The page of one or several reviews; every text in it is escaped by the template.

    Args:
        found: the reviews, in order.
        language: one of pipeline.report.words.LANGUAGES.
        title: of the page.

    Raises:
        TocsinError: Jinja2 or matplotlib is not installed.
    """
    template = _environment().get_template("report.html.j2")
    from markupsafe import Markup  # noqa: PLC0415 - comes with Jinja2

    words = Words(language)
    reports = []
    for number, one in enumerate(found, 1):
        # Pictures are drawn by matplotlib, which escapes what it writes: numbers, our own words, names of platforms.
        pictures = {
            "charts": Markup(charts(one, words, f"c{number}")) if one.points else "",  # noqa: S704
            "spread": Markup(spread_chart(one, words, f"s{number}")),  # noqa: S704
        }
        reports.append({"id": f"r{number}", "outline": outline_of(one, language), "pictures": pictures})
    return template.render(language=language, title=title, reports=reports) + "\n"


def page_title(found: Sequence[Review], language: str) -> str:
    """The title of a page: the headline of one episode, the brand of several."""
    words = Words(language)
    if len(found) == 1:
        return words("title", found[0].headlines.get(language, found[0].brand))
    return words("title.several", found[0].brand)


def _environment() -> Environment:
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 - as matplotlib: who needs it
    except ImportError:
        raise TocsinError(
            "expected Jinja2, which makes the page; install the extra `hub`, or ask for markdown"
        ) from None
    environment = Environment(
        loader=PackageLoader("pipeline.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["no_formula"] = no_formula
    return environment
