"""What endpoints are given: the catalog, the version that answers, and the body of a request."""

from __future__ import annotations

import asyncio
from typing import Annotated, TypeVar

from fastapi import Depends, Path, Request
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect

from serving.catalog import Catalog
from serving.opener import Served
from serving.problems import RefusedRequest, misfit, sort_of_problem
from serving.schemas import MAX_BODY

_Model = TypeVar("_Model", bound=BaseModel)


async def _catalog(request: Request) -> Catalog:
    catalog: Catalog = request.app.state.catalog
    return catalog


Indexes = Annotated[Catalog, Depends(_catalog)]


async def _served(indexes: Indexes, index: Annotated[str, Path(description="Name of the index.")]) -> Served:
    answer = indexes.ask(index)
    return answer.result() if answer.done() else await asyncio.wrap_future(answer)


async def _body(request: Request) -> bytes:
    declared = request.headers.get("content-length", "")
    large = declared.isdigit() and int(declared) > MAX_BODY
    body = bytearray()
    try:
        if not large:
            async for piece in request.stream():
                body += piece
                if len(body) > MAX_BODY:
                    large = True
                    break
    except ClientDisconnect:
        problem = sort_of_problem(400, "not-json", "The body is not JSON", "the body ends too early")
        raise RefusedRequest(problem) from None
    if large:
        detail = f"the body has more than {MAX_BODY:,} bytes; send several smaller requests"
        raise RefusedRequest(sort_of_problem(413, "too-large", "The body is too large", detail))
    return bytes(body)


OneIndex = Annotated[Served, Depends(_served)]
Body = Annotated[bytes, Depends(_body)]


def parsed(model: type[_Model], body: bytes) -> _Model:
    """The body as ``model``.

    Called by the endpoints, not by FastAPI: so it happens in the pool, and by pydantic's own JSON reader, which is
    strict about what is a number and a string and refuses what is no UTF-8.
    """
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        raise RefusedRequest(misfit(found, list(model.model_fields))) from None
