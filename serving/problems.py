"""Errors as problems (RFC 9457): the caller's are 4xx and say what to do, ours are 5xx and say nothing of the inside.

Sorts of problem are named ``urn:purlieu:problem:<name>``; what HTTP itself refuses (no such path, no such method) is
``about:blank``, as the RFC has it.
"""

from __future__ import annotations

import http
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, final
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from foundation import errors
from serving.schemas import FieldError, Problem

MEDIA_TYPE = "application/problem+json"
MAX_ERRORS = 20  # parts of one request that are reported

_UNREADABLE = (503, "index-unavailable", "The index cannot be read")
SORTS: tuple[tuple[type[errors.EngineError], tuple[int, str, str]], ...] = (
    (errors.InvalidQuery, (422, "invalid-query", "The question cannot be answered as asked")),
    (errors.InvalidInput, (422, "invalid-input", "The data cannot be used")),
    (errors.InvalidParams, (422, "invalid-params", "A parameter cannot be used")),
    (errors.UnknownId, (404, "unknown-id", "Not there")),
    (errors.NotBuilt, (404, "not-built", "Not built")),
    (errors.ArtifactMissing, _UNREADABLE),
    (errors.ArtifactCorrupt, _UNREADABLE),
    (errors.ArtifactVersion, _UNREADABLE),
    (errors.StoreUnavailable, _UNREADABLE),
    (errors.MissingExtra, (500, "not-installed", "The server lacks a package")),
    (errors.NotConverged, (500, "not-converged", "The iteration did not end")),
)


@final
class RefusedRequest(HTTPException):
    """A request that is refused before an engine sees it."""

    def __init__(self, problem: Problem, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(problem.status, problem.detail, headers)
        self.problem = problem


def sort_of_problem(status: int, name: str, title: str, detail: str) -> Problem:
    """A problem of a sort of ours."""
    return Problem(type=f"urn:purlieu:problem:{name}", title=title, status=status, detail=detail)


def reason(error: errors.EngineError) -> str:
    """What may be told about an error to somebody who must not learn where the store is."""
    match error:
        case errors.ArtifactVersion(found=found, readable=readable):
            known = ", ".join(str(version) for version in readable)
            return f"its format version {found!r} cannot be read, this server reads {known}"
        case errors.ArtifactMissing() | errors.ArtifactCorrupt() | errors.StoreUnavailable():
            return error.what
        case _:
            return str(error)


def problem_of(error: errors.EngineError) -> Problem:
    """The problem an engine's error is."""
    for kind, (status, name, title) in SORTS:
        if isinstance(error, kind):
            detail = f"the index cannot be read: {reason(error)}" if status == 503 else reason(error)
            problem = sort_of_problem(status, name, title, detail)
            if isinstance(error, errors.UnknownId):
                problem.kind, problem.id, problem.nearest = error.kind, error.id, list(error.nearest)
            if isinstance(error, errors.NotBuilt):
                problem.questions = list(error.questions)
            return problem
    return _unexpected()


def misfit(found: Sequence[Mapping[str, Any]], fields: Sequence[str] = ()) -> Problem:
    """A body or query that does not fit its model.

    ``found`` are pydantic's errors; ``fields`` the names the model has, to tell them to who misspelt one.
    """
    if found[0]["type"] == "json_invalid":
        return sort_of_problem(
            400, "not-json", "The body is not JSON", f"the body is not JSON: {found[0]['ctx']['error']}"
        )
    parts = [_field_error(error, fields) for error in found[:MAX_ERRORS]]
    where = ".".join(str(part) for part in found[0]["loc"]) or "the body"
    problem = sort_of_problem(
        422, "invalid-request", "The request does not fit", f"{where.removeprefix('query.')}: {parts[0].detail}"
    )
    problem.errors = parts
    return problem


def answering(log: Callable[[str], None]) -> Callable[[Request, Exception], Awaitable[Response]]:
    """What makes a problem of an error; ``log`` is told in full about those that are ours."""

    async def answer(request: Request, error: Exception) -> Response:
        problem, headers = _problem_for(request, error)
        if problem.status >= 500 and isinstance(error, errors.EngineError):
            log(f"{request.method} {request.url.path}: {type(error).__name__}: {error}")
        return response(problem, headers)

    return answer


def install(app: FastAPI, log: Callable[[str], None]) -> None:
    """Answer every error of ``app`` with a problem; ``log`` is told in full about those that are ours."""
    answer = answering(log)
    for kind in (errors.EngineError, HTTPException, RequestValidationError):
        app.add_exception_handler(kind, answer)
    app.add_middleware(_Unexpected, log=log)


@final
class _Unexpected:
    """An ASGI app that answers what nobody expected.

    Starlette would answer and raise it again, upon which the server closes the connection, and with it the next
    request that a client has sent on it already.
    """

    def __init__(self, app: ASGIApp, log: Callable[[str], None]) -> None:
        self._app = app
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; an error before the answer began is logged with its traceback and answered."""
        begun = False

        async def noting(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except Exception as error:
            if scope["type"] != "http" or begun:
                raise
            trace = "".join(traceback.format_exception(error)).rstrip()
            self._log(f"{scope['method']} {scope['path']}: unexpected {type(error).__name__}\n{trace}")
            await response(_unexpected(), {})(scope, receive, send)


def response(problem: Problem, headers: Mapping[str, str]) -> Response:
    """The answer that says it."""
    text = problem.model_dump_json(exclude_none=True)
    return Response(text, problem.status, headers, media_type=MEDIA_TYPE)


def _problem_for(request: Request, error: Exception) -> tuple[Problem, dict[str, str]]:
    match error:
        case RefusedRequest():
            return error.problem, dict(error.headers or {})
        case HTTPException():
            status, headers = error.status_code, dict(error.headers or {})
            match status:
                case 404:
                    detail = f"nothing is at {request.url.path}; /openapi.json lists what there is"
                case 405:
                    detail = f"{request.url.path} does not take {request.method}; it takes {headers.get('Allow')}"
                case _:
                    detail = error.detail
            return _blank(status, detail), headers
        case RequestValidationError():
            return misfit(error.errors()), {}
        case errors.EngineError():
            return problem_of(error), {}
    return _unexpected(), {}


def _blank(status: int, detail: str) -> Problem:
    return Problem(type="about:blank", title=http.HTTPStatus(status).phrase, status=status, detail=detail)


def _unexpected() -> Problem:
    return _blank(500, "an unexpected error; the server's log has it")


def _field_error(error: Mapping[str, Any], fields: Sequence[str]) -> FieldError:
    match error["type"]:
        case "extra_forbidden":
            detail = f"unknown; known are {', '.join(fields)}" if len(error["loc"]) == 1 else "unknown"
        case "missing":
            detail = "is required"
        case "less_than_equal" | "greater_than_equal":
            bound = error["ctx"]["le" if error["type"] == "less_than_equal" else "ge"]
            detail = f"{error['msg'].rpartition(' ')[0]} {bound:.10g}"  # pydantic writes all digits of 1e100
        case _:
            detail = str(error["msg"]).removeprefix("Value error, ")
    where = [str(part) for part in error["loc"]]
    if where[:1] == ["query"]:
        return FieldError(parameter=".".join(where[1:]), detail=detail)
    escaped = [quote(part.replace("~", "~0").replace("/", "~1"), safe="~") for part in where]
    return FieldError(pointer="#" + "".join(f"/{part}" for part in escaped), detail=detail)
