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


class Working(BaseModel):
    """The processes that answer."""

    alive: int
    died: int = Field(description="Those that ended without being told to; each was replaced.")


class Status(BaseModel):
    """How all workers fare together; totals are since the start of the service."""

    running: int = Field(description="Calls of engines under way.")
    waiting: int = Field(description="Questions that wait for a thread.")
    calls: int = Field(description="Calls of engines that ended.")
    questions: int = Field(description="Requests these calls answered: more than calls, where requests shared one.")
    refused: int = Field(description="Requests refused because too many waited.")
    cached: Cached
    workers: Working
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
    service.metrics.board.ask_reload(service.metrics.worker)
    service.look()
    return _status(service)


def _status(service: Service) -> Status:
    whole, board, keys = service.metrics.whole(), service.metrics.board, service.keys
    totals, levels = whole.totals, whole.levels
    return Status(
        running=levels["running"],
        waiting=levels["waiting"],
        calls=totals["calls"],
        questions=totals["questions"],
        refused=totals["refused"],
        cached=Cached(
            answers=levels["cached"], bytes=levels["cache_bytes"], hits=totals["hits"], misses=totals["misses"]
        ),
        workers=Working(alive=board.alive, died=board.died),
        keys=None if keys is None else len(keys),
        keys_problem=None if keys is None else keys.problem,
    )
