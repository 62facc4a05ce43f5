"""What the page of an episode tells: who is to act and how far they are, how it may go on, what an answer did."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from pipeline.cli.main import tocsin
from pipeline.hub import report_view
from pipeline.hub.app import application
from pipeline.hub.context import Hub
from pipeline.hub.store.retention import DAY
from pipeline.hub.store.writer import Incoming, Writer
from pipeline.report.playbook import DEFAULT_STEPS
from pipeline.report.review import Review
from schemas.alert import Alert, Playbook, ScoreReading, Window
from schemas.delivery import new_delivery
from schemas.evidence import Forecast, Part, Post, Recovery, Spread
from schemas.feedback import FeedbackKind, new_feedback
from schemas.moments import moment
from tests.pipeline.hub.world import DETECTED, HOSTILE, START, alert, buckets, burn, episode, hub_in, later


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[tuple[Hub, Writer, TestClient]]:
    with (
        hub_in(tmp_path) as (made, writer),
        TestClient(application(made, ["testserver"]), follow_redirects=False) as client,
    ):
        yield made, writer, client


def page(client: TestClient, shown: Alert, rest: str = "", **query: str) -> str:
    answer = client.get(f"/episodes/{shown.episode_id}{rest}", params=query)
    assert answer.status_code == 200
    return str(answer.text)


def answered(writer: Writer) -> Alert:
    """A crisis whose negative mentions end at once when the brand answers, an hour after its onset."""
    opened = burn(writer)
    loud: dict[str, Any] = {"mentions": 40, "negatives": 30.0, "crisis": 14.0}
    records = [*buckets("acme", START + 2100, 5, **loud), *buckets("acme", START + 3600, 36)]
    said = new_feedback(
        opened, "answer", author="Kim", time=moment(START + 3600), url="https://acme.example/a", note=HOSTILE
    )
    done = new_feedback(opened, "step", author="Ann", time=moment(START + 3000), step="publish")
    writer.apply(Incoming(activity=records, feedback=[said, done]))
    return opened


def test_the_page_says_who_was_told_as_its_json_does(hub):
    _, writer, client = hub
    opened = answered(writer)
    assert "Who was told" not in page(client, opened)
    told = [
        new_delivery(opened, target=("on-call", "pagerduty"), time=moment(DETECTED + 4)),
        new_delivery(opened, target=("chat", "apprise"), time=moment(DETECTED + 7), outcome="refused", why="status 9"),
    ]
    writer.apply(Incoming(deliveries=told))
    text = page(client, opened)
    assert "Who was told" in text
    assert "on-call" in text
    assert "refused 1: status 9" in text
    found = client.get(f"/api/episodes/{opened.episode_id}").json()
    assert [(one["target"], one.get("first")) for one in found["told"]] == [
        ("on-call", f"{moment(DETECTED + 4):%Y-%m-%dT%H:%M:%SZ}"),
        ("chat", None),
    ]
    assert "通知了谁" in page(client, opened, lang="zh")
    assert "誰に通知したか" in page(client, opened, lang="ja")


def test_the_playbook_shows_everybody_the_steps_with_what_is_done_and_whole_drafts(hub):
    _, writer, client = hub
    opened = burn(writer)
    assert opened.playbook
    draft = "We are sorry. " * 60 + "The end."
    playbook = msgspec.structs.replace(opened.playbook, drafts={"en": draft})
    writer.apply(
        Incoming(
            alerts=[later(opened, 2, "updated", 5, playbook=playbook)],
            feedback=[new_feedback(opened, "step", author="Kim", time=moment(DETECTED), step="verify-facts")],
        )
    )
    text = page(client, opened)
    assert "done by Kim" in text
    assert 'name="step" value="publish"' in text
    assert 'value="verify-facts"' not in text
    for shown in ("press@acme.example", "legal@acme.example", "#war-room", draft, "Nobody has checked these words"):
        assert shown in text, shown


def test_without_steps_of_its_own_a_playbook_has_the_usual_ones_in_the_readers_language(hub):
    made, writer, client = hub
    opened = episode(1, playbook=Playbook(owner="duty"))
    writer.apply(Incoming(alerts=[opened]))
    text = page(client, opened, lang="ja")
    assert re.findall(r'name="step" value="([a-z-]+)"', text) == list(DEFAULT_STEPS)
    assert "事実を確認する" in text
    token = re.search(r'name="form_token" value="([0-9a-f]+)"', text)
    assert token
    form = {"kind": "step", "step": "follow-up", "author": "Kim", "form_token": token[1]}
    assert client.post(f"/episodes/{opened.episode_id}/feedback", data=form).status_code == 303
    assert [one.step for one in made.reader.feedback([opened.episode_id])] == ["follow-up"]
    refused = client.post(f"/episodes/{opened.episode_id}/feedback", data=form | {"step": "call"})
    assert refused.status_code == 400


def test_whoever_may_only_read_sees_what_is_done_and_no_button(tmp_path):
    tokens: dict[str, Any] = {"hub_token": "a-token-to-read-and-act", "hub_read_token": "a-token-to-read-alone"}
    with (
        hub_in(tmp_path, **tokens) as (made, writer),
        TestClient(application(made, ["testserver"]), headers={"authorization": "Bearer a-token-to-read-alone"}) as one,
    ):
        opened = answered(writer)
        text = page(one, opened)
        assert "done by Ann" in text
        assert 'name="step"' not in text
        assert "verify-facts" in page(one, opened, "/report")


OVERDUE = {"en": "Overdue since", "zh": "已超期", "ja": "期限超過"}
LATE = {
    "en": "Acknowledged 14 min after the deadline",
    "zh": "期限过后 14 分钟才确认",
    "ja": "期限の 14 分後に確認",
}
NOBODY = {"en": "nobody acted in time", "zh": "无人及时处理", "ja": "期限内に対応なし"}


@pytest.mark.parametrize("language", OVERDUE)
def test_a_missed_deadline_of_an_earlier_alert_is_the_loudest_thing_until_somebody_acts(hub, language):
    _, writer, client = hub
    opened = episode(1, kind="crisis", playbook=Playbook(owner="duty", respond_by=moment(DETECTED + 60)))
    after = later(opened, 2, "updated", 5, playbook=Playbook(owner="duty"))
    writer.apply(Incoming(alerts=[opened, after], activity=buckets("acme", START, 12)))

    def shown() -> list[str]:
        head = page(client, opened, lang=language)
        card = client.get("/", params={"lang": language}).text
        return [head[head.index('id="head"') : head.index('class="columns"')], card[card.index('class="card ') :]]

    for text in shown():
        (said,) = re.findall(r'<p class="overdue">(.*?)</p>', text, re.DOTALL)
        assert OVERDUE[language] in said
        assert NOBODY[language] in said
        assert 'datetime="2026-03-01T12:36:00Z"' in said
    writer.apply(Incoming(feedback=[new_feedback(opened, "acknowledged", author="Kim", time=moment(DETECTED + 900))]))
    for text in shown():
        assert 'class="overdue"' not in text
        assert LATE[language] in text


@pytest.mark.parametrize(("language", "words"), [("en", "Answered"), ("zh", "才回应"), ("ja", "後に回答")])
def test_that_an_answer_came_after_the_deadline_is_told_after_the_end_of_the_episode_too(hub, language, words):
    _, writer, client = hub
    opened = episode(1, kind="crisis", playbook=Playbook(owner="duty", respond_by=moment(DETECTED + 60)))
    answer = new_feedback(opened, "answer", author="PR", time=moment(DETECTED + 900), note="We look into it.")
    over = later(opened, 2, "resolved", 60, playbook=None)
    writer.apply(Incoming(alerts=[opened, over], activity=buckets("acme", START, 36), feedback=[answer]))
    text = page(client, opened, lang=language)
    assert words in text[text.index('id="head"') : text.index('class="columns"')]
    assert "14" in text
    assert words in client.get("/", params={"lang": language}).text


def test_what_came_in_time_or_after_an_end_before_the_deadline_is_not_called_late(hub):
    _, writer, client = hub
    opened = episode(1, kind="crisis", playbook=Playbook(owner="duty", respond_by=moment(DETECTED + 7200)))
    said = new_feedback(opened, "acknowledged", author="Kim", time=moment(DETECTED + 7800))
    over = later(opened, 2, "resolved", 60, playbook=None)
    writer.apply(Incoming(alerts=[opened, over], activity=buckets("acme", START, 36), feedback=[said]))
    assert "after the deadline" not in page(client, opened)


def test_a_deadline_that_no_kept_alert_names_is_known_from_the_alert_that_nobody_acted(hub):
    _, writer, client = hub
    opened = episode(1, kind="crisis", playbook=None)
    writer.apply(
        Incoming(
            alerts=[opened, later(opened, 2, "escalated", 15, changes=("unanswered",))],
            activity=buckets("acme", START, 12),
        )
    )
    assert 'class="overdue"' in page(client, opened)


def test_a_deadline_is_told_as_what_to_act_by_while_there_is_time(hub):
    _, writer, client = hub
    opened = episode(1, kind="crisis", playbook=Playbook(owner="duty", respond_by=moment(DETECTED + 900)))
    writer.apply(Incoming(alerts=[opened], activity=buckets("acme", START, 7)))
    for language, words in (("en", "act by"), ("zh", "处理期限"), ("ja", "対応期限")):
        text = page(client, opened, lang=language)
        assert words in text
        assert 'class="overdue"' not in text


def test_feedback_of_one_moment_stands_in_the_order_of_its_arrival(hub):
    made, writer, client = hub
    opened = burn(writer)
    kinds: tuple[FeedbackKind, ...] = ("acknowledged", "note", "label", "note", "acknowledged", "note")
    for number, kind in enumerate(kinds):
        one = new_feedback(
            opened,
            kind,
            author=f"p{number}",
            time=moment(DETECTED),
            note=f"n{number}",
            label="true" if kind == "label" else None,
        )
        writer.apply(Incoming(feedback=[one]))
    writer.apply(Incoming(feedback=[new_feedback(opened, "note", author="early", time=moment(START), note="first")]))
    said = ["early", *(f"p{number}" for number in range(len(kinds)))]
    assert [one.author for one in made.reader.feedback([opened.episode_id])] == said
    text = page(client, opened)
    assert re.findall(r"by (p\d)<", text[text.index('id="timeline"') :]) == said[1:]
    assert "Acknowledged by p0, also p4<" in text


def test_a_forecast_is_told_in_words_beside_how_good_such_forecasts_are(hub):
    _, writer, client = hub
    told = Forecast(growth_chance=0.57, brier=0.181, base_rate=0.31, base_brier=0.214)
    opened = episode(1, evidence=msgspec.structs.replace(alert().evidence, forecast=told))
    writer.apply(Incoming(alerts=[opened]))
    text = page(client, opened)
    for shown in ("57 % that the next hour has more mentions", "31 %", "0.181", "0.214"):
        assert shown in text, shown


def test_similar_episodes_that_are_kept_are_linked_with_how_they_ended(hub):
    _, writer, client = hub
    opened = burn(writer)
    told = opened.evidence.similar[0]
    assert f'href="/episodes/{told.episode_id}"' not in page(client, opened)
    earlier = episode(7, detected=DETECTED - 86_400, episode_id=told.episode_id)
    said = new_feedback(earlier, "label", author="Kim", time=moment(DETECTED), label="false")
    writer.apply(Incoming(alerts=[earlier, later(earlier, 8, "resolved", 30)], feedback=[said]))
    text = page(client, opened)
    assert f'href="/episodes/{told.episode_id}"' in text
    assert "marked as a false alarm" in text


def test_where_an_alert_names_none_the_brands_own_earlier_episodes_are_the_similar_ones(hub):
    _, writer, client = hub
    opened = episode(1, evidence=alert("minimal").evidence)
    earlier = episode(7, detected=DETECTED - 86_400)
    writer.apply(Incoming(alerts=[opened, earlier, later(earlier, 8, "resolved", 30)]))
    assert f"/episodes/{earlier.episode_id}" in page(client, opened)


def test_after_an_answer_the_page_says_what_it_did_as_the_report_does(hub):
    _, writer, client = hub
    opened = answered(writer)
    review = msgspec.json.decode(page(client, opened, "/report", format="json"), type=Review)
    (answer,) = review.answers
    assert answer.effect.verdict == "calmer"
    assert answer.effect.negatives
    text = page(client, opened)
    assert "fewer negative mentions than the trend let expect" in text
    assert f"x{answer.effect.negatives.value:.2f} ({answer.effect.negatives.lower:.2f} to" in text
    assert "step done by Ann: " in text
    assert "&lt;script&gt;window" in text[text.index('id="answers"') :]
    assert "<script>window" not in text


def test_an_answer_that_fed_the_fire_and_nobody_acting_in_time_stand_on_the_time_line(hub):
    _, writer, client = hub
    opened = burn(writer)
    writer.apply(
        Incoming(
            alerts=[
                later(opened, 2, "escalated", 30, changes=("unanswered",)),
                later(opened, 3, "updated", 60, changes=("answer",)),
                later(opened, 4, "updated", 120, changes=("backfired",)),
            ]
        )
    )
    for language, words in (("en", "nobody acted in time"), ("zh", "无人及时处理"), ("ja", "期限内に対応なし")):
        text = page(client, opened, lang=language)
        assert words in text
        head = text[text.index('id="head"') : text.index('class="columns"')]
        assert {"en": "rose after the answer", "zh": "回应后负面", "ja": "回答後に否定的"}[language] in head


def told_at(opened: Alert, number: int, minutes: float, **shares: float) -> Alert:
    """A later alert with these platforms."""
    platforms = tuple(Part(name=name, mentions=1, share=share) for name, share in shares.items())
    spread = Spread(platforms=platforms, languages=(Part(name="en", mentions=2, share=1.0),))
    return later(opened, number, "updated", minutes, evidence=msgspec.structs.replace(opened.evidence, spread=spread))


def test_the_spread_over_time_is_drawn_with_a_dot_for_each_alert_and_stands_in_a_table_too(hub):
    _, writer, client = hub
    opened = burn(writer)
    assert opened.evidence.spread is not None
    assert 'class="told"' not in page(client, opened), "one alert is a moment, not a course"
    writer.apply(
        Incoming(alerts=[told_at(opened, 2, 30, x=0.9, reddit=0.1), told_at(opened, 3, 90, x=0.4, tiktok=0.6)])
    )
    text = page(client, opened)
    part = text[text.index("Spread over time") :]
    platforms, languages = re.findall(
        r'<figure><figcaption>.*?</figcaption>(<svg class="chart".*?</svg>)</figure>', part
    )[:2]
    assert platforms.count('<circle class="told"') == 3 * platforms.count('class="label"')
    assert "x 40 %" in re.sub("[\u2068\u2069]", "", platforms)
    assert 'aria-label="Platforms over time: ' in platforms
    assert "tiktok 0 % at first, 60 % at last, 60 % at most" in platforms
    assert 'aria-label="Languages over time: ' in languages
    table = part[part.index("<table>") : part.index("</table>")]
    assert table.count("<tr>") == 4
    assert "60 %" in table


def test_a_platform_with_a_hostile_name_is_text_in_the_chart(hub):
    _, writer, client = hub
    opened = burn(writer)
    writer.apply(Incoming(alerts=[told_at(opened, 2, 30, **{'"><script>window.hacked=1</script>': 1.0})]))
    for form in ("", "/report"):
        assert "<script>window" not in page(client, opened, form)


def test_a_report_is_the_page_of_the_command_and_may_load_and_run_nothing(hub):
    _, writer, client = hub
    opened = answered(writer)
    address = f"/episodes/{opened.episode_id}/report"
    assert f'href="{address}?lang=en"' in page(client, opened)
    answer = client.get(address)
    assert answer.status_code == 200
    assert "<svg" in answer.text
    assert "<script>window" not in answer.text
    policy = {part.split()[0]: part.split()[1:] for part in answer.headers["content-security-policy"].split(";")}
    assert policy["default-src"] == ["'none'"]
    assert policy["sandbox"] == []
    assert not {"script-src", "img-src", "connect-src"} & set(policy)
    assert client.get(address, params={"format": "markdown"}).text.startswith("# ")
    assert client.get(address, params={"format": "pdf"}).status_code == 400
    assert client.get("/episodes/000000000000/report").status_code == 404


def test_more_reports_at_once_than_there_are_places_for_are_refused(hub, monkeypatch):
    _, writer, client = hub
    opened = burn(writer)
    monkeypatch.setattr(report_view, "_places", threading.BoundedSemaphore(1))
    with report_view._places:
        refused = client.get(f"/episodes/{opened.episode_id}/report")
    assert (refused.status_code, "Too many requests" in refused.text) == (503, True)
    assert client.get(f"/episodes/{opened.episode_id}/report").status_code == 200


def test_the_command_writes_the_same_report_from_the_file_of_a_hub_that_runs(hub, tmp_path):
    _, writer, client = hub
    opened = answered(writer)
    config = ["--config", str(tmp_path / "brands.toml")]
    command = ["report", opened.episode_id[:6], "--hub-store", str(writer.path), "--format", "json", *config]
    assert CliRunner().invoke(tocsin, command).stdout == page(client, opened, "/report", format="json")
    unknown = CliRunner().invoke(tocsin, ["report", "abcdef", "--hub-store", str(writer.path), *config])
    assert (unknown.exit_code, unknown.stdout) == (1, "")
    assert "whose id begins with abcdef, got none" in str(unknown.exception)
    assert CliRunner().invoke(tocsin, ["report", "--brand", "acme", "--hub-store", str(writer.path)]).exit_code == 2


def test_a_long_past_episode_is_reported_without_the_silence_that_the_store_has_forgotten_since(hub):
    _, writer, client = hub
    opened = answered(writer)
    end = later(opened, 2, "resolved", 60)
    week = int((end.detected_time + timedelta(days=7)).timestamp()) // 300 * 300
    writer.apply(Incoming(alerts=[end], activity=buckets("acme", week, 3)))
    review = msgspec.json.decode(page(client, opened, "/report", format="json"), type=Review)
    assert not review.activity_missing
    assert review.known_until <= end.detected_time + timedelta(hours=2)


def test_three_weeks_later_the_report_says_by_days_whether_it_held_and_the_command_says_the_same(hub, tmp_path):
    _, writer, client = hub
    first = START - 4 * DAY
    writer.apply(Incoming(activity=buckets("acme", first, (START - 7200 - first) // 300)))
    opened = burn(writer)
    end = later(opened, 2, "resolved", 60)
    since = START + 2100
    writer.apply(Incoming(alerts=[end], activity=buckets("acme", since, 24)))
    for day in range(21):  # an hour of every day has mentions, as usual
        writer.apply(Incoming(activity=buckets("acme", START + DAY * (1 + day), 12, negatives=0.4)))
    text = page(client, opened, "/report", format="json")
    calm = msgspec.json.decode(text, type=Review).calm
    assert calm.after is not None
    assert (calm.held, calm.after.rests_on, calm.after.mentions_per_day) == ("yes", "days", 48.0)
    assert calm.after.usual_per_day == 4.0 * 288
    assert "by whole days" in page(client, opened, "/report", format="markdown", lang="en")
    command = ["report", opened.episode_id, "--hub-store", str(writer.path), "--format", "json"]
    command += ["--config", str(tmp_path / "brands.toml")]
    assert CliRunner().invoke(tocsin, command).stdout == text


@pytest.mark.parametrize(
    ("language", "since", "window"),
    [
        ("en", "mentions since the onset, usually", "negative in the last 1 h, usually"),
        ("zh", "自开始以来", "最近 1 小时"),
        ("ja", "始まり以降の言及", "直近 1 時間"),
    ],
)
def test_counts_since_the_onset_and_those_of_the_window_are_named_beside_each_other(hub, language, since, window):
    _, writer, client = hub
    opened = burn(writer)
    assert opened.since_onset is not None
    span = msgspec.structs.replace(opened.window, start=opened.window.end - timedelta(hours=1))
    writer.apply(Incoming(alerts=[later(opened, 2, "updated", 5, window=span)]))
    for text in (page(client, opened, lang=language), client.get("/", params={"lang": language}).text):
        assert since in text
        assert window in text


MEANING = (
    "If its mentions and their negative share had gone on as usual, the brand would reach 3.75 by chance once a year."
)


@pytest.mark.parametrize(
    ("language", "meaning", "span", "chart"),
    [
        ("en", MEANING, "1.1 over the last 12 h, threshold", "the highest of windows of up to a day"),
        ("zh", "该品牌平均每年会偶然达到 3.75 一次", "1.1（最近 12 小时），阈值", "最长一天的各窗口中的最高值"),
        (
            "ja",
            "偶然 3.75 に達するのは年に 1 回です",
            "1.1（直近 12 時間）、しきい値",
            "最長 1 日の時間窓のうち最も高いもの",
        ),
    ],
)
def test_what_a_score_is_of_and_is_held_against_is_said_in_the_language_of_the_page(
    hub, language, meaning, span, chart
):
    _, writer, client = hub
    opened = episode(
        1, kind="crisis", score=ScoreReading(value=4.0, threshold=3.75, unit="deviations", meaning=MEANING)
    )
    end = moment(DETECTED + 3600)
    over = later(
        opened,
        2,
        "resolved",
        60,
        score=ScoreReading(value=1.1, threshold=3.75, unit="deviations", meaning=MEANING),
        window=Window(start=end - timedelta(hours=12), end=end),
        recovery=Recovery(duration_minutes=90, half_life_minutes=60, share_back_minutes=120),
    )
    writer.apply(Incoming(alerts=[opened, over], activity=buckets("acme", START, 36)))
    text = page(client, opened, lang=language)
    for words in (meaning, span, chart):
        assert words in text
    report = client.get(f"/episodes/{opened.episode_id}/report", params={"lang": language, "format": "markdown"}).text
    assert meaning in report
    assert {"en": "at most 1.5 times", "zh": "不超过平时 1.5 倍", "ja": "普段の 1.5 倍以下"}[language] in text
    assert (MEANING in text) == (language == "en")


@pytest.mark.parametrize(
    ("language", "words"), [("en", "Author of the trigger above"), ("zh", "触发帖的作者"), ("ja", "きっかけの投稿者")]
)
def test_a_trigger_from_before_the_surge_was_followed_is_named_beside_the_amplifiers(hub, language, words):
    _, writer, client = hub
    opened = burn(writer)
    (starter, *_) = opened.evidence.triggers
    assert starter.author not in [one.author for one in opened.evidence.amplifiers]
    text = page(client, opened, lang=language)
    (told,) = re.findall(rf'<p class="quiet">[^<]*{words}[^<]*<bdi dir="auto">([^<]*)</bdi></p>', text)
    assert told == starter.author


@pytest.mark.parametrize("language", ["en", "zh", "ja"])
def test_the_time_of_the_evidence_is_a_time_and_no_text_of_a_program(hub, language):
    _, writer, client = hub
    text = page(client, burn(writer), lang=language)
    assert "&lt;" not in text
    assert re.search(r'id="evidence".*?<p class="quiet">[^<]*<time datetime="2026-03-01T12:35:00Z"', text, re.DOTALL)


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "post of the brand itself"), ("zh", "品牌自己的帖子"), ("ja", "ブランド自身の投稿")],
)
def test_what_the_brand_itself_wrote_stands_on_the_time_line_and_in_the_report(hub, language, words):
    _, writer, client = hub
    own = Post(
        id="own",
        excerpt="We are sorry and recall the kettle",
        platform="x",
        event_time=moment(DETECTED - 300),
        author="acme-official",
        url="https://acme.example/sorry",
    )
    opened = episode(1, kind="crisis")
    opened = msgspec.structs.replace(opened, evidence=msgspec.structs.replace(opened.evidence, own_posts=(own,)))
    writer.apply(Incoming(alerts=[opened], activity=buckets("acme", START, 36)))
    (timeline,) = re.findall(r'<section id="timeline".*?</section>', page(client, opened, lang=language), re.DOTALL)
    report = page(client, opened, "/report", lang=language, format="markdown")
    for text in (timeline, report):
        assert words in text
        assert "We are sorry and recall the kettle" in text
        assert "acme-official" in text
    (effects,) = re.findall(r'<section id="answers".*?</section>', page(client, opened, lang=language), re.DOTALL)
    assert words in effects


def test_an_own_post_that_only_an_earlier_alert_tells_of_stays_on_the_time_line(hub):
    _, writer, client = hub
    opened = episode(1, kind="crisis")
    opened, updated = (
        msgspec.structs.replace(one, evidence=msgspec.structs.replace(one.evidence, own_posts=(post,)))
        for one in (opened, later(opened, 2, "updated", 30))
        for post in (Post(id=one.id, excerpt=f"a word {one.id}", platform="x", event_time=one.onset_time),)
    )
    writer.apply(Incoming(alerts=[opened, updated], activity=buckets("acme", START, 36)))
    (timeline,) = re.findall(r'<section id="timeline".*?</section>', page(client, opened), re.DOTALL)
    assert f"a word {opened.id}" in timeline
    assert f"a word {updated.id}" in timeline
