"""A report opens in a real browser: nothing is logged, nothing is loaded, nothing of a stranger runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.report.forms import rendered
from tests.pipeline.report.test_forms import ordinary, under_attack

CHROMIUM = Path("/usr/bin/chromium")


def test_a_page_of_hostile_texts_opens_without_an_error_a_request_a_dialog_or_a_hindrance(tmp_path):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe looks for what hinders readers")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")
    if not CHROMIUM.exists():
        pytest.skip(f"no browser to open the page with: {CHROMIUM} does not exist")
    file = tmp_path / "report.html"
    file.write_bytes(rendered([ordinary(), under_attack()], "html", "zh", as_several=True))
    told: list[str] = []
    with sync_api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1000, "height": 800})
        page.on("console", lambda message: told.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: told.append(f"error: {error}"))
        page.on("request", lambda request: told.append(f"request: {request.url}"))
        page.on("dialog", lambda dialog: told.append(f"dialog: {dialog.message}"))
        page.goto(file.as_uri())
        assert page.locator("figure svg").count() == 4  # of each report the charts and the spread over time
        box = page.locator("figure svg").first.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) > 300
        # The page itself never scrolls sideways, however long a word is.
        assert page.evaluate("document.documentElement.scrollWidth") <= 1000
        page.emulate_media(media="print")
        assert page.pdf(format="A4").startswith(b"%PDF")
        # The page's own policy would keep the checker out too.
        audited = browser.new_context(bypass_csp=True).new_page()
        audited.set_content(rendered([ordinary(), ordinary()], "html", "ja", as_several=True).decode())
        found = axe.Axe().run(audited)
        assert found.violations_count == 0, found.generate_report()
        browser.close()
    assert told == [f"request: {file.as_uri()}"]
