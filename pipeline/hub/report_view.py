"""The report of an episode, as `tocsin report` writes it, out of the hub's store."""

from __future__ import annotations

import threading
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from pipeline.errors import TocsinError
from pipeline.hub import api, pages
from pipeline.hub.access import Identity
from pipeline.hub.context import Hub
from pipeline.hub.material import material_of
from pipeline.hub.store.reader import Episode
from pipeline.report.forms import FORMS, Form, rendered

POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
    " sandbox"
)
"""The page brings its styles and pictures with it: nothing is loaded, no script runs, and it is of no site's origin."""
_TYPES: Final[dict[Form, str]] = {
    "html": "text/html; charset=utf-8",
    "json": "application/json",
    "markdown": "text/markdown; charset=utf-8",
}
MOST_AT_ONCE: Final = 4
"""Reports that are made or wait for it; more are refused, so that other pages keep their threads."""
_places = threading.BoundedSemaphore(MOST_AT_ONCE)
_drawing = threading.Lock()
"""Matplotlib draws one picture at a time, with rules that hold for the whole process meanwhile."""


def report_page(request: Request, hub: Hub, identity: Identity) -> Response:
    """The report of one episode in the form that the address asks for."""
    asked = request.query_params.get("format", "html")
    form = next((one for one in FORMS if one == asked), None)
    if form is None:
        return api.answer(api.Problem(f"format: expected one of {', '.join(FORMS)}"), 400)
    episode = hub.reader.episode(request.path_params["episode_id"])
    if episode is None:
        return pages.not_found(request, hub, identity)
    words = pages.words_for(request)
    if not _places.acquire(blocking=False):
        return pages.problem(request, hub, identity, words("too_many"), 503)
    try:
        content = _report(hub, episode, form, words.language)
    except TocsinError as error:
        return pages.problem(request, hub, identity, str(error), 503)
    finally:
        _places.release()
    return Response(content, media_type=_TYPES[form], headers={"content-security-policy": POLICY})


def _report(hub: Hub, episode: Episode, form: Form, language: str) -> bytes:
    names = hub.config.brand(episode.brand).names
    review = material_of(hub.reader, episode).review(episode.episode_id, names=names)
    with _drawing:
        return rendered([review], form, language, as_several=False)
