"""A generic webhook, signed as the Standard Webhooks specification says (version v1, symmetric).

examples/verify_webhook.py is a receiver that checks it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Callable
from typing import Final

import msgspec

from pipeline.notify.decision import dedup_key
from pipeline.notify.targets.contract import Delivered, Notice, OneByOne, Outcome
from pipeline.notify.targets.http import Answer, Endpoint
from schemas.alert import encode_alert
from schemas.moments import moment

BASE64_MARK: Final = "whsec_"


class Webhook(OneByOne):
    """A receiver that checks signatures. Any status of the two hundreds says that it has the notice."""

    def __init__(self, url: str, secret: str, timeout: float, clock: Callable[[], float] = time.time) -> None:
        self._endpoint = Endpoint(url, timeout, secret)
        self._key = signing_key(secret)
        self._clock = clock

    def deliver(self, notice: Notice) -> Outcome:
        """Post the alert beside its message. Sent again it has the same `webhook-id`."""
        alert, now = notice.alert, int(self._clock())
        body = msgspec.json.encode(
            {
                "type": f"tocsin.alert.{alert.kind}.{alert.transition}.v1",
                "timestamp": moment(now),
                "dedup_key": dedup_key(alert),
                "message": {"title": notice.message.title, "text": notice.message.text, "link": notice.message.link},
                "data": msgspec.Raw(encode_alert(alert)),
            }
        )
        headers = {
            "webhook-id": alert.id,
            "webhook-timestamp": str(now),
            "webhook-signature": signature(self._key, alert.id, now, body),
        }
        answer = self._endpoint.post(body, headers)
        return Delivered() if isinstance(answer, Answer) else answer


def signing_key(secret: str) -> bytes:
    """The key of a secret: base64 after "whsec_", or the bytes of any other text."""
    if secret.startswith(BASE64_MARK):
        try:
            return base64.b64decode(secret.removeprefix(BASE64_MARK), validate=True)
        except binascii.Error:
            pass  # a text that happens to begin so
    return secret.encode()


def signature(key: bytes, identity: str, timestamp: int, body: bytes) -> str:
    """The header `webhook-signature`: the HMAC-SHA256 of identity, Unix seconds and body, joined by full stops."""
    signed = b".".join([identity.encode(), str(timestamp).encode(), body])
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
