"""The endpoints for who runs the service: how it fares, and looking again at once."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from serving.openapi import problems
from serving.service import Service, service_of

router = APIRouter(prefix="/v1", tags=["admin"])


class Cached(BaseModel):
    """Answers that are kept."""

    answers: int
    bytes: int
    hits: int = Field(description="Requests answered from them.")
    misses: int = Field(description="Requests whose answer was not among them.")


class Status(BaseModel):
    """How the process fares; totals are since its start."""

    running: int = Field(description="Calls of engines under way.")
    waiting: int = Field(description="Questions that wait for a thread.")
    calls: int = Field(description="Calls of engines that ended.")
    questions: int = Field(description="Requests these calls answered: more than calls, where requests shared one.")
    refused: int = Field(description="Requests refused because too many waited.")
    cached: Cached
    keys: int | None = Field(description="API keys that are good; null where none is required.")
    keys_problem: str | None = Field(description="Why the key file is not read again; null when all is well.")


@router.get("/status", responses=problems(500))
def status(request: Request) -> Status:
    """What is being computed, what waits, what is kept, and whether the key file can be used."""
    return _status(service_of(request))


@router.post("/reload", responses=problems(500))
def reload(request: Request) -> Status:
    """Look at the key file and at the pointer of every index now; new versions are opened while the old ones answer."""
    service = service_of(request)
    if service.keys is not None:
        service.keys.look()
    service.catalog.look(at_once=True)
    return _status(service)


def _status(service: Service) -> Status:
    state, cache, keys = service.pool.state(), service.cache, service.keys
    return Status(
        running=state.running,
        waiting=state.waiting,
        calls=state.calls,
        questions=state.jobs,
        refused=state.refused,
        cached=Cached(answers=len(cache), bytes=cache.n_bytes, hits=cache.hits, misses=cache.misses),
        keys=None if keys is None else len(keys),
        keys_problem=None if keys is None else keys.problem,
    )
