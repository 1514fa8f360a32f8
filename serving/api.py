"""The HTTP service: what there is and whether it runs; `serving.questions` has the questions, `serving.server` listens.

Endpoints that compute or read files are plain functions: they run in a pool of `THREADS` threads, and the event loop
stays free to take requests and to say that the process lives.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Callable
from importlib.metadata import version as version_of

import anyio.to_thread
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import PlainTextResponse, Response

from artifacts.store import Store
from foundation.errors import InvalidParams
from serving import questions, schemas
from serving.catalog import Catalog, State, silent
from serving.inputs import Indexes, OneIndex
from serving.keys import required
from serving.metrics import CONTENT_TYPE, Measured, Metrics
from serving.openapi import describe, problems
from serving.opener import Opener, open_engine
from serving.page import files
from serving.problems import RefusedRequest, install, reason, sort_of_problem

# A question computes; the threads beyond one per core are for questions that wait for the disk.
THREADS = (os.cpu_count() or 1) + 4
DESCRIPTION = (
    "What is near this? Every answer names the version of the index that gave all of it. "
    "Errors are RFC 9457 problems: 4xx are the caller's and say what to do, 5xx are the service's."
)


def create_app(
    store: Store,
    *,
    api_keys: frozenset[str] | None = None,
    opener: Opener = open_engine,
    look_seconds: float | None = None,
    log: Callable[[str], None] = silent,
) -> FastAPI:
    """The service over every index of ``store``, those that appear later too.

    Parameters
    ----------
    api_keys : ``/v1`` is only for who sends one of them; None opens it to all
    opener, look_seconds : see `serving.catalog.Catalog`
    log : told in one line what an operator should know

    Raises
    ------
    InvalidParams
        ``api_keys`` without a key.
    """
    if api_keys is not None and not api_keys:
        raise InvalidParams(name="api_keys", value=set(api_keys), allowed="at least one key, or None for no keys")
    catalog = Catalog(store, opener, look_seconds=look_seconds, log=log)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:  # noqa: ARG001  # the signature FastAPI wants
        anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
        await anyio.to_thread.run_sync(catalog.look)
        yield
        await anyio.to_thread.run_sync(catalog.close)

    app = FastAPI(
        title="Purlieu",
        description=DESCRIPTION,
        version=version_of("purlieu"),
        docs_url=None,  # these pages load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.catalog, app.state.metrics = catalog, Metrics(catalog, store)
    app.include_router(_process)
    app.include_router(files.router)  # open to all: it asks for the key itself
    guard = [] if api_keys is None else [Depends(required(api_keys))]
    refusals = {} if api_keys is None else problems(401)
    for router in (_listing, questions.router):
        app.include_router(router, dependencies=guard, responses=refusals)
    app.add_middleware(Measured, metrics=app.state.metrics)
    install(app, log)
    describe(app)
    return app


_process = APIRouter(tags=["process"])
_listing = APIRouter(prefix="/v1", tags=["indexes"])


@_process.get("/healthz")
async def healthz() -> schemas.Health:
    """Whether the process answers at all."""
    return schemas.Health(status="ok")


@_process.get("/readyz", responses=problems(500, 503))
def readyz(indexes: Indexes) -> schemas.Readiness:
    """Whether every index that can be opened is open, and at least one is if there are any."""
    indexes.look()
    states = indexes.states()
    opening = [state.index for state in states if state.served is None and state.opening]
    ready = [state.index for state in states if state.served is not None]
    if opening or (states and not ready):
        what = f"being opened: {', '.join(opening)}" if opening else "none of the indexes could be opened"
        raise RefusedRequest(sort_of_problem(503, "not-ready", "Not ready", what))
    return schemas.Readiness(status="ready", indexes=ready)


@_process.get("/metrics", response_class=PlainTextResponse, responses=problems(500))
def metrics(request: Request, indexes: Indexes) -> Response:
    """Counts and times in Prometheus' text format."""
    indexes.look()
    return Response(request.app.state.metrics.text(), media_type=CONTENT_TYPE)


@_listing.get("/indexes", responses=problems(500))
def list_indexes(indexes: Indexes) -> schemas.IndexList:
    """All published indexes, by name, and which version of each answers."""
    indexes.look()
    return schemas.IndexList(indexes=[_summary(state) for state in indexes.states()])


@_listing.get("/indexes/{index}", responses=problems(404, 500, 503))
def show_index(served: OneIndex, indexes: Indexes) -> schemas.IndexDetails:
    """The served version of an index: sizes, parameters and measured quality of its stages; the other versions."""
    release = served.engine.release
    states = [state for state in indexes.states() if state.index == release.index]
    refused = states[0].refused if states else None
    return schemas.IndexDetails(
        index=release.index,
        version=release.version,
        created=release.created,
        bytes=release.n_bytes,
        questions=list(served.engine.questions),
        versions=[
            schemas.VersionInfo(
                version=one.version, created=one.created, bytes=one.n_bytes, served=one.version == release.version
            )
            for one in indexes.releases(release.index)
        ],
        refused=schemas.Refusal(version=refused.version, reason=reason(refused.error)) if refused else None,
        stages={
            name: schemas.StageInfo(
                kind=manifest.kind,
                digest=manifest.digest,
                bytes=manifest.n_bytes,
                params=dict(manifest.params),
                counts={key: count for key, count in manifest.stats.items() if type(count) is int},
                measured=dict(manifest.measured),
            )
            for name, manifest in served.manifests.items()
        },
    )


def _summary(state: State) -> schemas.IndexSummary:
    engine = state.served.engine if state.served else None
    return schemas.IndexSummary(
        index=state.index,
        version=engine.version if engine else None,
        created=engine.release.created if engine else None,
        bytes=engine.release.n_bytes if engine else None,
        questions=list(engine.questions) if engine else [],
        refused=state.refused.version if state.refused else None,
    )
