"""What the pages and the API answer, to whom, and what they refuse."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from starlette.testclient import TestClient

from pipeline.config.settings import Settings
from pipeline.errors import BrokerError, ConfigError
from pipeline.hub.access import Access
from pipeline.hub.app import application
from pipeline.hub.context import Hub, Line
from pipeline.hub.episode_view import MOST_SAID
from pipeline.hub.guard import MAX_BODY, TokenBucket
from pipeline.hub.store.writer import Incoming, Writer
from pipeline.hub.words import words_of
from schemas.feedback import FeedbackKind, new_feedback
from schemas.moments import moment
from tests.pipeline.hub.world import DETECTED, HOSTILE, START, alert, buckets, burn, episode, hub_in, later

TOKEN, READ_TOKEN = "a-token-to-read-and-act", "a-token-to-read-alone"


@contextmanager
def client_of(hub: Hub) -> Iterator[TestClient]:
    with TestClient(application(hub, ["testserver"]), follow_redirects=False) as client:
        yield client


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[tuple[Hub, Writer]]:
    with hub_in(tmp_path) as made:
        yield made


def form_token(client: TestClient, address: str = "/login") -> str:
    found = re.search(r'name="form_token" value="([0-9a-f]+)"', client.get(address).text)
    assert found, f"no form at {address}"
    return found[1]


def test_a_quiet_fleet_shows_what_is_watched_the_last_episodes_and_that_the_line_is_alive(hub):
    made, writer = hub
    opened = episode(1)
    writer.apply(Incoming(alerts=[opened, later(opened, 2, "resolved", 60)], activity=buckets("acme", START, 3)))
    with client_of(made) as client:
        text = client.get("/").text
    assert "Nothing burns" in text
    assert "The line is alive" in text
    assert "brands watched: 1" in text
    assert 'datetime="2026-03-01T12:15:00Z"' in text
    assert f'href="/episodes/{opened.episode_id}"' in text


def test_open_episodes_stand_by_severity_with_name_headline_terms_trigger_owner_and_who_acts(hub):
    made, writer = hub
    burning = burn(writer)
    minor = episode(2, brand="bolt", severity="warning", kind="sentiment_shift", detected=DETECTED - 600)
    writer.apply(
        Incoming(
            alerts=[minor],
            feedback=[new_feedback(burning, "acknowledged", author="Kim <b>", time=moment(DETECTED))],
        )
    )
    with client_of(made) as client:
        text = client.get("/").text
    assert text.index("Acme Gadgets") < text.index(f"/episodes/{minor.episode_id}")
    assert "Acknowledged by Kim &lt;b&gt;" in text
    assert burning.evidence.terms[0].text in text
    assert 'class="spark"' in text
    assert re.search(r"1 open episode needs eyes\s+<span[^>]*>1 in work", text)


def test_when_somebody_acts_on_all_that_is_open_the_page_says_so(hub):
    made, writer = hub
    said = new_feedback(burn(writer), "acknowledged", author="Kim", time=moment(DETECTED))
    writer.apply(Incoming(feedback=[said]))
    with client_of(made) as client:
        text = client.get("/").text
    assert "Somebody acts on every open episode" in text
    assert "need eyes" not in text


@pytest.mark.parametrize("link", ["incident", "of the surge", "of the crisis", "none"])
def test_a_surge_that_is_part_of_an_open_crisis_is_not_listed_a_second_time(hub, link):
    made, writer = hub
    incident = "f" * 24 if link == "incident" else None
    ids = {"crisis": f"{1:024x}", "surge": f"{2:024x}"}
    crisis = episode(
        1,
        kind="crisis",
        incident_id=incident,
        related_episode_ids=(ids["surge"],) if link == "of the crisis" else (),
    )
    surge = episode(
        2,
        kind="volume_surge",
        incident_id=incident,
        related_episode_ids=(ids["crisis"],) if link == "of the surge" else (),
    )
    writer.apply(Incoming(alerts=[crisis, surge], activity=buckets("acme", START, 7)))
    with client_of(made) as client:
        assert (f"/episodes/{surge.episode_id}" in client.get("/").text) == (link == "none")
        writer.apply(Incoming(alerts=[later(crisis, 3, "resolved", 30)]))
        assert f"/episodes/{surge.episode_id}" in client.get("/").text


def test_more_episodes_than_are_drawn_are_rows_of_a_table(hub):
    made, writer = hub
    writer.apply(Incoming(alerts=[episode(n, brand=f"b{n}", kind="crisis") for n in range(1, 61)]))
    with client_of(made) as client:
        text = client.get("/").text
    assert text.count('class="card ') == 40
    assert all(f"/episodes/{n:024x}" in text for n in range(1, 61))


def test_an_episode_shows_its_time_line_evidence_and_what_people_did(hub):
    made, writer = hub
    opened = burn(writer)
    writer.apply(
        Incoming(
            alerts=[later(opened, 2, "updated", 30, changes=("news",))],
            feedback=[
                new_feedback(opened, "answer", author="Kim", time=moment(DETECTED + 600), url="https://a.example/x"),
                new_feedback(opened, "label", author="Ann", time=moment(DETECTED + 700), label="true"),
            ],
        )
    )
    with client_of(made) as client:
        text = client.get(f"/episodes/{opened.episode_id}").text
    assert re.findall(r'class="plot (\w+)"', text) == ["volume", "share", "score"]
    assert text.count('class="chart"') == 2  # the spread over platforms and over languages
    for shown in ("onset", "alert opened", "answer by Kim", "marked as real by Ann", "trigger posted"):
        assert f">{shown}" in text, shown
    assert opened.evidence.voices[0].excerpt[:30] in text


@pytest.mark.parametrize("name", ["minimal", "full", "category-crisis-opened", "high-reach-post-opened", "stories"])
@pytest.mark.parametrize("language", ["en", "zh", "ja"])
def test_every_kind_of_alert_has_a_page_in_every_language(hub, name, language):
    made, writer = hub
    shown = alert(name)
    writer.apply(Incoming(alerts=[shown]))
    with client_of(made) as client:
        for address in ("/", f"/episodes/{shown.episode_id}", f"/episodes/{shown.episode_id}/report", "/search"):
            answer = client.get(address, params={"lang": language})
            assert answer.status_code == 200
            assert f'<html lang="{language}">' in answer.text


def test_hostile_words_reach_no_page_as_anything_but_words(hub):
    made, writer = hub
    example = alert()
    trigger = msgspec.structs.replace(example.evidence.triggers[0], excerpt=HOSTILE, author=HOSTILE, url="javascript:1")
    term = msgspec.structs.replace(example.evidence.terms[0], text=HOSTILE)
    evidence = msgspec.structs.replace(example.evidence, triggers=(trigger,), terms=(term,))
    opened = episode(1, headline=HOSTILE, evidence=evidence)
    said = new_feedback(opened, "note", author=HOSTILE[:100], time=moment(DETECTED), note=HOSTILE)
    writer.apply(Incoming(alerts=[opened], feedback=[said], activity=buckets("acme", START, 3)))
    with client_of(made) as client:
        addresses = [
            "/",
            f"/episodes/{opened.episode_id}",
            "/search?q=script",
            "/brands/acme",
            f"/search?q={HOSTILE[:40]}",
        ]
        for address in addresses:
            answer = client.get(address)
            assert answer.status_code == 200
            assert "<script>window" not in answer.text
            assert "<img" not in answer.text
            assert "\u202e" not in answer.text
            assert "\x1b" not in answer.text
            assert "javascript:" not in answer.text


def test_no_page_has_a_script_or_style_of_its_own_and_the_policy_forbids_them(hub):
    made, writer = hub
    opened = burn(writer)
    with client_of(made) as client:
        for address in ("/", f"/episodes/{opened.episode_id}", "/brands/acme", "/search", "/nothing"):
            answer = client.get(address)
            policy = answer.headers["content-security-policy"]
            assert "unsafe" not in policy
            assert "default-src 'none'" in policy
            assert re.findall(r"<script(?! src)|<style|\sstyle=|\son\w+=", answer.text) == []


def test_a_brand_shows_its_days_thresholds_configuration_and_competitors(hub):
    made, writer = hub
    burn(writer)
    with client_of(made) as client:
        for days in (1, 7, 30, 90, 365):
            text = client.get("/brands/acme", params={"days": days}).text
            assert re.findall(r'class="plot (\w+)"', text) == ["volume"]
    assert "A crisis opens when the score reaches" in text
    assert "they run with different files" in text
    assert 'href="/brands/bolt"' in text
    assert "playbook.owner" in text
    assert "Category gadgets" in text


def test_a_search_shows_what_fits_and_says_what_it_could_not_read(hub):
    made, writer = hub
    opened = burn(writer)
    with client_of(made) as client:
        assert opened.episode_id in client.get("/search?brand=acme&from=2026-03-01&until=2026-03-01").text
        assert opened.episode_id not in client.get("/search?brand=acme&from=2026-03-02").text
        for called in ("gadgets", "アクメ"):
            found = client.get("/search", params={"brand": called}).text
            assert opened.episode_id in found
            assert 'href="/brands/acme"' in found
        assert "expected a date such as 2026-03-04" in client.get("/search?from=yesterday").text


@pytest.mark.parametrize("asked", ["acme", "Gadgets", "アクメ"])
def test_the_search_of_the_header_finds_a_brand_by_its_id_and_by_its_names_and_no_other_brand(hub, asked):
    made, writer = hub
    opened = burn(writer)
    with client_of(made) as client:
        text = client.get("/search", params={"q": asked}).text
        assert opened.episode_id in text
        assert 'href="/brands/acme"' in text
        assert 'href="/brands/bolt"' not in text
        assert '<ul class="brandlist">' not in client.get("/search", params={"q": "neither"}).text


def test_brands_have_a_list_that_can_be_searched_and_says_how_many_it_leaves_out(hub):
    made, writer = hub
    burn(writer)
    writer.apply(Incoming(activity=[record for n in range(510) for record in buckets(f"zeta-{n:03}", START, 1)]))
    with client_of(made) as client:
        text = client.get("/").text
        assert 'href="/brands"' in text
        assert "The first 500 of 512" in client.get("/brands").text
        found = client.get("/brands", params={"q": "gadgets"}).text
        assert re.findall(r'href="/brands/([a-z-]+)"', found) == ["acme"]
        assert "No brand fits" in client.get("/brands", params={"q": "<i>"}).text


def test_the_address_of_all_episodes_is_the_search(hub):
    made, writer = hub
    opened = burn(writer)
    with client_of(made) as client:
        assert f"/episodes/{opened.episode_id}" in client.get("/episodes").text


def test_a_brands_settings_and_scores_are_words_of_people_not_of_a_program(hub):
    made, writer = hub
    writer.apply(Incoming(activity=buckets("acme", START, 1, crisis=-0.04)))
    with client_of(made) as client:
        text = client.get("/brands/acme").text
    assert text.count(">Configuration that holds<") == 1
    assert "now it is 0.0" in text
    settings = re.findall(r"<td>([^<]*)</td>", text[text.index(">Configuration that holds<") :])
    assert {"true", "–"} <= set(settings)
    assert not [one for one in settings if re.search(r"\(\)|\{|\[|True|False|None", one)]


@pytest.mark.parametrize("address", ["/episodes/none", "/brands/none", "/nothing"])
def test_what_is_not_known_is_not_found(hub, address):
    with client_of(hub[0]) as client:
        answer = client.get(address)
    assert (answer.status_code, "Not found" in answer.text) == (404, True)


def test_the_language_is_that_of_the_browser_until_another_is_chosen(hub):
    with client_of(hub[0]) as client:
        assert '<html lang="ja">' in client.get("/", headers={"accept-language": "fr, ja;q=0.8, en;q=0.2"}).text
        assert '<html lang="zh">' in client.get("/?lang=zh").text
        assert '<html lang="zh">' in client.get("/", headers={"accept-language": "ja"}).text


def test_the_headline_is_told_in_the_language_of_the_page(hub):
    made, writer = hub
    burn(writer)
    with client_of(made) as client:
        assert "Crisis about Acme Gadgets" in client.get("/?lang=en").text
        japanese = client.get("/?lang=ja").text
    assert "アクメ" in japanese
    assert "Crisis about" not in japanese


def test_a_broken_line_is_said_on_the_page_and_to_a_supervisor(tmp_path):
    with hub_in(tmp_path, line=Line("broker <gone>", 0.0, is_recording=False)) as (made, _), client_of(made) as client:
        assert "The line is broken" in client.get("/").text
        assert client.get("/healthz").status_code == 503


def test_a_recording_that_is_still_read_does_not_say_that_nothing_burns(tmp_path):
    line = Line("", 0.0, is_recording=True, is_reading=True)
    with hub_in(tmp_path, line=line) as (made, writer), client_of(made) as client:
        for language, words in (("en", "Reading the recording"), ("zh", "正在读取"), ("ja", "読み込んで")):
            assert words in client.get("/", params={"lang": language}).text
        assert "Nothing burns" not in client.get("/?lang=en").text
        burn(writer)
        assert "still being read" in client.get("/").text


def last_hour_shown(client: TestClient, address: str) -> str:
    found = re.search(r"Last hour(?:: |</dt>\s*<dd>)(\d+) mentions", client.get(address).text)
    assert found, address
    return found[1]


def test_the_last_hour_of_a_brand_ends_with_its_own_newest_bucket_however_far_the_others_are(hub):
    made, writer = hub
    opened = burn(writer)  # 40 mentions in each of seven buckets, after four in each of the others
    writer.apply(Incoming(activity=buckets("bolt", START + 2100, 60)))
    with client_of(made) as client:
        for address in ("/", f"/episodes/{opened.episode_id}"):
            assert last_hour_shown(client, address) == str(7 * 40 + 5 * 4)
        points = client.get(f"/api/episodes/{opened.episode_id}").json()["points"]
        assert max(point["start"] for point in points) < START + 2100
        writer.apply(Incoming(activity=buckets("acme", START + 2100, 5, mentions=1)))
        for address in ("/", f"/episodes/{opened.episode_id}"):
            assert last_hour_shown(client, address) == str(7 * 40 + 5)


def acknowledge(client: TestClient, opened: Any, **fields: str) -> Any:
    address = f"/episodes/{opened.episode_id}"
    form = {"kind": "acknowledged", "author": "Kim", "form_token": form_token(client, address)} | fields
    return client.post(f"{address}/feedback", data=form)


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({}, "acknowledged"),
        ({"kind": "note", "note": "called the lab"}, "note"),
        ({"kind": "step", "step": "verify-facts"}, "step"),
        ({"kind": "label", "label": "false"}, "label"),
        ({"kind": "answer", "url": "https://acme.example/answer", "published": "2026-03-01T12:20"}, "answer"),
    ],
)
def test_a_form_records_what_somebody_said_and_shows_it(hub, fields, kind):
    made, writer = hub
    opened = burn(writer)
    with client_of(made) as client:
        answer = acknowledge(client, opened, **fields)
        place = "#playbook" if kind == "step" else ""
        assert answer.status_code == 303
        assert answer.headers["location"] == f"/episodes/{opened.episode_id}?saved=1{place}"
        (said,) = made.reader.feedback([opened.episode_id])
        assert (said.kind, said.author, said.brand) == (kind, "Kim", "acme")
        assert "by Kim" in client.get(f"/episodes/{opened.episode_id}").text


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"form_token": "0" * 64}, 403),
        ({"kind": "note", "note": ""}, 400),
        ({"kind": "note", "note": "x" * 2001}, 400),
        ({"kind": "label", "label": "perhaps"}, 400),
        ({"kind": "step", "step": "call"}, 400),
        ({"kind": "answer", "url": "javascript:alert(1)"}, 400),
        ({"kind": "answer", "published": "soon"}, 400),
        ({"kind": "answer", "published": "2030-01-01T00:00"}, 400),
        ({"author": " "}, 400),
    ],
)
def test_a_form_that_is_not_ours_or_breaks_a_rule_records_nothing(hub, fields, status):
    made, writer = hub
    opened = burn(writer)
    with client_of(made) as client:
        answer = acknowledge(client, opened, **fields)
    assert answer.status_code == status
    assert "That did not work" in answer.text
    assert made.reader.feedback([opened.episode_id]) == []


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"kind": "note", "note": " "}, "A note needs words"),
        ({"kind": "answer", "published": "2026-03-01T12:20"}, "write what was said, or give the address"),
        (
            {"kind": "answer", "note": "we &c", "url": "ftp://a", "published": "2026-03-01T12:20"},
            "begins with https://",
        ),
        (
            {"kind": "answer", "note": "we &c", "url": "https://a.example", "published": "2030-01-01T00:00"},
            "in the future",
        ),
        ({"author": " ", "note": "we &c"}, "give your name"),
    ],
)
def test_a_refused_form_stands_with_its_episode_says_why_kindly_and_keeps_what_was_typed(hub, fields, why):
    made, writer = hub
    opened = burn(writer)
    with client_of(made) as client:
        text = acknowledge(client, opened, **fields).text
        assert client.get(f"/episodes/{opened.episode_id}/feedback?lang=ja").headers["location"] == (
            f"/episodes/{opened.episode_id}?lang=ja"
        )
    (refused,) = re.findall(r'<p class="refused" role="alert".*?</p>', text)
    assert why in refused
    assert f'href="/episodes/{opened.episode_id}"' in refused
    assert "expected" not in refused
    form = text[text.index(refused) : text.index("</form>", text.index(refused))]
    assert f'name="kind" value="{fields.get("kind", "acknowledged")}"' in form
    for name in ("url", "published"):
        assert f'value="{fields.get(name, "")}"' in form or name not in form
    assert (">we &amp;c</textarea>" in form) == ("note" in fields and bool(fields["note"].strip()))


def test_a_form_sent_by_another_site_records_nothing(hub):
    made, writer = hub
    opened = burn(writer)
    with client_of(made) as client:
        client.headers["origin"] = "https://evil.example"
        assert acknowledge(client, opened).status_code == 403
    assert made.reader.feedback([opened.episode_id]) == []


def test_feedback_that_the_brokers_do_not_take_is_not_shown_as_recorded(hub):
    made, writer = hub
    opened = burn(writer)

    class Refusing:
        def send(self, said: object) -> None:
            raise BrokerError("no broker")

    with client_of(msgspec.structs.replace(made, sink=Refusing())) as client:
        answer = acknowledge(client, opened)
    assert (answer.status_code, "no broker" in answer.text) == (503, True)
    assert made.reader.feedback([opened.episode_id]) == []


def test_only_who_knows_a_token_reads_and_only_the_right_one_acts(tmp_path):
    with hub_in(tmp_path, hub_token=TOKEN, hub_read_token=READ_TOKEN) as (made, writer), client_of(made) as client:
        opened = burn(writer)
        assert client.get("/").headers["location"] == "/login"
        assert client.get("/api/episodes").status_code == 401
        assert client.get("/events").status_code == 401
        assert client.post(f"/episodes/{opened.episode_id}/feedback").headers["location"] == "/login"
        wrong = client.post("/login", data={"token": "x", "name": "Eve", "form_token": form_token(client)})
        assert (wrong.status_code, "set-cookie" in wrong.headers) == (403, False)
        for token, role, status in ((READ_TOKEN, "read", 403), (TOKEN, "read and act", 303)):
            form = {"token": token, "name": "Kim", "form_token": form_token(client)}
            answer = client.post("/login", data=form)
            assert "HttpOnly" in answer.headers["set-cookie"]
            assert "SameSite=strict" in answer.headers["set-cookie"]
            assert f"Kim, may {role}" in client.get("/").text
            form = {"kind": "acknowledged", "author": "Eve", "form_token": form_token(client, "/")}
            assert client.post(f"/episodes/{opened.episode_id}/feedback", data=form).status_code == status
        assert [said.author for said in made.reader.feedback([opened.episode_id])] == ["Kim"]
        client.post("/logout", data={"form_token": form_token(client, "/")})
        assert client.get("/").headers["location"] == "/login"


def test_behind_a_proxy_that_speaks_tls_cookies_are_for_tls_alone(tmp_path):
    given: dict[str, Any] = {"hub_token": TOKEN, "hub_trusted_proxies": "testclient"}
    with hub_in(tmp_path, **given) as (made, _), client_of(made) as client:
        assert "Secure" in client.get("/login", headers={"x-forwarded-proto": "https"}).headers["set-cookie"]
        assert "Secure" not in client.get("/login").headers["set-cookie"]


@pytest.mark.parametrize("cookie", ["", "x", "x.y", "e30.0", "…", "a" * 5000])
def test_a_forged_session_is_none(tmp_path, cookie):
    with hub_in(tmp_path, hub_token=TOKEN) as (made, _), client_of(made) as client:
        answer = client.get("/", headers={"cookie": f"tocsin_session={cookie}".encode()})
    assert answer.headers["location"] == "/login"


def test_a_token_in_a_header_opens_the_api(tmp_path):
    with hub_in(tmp_path, hub_token=TOKEN) as (made, _), client_of(made) as client:
        assert client.get("/api/episodes", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200
        assert client.get("/api/episodes", headers={"authorization": "Bearer no"}).status_code == 401


def test_guessing_tokens_is_slow(tmp_path):
    with hub_in(tmp_path, hub_token=TOKEN) as (made, _), client_of(made) as client:
        form = {"token": "guess", "name": "Eve", "form_token": form_token(client)}
        statuses = [client.post("/login", data=form).status_code for _ in range(7)]
    assert statuses[:5] == [403] * 5
    assert 429 in statuses[5:]


def test_a_name_from_a_header_is_believed_of_the_proxy_alone(tmp_path):
    given: dict[str, Any] = {
        "hub_trusted_header": "X-User",
        "hub_trusted_proxies": "testclient",
        "hub_acting_users": "Kim",
    }
    with hub_in(tmp_path, **given) as (made, writer), client_of(made) as client:
        burn(writer)
        assert client.get("/").status_code == 401
        assert "Kim, may read and act" in client.get("/", headers={"x-user": "Kim"}).text
        assert "Ann, may read" in client.get("/", headers={"x-user": "Ann"}).text
    with hub_in(tmp_path, **(given | {"hub_trusted_proxies": "10.0.0.1"})) as (made, _), client_of(made) as client:
        assert client.get("/", headers={"x-user": "Kim"}).status_code == 401


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"hub_host": "0.0.0.0"}, "can be reached from other machines"),
        ({"hub_token": TOKEN, "hub_trusted_header": "X-User"}, "choose one login"),
        ({"hub_token": "short"}, "at least 16 characters"),
    ],
)
def test_settings_that_would_let_anybody_in_are_refused(given, words):
    with pytest.raises(ConfigError, match=words):
        Access(Settings(**given))


def test_another_host_name_is_refused(hub):
    with client_of(hub[0]) as client:
        assert client.get("/", headers={"host": "evil.example"}).status_code == 400


def test_a_body_that_is_too_large_is_refused(hub):
    made, writer = hub
    opened = burn(writer)
    with client_of(made) as client:
        answer = acknowledge(client, opened, note="x" * MAX_BODY)
        assert answer.status_code == 413
        kind = {"content-type": "application/x-www-form-urlencoded"}
        endless = client.post(f"/episodes/{opened.episode_id}/feedback", content=iter([b"x" * 9000] * 9), headers=kind)
        assert endless.status_code == 413


def test_who_asks_too_often_has_to_wait():
    bucket = TokenBucket(3, 1, clients=2)
    assert [bucket.take("a", 0.0) for _ in range(4)] == [True, True, True, False]
    assert bucket.take("b", 0.0)
    assert bucket.take("a", 1.0)
    assert not bucket.take("a", 1.0)
    assert bucket.take("c", 1.0)  # forgets the one that has not asked for longest
    assert len(bucket._left) == 2


def test_the_api_gives_what_its_description_says(hub):
    made, writer = hub
    opened = burn(writer)
    writer.apply(Incoming(feedback=[new_feedback(opened, "acknowledged", author="Kim", time=moment(DETECTED))]))
    with client_of(made) as client:
        described = client.get("/api/openapi.json").json()
        for path, address in (
            ("/api/episodes", "/api/episodes?state=open"),
            ("/api/episodes", "/api/episodes?q=headset&from=2026-01-01"),
            ("/api/episodes/{episode_id}", f"/api/episodes/{opened.episode_id}"),
            ("/api/brands/{brand}", "/api/brands/acme?days=1"),
        ):
            answer = client.get(address)
            assert answer.status_code == 200
            content = described["paths"][path]["get"]["responses"]["200"]["content"]
            schema = content["application/json"]["schema"] | {"components": described["components"]}
            jsonschema.Draft202012Validator(schema).validate(answer.json())
        assert client.get("/api/episodes").json()["episodes"][0]["standing"]["acknowledged"]["author"] == "Kim"
        assert client.get("/api/episodes?from=never").status_code == 400
        assert client.get("/api/episodes/none").status_code == 404
        assert client.get("/api/brands/acme?days=2").status_code == 400


def test_prometheus_is_told_requests_by_page_and_feedback_by_kind(hub):
    made, writer = hub
    opened = burn(writer)
    with client_of(made) as client:
        acknowledge(client, opened)
        client.get("/episodes/none")
        text = client.get("/metrics").text
    assert 'tocsin_hub_requests_total{page="episode",status="404"} 1.0' in text
    assert 'tocsin_hub_feedback_total{kind="acknowledged"} 1.0' in text


def test_prometheus_is_told_how_fast_people_are_where_somebody_was(hub):
    made, writer = hub
    said: list[tuple[int, FeedbackKind, int]] = [
        (1, "acknowledged", 10),
        (2, "acknowledged", 30),
        (2, "acknowledged", 90),
        (2, "answer", 120),
    ]
    opened = {number: episode(number, brand=f"brand-{number}") for number in (1, 2)}
    writer.apply(Incoming(alerts=list(opened.values())))
    assert made.reader.response_seconds("answer") == []
    for number, kind, minutes in said:
        when = opened[number].detected_time + timedelta(minutes=minutes)
        writer.apply(Incoming(feedback=[new_feedback(opened[number], kind, author=f"after {minutes}", time=when)]))
    assert sorted(made.reader.response_seconds("acknowledged")) == [600.0, 1800.0]
    assert made.reader.response_seconds("answer") == [7200.0]


def test_an_error_of_ours_costs_one_answer_and_says_nothing_of_itself(hub):
    made, _ = hub

    class Broken:
        def __getattr__(self, name: str) -> Any:
            raise RuntimeError("secret detail")

    app = application(msgspec.structs.replace(made, reader=Broken()), ["testserver"])
    with TestClient(app, raise_server_exceptions=False) as client:
        answer = client.get("/")
        assert (answer.status_code, "secret" in answer.text) == (500, False)
        assert client.get("/static/hub.css").status_code == 200


def test_of_a_flood_of_notes_the_page_shows_the_latest_and_says_how_many_it_leaves_out(hub):
    made, writer = hub
    burning = burn(writer)
    notes = [
        new_feedback(burning, "note", author="Kim", time=moment(DETECTED + n), note=f"note {n:04}") for n in range(500)
    ]
    writer.apply(Incoming(feedback=notes))
    with client_of(made) as client:
        text = client.get(f"/episodes/{burning.episode_id}").text
    assert re.findall(r"note (\d{4})", text) == [f"{n:04}" for n in range(500 - MOST_SAID, 500)]
    assert f"{500 - MOST_SAID} earlier entries by people are not shown" in text


@pytest.mark.parametrize(("language", "joined"), [("en", "×), "), ("zh", "倍），"), ("ja", "倍）、")])
def test_figures_are_joined_as_each_language_does(hub, language, joined):
    made, writer = hub
    burn(writer)
    with client_of(made) as client:
        text = client.get("/", params={"lang": language}).text
    last = text[text.index(words_of(language)("last_alert")) :]
    assert joined in last[: last.index("</dd>")]


def test_whole_hours_are_told_without_minutes():
    assert [words_of("en").duration(seconds) for seconds in (3600, 3660, 59 * 60, 90_000)] == [
        "1 h",
        "1 h 1 min",
        "59 min",
        "1 d 1 h",
    ]
