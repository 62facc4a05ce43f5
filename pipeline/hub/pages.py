"""The pages for people, and the one form that writes."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from functools import partial
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from detectors.topics.causes import CAUSES
from pipeline.engine.alerts.headline import headline
from pipeline.engine.alerts.meaning import meaning_in
from pipeline.engine.alerts.surge_evidence import USUAL_AGAIN
from pipeline.errors import TocsinError
from pipeline.hub.access import BROWSER_COOKIE, MAX_NAME, SESSION_COOKIE, SESSION_SECONDS, Identity
from pipeline.hub.brand_view import RANGES, brand_view
from pipeline.hub.context import Hub, hub_of
from pipeline.hub.drawings import EpisodeDrawings, brand_charts, compared_sparks, episode_drawings, sparks, step_words
from pipeline.hub.episode_view import episode_view
from pipeline.hub.feedback import RefusedFormError, feedback_of_form
from pipeline.hub.now_view import now_view
from pipeline.hub.queries import MAX_SKIPPED, PAGE, called, search_of, text_of
from pipeline.hub.rendering import brand_name, render
from pipeline.hub.words import LANGUAGES, Words, chosen, words_of
from pipeline.report.sections.answers import facts_of
from pipeline.report.sections.told import remarks
from pipeline.report.words import Words as Told
from schemas.alert import KINDS
from schemas.text import printable, replace_lone_surrogates

LANGUAGE_COOKIE: Final = "tocsin_lang"
NAME_COOKIE: Final = "tocsin_name"
_YEAR: Final = 365 * 86_400
_BRANDS: Final = 500
"""Named on one page."""
_BRANDS_BESIDE: Final = 60
"""Named beside the episodes of a search."""


def now_page(request: Request, hub: Hub, identity: Identity) -> Response:
    """Every open episode, or that nothing burns and the line is alive."""
    view = now_view(hub.reader)
    words = words_for(request)
    values = {"view": view, "sparks": sparks(view, words), "line": hub.line(), "wall": time.time()}
    return page(request, hub, identity, "now.html", values)


def episode_page(request: Request, hub: Hub, identity: Identity) -> Response:
    """One episode."""
    return _episode(request, hub, identity, Refusal(), 200)


class Refusal(msgspec.Struct, frozen=True):
    """A form about an episode that was not recorded: which one, why not, and what stood in it."""

    kind: str = ""
    why: str = ""
    typed: dict[str, str] = {}


def _episode(request: Request, hub: Hub, identity: Identity, refusal: Refusal, status: int) -> Response:
    view = episode_view(hub.reader, request.path_params["episode_id"])
    if view is None:
        return not_found(request, hub, identity)
    words = words_for(request)
    drawings: EpisodeDrawings = episode_drawings(view, words)
    values = {
        "view": view,
        "drawings": drawings,
        "last_hour": view.last_hour,
        "effects": facts_of(view.answers, view.own_posts, Told(words.language)),
        "told_remarks": partial(remarks, words=Told(words.language)),
        "backfired": any("backfired" in alert.changes for alert in view.alerts),
        "step_words": partial(step_words, words=words),
        "saved": request.query_params.get("saved") == "1",
        "watermark": hub.reader.watermark(),
        "refusal": refusal,
    }
    return page(request, hub, identity, "episode.html", values, status=status)


def brand_page(request: Request, hub: Hub, identity: Identity) -> Response:
    """One brand."""
    asked = request.query_params.get("days", "7")
    days = int(asked) if asked in set(map(str, RANGES)) else 7
    view = brand_view(hub.reader, hub.config, request.path_params["brand"], days)
    if view is None:
        return not_found(request, hub, identity)
    words = words_for(request)
    values = {
        "view": view,
        "charts": brand_charts(view, words),
        "sparks": compared_sparks(view, words),
        "ranges": RANGES,
    }
    return page(request, hub, identity, "brand.html", values)


def search_page(request: Request, hub: Hub, identity: Identity) -> Response:
    """Episodes and brands that fit."""
    wanted, faults = search_of(request.query_params, hub.config)
    skipped = min(int(request.query_params.get("skip", "0") or 0), MAX_SKIPPED) if not faults else 0
    found = hub.reader.search(wanted, limit=PAGE + 1, skipped=skipped)
    # Of a search for a cause or a period alone no brand is more likely meant than another: none is listed.
    names = (wanted.brand, wanted.called) if wanted.brand else (wanted.text, wanted.text_called)
    brands, brand_count = hub.reader.brands(*names, _BRANDS_BESIDE) if names[0] else ([], 0)
    asked = {name: value for name, value in request.query_params.items() if name not in {"skip", "lang"} and value}
    older = urlencode({**asked, "skip": skipped + PAGE})
    newer = urlencode({**asked, "skip": max(skipped - PAGE, 0)})
    values = {
        "asked": {
            name: request.query_params.get(name, "") for name in ("brand", "cause", "q", "kind", "from", "until")
        },
        "found": found[:PAGE],
        "faults": faults,
        "older": older if len(found) > PAGE else "",
        "newer": newer if skipped else "",
        "brands": brands,
        "brand_count": brand_count,
        "causes": CAUSES,
        "kinds": KINDS,
    }
    return page(request, hub, identity, "search.html", values)


def brands_page(request: Request, hub: Hub, identity: Identity) -> Response:
    """The brands that were heard of and fit."""
    asked = text_of(request.query_params, "q")
    brands, brand_count = hub.reader.brands(asked, called(asked, hub.config), _BRANDS)
    values = {"asked": asked, "brands": brands, "brand_count": brand_count}
    return page(request, hub, identity, "brands.html", values)


def not_found(request: Request, hub: Hub, identity: Identity) -> Response:
    """There is nothing at this address."""
    return page(request, hub, identity, "not_found.html", {}, status=404)


async def feedback_action(request: Request) -> Response:
    """Record what a form says about an episode, and show the episode again."""
    hub = hub_of(request)
    identity = hub.access.identify(request)
    if identity is None:
        return RedirectResponse("/login", 303)
    form = await request.form(max_files=0, max_fields=12)
    return await run_in_threadpool(_record, request, hub, identity, dict(form))


def _record(request: Request, hub: Hub, identity: Identity, form: Mapping[str, Any]) -> Response:
    words = words_for(request)
    if not identity.may_act:
        return problem(request, hub, identity, words("may_not_act"), 403)
    if not hub.access.is_own_form(request, str(form.get("form_token", ""))):
        return problem(request, hub, identity, words("form_expired"), 403)
    episode = hub.reader.episode(request.path_params["episode_id"])
    if episode is None:
        return not_found(request, hub, identity)
    author = printable(identity.name or str(form.get("author", "")).strip(), MAX_NAME)
    try:
        said = feedback_of_form(form, hub.reader.alerts(episode.episode_id), author, hub.clock.now())
        hub.sink.send(said)
    except RefusedFormError as error:
        return _episode(request, hub, identity, _refusal(form, words(error.word)), 400)
    except TocsinError as error:
        why = words("refused_brokers", why=printable(str(error), 300))
        return _episode(request, hub, identity, _refusal(form, why), 503)
    hub.metrics.feedback.labels(said.kind).inc()
    place = "#playbook" if said.kind == "step" else ""
    response = RedirectResponse(f"/episodes/{episode.episode_id}?saved=1{place}", 303)
    if not identity.name:
        _set_cookie(request, response, NAME_COOKIE, _ascii(author), _YEAR)
    return response


def _refusal(form: Mapping[str, Any], why: str) -> Refusal:
    typed = {name: replace_lone_surrogates(str(form.get(name, ""))) for name in ("author", "note", "url", "published")}
    return Refusal(kind=str(form.get("kind", "")), why=why, typed=typed)


def feedback_page(request: Request, hub: Hub, identity: Identity) -> Response:  # noqa: ARG001 - every handler's arguments
    """Whoever loads the address of a form anew is shown the episode."""
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"/episodes/{quote(request.path_params['episode_id'], safe='')}{query}", 303)


def problem(request: Request, hub: Hub, identity: Identity, why: str, status: int) -> Response:
    """What did not work, and why."""
    return page(request, hub, identity, "problem.html", {"why": printable(why, 300)}, status=status)


async def login_page(request: Request) -> Response:
    """Sign in with a token."""
    hub = hub_of(request)
    if not hub.access.by_token:
        return RedirectResponse("/", 303)
    if request.method == "GET":
        return page(request, hub, None, "login.html", {"wrong": False})
    client = request.client.host if request.client else ""
    if not hub.logins.take(client):
        return page(request, hub, None, "problem.html", {"why": words_for(request)("too_many")}, status=429)
    form = await request.form(max_files=0, max_fields=6)
    if not hub.access.is_own_form(request, str(form.get("form_token", ""))):
        return page(request, hub, None, "problem.html", {"why": words_for(request)("form_expired")}, status=403)
    name = printable(str(form.get("name", "")).strip(), MAX_NAME)
    session = hub.access.sign_in(str(form.get("token", "")).strip(), name) if name else None
    if session is None:
        return page(request, hub, None, "login.html", {"wrong": True}, status=403)
    response = RedirectResponse("/", 303)
    _set_cookie(request, response, SESSION_COOKIE, session, SESSION_SECONDS)
    return response


async def logout_action(request: Request) -> Response:
    """Sign out."""
    hub = hub_of(request)
    form = await request.form(max_files=0, max_fields=3)
    response = RedirectResponse("/login", 303)
    if hub.access.is_own_form(request, str(form.get("form_token", ""))):
        response.delete_cookie(SESSION_COOKIE, httponly=True, samesite="strict")
    return response


def words_for(request: Request) -> Words:
    """The words in the language of a request."""
    asked = request.query_params.get("lang") or request.cookies.get(LANGUAGE_COOKIE)
    return words_of(chosen(asked, request.headers.get("accept-language", "")))


def page(
    request: Request,
    hub: Hub,
    identity: Identity | None,
    template: str,
    values: Mapping[str, Any],
    *,
    status: int = 200,
) -> Response:
    """A page in the language of the request, with what every page has."""
    words = words_for(request)
    browser = request.cookies.get(BROWSER_COOKIE, "")
    fresh = "" if browser else secrets.token_urlsafe(18)
    named = partial(brand_name, hub.config, language=words.language)
    shared = {
        "t": words,
        "identity": identity,
        "access": hub.access,
        "languages": [(one, words_of(one)("language_name"), _address_in(request, one)) for one in LANGUAGES],
        "form_token": hub.access.form_token(browser or fresh),
        "author": _unascii(request.cookies.get(NAME_COOKIE, "")),
        "path": request.url.path,
        "display_name": named,
        "score_meaning": lambda alert: meaning_in(alert.score.meaning, words.language),
        "usual_again": USUAL_AGAIN,
        "headline": lambda alert: headline(alert, words.language, {words.language: named(alert.brand)}),
    }
    response = HTMLResponse(render(template, {**shared, **values}), status)
    response.headers["content-language"] = words.language
    if fresh:
        _set_cookie(request, response, BROWSER_COOKIE, fresh, _YEAR)
    if request.query_params.get("lang") in LANGUAGES:
        _set_cookie(request, response, LANGUAGE_COOKIE, words.language, _YEAR)
    return response


def _address_in(request: Request, language: str) -> str:
    return str(request.url.include_query_params(lang=language).replace(scheme="", netloc=""))


def _set_cookie(request: Request, response: Response, name: str, value: str, seconds: int) -> None:
    secure = hub_of(request).access.is_encrypted(request)
    response.set_cookie(name, value, max_age=seconds, httponly=True, samesite="strict", secure=secure)


def _ascii(name: str) -> str:
    """A name as a cookie can hold it."""
    return name.encode().hex()


def _unascii(cookie: str) -> str:
    try:
        return printable(bytes.fromhex(cookie).decode(), MAX_NAME)
    except ValueError:  # whoever changes a cookie of theirs loses the name that it held
        return ""
