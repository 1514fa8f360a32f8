"""Counts and times for Prometheus."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from artifacts.health import last_success_age, version_age
from artifacts.store import Store
from foundation.errors import EngineError
from serving.cache import AnswerCache
from serving.keys import KeyRing
from serving.pool import Pool
from serving.stores import Catalogs

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
# Seconds: an answer from memory takes about a millisecond, an exact ranking of a large graph many seconds.
BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


@final
class Metrics:
    """The figures of one app, in a registry of its own."""

    def __init__(self, catalog: Catalogs, pool: Pool, cache: AnswerCache, keys: KeyRing | None) -> None:
        self._registry = CollectorRegistry()
        labels = ("route", "status")
        self._requests = Counter("purlieu_http_requests", "Requests answered.", labels, registry=self._registry)
        self._seconds = Histogram(
            "purlieu_http_request_seconds",
            "Time from the request's arrival to the end of its answer.",
            labels,
            buckets=BUCKETS,
            registry=self._registry,
        )
        self._known: dict[tuple[str, int], tuple[Counter, Histogram]] = {}  # looking labels up takes longer
        self._registry.register(_Indexes(catalog))
        self._registry.register(_Work(pool, cache, keys))

    def observe(self, route: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        known = self._known.get((route, status))
        if known is None:
            known = self._requests.labels(route, str(status)), self._seconds.labels(route, str(status))
            self._known[route, status] = known
        known[0].inc()
        known[1].observe(seconds)

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
class _Work(Collector):
    """What is being computed, what waits, and what was answered without computing."""

    def __init__(self, pool: Pool, cache: AnswerCache, keys: KeyRing | None) -> None:
        self._pool = pool
        self._cache = cache
        self._keys = keys

    def collect(self) -> Iterable[Metric]:
        state, cache = self._pool.state(), self._cache
        gauges = {
            "purlieu_pool_running": ("Calls of engines under way.", state.running),
            "purlieu_pool_waiting": ("Questions that wait for a thread.", state.waiting),
            "purlieu_cache_bytes": ("Size of the answers that are kept.", cache.n_bytes),
            "purlieu_api_keys_stale": (
                "1 while the key file cannot be used and the keys read before are good.",
                int(self._keys is not None and self._keys.problem is not None),
            ),
        }
        counters = {
            "purlieu_pool_calls": ("Calls of engines.", state.calls),
            "purlieu_pool_questions": ("Requests these calls answered, more than calls where they share.", state.jobs),
            "purlieu_pool_refused": ("Requests refused because too many waited.", state.refused),
            "purlieu_cache_hits": ("Requests answered from what was kept.", cache.hits),
            "purlieu_cache_misses": ("Requests whose answer was not kept.", cache.misses),
        }
        for name, (text, value) in gauges.items():
            yield GaugeMetricFamily(name, text, value=value)
        for name, (text, value) in counters.items():
            yield CounterMetricFamily(name, text, value=value)


@final
class _Indexes(Collector):
    """Read from the catalog at every scrape, so that a version that went leaves no figure behind."""

    def __init__(self, catalog: Catalogs) -> None:
        self._catalog = catalog

    def collect(self) -> Iterable[Metric]:
        labels = ("index", "version")
        served = GaugeMetricFamily("purlieu_index_served", "1 for the version of an index that answers.", labels=labels)
        refused = GaugeMetricFamily(
            "purlieu_index_refused", "1 for a published version that could not be opened.", labels=labels
        )
        refusals = CounterMetricFamily(
            "purlieu_index_refusals", "Times that opening a published version failed.", labels=("index",)
        )
        opening = GaugeMetricFamily(
            "purlieu_index_opening", "1 while a version of the index is being opened.", labels=("index",)
        )
        aged = GaugeMetricFamily(
            "purlieu_index_age_seconds", "Time since the version that answers was published.", labels=labels
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
                served.add_metric((state.index, engine.version), 1)
                aged.add_metric((state.index, engine.version), version_age(engine.release, now))
            if state.refused is not None:
                refused.add_metric((state.index, state.refused.version), 1)
            refusals.add_metric((state.index,), state.n_refused)
            opening.add_metric((state.index,), int(state.opening))
        return served, refused, refusals, opening, aged, built


def _last_success(store: Store, index: str, now: datetime) -> float | None:
    try:
        return last_success_age(store, index, now)
    except (EngineError, OSError):
        return None  # a journal that cannot be read must not hide the other figures
