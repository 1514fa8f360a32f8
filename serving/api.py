"""The HTTP service: what there is and whether it runs; `serving.questions` has the questions, `serving.server` listens.

Questions are computed in the threads of a `serving.pool.Pool`; endpoints that read files are plain functions, which
run in a pool of the framework's. The event loop stays free to take requests and to say that the process lives.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from importlib.metadata import version as version_of

import anyio.to_thread
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import PlainTextResponse, Response

from artifacts.store import Store
from foundation.errors import StoreUnavailable
from serving import admin, questions, schemas
from serving.board import Board
from serving.cache import AnswerCache
from serving.catalog import silent
from serving.envelope import Envelope, Note, check_origins
from serving.guard import asking_key, required
from serving.hosts import KnownHosts, check_hosts
from serving.inputs import Indexes, OneIndex
from serving.keys import KeyRing, plain_keys
from serving.limits import Limits
from serving.metrics import CONTENT_TYPE, Measured, Metrics
from serving.openapi import describe, problems
from serving.opener import Opener, open_engine
from serving.page import files
from serving.pool import Pool
from serving.problems import RefusedRequest, answering, install, reason, sort_of_problem
from serving.service import Service, service_of
from serving.shortcut import Shortcut
from serving.slot import State
from serving.steady import keep_steady
from serving.stores import Catalogs
from serving.together import keep_together

THREADS = 4  # for what reads files and computes nothing
DESCRIPTION = (
    "What is near this? Every answer names the version of the index that gave all of it. "
    "Errors are RFC 9457 problems: 4xx are the caller's and say what to do, 5xx are the service's."
)


def create_app(
    store: Store | Sequence[Store],
    *,
    api_keys: Collection[str] | KeyRing | None = None,
    limits: Limits | None = None,
    origins: Collection[str] = (),
    hosts: Collection[str] | None = None,
    opener: Opener = open_engine,
    look_seconds: float | None = None,
    log: Callable[[str], None] = silent,
    note: Note | None = None,
    board: Board | None = None,
    worker: int = 0,
    own_process: bool = False,
) -> FastAPI:
    """The service over every index of ``store``, or of several, those that appear later too.

    Parameters
    ----------
    api_keys : ``/v1`` is only for who sends one of them; None opens it to all
    limits : see `serving.limits.Limits`
    origins : whose pages in a browser may ask, such as "https://example.org"
    hosts : names it may be asked under, besides localhost and addresses; None: under any, see `serving.hosts`
    opener, look_seconds : see `serving.catalog.Catalog`
    log : told in one line what an operator should know
    note : told of every request, see `serving.envelope.Envelope`
    board, worker : which of several processes that answer together this one is, see `serving.board.Board`
    own_process : nothing else runs in this process, so its interpreter may be set up for it, see `serving.steady`

    Raises
    ------
    InvalidParams
        ``api_keys`` without a key, ``origins`` or ``hosts`` with what is none, or a store named twice.
    """
    allowed = check_origins(origins)
    known = None if hosts is None else check_hosts(hosts)
    limits = limits or Limits()
    keys = api_keys if api_keys is None or isinstance(api_keys, KeyRing) else KeyRing(plain_keys(api_keys))
    stores = [store] if isinstance(store, Store) else store
    catalog = Catalogs(stores, opener, look_seconds=look_seconds, log=log)
    pool, cache = Pool(limits), AnswerCache(limits.cache_bytes)
    service = Service(catalog, limits, pool, cache, keys, Metrics(catalog, pool, cache, keys, board, worker))

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:  # noqa: ARG001  # the signature FastAPI wants
        anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
        await anyio.to_thread.run_sync(catalog.look)
        beside = [asyncio.create_task(keep_together(service))]
        if own_process:
            beside.append(asyncio.create_task(keep_steady(catalog)))
        yield
        for task in beside:
            task.cancel()
        pool.close()
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
    app.state.service = service
    app.include_router(_process)
    app.include_router(files.router)  # open to all: it asks for the key itself
    for router, scope in ((_listing, "query"), (questions.router, "query"), (admin.router, "admin")):
        guard = [] if keys is None else [Depends(required(keys, scope))]
        app.include_router(router, dependencies=guard, responses={} if keys is None else problems(401, 403))
    ask_key = None if keys is None else asking_key(keys, "query")
    app.add_middleware(Shortcut, routes=questions.router.routes, guard=ask_key, failed=answering(log))
    app.add_middleware(Measured, metrics=service.metrics)
    install(app, log)
    if known is not None:
        app.add_middleware(KnownHosts, names=known)
    app.add_middleware(Envelope, origins=allowed, note=note)
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
    """Whether every store is there, every index that can be opened is open, and at least one is if there are any."""
    try:
        indexes.check_stores()
    except StoreUnavailable as error:
        problem = sort_of_problem(503, "not-ready", "Not ready", f"a store cannot be read: {reason(error)}")
        raise RefusedRequest(problem) from None
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
    return Response(service_of(request).metrics.text(), media_type=CONTENT_TYPE)


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
