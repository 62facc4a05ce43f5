"""The pages in a real browser: live, on a phone, by keyboard, for a screen reader, with hostile posts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from pipeline.hub.rendering import count, percent, tenths
from pipeline.hub.store.writer import Change, Incoming, Writer
from schemas.alert import Alert, Playbook
from schemas.feedback import new_feedback
from schemas.moments import moment
from tests.pipeline.hub.browser import CHROMIUM, needs_chromium, served
from tests.pipeline.hub.world import DETECTED, HOSTILE, START, buckets, burn, episode, hub_in, later

pytestmark = needs_chromium
expect.set_options(timeout=60_000)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[str, Writer, Alert]]:
    """A hub that shows one crisis; its address, the writer of its store, the alert."""
    with hub_in(tmp_path) as (hub, writer), served(hub) as address:
        opened = burn(writer)
        writer.apply(
            Incoming(
                alerts=[
                    later(opened, 2, "updated", 30),
                    episode(9, brand="bolt", kind="volume_surge", severity="info"),
                ],
                feedback=[new_feedback(opened, "note", author="Ann", time=moment(DETECTED), note="called")],
            )
        )
        told = writer.apply

        def apply(incoming: Incoming) -> Change:
            change = told(incoming)
            hub.live.tell(change)
            return change

        writer.apply = apply  # type: ignore[method-assign]
        yield address, writer, opened


def opened_page(
    browser: Browser, address: str, *, width: int = 1280, zone: str = "Asia/Tokyo", dark: bool = False
) -> Page:
    """A page without an error of its script or of its policy."""
    page = browser.new_page(
        viewport={"width": width, "height": 800}, timezone_id=zone, color_scheme="dark" if dark else "light"
    )
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.goto(address)
    assert faults == []
    return page


def wait_in(page: Page, condition: str) -> None:
    """Wait until a condition holds in a page, without the `eval` of later looks that the policy forbids."""
    page.evaluate(
        f"() => new Promise(done => {{ const look = () => ({condition}) ? done() : setTimeout(look); look(); }})"
    )


def test_a_new_crisis_appears_and_an_acknowledgement_too_without_a_reload(browser, site):
    address, writer, opened = site
    with opened_page(browser, address) as page:
        wait_in(page, "performance.getEntriesByType('resource').some(e => e.name.endsWith('hub.js'))")
        page.evaluate("window.notReloaded = true")
        expect(page.locator(".card")).to_have_count(1)
        second = episode(5, brand="cora", kind="crisis")
        said = new_feedback(opened, "acknowledged", author="Kim", time=moment(DETECTED))
        writer.apply(Incoming(alerts=[second], feedback=[said]))
        expect(page.locator(".card")).to_have_count(2)
        expect(page.locator(f"#e{opened.episode_id}")).to_contain_text("Acknowledged by Kim")
        assert page.evaluate("window.notReloaded")


def test_somebody_acknowledges_by_keyboard_and_everybody_sees_it(browser, site):
    address, _, opened = site
    with opened_page(browser, address) as other, opened_page(browser, address) as page:
        page.keyboard.press("Tab")
        expect(page.locator(".skip")).to_be_focused()
        page.locator(".card h3 a").focus()
        page.keyboard.press("Enter")
        page.get_by_label("Your name").first.focus()
        page.keyboard.type("Kim")
        page.keyboard.press("Tab")
        page.keyboard.type("I call the lab")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_contain_text("Recorded")
        expect(page.locator("#head")).to_contain_text("Acknowledged by Kim")
        expect(page.locator("#timeline")).to_contain_text("I call the lab")
        expect(page.get_by_label("Your name").first).to_have_value("Kim")
        expect(other.locator(f"#e{opened.episode_id}")).to_contain_text("Acknowledged by Kim")


def test_somebody_marks_a_step_as_done_and_opens_the_report_which_lists_it(browser, site):
    address, _, opened = site
    with opened_page(browser, f"{address}/episodes/{opened.episode_id}") as page:
        playbook = page.locator("#playbook")
        playbook.get_by_label("Your name").fill("Kim")
        playbook.get_by_role("button", name="Done").first.click()
        expect(playbook.locator("li.done")).to_contain_text("done by Kim")
        faults: list[str] = []
        page.on("console", lambda message: faults.append(message.text))
        page.get_by_role("link", name="Print the report").click()
        row = page.locator("tr", has=page.locator("code", has_text="verify-facts"))
        expect(row).to_contain_text("Kim")
        expect(page.locator("figure svg").first).to_be_visible()
        assert page.locator("h1").evaluate("heading => getComputedStyle(heading).fontSize") == "24px"
        assert faults == []


def test_a_refused_form_is_in_view_with_what_was_typed_and_can_be_sent_again(browser, site):
    address, _, opened = site
    with opened_page(browser, f"{address}/episodes/{opened.episode_id}", width=360) as page:
        page.get_by_text("Record our answer").click()
        form = page.locator("form", has=page.locator("input[value=answer]"))
        form.get_by_label("Your name").fill("Kim")
        form.get_by_role("button").click()
        assert form.locator("textarea").evaluate("field => field.validity.valueMissing")
        form.locator("textarea").fill("We recall <b>all</b> of them")
        form.get_by_label("Published").fill("2031-01-01T00:00")
        form.get_by_role("button").click()
        expect(page.locator(".refused")).to_be_in_viewport()
        expect(page.locator(".refused")).to_contain_text("not in the future")
        expect(form.locator("textarea")).to_have_value("We recall <b>all</b> of them")
        form.get_by_label("Published").fill("")
        form.get_by_role("button").click()
        expect(page.locator("#timeline")).to_contain_text("We recall <b>all</b> of them")


def test_times_are_those_of_the_readers_zone_with_utc_beside(browser, site):
    address, _, opened = site
    with opened_page(browser, f"{address}/episodes/{opened.episode_id}") as page:
        expect(page.locator("#head time").first).to_have_text("2026-03-01 21:00 (12:00 UTC)")
        expect(page.locator("#zone")).to_contain_text("Asia/Tokyo")


def test_a_phone_shows_every_page_without_scrolling_sideways(browser, site):
    address, _, opened = site
    with opened_page(browser, address, width=360) as page:
        for path in ("/", f"/episodes/{opened.episode_id}", "/brands/acme", "/brands", "/search"):
            page.goto(address + path)
            assert page.evaluate("document.documentElement.scrollWidth") <= 360, path


def test_a_phone_shows_the_rows_of_the_last_episodes_whole_and_short(browser, site):
    address, writer, opened = site
    writer.apply(Incoming(alerts=[later(opened, 7, "resolved", 60)]))
    with opened_page(browser, address, width=360) as page:
        row = page.locator("#last tbody tr").first
        expect(row).to_be_visible()
        assert page.locator("#last .scroll").evaluate("box => box.scrollWidth <= box.clientWidth")
        assert row.evaluate("row => row.clientHeight") < 200


@pytest.mark.parametrize(
    ("path", "dark"),
    [
        ("/", False),
        ("/episodes/{}", False),
        ("/episodes/{}", True),
        ("/brands/acme", True),
        ("/search", False),
        ("/brands", False),
    ],
)
def test_axe_finds_nothing_serious(browser, site, path, dark):
    address, writer, opened = site
    missed = Playbook(owner="duty", respond_by=moment(DETECTED + 2400))
    writer.apply(
        Incoming(alerts=[later(opened, 8, "updated", 35, playbook=missed)], activity=buckets("bolt", START + 2100, 20))
    )
    with opened_page(browser, address + path.format(opened.episode_id), dark=dark) as page:
        for details in page.locator("details").all():
            details.evaluate("details => { details.open = true; }")
        assert page.locator(".overdue").count() == (path in {"/", "/episodes/{}"})
        found = Axe().run(page)
    serious = [
        (violation["id"], [node["html"][:160] for node in violation["nodes"]][:3])
        for violation in found.response["violations"]
        if violation["impact"] in {"serious", "critical"}
    ]
    assert serious == []


def point_of(page: Page, address: str, opened: Alert, number: int) -> dict[str, str]:
    """What the JSON API has of a point of an episode, as the charts say it."""
    view = page.request.get(f"{address}/api/episodes/{opened.episode_id}").json()
    point = view["points"][number]
    usual, threshold = percent(point["usual_share"]), tenths(view["episode"]["alert"]["score"]["threshold"])
    return {
        "mentions": count(point["mentions"]),
        "negative mentions": count(point["negatives"]),
        "normal, 95 %": f"{count(point['lower'])} to {count(point['upper'])}",
        "negative share": f"{percent(point['share'])} (usually {usual})",
        "score": f"{tenths(point['score'])} (threshold {threshold})",
    }


def shown_values(page: Page, chart: str = "volume") -> dict[str, str]:
    tip = page.locator(f".plot.{chart} .tip")
    expect(tip).to_be_visible()
    return dict(row.split("\n") for row in tip.locator("dl div").all_inner_texts())


def test_the_pointer_reads_on_every_chart_what_the_json_api_has_and_the_marks_near_it(browser, site):
    address, _, opened = site
    with opened_page(browser, f"{address}/episodes/{opened.episode_id}") as page:
        for chart in ("volume", "share", "score"):
            over = page.locator(f".plot.{chart} .u-over")
            box = over.bounding_box()
            assert box is not None
            over.hover(position={"x": box["width"] - 1, "y": 40})
            assert shown_values(page, chart) == point_of(page, address, opened, -1)
            expect(page.locator(".tip:visible")).to_have_count(1)
        expect(page.locator(".tip:visible")).to_contain_text("alert opened, critical")
        page.mouse.move(0, 0)
        expect(page.locator(".tip:visible")).to_have_count(0)


def test_arrow_keys_read_the_charts_out_one_point_after_the_other(browser, site):
    address, _, opened = site
    with opened_page(browser, f"{address}/episodes/{opened.episode_id}") as page:
        charts = page.get_by_role("slider")
        charts.focus()
        page.keyboard.press("Home")
        expect(charts).to_have_attribute("aria-valuenow", "0")
        page.keyboard.press("End")
        page.keyboard.press("ArrowLeft")
        values = point_of(page, address, opened, -2)
        for label, value in values.items():
            expect(charts).to_have_attribute("aria-valuetext", re.compile(re.escape(f"; {label}: {value}")))
        assert shown_values(page) == values
        page.keyboard.press("ArrowRight")
        expect(charts).to_have_attribute("aria-valuetext", re.compile("alert opened, critical"))


def left_edge(page: Page) -> str:
    """The time at the left edge of the charts, as the pointer reads it."""
    over = page.locator(".plot.score .u-over")
    over.hover(position={"x": 30, "y": 40})
    over.hover(position={"x": 1, "y": 40})
    return page.locator(".tip:visible .when").inner_text()


def test_zoom_and_focus_survive_a_live_update_and_the_policy_is_kept(browser, site):
    address, writer, opened = site
    faults: list[str] = []
    with opened_page(browser, f"{address}/episodes/{opened.episode_id}") as page:
        page.on("console", lambda message: faults.append(message.text))
        page.on("pageerror", lambda error: faults.append(str(error)))
        charts = page.get_by_role("slider")
        whole = page.get_by_role("button", name="Show all")
        expect(whole).to_have_attribute("aria-disabled", "true")
        charts.focus()
        for key in ("End", "+", "+"):
            page.keyboard.press(key)
        zoomed, points = left_edge(page), int(charts.get_attribute("aria-valuemax") or "")
        writer.apply(Incoming(activity=buckets("acme", START + 2100, 6, mentions=70, negatives=60.0)))
        expect(charts).to_have_attribute("aria-valuemax", str(points + 6))
        expect(charts).to_be_focused()
        assert left_edge(page) == zoomed
        page.keyboard.press("0")
        expect(whole).to_have_attribute("aria-disabled", "true")
        assert left_edge(page) < zoomed
    assert faults == []


def test_hostile_posts_do_nothing_in_a_browser(browser, tmp_path):
    with hub_in(tmp_path) as (hub, writer), served(hub) as address:
        opened = burn(writer)
        evidence = opened.evidence
        trigger = msgspec.structs.replace(
            evidence.triggers[0], excerpt=HOSTILE, author=HOSTILE, url="javascript:alert(1)"
        )
        evidence = msgspec.structs.replace(evidence, triggers=(trigger,), voices=(trigger,))
        writer.apply(Incoming(alerts=[later(opened, 2, "updated", 5, headline=HOSTILE, evidence=evidence)]))
        for path in ("/", f"/episodes/{opened.episode_id}"):
            with opened_page(browser, address + path) as page:
                assert page.evaluate("window.hacked") is None
                expect(page.locator("main")).to_contain_text("<script>window.hacked=1</script>")
                assert page.locator("main img, main script").count() == 0


def test_a_page_that_nobody_looks_at_gives_its_connection_back_and_catches_up(browser, site):
    address, writer, _ = site
    look = "state => {{ Object.defineProperty(document, 'hidden', {{ value: {}, configurable: true }}); {} }}"
    tell = "document.dispatchEvent(new Event('visibilitychange'))"
    with opened_page(browser, address) as page:
        wait_in(page, "events.readyState === EventSource.OPEN")
        page.evaluate(look.format("true", tell), None)
        wait_in(page, "events === null")
        writer.apply(Incoming(alerts=[episode(5, brand="cora", kind="crisis")]))
        page.evaluate(look.format("false", tell), None)
        expect(page.locator(".card")).to_have_count(2)


def test_a_page_that_loses_its_hub_says_so(browser, tmp_path):
    with hub_in(tmp_path) as (hub, _):
        with served(hub) as address:
            page = opened_page(browser, address)
            expect(page.locator(".disconnected")).to_be_hidden()
        expect(page.locator(".disconnected")).to_be_visible()
        page.close()
