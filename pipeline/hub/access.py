"""Who asks, and what they may do: by a token, by a header of a trusted proxy, or everybody on this machine."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final, Literal

import msgspec
from starlette.requests import Request

from pipeline.config.settings import PREFIX, Settings
from pipeline.errors import ConfigError
from schemas.text import printable

Role = Literal["read", "act"]

SESSION_COOKIE: Final = "tocsin_session"
BROWSER_COOKIE: Final = "tocsin_browser"
SESSION_SECONDS: Final = 12 * 3600
MAX_NAME: Final = 64
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


class Identity(msgspec.Struct, frozen=True):
    """Who asks; the name is empty where nobody has said one."""

    name: str
    role: Role

    @property
    def may_act(self) -> bool:
        """Whether feedback of theirs is taken."""
        return self.role == "act"


class _Session(msgspec.Struct):
    name: str
    role: Role
    until: float


class Access:
    """Decides who asks. Made once; knows the tokens, never shows them."""

    def __init__(self, settings: Settings) -> None:
        """Take the way in that the settings choose.

        Raises:
            ConfigError: the address can be reached from other machines and there is no login, or two ways are chosen.
        """
        known: list[tuple[str | None, Role]] = [
            (settings.hub_token_now(), "act"),
            (settings.hub_read_token_now(), "read"),
        ]
        self._tokens = [(secret, role) for secret, role in known if secret is not None]
        self._header = settings.hub_trusted_header
        self._proxies = frozenset(settings.trusted_proxies)
        self._actors = frozenset(settings.acting_users)
        if self._tokens and self._header:
            raise ConfigError(
                f"environment: expected {PREFIX}HUB_TOKEN or {PREFIX}HUB_TRUSTED_HEADER, got both: choose one login"
            )
        if not self.asks and settings.hub_host not in _LOOPBACK:
            raise ConfigError(
                f"environment: {PREFIX}HUB_HOST={settings.hub_host!r} can be reached from other machines: set "
                f"{PREFIX}HUB_TOKEN_FILE or {PREFIX}HUB_TRUSTED_HEADER, or listen on 127.0.0.1"
            )
        # Signed with what only those who know the tokens could know, so that a restart ends no session.
        shared = "\n".join(secret for secret, _ in self._tokens).encode()
        self._key = hmac.digest(shared, b"tocsin hub", "sha256") if shared else secrets.token_bytes(32)

    @property
    def asks(self) -> bool:
        """Whether there is a login at all."""
        return bool(self._tokens or self._header)

    @property
    def by_token(self) -> bool:
        """Whether people sign in with a token here."""
        return bool(self._tokens)

    def identify(self, request: Request) -> Identity | None:
        """Who asks; None for somebody who must sign in first."""
        if self._header:
            return self._by_header(request)
        if not self._tokens:
            return Identity("", "act")
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            role = self._role_of(token)
            return Identity("", role) if role else None
        return self._by_cookie(request.cookies.get(SESSION_COOKIE, ""))

    def sign_in(self, token: str, name: str) -> str | None:
        """The value of the session's cookie, None for a token that is not the hub's."""
        role = self._role_of(token)
        if role is None:
            return None
        session = _Session(printable(name.strip(), MAX_NAME), role, time.time() + SESSION_SECONDS)
        content = urlsafe_b64encode(msgspec.json.encode(session)).decode()
        return f"{content}.{self._signature('session', content)}"

    def form_token(self, browser: str) -> str:
        """What a form of this browser must carry, which another site cannot know."""
        return self._signature("form", browser)

    def is_own_form(self, request: Request, token: str) -> bool:
        """Whether a form was made for this browser, and sent by a page of ours."""
        browser = request.cookies.get(BROWSER_COOKIE, "")
        origin = request.headers.get("origin")
        if origin is not None and origin.partition("://")[2] != request.headers.get("host", ""):
            return False
        return bool(browser) and hmac.compare_digest(self.form_token(browser).encode(), token.encode())

    def is_encrypted(self, request: Request) -> bool:
        """Whether the browser speaks TLS, with us or with a proxy in front of us."""
        peer = request.client.host if request.client else ""
        forwarded = request.headers.get("x-forwarded-proto", "") if peer in self._proxies else ""
        return "https" in {request.url.scheme, forwarded.lower()}

    def _role_of(self, token: str) -> Role | None:
        found: Role | None = None
        for known, role in self._tokens:  # all are compared, so that time does not tell which was close
            if hmac.compare_digest(known.encode(), token.encode()) and found is None:
                found = role
        return found

    def _by_header(self, request: Request) -> Identity | None:
        assert self._header is not None
        peer = request.client.host if request.client else ""
        name = request.headers.get(self._header, "").strip()
        if peer not in self._proxies or not name:
            return None
        role: Role = "act" if "*" in self._actors or name in self._actors else "read"
        return Identity(printable(name, MAX_NAME), role)

    def _by_cookie(self, cookie: str) -> Identity | None:
        content, _, signature = cookie.partition(".")
        if not hmac.compare_digest(self._signature("session", content).encode(), signature.encode()):
            return None
        session = msgspec.json.decode(urlsafe_b64decode(content), type=_Session)
        return Identity(session.name, session.role) if session.until > time.time() else None

    def _signature(self, purpose: str, content: str) -> str:
        return hmac.new(self._key, f"{purpose}:{content}".encode(), hashlib.sha256).hexdigest()
