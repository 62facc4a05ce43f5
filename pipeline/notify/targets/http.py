"""One POST with bounds: no redirect, no endless answer, certificates verified, nothing secret in what is said of it."""

from __future__ import annotations

import email.utils
import time
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

import msgspec
import requests

from pipeline.notify.targets.contract import Refused, Retry
from schemas.text import printable

MAX_ANSWER_BYTES: Final = 65_536
MAX_RETRY_AFTER: Final = 3600.0
_CONNECT_SECONDS: Final = 5.0
_POISON: Final = frozenset({400, 406, 409, 411, 413, 414, 415, 416, 422, 431})
"""Statuses that speak of the message. Other ones of the four hundreds speak of the target: a key, an address."""
_SHOWN: Final = 200


class Answer(msgspec.Struct, frozen=True):
    """A whole answer with a status of the two hundreds."""

    status: int
    body: bytes


class Endpoint:
    """An address that is posted to, with its credentials."""

    def __init__(self, url: str, timeout: float, *secrets: str) -> None:
        """Take an address.

        Args:
            url: http or https; a user and a password in it are sent as basic authentication.
            timeout: seconds for the answer, from the first byte asked for to the last.
            secrets: further texts that must not be shown.
        """
        parts = urlsplit(url)
        self._url = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
        user = parts.username
        self._auth = (
            requests.auth.HTTPBasicAuth(unquote(user).encode(), unquote(parts.password or "").encode())
            if user
            else _NoAuthentication()
        )
        self._timeout = timeout
        self._secrets = [one for one in (url, self._url, parts.path, parts.query, parts.password, *secrets) if one]
        self._session = requests.Session()

    def post(self, body: bytes, headers: Mapping[str, str], path: str = "") -> Answer | Retry | Refused:
        """Post a JSON document.

        An HTML page is taken for the answer of something that stands in the way: a login page, a proxy.

        Args:
            body: the document.
            headers: beside those of every request.
            path: put behind the path of the address.
        """
        started = time.monotonic()
        try:
            with self._session.post(
                self._url.rstrip("/") + path if path else self._url,
                data=body,
                headers={"Content-Type": "application/json", "User-Agent": "tocsin", **headers},
                auth=self._auth,
                timeout=(min(_CONNECT_SECONDS, self._timeout), self._timeout),
                allow_redirects=False,
                stream=True,
            ) as response:
                content = self._read(response, started + self._timeout)
        except requests.exceptions.SSLError:
            return Retry("tls", "expected a certificate that we trust and a TLS connection, got none")
        except requests.Timeout:
            return Retry("timeout", f"no answer within {self._timeout:g} s")
        except requests.RequestException as error:  # its text has the address in it
            return Retry("connection", f"no connection, or one that ended early ({type(error).__name__})")
        return self._judged(response, content)

    def _read(self, response: requests.Response, deadline: float) -> bytes:
        content = b""
        for chunk in response.iter_content(4096):
            content += chunk
            if len(content) > MAX_ANSWER_BYTES:
                break
            if time.monotonic() > deadline:
                raise requests.Timeout
        return content[:MAX_ANSWER_BYTES]

    def _judged(self, response: requests.Response, content: bytes) -> Answer | Retry | Refused:
        status = response.status_code
        if 200 <= status < 300:
            if response.headers.get("Content-Type", "").lower().startswith("text/html"):
                return Retry("answer", "expected the service itself, got a web page: is a proxy or a login in the way?")
            return Answer(status, content)
        if 300 <= status < 400:
            return Retry("status_3xx", f"status {status}: redirects are not followed; set the address it leads to")
        why = f"status {status}: {self.shown(content)}"
        if status in _POISON:
            return Refused("status_4xx", why)
        cause = "status_429" if status == 429 else "status_5xx" if status >= 500 else "status_4xx"
        return Retry(cause, why, retry_after(response.headers.get("Retry-After"), time.time()))

    def shown(self, content: bytes) -> str:
        """The beginning of an answer for the log: printable, and without our secrets."""
        text = printable(content.decode("utf-8", "replace"), 10 * _SHOWN)
        for secret in sorted(self._secrets, key=len, reverse=True):
            if len(secret) > 3:
                text = text.replace(secret, "***")
        return printable(text, _SHOWN) or "no text"


def retry_after(header: str | None, now: float) -> float | None:
    """The seconds that a header Retry-After asks for, an hour at most; None where it says nothing.

    Args:
        header: seconds or an HTTP date.
        now: Unix seconds.
    """
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), MAX_RETRY_AFTER)
    try:
        until = email.utils.parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None
    return min(max(until - now, 0.0), MAX_RETRY_AFTER)


class _NoAuthentication(requests.auth.AuthBase):
    """Says that no credentials belong to the request: else those of a .netrc would be sent."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request
