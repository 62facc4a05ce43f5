"""examples/verify_webhook.py as a process takes what our webhook sends, once, and nothing that is forged."""

from __future__ import annotations

import re
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline.cli.main import tocsin
from pipeline.notify.messages import Style, message
from pipeline.notify.targets.contract import Delivered, Notice, Retry
from pipeline.notify.targets.webhook import Webhook, signature, signing_key
from tests.pipeline.notify.examples import crisis, example

ROOT = Path(__file__).parents[3]
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def receiver(tmp_path):
    (tmp_path / "secret").write_text(SECRET + "\n", encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, ROOT / "examples" / "verify_webhook.py", "--secret-file", tmp_path / "secret", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        yield process, "http://" + process.stderr.readline().split()[-1]
        process.kill()


def test_the_example_of_the_page_is_a_file_whose_test_the_receiver_takes(receiver, tmp_path):
    process, url = receiver
    page = (ROOT / "docs" / "notify.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"^```toml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    file = tmp_path / "notify.toml"
    file.write_text(text.replace("http://127.0.0.1:8080", url), encoding="utf-8")
    result = CliRunner().invoke(tocsin, ["notify", "test", "tickets", "--config", str(file)], standalone_mode=False)
    assert (result.return_value, result.stdout) == (0, "tickets: delivered\n")
    process.kill()
    out, _ = process.communicate()
    assert out.endswith("opened TEST, nothing has happened: INFO volume surge opened: tocsin-test\n")


def notice(alert) -> Notice:
    return Notice(alert=alert, message=message(alert, Style()))


def test_the_signature_is_that_of_the_specifications_example():
    """Of the Standard Webhooks specification, as its libraries test it."""
    key = signing_key(SECRET)
    body = b'{"test": 2432232314}'
    found = signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_it_takes_what_is_signed_once_and_refuses_other_keys_old_times_and_changed_bodies(receiver):
    process, url = receiver
    alert = example("japanese-surge-evidence")
    for target in (Webhook(url, SECRET, 30), Webhook(url, SECRET, 30)):
        assert target.deliver(notice(alert)) == Delivered()
    refusals = [Webhook(url, "another key of many bytes", 30), Webhook(url, SECRET, 30, clock=lambda: 1_700_000_000.0)]
    for target in refusals:
        found = target.deliver(notice(crisis()))
        assert isinstance(found, Retry)
        assert found.why.startswith("status 401")
    headers = {"webhook-id": "x", "webhook-timestamp": "1", "webhook-signature": "v1,"}
    with pytest.raises(urllib.error.HTTPError, match="401") as refused:
        urllib.request.urlopen(urllib.request.Request(url, b"{}", headers))
    refused.value.close()
    process.kill()
    out, err = process.communicate()
    assert out == f"{alert.id} {alert.incident_id} escalated 【重大】炎上（深刻化）：mikugawa-home\n"
    assert err.count("refused: no signature is that of our key") == 1
    assert err.count("refused: the timestamp") == 2
