"""Counts and times of all workers together, for Prometheus."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import accumulate
from typing import final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from artifacts.health import last_success_age, version_age
from artifacts.store import Store
from foundation.errors import EngineError
from serving.board import Board
from serving.cache import AnswerCache
from serving.figures import BUCKETS, Figures, IndexFigures, together
from serving.keys import KeyRing
from serving.pool import Pool
from serving.stores import Catalogs

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
_LIMITS = (*map(str, BUCKETS), "+Inf")  # as Prometheus writes them
_LEVELS = {
    "running": ("purlieu_pool_running", "Calls of engines under way."),
    "waiting": ("purlieu_pool_waiting", "Questions that wait for a thread."),
    "cache_bytes": ("purlieu_cache_bytes", "Size of the answers that are kept."),
}
_TOTALS = {
    "calls": ("purlieu_pool_calls", "Calls of engines."),
    "questions": ("purlieu_pool_questions", "Requests these calls answered, more than calls where they share."),
    "refused": ("purlieu_pool_refused", "Requests refused because too many waited."),
    "hits": ("purlieu_cache_hits", "Requests answered from what was kept."),
    "misses": ("purlieu_cache_misses", "Requests whose answer was not kept."),
}


@final
class Metrics:
    """The figures of one app, and through ``board`` those of the other workers of its service.

    Parameters
    ----------
    worker : whose slot of ``board`` is this app's; what was counted there before goes on
    """

    def __init__(
        self,
        catalog: Catalogs,
        pool: Pool,
        cache: AnswerCache,
        keys: KeyRing | None,
        board: Board | None = None,
        worker: int = 0,
    ) -> None:
        self.board = board or Board()
        self.worker = worker
        self._catalog = catalog
        self._pool = pool
        self._cache = cache
        self._base = Figures.read(self.board.read(worker)).counted()
        self._answered = Figures()
        self._registry = CollectorRegistry()
        self._registry.register(_Together(self, keys))
        self._registry.register(_Ages(catalog))

    def observe(self, route: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        self._answered.observe(route, status, seconds)

    def own(self) -> Figures:
        """The figures of this worker."""
        state, cache = self._pool.state(), self._cache
        now = Figures(
            totals={
                "calls": state.calls,
                "questions": state.jobs,
                "refused": state.refused,
                "hits": cache.hits,
                "misses": cache.misses,
            },
            levels={
                "running": state.running,
                "waiting": state.waiting,
                "cached": len(cache),
                "cache_bytes": cache.n_bytes,
            },
            indexes={
                one.index: IndexFigures(
                    served=[] if one.served is None else [one.served.engine.version],
                    refused=[] if one.refused is None else [one.refused.version],
                    refusals=one.n_refused,
                    opening=one.opening,
                )
                for one in self._catalog.states()
            },
        )
        return together((self._base, self._answered, now))

    def show(self) -> None:
        """Put them where the other workers see them."""
        self.board.write(self.worker, self.own().written())

    def whole(self) -> Figures:
        """The figures of all workers: of this one as they are, of others as they were shown."""
        others = (worker for worker in range(self.board.n_workers) if worker != self.worker)
        return together((self.own(), *(Figures.read(self.board.read(worker)) for worker in others)))

    def text(self) -> bytes:
        """All figures in Prometheus' text format."""
        return generate_latest(self._registry)


@final
class Measured:
    """An ASGI app whose requests are counted by the pattern of their path; what matches none is ``unmatched``."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and note its status and time."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500  # what the caller gets when the app raises

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        begun = time.perf_counter()
        try:
            await self._app(scope, receive, noting)
        finally:
            route = getattr(scope.get("route"), "path", "unmatched")
            self._metrics.observe(route, status, time.perf_counter() - begun)


@final
class _Together(Collector):
    """What was answered, what is computed, what waits, what was answered without computing; and the workers."""

    def __init__(self, metrics: Metrics, keys: KeyRing | None) -> None:
        self._metrics = metrics
        self._keys = keys

    def collect(self) -> Iterable[Metric]:
        whole, board = self._metrics.whole(), self._metrics.board
        yield from _requests(whole)
        for name, (metric, text) in _LEVELS.items():
            yield GaugeMetricFamily(metric, text, value=whole.levels[name])
        for name, (metric, text) in _TOTALS.items():
            yield CounterMetricFamily(metric, text, value=whole.totals[name])
        stale = self._keys is not None and self._keys.problem is not None
        text = "1 while the key file cannot be used and the keys read before are good."
        yield GaugeMetricFamily("purlieu_api_keys_stale", text, value=int(stale))
        yield GaugeMetricFamily("purlieu_workers", "Worker processes that live.", value=board.alive)
        text = "Worker processes that ended without being told to, and were replaced."
        yield CounterMetricFamily("purlieu_workers_died", text, value=board.died)
        yield from _indexes(whole)


def _requests(whole: Figures) -> Iterable[Metric]:
    labels = ("route", "status")
    answered = CounterMetricFamily("purlieu_http_requests", "Requests answered.", labels=labels)
    text = "Time from the request's arrival to the end of its answer."
    seconds = HistogramMetricFamily("purlieu_http_request_seconds", text, labels=labels)
    for key, row in sorted(whole.requests.items()):
        status, _, route = key.partition(" ")
        upto = list(accumulate(row[:-1]))
        answered.add_metric((route, status), upto[-1])
        seconds.add_metric((route, status), list(zip(_LIMITS, upto, strict=True)), row[-1])
    return answered, seconds


def _indexes(whole: Figures) -> Iterable[Metric]:
    served = GaugeMetricFamily(
        "purlieu_index_served", "1 for a version of an index that answers.", labels=("index", "version")
    )
    refused = GaugeMetricFamily(
        "purlieu_index_refused", "1 for a published version that could not be opened.", labels=("index", "version")
    )
    refusals = CounterMetricFamily(
        "purlieu_index_refusals", "Times that opening a published version failed.", labels=("index",)
    )
    opening = GaugeMetricFamily(
        "purlieu_index_opening", "1 while a version of the index is being opened.", labels=("index",)
    )
    for index, one in sorted(whole.indexes.items()):
        for version in one.served:
            served.add_metric((index, version), 1)
        for version in one.refused:
            refused.add_metric((index, version), 1)
        refusals.add_metric((index,), one.refusals)
        opening.add_metric((index,), int(one.opening))
    return served, refused, refusals, opening


@final
class _Ages(Collector):
    """Read from the catalog and the journals at every scrape."""

    def __init__(self, catalog: Catalogs) -> None:
        self._catalog = catalog

    def collect(self) -> Iterable[Metric]:
        aged = GaugeMetricFamily(
            "purlieu_index_age_seconds",
            "Time since the version that answers was published.",
            labels=("index", "version"),
        )
        built = GaugeMetricFamily(
            "purlieu_index_last_success_age_seconds",
            "Time since the last build that succeeded ended, whether it changed anything or not.",
            labels=("index",),
        )
        now = datetime.now(UTC)
        for store, state in self._catalog.states_by_store():
            age = _last_success(store, state.index, now)
            if age is not None:
                built.add_metric((state.index,), age)
            if state.served is not None:
                engine = state.served.engine
                aged.add_metric((state.index, engine.version), version_age(engine.release, now))
        return aged, built


def _last_success(store: Store, index: str, now: datetime) -> float | None:
    try:
        return last_success_age(store, index, now)
    except (EngineError, OSError):
        return None  # a journal that cannot be read must not hide the other figures
