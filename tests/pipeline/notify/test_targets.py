"""Every target against a real server that does well, fails, hangs, lies, asks for patience and closes half-way."""

from __future__ import annotations

import email
import logging
import ssl
import sys
import threading
import time
from email.policy import default
from email.utils import format_datetime

import msgspec
import pytest
import trustme
from aiosmtpd.controller import Controller

from pipeline.errors import ConfigError
from pipeline.notify.config import TargetSection
from pipeline.notify.messages import Style, message, waiting_message
from pipeline.notify.secrets import Address
from pipeline.notify.targets.alertmanager import Alertmanager
from pipeline.notify.targets.bounded import Bounded
from pipeline.notify.targets.building import build_target
from pipeline.notify.targets.contract import CAUSES, Delivered, Notice, Outcome, Refused, Retry
from pipeline.notify.targets.http import retry_after
from pipeline.notify.targets.pagerduty import PagerDuty
from pipeline.notify.targets.through_apprise import ThroughApprise
from pipeline.notify.targets.webhook import Webhook
from schemas.alert import decode_alert
from schemas.moments import moment
from tests.pipeline.notify.examples import crisis, example
from tests.pipeline.notify.receiver import DRIPS, HALF, HANGS, Answer, receiving

STYLE = Style(hub_url="https://hub.example")
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
"""The example of the specification."""
ACCEPTED = Answer(202, b'{"status":"success","message":"Event processed","dedup_key":"k"}')


@pytest.fixture
def receiver():
    with receiving() as found:
        yield found


def notice(alert, **changes) -> Notice:
    return Notice(alert=alert, message=message(alert, STYLE), **changes)


def targets(url: str, timeout: float = 30):
    return {
        "alertmanager": Alertmanager(url, None, timeout, STYLE),
        "pagerduty": PagerDuty(url + "/v2/enqueue", "R0UT1NGKEY", timeout),
        "webhook": Webhook(url + "/hook", SECRET, timeout),
        "apprise": ThroughApprise("chat", url.replace("http", "json") + "/T0KEN", timeout),
    }


def outcome_of(name: str, receiver, *answers, timeout: float = 30) -> Outcome:
    receiver.answers = list(answers)
    bounded = Bounded(targets(receiver.url, timeout)[name], 2 * timeout)
    return bounded.deliver(notice(crisis()))


NATIVE = ("alertmanager", "pagerduty", "webhook")
ALL = (*NATIVE, "apprise")


@pytest.mark.parametrize("name", ALL)
def test_a_good_answer_is_a_delivery(name, receiver):
    assert outcome_of(name, receiver, ACCEPTED if name == "pagerduty" else Answer()) == Delivered()
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("how", [HANGS, HALF, DRIPS])
def test_who_hangs_drips_or_closes_half_way_is_tried_again_in_time(name, how, receiver):
    found = outcome_of(name, receiver, how, timeout=30 if how == HALF else 0.3)
    assert isinstance(found, Retry)
    assert found.cause in {"timeout", "connection", "library"}


@pytest.mark.parametrize("name", ALL)
def test_who_is_not_there_is_tried_again(name):
    with receiving() as receiver:
        url = receiver.url
    found = targets(url)[name].deliver(notice(crisis()))
    assert isinstance(found, Retry)
    assert found.cause in {"connection", "library"}


@pytest.mark.parametrize("name", ALL)
def test_a_certificate_that_nobody_vouches_for_is_not_accepted(name):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(tls)
    with receiving(tls) as receiver:
        url = receiver.url.replace("http", "jsons" if name == "apprise" else "https")
        target = ThroughApprise("chat", url, 30) if name == "apprise" else targets(url, 30)[name]
        found = target.deliver(notice(crisis()))
    assert isinstance(found, Retry)
    assert found.cause == ("library" if name == "apprise" else "tls")
    assert receiver.requests == []


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    ("status", "expected", "cause"),
    [
        (500, Retry, "status_5xx"),
        (503, Retry, "status_5xx"),
        (401, Retry, "status_4xx"),
        (404, Retry, "status_4xx"),
        (429, Retry, "status_429"),
        (400, Refused, "status_4xx"),
        (413, Refused, "status_4xx"),
        (302, Retry, "status_3xx"),
    ],
)
def test_a_status_says_whether_the_target_or_the_message_is_at_fault(name, status, expected, cause, receiver):
    answer = Answer(status, b"no \x1b[2J", (("Location", f"{receiver.url}/elsewhere"), ("Retry-After", "7")))
    found = outcome_of(name, receiver, answer, Answer())
    assert isinstance(found, expected)
    assert found.cause == cause
    assert found.cause in CAUSES
    assert "\x1b" not in found.why
    assert len(receiver.requests) == 1, "a redirect was followed"
    if name in NATIVE and status in {429, 503}:
        assert isinstance(found, Retry)
        assert found.after == 7.0


@pytest.mark.parametrize("name", NATIVE)
def test_a_web_page_is_no_answer(name, receiver):
    page = Answer(200, b"<html>Please log in</html>", (("Content-Type", "text/html; charset=utf-8"),))
    found = outcome_of(name, receiver, page)
    assert isinstance(found, Retry)
    assert found.cause == "answer"


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("alertmanager", Answer(200, b"OK, I guess")),
        ("alertmanager", Answer(204)),
        ("pagerduty", Answer(200, b"")),
        ("pagerduty", Answer(202, b"OK")),
        ("pagerduty", Answer(202, b'{"status":"invalid"}')),
        ("pagerduty", Answer(202, b"[" * 100_000)),
    ],
)
def test_who_says_yes_in_other_words_than_the_service_does_is_not_believed(name, answer, receiver):
    found = outcome_of(name, receiver, answer)
    assert isinstance(found, Retry)
    assert found.cause == "answer"


def test_a_wrong_routing_key_is_the_targets_fault_and_not_the_alerts(receiver):
    refusal = Answer(400, b'{"status":"invalid event","errors":["Invalid routing key R0UT1NGKEY"]}')
    found = outcome_of("pagerduty", receiver, refusal)
    assert isinstance(found, Retry)
    assert "R0UT1NGKEY" not in found.why
    assert "***" in found.why


@pytest.mark.parametrize("name", ALL)
def test_what_is_logged_shows_neither_address_nor_secret(name, receiver, caplog):
    caplog.set_level(logging.DEBUG)
    logging.getLogger("urllib3").setLevel(logging.WARNING)  # as pipeline.notify.service does
    echo = f"bad {receiver.url}/hook {SECRET} /T0KEN R0UT1NGKEY".encode()
    for answer in (Answer(400, echo), Answer(500, echo), HALF):
        found = outcome_of(name, receiver, answer)
        assert not isinstance(found, Delivered)
        own = {"webhook": (SECRET, "/hook"), "pagerduty": ("R0UT1NGKEY",), "apprise": ("T0KEN",)}.get(name, ())
        assert not any(secret in found.why for secret in own), found.why
    assert not any(secret in logged(caplog) for secret in ("T0KEN", SECRET, "R0UT1NGKEY", "/hook"))


def logged(caplog) -> str:
    """What reaches our log: pytest also hears loggers whose records go no further."""
    names = {record.name for record in caplog.records}
    return "\n".join(
        record.getMessage()
        for record in caplog.records
        if all(logging.getLogger(name).propagate for name in names if record.name.startswith(name))
    )


def test_a_call_that_does_not_end_is_left_to_itself_and_no_second_one_begins():
    ended = threading.Event()
    calls = []

    class Stuck:
        def deliver(self, told):
            calls.append(told)
            ended.wait()
            return Delivered()

        def deliver_waiting(self, alerts, told):
            return None

        def remind(self, alerts):
            raise KeyError("a defect")

    bounded = Bounded(Stuck(), 0.05)
    assert [bounded.deliver(notice(crisis())) for _ in range(2)] == [
        Retry("timeout", "the delivery did not end within 0.05 s"),
        Retry("timeout", "the delivery before this one has still not ended"),
    ]
    assert len(calls) == 1
    ended.set()
    assert bounded._running is not None
    bounded._running.join()
    with pytest.raises(KeyError, match="a defect"):
        bounded.remind([])


def test_retry_after_is_seconds_or_a_date_and_an_hour_at_most():
    now = time.time()
    assert retry_after("120", now) == 120.0
    assert retry_after("99999999999999", now) == 3600.0
    assert retry_after(format_datetime(moment(now + 60), usegmt=True), now) == pytest.approx(60, abs=1.5)
    assert retry_after(format_datetime(moment(now - 60), usegmt=True), now) == 0.0
    assert [retry_after(text, now) for text in (None, "", "soon", "-1", "１２")] == [None] * 5


def test_pagerduty_is_triggered_and_resolved_under_the_key_of_the_incident(receiver):
    receiver.answers = [ACCEPTED]
    pager = PagerDuty(receiver.url, "R0UT1NGKEY", 30)
    incident = "f" * 12
    opened = example("full", incident_id=incident)
    assert pager.deliver(notice(opened, free_key="a" * 12)) == Delivered()
    assert pager.deliver(notice(crisis("resolved", incident_id=incident))) == Delivered()
    trigger, free, resolve = (one.document for one in receiver.requests)
    assert {one["routing_key"] for one in (trigger, free, resolve)} == {"R0UT1NGKEY"}
    assert (trigger["event_action"], trigger["dedup_key"]) == ("trigger", incident)
    assert trigger["payload"]["severity"] == "warning"
    assert trigger["payload"]["summary"].startswith("WARNING crisis opened: acme. Crisis about acme: 412 mentions")
    assert {one["href"] for one in trigger["links"]} == {
        f"https://hub.example/episodes/{opened.episode_id}",
        "https://wiki.acme.example/crisis",
    }
    assert (free["event_action"], free["dedup_key"]) == ("resolve", "a" * 12)
    assert (resolve["event_action"], resolve["dedup_key"]) == ("resolve", incident)


def test_an_address_with_a_user_is_spoken_to_with_basic_authentication_and_a_token_as_bearer(receiver, tmp_path):
    url = receiver.url.replace("://", "://us%40er:p%3Aw@")
    assert Webhook(url, SECRET, 30).deliver(notice(crisis())) == Delivered()
    assert receiver.requests[0].headers["authorization"] == "Basic dXNAZXI6cDp3"
    assert Alertmanager(receiver.url, "T0KEN", 30, STYLE).deliver(notice(crisis())) == Delivered()
    assert receiver.requests[1].headers["authorization"] == "Bearer T0KEN"


def test_the_webhook_carries_the_whole_alert_and_its_message(receiver):
    alert = example("english-surge-evidence")
    assert Webhook(receiver.url, SECRET, 30).deliver(notice(alert)) == Delivered()
    (request,) = receiver.requests
    assert decode_alert(msgspec.json.encode(request.document["data"])) == alert
    assert request.headers["webhook-id"] == alert.id
    assert request.document["message"]["title"] == "WARNING crisis opened: talumbra-beauty"


def test_apprise_sends_title_text_and_level(receiver):
    chat = targets(receiver.url, 30)["apprise"]
    alert = crisis("escalated", severity="critical")
    assert chat.deliver(notice(alert)) == Delivered()
    assert chat.deliver(notice(crisis("resolved"))) == Delivered()
    assert chat.deliver_waiting([alert, alert], waiting_message([alert, alert], STYLE)) == Delivered()
    first, second, third = (one.document for one in receiver.requests)
    assert (first["title"], first["message"]) == (notice(alert).message.title, notice(alert).message.text)
    assert (first["type"], second["type"], third["title"]) == ("failure", "success", "2 waiting alerts")


def test_a_url_that_apprise_does_not_know_is_refused_and_not_shown(caplog):
    caplog.set_level(logging.DEBUG)
    for url in ("nowhere://T0KEN", "slack://T0KEN", "T0KEN"):
        with pytest.raises(ConfigError, match=r"targets\.chat: expected a URL of a service that apprise") as caught:
            ThroughApprise("chat", url, 30)
        assert "T0KEN" not in str(caught.value) + logged(caplog)


@pytest.mark.parametrize(
    "url",
    [
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/",
        "workflows://workflow-host:443/8b799edf-6f98-4d3a-9be7-2862fb4e5752/signature",
        "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js",
        "tgram://123456789:abcdefg_hijklmnop/12315544/",
        "feishu://5555-6666-7777",
        "lark://abcd1234-5678-90ef",
        "dingtalk://12345678901234567890",
        "wecombot://abcd1234-5678-90ef",
        "line://abcdefghijklmnopqrstuvwxyz/U1234567",
        "mailtos://user:password@mail.acme.example/duty@acme.example",
    ],
)
def test_apprise_knows_the_services_that_the_page_names(url):
    assert ThroughApprise("chat", url, 30)._apprise


def test_without_apprise_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "apprise", None)
    monkeypatch.delitem(sys.modules, "pipeline.notify.targets.through_apprise")
    section = TargetSection(type="apprise", url="json://127.0.0.1")
    with pytest.raises(ConfigError, match=r"targets\.chat: expected the package apprise .* install tocsin\[notify\]"):
        build_target("chat", section, Address("json://127.0.0.1"), STYLE)


class Inbox:
    """Keeps what a mail server gets; refuses it for as long as it is told to."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []
        self.refuses = False

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - the name that aiosmtpd calls
        if self.refuses:
            return "451 later"
        self.mails.append(envelope.content)
        return "250 OK"


class AnyPort(Controller):
    """A server on a free port."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


def test_a_mail_arrives_with_its_title_as_subject_in_the_language_of_the_alert():
    inbox = Inbox()
    controller = AnyPort(inbox, hostname="127.0.0.1", port=0)
    controller.start()
    try:
        url = f"mailto://127.0.0.1:{controller.port}/?from=tocsin@acme.example&to=duty@acme.example"
        inbox.refuses = True
        alert = example("japanese-surge-evidence")
        assert isinstance(ThroughApprise("mail", url, 30).deliver(notice(alert)), Retry)
        inbox.refuses = False
        assert ThroughApprise("mail", url, 30).deliver(notice(alert)) == Delivered()
    finally:
        controller.stop()
    (content,) = inbox.mails
    found = email.message_from_bytes(content, policy=default)
    assert found["Subject"] == "【重大】炎上（深刻化）：mikugawa-home"
    body = found.get_body(("plain", "html"))
    assert body is not None
    assert "推定原因：情報漏えい" in body.get_content()
