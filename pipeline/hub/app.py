"""The application: which address is answered by what, and for whom."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Final

import structlog
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from pipeline.hub import api, pages, report_view
from pipeline.hub.context import Handler, Hub, hub_of
from pipeline.hub.guard import MAX_BODY, Guard, TokenBucket
from pipeline.hub.live import MAX_LISTENERS

logger = structlog.get_logger("tocsin.hub")

_BURST: Final = 300.0
_PER_SECOND: Final = 100.0
_WRITES: Final = 20.0
_WRITES_PER_SECOND: Final = 1.0


def application(hub: Hub, names: list[str]) -> Starlette:
    """The hub's application.

    Args:
        hub: what it draws on.
        names: host names that it may be asked by; others are refused, so that no foreign name leads here.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.state.hub = hub
        hub.live.start()
        yield
        hub.live.close()

    app = Starlette(
        routes=_routes(),
        lifespan=lifespan,
        middleware=[
            Middleware(
                Guard,
                requests=TokenBucket(_BURST, _PER_SECOND),
                writes=TokenBucket(_WRITES, _WRITES_PER_SECOND),
            ),
            Middleware(TrustedHostMiddleware, allowed_hosts=names, www_redirect=False),
        ],
        exception_handlers={404: _not_found, ClientDisconnect: _cut_off, Exception: _failed},
    )
    app.state.hub = hub
    return app


def _routes() -> list[Route | Mount]:
    found: list[Route | Mount] = [
        Route(path, _answered(name, handler), name=name)
        for path, name, handler in (
            ("/", "now", pages.now_page),
            ("/episodes/{episode_id}", "episode", pages.episode_page),
            ("/episodes/{episode_id}/report", "report", report_view.report_page),
            ("/episodes/{episode_id}/feedback", "feedback", pages.feedback_page),
            ("/episodes", "search", pages.search_page),
            ("/brands", "brands", pages.brands_page),
            ("/brands/{brand}", "brand", pages.brand_page),
            ("/search", "search", pages.search_page),
            ("/api/openapi.json", "openapi", api.openapi_api),
            ("/api/episodes", "api_episodes", api.episodes_api),
            ("/api/episodes/{episode_id}", "api_episode", api.episode_api),
            ("/api/brands/{brand}", "api_brand", api.brand_api),
        )
    ]
    found += [
        Route("/episodes/{episode_id}/feedback", pages.feedback_action, methods=["POST"]),
        Route("/login", pages.login_page, methods=["GET", "POST"]),
        Route("/logout", pages.logout_action, methods=["POST"]),
        Route("/events", events),
        Route("/metrics", metrics),
        Route("/healthz", health),
        Mount("/static", StaticFiles(directory=str(files("pipeline.hub") / "static"))),
    ]
    return found


def _answered(name: str, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """A handler for whoever may read, in a thread of its own, counted."""

    async def endpoint(request: Request) -> Response:
        hub = hub_of(request)
        begun = time.perf_counter()
        identity = hub.access.identify(request)
        if identity is None:
            return _asked_to_sign_in(request)
        response = await run_in_threadpool(handler, request, hub, identity)
        hub.metrics.requests.labels(name, str(response.status_code)).inc()
        hub.metrics.seconds.labels(name).observe(time.perf_counter() - begun)
        return response

    return endpoint


def _asked_to_sign_in(request: Request) -> Response:
    hub = hub_of(request)
    if request.url.path.startswith("/api/"):
        return api.answer(api.Problem("sign in: expected a token of the hub in the header Authorization"), 401)
    if hub.access.by_token:
        return RedirectResponse("/login", 303)
    return PlainTextResponse("expected a name from the proxy in front of the hub, got none", 401)


async def events(request: Request) -> Response:
    """The stream of changes."""
    hub = hub_of(request)
    if hub.access.identify(request) is None:
        return PlainTextResponse("sign in", 401)
    if hub.live.listeners >= MAX_LISTENERS:
        return PlainTextResponse("too many open pages", 503, {"retry-after": "30"})
    return StreamingResponse(hub.live.events(), media_type="text/event-stream", headers={"x-accel-buffering": "no"})


async def metrics(request: Request) -> Response:
    """For Prometheus."""
    content, kind = await run_in_threadpool(hub_of(request).metrics.text)
    return Response(content, media_type=kind)


async def health(request: Request) -> Response:
    """200 while records can be read, 503 with the reason while not."""
    line = hub_of(request).line()
    return api.answer({"ok": not line.problem, "problem": line.problem}, 503 if line.problem else 200)


async def _not_found(request: Request, _: Exception) -> Response:
    hub = hub_of(request)
    identity = hub.access.identify(request)
    if identity is None or request.url.path.startswith(("/api/", "/static/")):
        return api.answer(api.Problem("there is nothing at this address"), 404)
    return pages.not_found(request, hub, identity)


async def _cut_off(_: Request, __: Exception) -> Response:
    """The body ended before its end: the browser has gone, or the guard has stopped reading what is too long."""
    return PlainTextResponse(f"expected a body of at most {MAX_BODY} bytes", 413)


async def _failed(request: Request, error: Exception) -> Response:
    """An error of ours costs one answer; what it was goes to the log, not to the page."""
    logger.error("a request failed", path=request.url.path[:200], exc_info=error)
    return PlainTextResponse("the hub failed to answer; its log says why", 500)
