"""An engine that answers by rule and says so in every part, and stores whose versions it can open."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from artifacts.artifact import ArtifactWriter
from artifacts.manifest import digest_of
from artifacts.publish import Release, publish, read_release, version_name
from artifacts.store import Store, object_name
from foundation.errors import ArtifactCorrupt, InvalidQuery, NotConverged, UnknownId

STAGES = ("graph", "fastrp", "ann.nodes", "powerwalk", "lsh", "labels", "retriever")
WIDTH = 3
SECRET = "/somewhere/private"


def publish_version(store: Store, value: int, index: str = "demo", stages: Sequence[str] = STAGES) -> str:
    """Publish a version of ``index`` that differs with ``value``; returns its name."""
    digest = digest_of({"value": value, "index": index})
    if store.find("numbers", digest) is None:
        writer = ArtifactWriter(store.work_dir(digest) / "assembled")
        writer.array("values", np.full(4, value, dtype=np.int64))
        writer.publish(
            store.place,
            object_name(store.next_name("numbers", digest)),
            kind="numbers",
            kind_version=1,
            stage="numbers",
            code_version=1,
            digest=digest,
            params={"value": value, "dim": 8},
            inputs={},
            stats={"n_nodes": 6, "report": {"first_errors": [SECRET]}, "directed": True, "share": 0.5},
            measured={"recall@10": 0.97},
        )
    name = store.find("numbers", digest)
    assert name is not None
    version = version_name(index, dict.fromkeys(stages, digest))
    publish(store, index, {"name": index, "graph": {"source": SECRET}}, dict.fromkeys(stages, name), version)
    return version


class FakeEngine:
    """Six nodes, of which 7 is a number. Ids that start with ``!`` make it misbehave."""

    ids: tuple[str | int, ...] = ("ant", "bee", "bear", 7, "cat", "c/d")

    def __init__(self, release: Release, gate: threading.Event | None = None) -> None:
        self.release = release
        self.warmed = False
        self.gate = gate
        self.busy = 0
        self.most_busy = 0
        self._lock = threading.Lock()

    @property
    def index(self) -> str:
        return self.release.index

    @property
    def version(self) -> str:
        return self.release.version

    @property
    def questions(self) -> tuple[str, ...]:
        needs = {
            "similar": "ann.nodes",
            "ppr": "powerwalk",
            "community": "lsh",
            "labels": "labels",
            "members": "labels",
            "search": "retriever",
        }
        return tuple(question for question, stage in needs.items() if stage in self.release.stages)

    def warm(self) -> None:
        self.warmed = True

    def similar(
        self,
        ids: Sequence[str | int] | None = None,
        *,
        vectors: npt.ArrayLike | None = None,
        k: int = 10,
        where: Mapping[str, Any] | None = None,
        near: Mapping[Any, float] | None = None,
    ) -> dict[str, Any]:
        self._check(where, near)
        if (ids is None) == (vectors is None):
            raise InvalidQuery(what="similar takes ids or vectors", fix="pass exactly one of them")
        if vectors is not None:
            array = np.asarray(vectors)
            assert array.dtype == np.float32
            if array.shape[1] != WIDTH:
                raise InvalidQuery(what=f"vectors of {array.shape[1]} numbers", fix=f"pass {WIDTH}")
            return self._answer(len(array), k, score=float(array[0, 0]))
        for id in ids or ():
            self._find(id)
        return self._answer(len(ids or ()), k)

    def ppr(
        self,
        queries: Sequence[Mapping[Any, float]],
        *,
        k: int = 10,
        exact: bool = False,
        rmax: float | None = None,
    ) -> dict[str, Any]:
        for query in queries:
            for id in query:
                self._find(id)
        if exact and "bear" in queries[0]:
            raise NotConverged(algorithm="personalized_pagerank", residual=0.5, tol=1e-10, n_iter=10)
        bounds = [0.0 if exact else rmax or 0.25] * len(queries)
        return {**self._answer(len(queries), k), "error_bound": bounds, "residual": bounds, "notes": []}

    def community(
        self, seeds: Sequence[str | int], *, size: int | None = None, after: int = 0, method: str | None = None
    ) -> dict[str, Any]:
        for id in seeds:
            self._find(id)
        more = {"notes": [], "conductance": np.float64(0.5), "density": 1.0, "isolated": [], "heat_lost": 0.0}
        return {**self._answer(1, min(size or 50, len(self.ids))), **more}

    def labels(self, ids: Sequence[str | int], *, communities: int | None = None) -> dict[str, Any]:
        for id in ids:
            self._find(id)
        path = [{"label": 0, "size": 4, "density": None}, {"label": communities or 2, "size": 6, "density": 0.5}]
        hits = [[{"id": id, "label": 0, "size": 4, "score": 1.0, "from": self.version}] for id in ids]
        more = {"paths": [path] * len(ids), "n_communities": 2, "n_left": communities or 2, "notes": []}
        return {**self._answer(0, 1), "results": hits, **more}

    def members(self, label: int, *, k: int = 10) -> dict[str, Any]:
        if label > 2:
            raise InvalidQuery(what=f"community {label} of 3", fix="2 were found, numbered from 0; their merges follow")
        return {**self._answer(1, k), "size": 4, "path": [{"label": label, "size": 4, "density": None}]}

    def search(
        self,
        texts: Sequence[str] | None = None,
        *,
        vectors: Sequence[npt.ArrayLike] | None = None,
        k: int = 10,
        rerank: bool = True,
        ranking: str | None = None,
        where: Mapping[str, Any] | None = None,
        within: Mapping[str, Any] | None = None,
        explain: bool = False,
    ) -> dict[str, Any]:
        self._check(where, (within or {}).get("seeds"))
        if (texts is None) == (vectors is None):
            raise InvalidQuery(what="search takes texts or vectors", fix="pass exactly one of them")
        if texts is not None and not all(texts):
            raise InvalidQuery(what="an empty text", fix="pass some words")
        for one in vectors or ():
            assert np.asarray(one).dtype == np.float32
        answer = self._answer(len(texts or vectors or ()), k, score=2.0 if rerank else 1.0)
        if explain:
            match = {"query": 0, "query_token": "a", "document": 2, "document_token": None, "score": 0.5}
            why = {"ranks": {"tokens": 1}, "tokens": [match], "words": [{"word": "a", "score": 1.5}]}
            answer["results"] = [[{**hit, "why": why} for hit in hits] for hits in answer["results"]]
        return {**answer, "searched": 3 if where or within else 6}

    def related(
        self,
        seeds: Sequence[str | int],
        *,
        text: str | None = None,
        k: int = 10,
        weights: Mapping[str, float] | None = None,
    ) -> dict[str, Any]:
        for id in seeds:
            self._find(id)
        hits = [{"id": id, "score": 0.5, "ranks": {"ppr": 1}, "from": self.version} for id in self.ids[:k]]
        return {**self._answer(0, 1), "results": [hits], "signals": weights or {"ppr": 1.0}}

    def explain(self, a: str | int, b: str | int, *, k: int = 10) -> dict[str, Any]:
        for id in (a, b):
            self._find(id)
        if str(a) == str(b):
            raise InvalidQuery(what=f"{a!r} and {b!r} are one node", fix="name two")
        hits = [{"id": "bee", "score": 0.5, "weights": [1.0, 2.0], "from": self.version}]
        return {
            **self._answer(0, 1),
            "results": [hits],
            "nodes": [{"id": a}, {"id": b}],
            "paths": [{"ids": [a, "bee", b], "weights": [1.0, 2.0], "score": 0.25}],
            "complete": True,
            "signals": {"ppr": [{"rank": 2, "score": 0.25}, None]},
            "together": {"label": 1, "size": 4, "density": None},
            "documents": {"score": 0.5, "tokens": [], "words": [{"word": "a", "score": 1.5}]},
        }

    def nodes(self, prefix: str = "", *, limit: int = 20) -> list[dict[str, Any]]:
        return [{"id": id, "from": self.version} for id in self.ids if str(id).startswith(prefix)][:limit]

    def neighbourhood(self, seeds: Mapping[Any, float], *, k: int = 50) -> dict[str, Any]:
        return {**self.ppr([seeds], k=k), "links": [{"source": 0, "target": 1, "weight": 1.5}]}

    def map_file(self) -> bytes:
        return b"a map"

    def _check(self, where: Mapping[str, Any] | None, seeds: Mapping[Any, float] | None) -> None:
        """There is one field, "section"."""
        if unknown := [name for name in where or () if name != "section"]:
            raise InvalidQuery(what=f"there is no field {unknown[0]!r} to filter by", fix="there are 'section'")
        for id in seeds or ():
            self._find(id)

    def _find(self, id: str | int) -> None:
        match id:
            case "!slow":
                self._wait()
            case "!unexpected":
                raise RuntimeError(f"cannot read {SECRET}")
            case "!corrupt":
                raise ArtifactCorrupt(path=SECRET, what="its SHA-256 is not the manifest's")
            case "!infinite":
                return
            case _ if str(id) not in {str(known) for known in self.ids}:
                raise UnknownId(kind="node", id=str(id), where=f"index {self.index}", nearest=("ant", "bee"))

    def _wait(self) -> None:
        assert self.gate is not None
        with self._lock:
            self.busy += 1
            self.most_busy = max(self.most_busy, self.busy)
        self.gate.wait(60)
        with self._lock:
            self.busy -= 1

    def _answer(self, n_queries: int, k: int, score: float = 1.0) -> dict[str, Any]:
        if not 1 <= k <= len(self.ids):
            raise InvalidQuery(what=f"k = {k}", fix=f"ask for 1 to {len(self.ids)}")
        hits = [{"id": id, "score": score, "from": self.version} for id in self.ids[:k]]
        return {"index": self.index, "version": self.version, "results": [list(hits) for _ in range(n_queries)]}


class Opening:
    """An opener that remembers what it opened, and refuses or delays on demand."""

    def __init__(self) -> None:
        self.opened: list[str] = []
        self.engines: list[FakeEngine] = []
        self.failing: dict[str, Exception] = {}
        self.delay = threading.Event()
        self.delay.set()
        self.gate = threading.Event()

    def __call__(self, store: Store, index: str, version: str) -> FakeEngine:
        self.opened.append(version)
        self.delay.wait(60)
        release = read_release(store, index, version)
        if version in self.failing:
            raise self.failing[version]
        for name in release.stages.values():
            store.manifest(name)
        engine = FakeEngine(release, self.gate)
        self.engines.append(engine)
        return engine


def damage_version(store: Store, index: str, version: str) -> Path:
    """Cut the manifest of a version's artifact in half."""
    release = read_release(store, index, version)
    path = store.objects / next(iter(release.stages.values())) / "manifest.json"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path
