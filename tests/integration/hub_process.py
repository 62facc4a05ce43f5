"""`tocsin hub` as a process of its own, in front of a real broker."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

from pipeline.config.settings import Settings, child_environment

START_SECONDS = 30.0


class HubProcess:
    """A hub; nothing runs before `start`."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.store = folder / "store.sqlite"
        self._settings = settings.model_copy(update={"hub_port": 0, "hub_store": self.store})
        self.log = folder / "hub.log"
        self._log = self.log.open("ab")
        self.process: subprocess.Popen[str] | None = None
        self.address = ""

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pipeline", "hub"],
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env=child_environment(self._settings),
        )
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().strip()

    def end(self, number: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        self.process.communicate()
        return self.process.returncode

    def get(self, path: str) -> Any:
        """A JSON answer; None while there is none."""
        try:
            with build_opener().open(self.address + path, timeout=10) as answer:
                return json.load(answer)
        except (URLError, ConnectionError):
            return None

    def say(self, episode_id: str, **form: str) -> tuple[int, str]:
        """Send the form of an episode's page as a browser does; status and page."""
        browser = build_opener(HTTPCookieProcessor())
        address = f"{self.address}episodes/{episode_id}"
        page = browser.open(address, timeout=10).read().decode()
        token = re.search(r'name="form_token" value="(\w+)"', page)
        assert token
        try:
            answer = browser.open(
                f"{address}/feedback", urlencode(form | {"form_token": token[1]}).encode(), timeout=60
            )
        except HTTPError as refusal:
            answer = refusal
        with answer:
            return answer.status, answer.read().decode()

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.end(signal.SIGKILL)
        self._log.close()
