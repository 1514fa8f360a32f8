"""The description of the service at ``/openapi.json``: bodies and problems, which FastAPI does not see, are added."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from serving import schemas
from serving.bodies import communities, compound, documents, nodes
from serving.problems import MEDIA_TYPE

REF = "#/components/schemas/{model}"
ADDED = (
    nodes.SimilarRequest,
    nodes.PPRRequest,
    communities.CommunityRequest,
    communities.LabelsRequest,
    communities.MembersRequest,
    nodes.NeighbourhoodRequest,
    documents.SearchRequest,
    compound.RelatedRequest,
    compound.ExplainRequest,
    schemas.Problem,
)
INDEX = {
    "name": "index",
    "in": "path",
    "required": True,
    "description": "Name of the index.",
    "schema": {"type": "string", "title": "Index"},
}
MEANINGS = {
    400: "The body is not JSON.",
    401: "No API key, or a wrong one.",
    403: "The API key is for something else.",
    404: "No such index or node, or a question the index was not built for.",
    408: "The body came too slowly.",
    413: "The body is too large.",
    422: "The request cannot be answered as asked.",
    429: "More is asked than can be answered now; Retry-After says when to ask again.",
    500: "The service failed.",
    503: "What is needed cannot be read or is not open yet.",
    504: "The answer takes longer than a request may.",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The ``responses`` of a route that may answer with these statuses."""
    content = {MEDIA_TYPE: {"schema": {"$ref": REF.format(model="Problem")}}}
    return {status: {"description": MEANINGS[status], "content": content} for status in statuses}


def gives_map() -> dict[int | str, dict[str, Any]]:
    """The ``responses`` of the route whose answer is a file."""
    content = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    return {200: {"description": "Points, ids and labels; `docs/http.md` names the arrays.", "content": content}}


def takes(model: type[BaseModel] | None = None) -> dict[str, Any]:
    """The ``openapi_extra`` of a route that reads the index from its path, and ``model`` from its body."""
    extra: dict[str, Any] = {"parameters": [INDEX]}
    if model is not None:
        content = {"application/json": {"schema": {"$ref": REF.format(model=model.__name__)}}}
        extra["requestBody"] = {"required": True, "content": content}
    return extra


def describe(app: FastAPI) -> None:
    """Make ``app.openapi`` give the whole description."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to extend the description


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    _, added = models_json_schema([(model, "validation") for model in ADDED], ref_template=REF)
    known = document["components"]["schemas"]
    known.update(added["$defs"])
    # FastAPI declares a 422 of its own shape for every path with a parameter; ours are declared where they can be.
    for name in ("HTTPValidationError", "ValidationError"):
        known.pop(name, None)
    for path in document["paths"].values():
        for operation in path.values():
            if "application/json" in operation["responses"].get("422", {}).get("content", {}):
                del operation["responses"]["422"]
    return document
