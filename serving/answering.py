"""The way of a question through the service: version, body, cache, pool; and what happens when it takes too long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any, Literal, Self, final

import anyio.to_thread
from fastapi import Request
from fastapi.responses import Response

from serving.asking import Question
from serving.built import check_built
from serving.cache import MAX_BODY as KEPT_BODY
from serving.envelope import facts_of
from serving.inputs import parsed, read_body, served_of
from serving.jobs import Job
from serving.opener import EngineLike
from serving.pool import Overloaded
from serving.problems import RefusedRequest, sort_of_problem
from serving.service import Service, service_of

JSON = "application/json"
SMALL_BODY = 64 << 10  # bytes that are parsed where they arrive: handing them to a thread would take longer


async def answer_posted(request: Request, question: Question) -> Response:
    """The answer to the question in the body of ``request``.

    Raises
    ------
    EngineError, RefusedRequest
        Whatever keeps it from being answered.
    """
    service, facts = service_of(request), facts_of(request)
    engine = await _engine(service, request, question.name)
    async with _Limited(service, "body") as limited:
        facts["body"] = body = await read_body(request)
        key = None
        if service.limits.cache_bytes and len(body) <= KEPT_BODY:
            key = service.cache.key(engine.index, engine.version, question.name, body)
            kept = service.cache.get(key)
            if kept is not None:
                facts["cached"] = True
                return _response(kept)
        limited.begin("answer")
        if len(body) <= SMALL_BODY:
            asked = parsed(question.model, body)
        else:
            asked = await anyio.to_thread.run_sync(parsed, question.model, body)
        answer = await _run(service, facts, question.job(engine, asked))
    if key is not None:
        service.cache.keep(key, answer)
    return _response(answer)


async def answer_looked_up(
    request: Request, question: str, job: Callable[[EngineLike], Job], media_type: str = JSON
) -> Response:
    """The answer to a question that has no body."""
    service, facts = service_of(request), facts_of(request)
    engine = await _engine(service, request, question)
    async with _Limited(service, "answer"):
        return Response(await _run(service, facts, job(engine)), media_type=media_type)


async def _engine(service: Service, request: Request, question: str) -> EngineLike:
    """The engine, before the body is read: what was never built cannot be asked rightly."""
    index: str = request.path_params["index"]
    engine = (await served_of(service, index)).engine
    facts_of(request).update(index=index, version=engine.version)
    check_built(engine.release, question)
    return engine


async def _run(service: Service, facts: dict[str, Any], job: Job) -> bytes:
    try:
        return await service.pool.run(job)
    except Overloaded as refused:
        detail = f"more is asked than can be answered now; ask again in {refused.retry_after} s"
        problem = sort_of_problem(429, "overloaded", "Too many requests", detail)
        raise RefusedRequest(problem, {"Retry-After": str(refused.retry_after)}) from None
    finally:
        facts.update(size=job.size, together=job.n_together)


@final
class _Limited:
    """Refuse what takes longer than a request may; a kernel under way cannot be stopped and keeps its thread."""

    __slots__ = ("_limit", "_seconds", "_what")

    def __init__(self, service: Service, what: Literal["body", "answer"]) -> None:
        self._seconds = service.limits.seconds
        self._limit = asyncio.timeout(self._seconds)
        self._what = what

    def begin(self, what: Literal["body", "answer"]) -> None:
        """From now on this is waited for, as long again."""
        self._what = what
        self._limit.reschedule(asyncio.get_running_loop().time() + self._seconds)

    async def __aenter__(self) -> Self:
        await self._limit.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._limit.__aexit__(kind, error, trace)
        except TimeoutError:  # of this limit: one of a file or a network is none of its own
            seconds = f"{self._seconds:g} s"
            if self._what == "body":
                detail = f"the body did not arrive within {seconds}"
                raise RefusedRequest(sort_of_problem(408, "too-slow", "The body came too slowly", detail)) from None
            detail = f"the answer takes longer than {seconds}; ask for less, or for less at a time"
            raise RefusedRequest(sort_of_problem(504, "time-limit", "It takes too long", detail)) from None


def _response(answer: bytes) -> Response:
    return Response(answer, media_type=JSON)
