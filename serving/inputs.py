"""What endpoints are given: the catalog, the version that answers, and the body of a request."""

from __future__ import annotations

import asyncio
from typing import Annotated, TypeVar

from fastapi import Depends, Path, Request
from pydantic import BaseModel, ValidationError

from serving.opener import Served
from serving.problems import RefusedRequest, misfit, sort_of_problem
from serving.schemas import MAX_BODY
from serving.service import Service, service_of
from serving.stores import Catalogs

OPENING_RETRY = 5  # seconds after which to ask again for an index that is still being opened

_Model = TypeVar("_Model", bound=BaseModel)


async def _catalog(request: Request) -> Catalogs:
    return service_of(request).catalog


Indexes = Annotated[Catalogs, Depends(_catalog)]


async def served_of(service: Service, index: str) -> Served:
    """What serves ``index``; the first requests for one wait until it is open.

    Raises
    ------
    EngineError
        No such index, or none of its versions can be opened.
    RefusedRequest
        When opening takes longer than a request may.
    """
    answer = service.catalog.ask(index)
    if answer.done():
        return answer.result()
    try:
        return await asyncio.wait_for(asyncio.wrap_future(answer), service.limits.seconds)
    except TimeoutError:
        problem = sort_of_problem(503, "not-ready", "Not ready", f"index {index} is still being opened; ask again")
        raise RefusedRequest(problem, {"Retry-After": str(OPENING_RETRY)}) from None


async def _served(request: Request, index: Annotated[str, Path(description="Name of the index.")]) -> Served:
    return await served_of(service_of(request), index)


OneIndex = Annotated[Served, Depends(_served)]


async def read_body(request: Request) -> bytes:
    """The body, if it is whole and not too large.

    Raises
    ------
    RefusedRequest
    """
    declared = next((value for name, value in request.scope["headers"] if name == b"content-length"), b"")
    large = declared.isdigit() and int(declared) > MAX_BODY
    body, more = bytearray(), True
    while more and not large:  # not through Starlette's stream, which takes longer than the one piece that most are
        message = await request.receive()
        if message["type"] == "http.disconnect":
            problem = sort_of_problem(400, "not-json", "The body is not JSON", "the body ends too early")
            raise RefusedRequest(problem)
        body += message.get("body", b"")
        large, more = len(body) > MAX_BODY, message.get("more_body", False)
    if large:
        detail = f"the body has more than {MAX_BODY:,} bytes; send several smaller requests"
        raise RefusedRequest(sort_of_problem(413, "too-large", "The body is too large", detail))
    return bytes(body)


def parsed(model: type[_Model], body: bytes) -> _Model:
    """The body as ``model``.

    By pydantic's own JSON reader, which is strict about what is a number and a string and refuses what is no UTF-8.
    """
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        raise RefusedRequest(misfit(found, list(model.model_fields))) from None
