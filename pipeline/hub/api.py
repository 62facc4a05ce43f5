"""The same data as JSON, described by OpenAPI; and what Prometheus and a supervisor ask."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from pipeline.hub.access import Identity
from pipeline.hub.brand_view import RANGES, BrandView, brand_view
from pipeline.hub.context import Hub
from pipeline.hub.episode_view import EpisodeView, episode_view
from pipeline.hub.queries import PAGE, search_of
from pipeline.hub.standing import Standing, standings
from pipeline.hub.store.reader import Episode, Status

JSON: Final = "application/json"


class ListedEpisode(msgspec.Struct, frozen=True):
    """An episode with what people have said about it."""

    episode: Episode
    standing: Standing


class EpisodeList(msgspec.Struct, frozen=True):
    """Episodes that fit, from the newest on, and how far the hub has read. `more`: `skip` gets the next ones."""

    status: Status
    episodes: list[ListedEpisode]
    more: bool


class Problem(msgspec.Struct, frozen=True):
    """What was wrong with a request."""

    error: str


def episodes_api(request: Request, hub: Hub, identity: Identity) -> Response:  # noqa: ARG001 - every handler's arguments
    """Episodes; with state=open those that are open, all of them."""
    if request.query_params.get("state") == "open":
        found, more = hub.reader.open_episodes(), False
    else:
        wanted, faults = search_of(request.query_params, hub.config)
        if faults:
            return answer(Problem("; ".join(faults)), 400)
        found = hub.reader.search(wanted, limit=PAGE + 1, skipped=int(request.query_params.get("skip") or 0))
        found, more = found[:PAGE], len(found) > PAGE
    said = standings(hub.reader.feedback([episode.episode_id for episode in found]))
    listed = [ListedEpisode(episode, said.get(episode.episode_id, Standing())) for episode in found]
    return answer(EpisodeList(hub.reader.status(), listed, more))


def episode_api(request: Request, hub: Hub, identity: Identity) -> Response:  # noqa: ARG001
    """One episode."""
    view = episode_view(hub.reader, request.path_params["episode_id"])
    return answer(view) if view else answer(Problem("no such episode"), 404)


def brand_api(request: Request, hub: Hub, identity: Identity) -> Response:  # noqa: ARG001
    """One brand."""
    days = request.query_params.get("days", "7")
    if days not in set(map(str, RANGES)):
        return answer(Problem(f"days: expected one of {', '.join(map(str, RANGES))}"), 400)
    view = brand_view(hub.reader, hub.config, request.path_params["brand"], int(days))
    return answer(view) if view else answer(Problem("nothing has been heard of this brand"), 404)


def openapi_api(request: Request, hub: Hub, identity: Identity) -> Response:  # noqa: ARG001
    """What the addresses under /api give."""
    return Response(msgspec.json.encode(openapi()), media_type=JSON)


def answer(content: object, status: int = 200) -> Response:
    """A value as JSON."""
    return Response(msgspec.json.encode(content), status, media_type=JSON)


_QUERIES: Final = {
    "state": ("open: only what is open, all of it", {"type": "string", "enum": ["open"]}),
    "brand": ("part of the brand's name", {"type": "string"}),
    "cause": ("the likely cause", {"type": "string"}),
    "kind": ("kind of episode", {"type": "string"}),
    "q": ("part of headline, terms, trigger or the brand's name", {"type": "string"}),
    "from": ("opened on this day (UTC) or later", {"type": "string"}),
    "until": ("opened on this day (UTC) or before", {"type": "string"}),
    "skip": (f"episodes to leave out from the beginning; an answer has {PAGE}", {"type": "integer", "minimum": 0}),
}


def openapi() -> dict[str, Any]:
    """The OpenAPI document, its schemas made from the very types that are encoded."""
    types = (EpisodeList, EpisodeView, BrandView, Problem)
    schemas, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    listed, episode, brand, problem = schemas
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tocsin hub", "version": "1", "description": "Episodes and brands as the hub knows them."},
        "security": [{"bearer": []}, {}],
        "paths": {
            "/api/episodes": _path("Episodes", listed, problem, [_query(name) for name in _QUERIES]),
            "/api/episodes/{episode_id}": _path("One episode", episode, problem, [_in_path("episode_id")]),
            "/api/brands/{brand}": _path(
                "One brand",
                brand,
                problem,
                [
                    _in_path("brand"),
                    {"name": "days", "in": "query", "schema": {"type": "integer", "enum": list(RANGES)}},
                ],
            ),
        },
        "components": {
            "schemas": components,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "description": "a token of the hub"}},
        },
    }


def _path(summary: str, schema: dict[str, Any], problem: dict[str, Any], parameters: list[dict[str, Any]]) -> Any:
    def of(description: str, found: dict[str, Any]) -> dict[str, Any]:
        return {"description": description, "content": {JSON: {"schema": found}}}

    return {
        "get": {
            "summary": summary,
            "parameters": parameters,
            "responses": {
                "200": of("found", schema),
                "400": of("a parameter that cannot be read", problem),
                "401": of("no token, or another one", problem),
                "404": of("not known", problem),
            },
        }
    }


def _query(name: str) -> dict[str, Any]:
    meaning, schema = _QUERIES[name]
    return {"name": name, "in": "query", "description": meaning, "schema": schema}


def _in_path(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
