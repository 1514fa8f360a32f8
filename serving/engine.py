"""Answers from one published version, in this process and without HTTP.

An `Engine` never changes: it holds one version, memory-mapped, opened piece by piece as questions need it. Answers are
plain JSON-able dictionaries, the same that the command line and the HTTP service give.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, final

import numpy as np
import numpy.typing as npt

from artifacts import publish
from artifacts.ann import open_ann
from artifacts.communities import open_communities
from artifacts.corpus import open_corpus
from artifacts.embedding import open_embedding
from artifacts.graph import open_graph
from artifacts.labels import open_labels
from artifacts.lexical import fused_weight, open_lexical
from artifacts.link import open_link
from artifacts.store import Store
from clustering.labels import LabelIndex
from foundation.errors import InvalidQuery, UnknownId
from foundation.ids import Ids
from graph.csr import CSRGraph
from serving.built import check_built, questions_of
from serving.growing import Growths
from serving.hybrid import CorpusSearch
from serving.map import map_file
from serving.neighbourhood import links_among
from serving.ppr import Rankings, shortages
from serving.related import DEPTH, chosen_weights, fused
from serving.search import DocumentSearch
from serving.suggest import nearest_ids
from vectors.ann.index import ANNIndex
from vectors.corpus.read import Corpus
from vectors.metrics import is_distance

Answer = dict[str, Any]
Hit = dict[str, Any]


@final
class Engine:
    """One version of one index, ready to be asked.

    Safe to share between threads once `warm` was called; answers depend on the version and the question alone.
    """

    def __init__(self, store: Store, release: publish.Release) -> None:
        self._store = store
        self.release = release

    @classmethod
    def open(cls, store: Store | Path | str, index: str, version: str | None = None) -> Engine:
        """The served version of ``index``, or the one named (a unique prefix is enough).

        Raises
        ------
        ArtifactMissing, ArtifactVersion, ArtifactCorrupt
            When the store cannot be read.
        UnknownId
            When there is no such index or version.
        """
        opened = store if isinstance(store, Store) else Store.open(store)
        return cls(opened, publish.read_release(opened, index, version))

    @property
    def index(self) -> str:
        return self.release.index

    @property
    def version(self) -> str:
        return self.release.version

    @property
    def questions(self) -> tuple[str, ...]:
        """What this index was built to answer, of similar, ppr, community, labels, members, search."""
        return questions_of(self.release)

    @property
    def n_docs(self) -> int:
        """Documents that `search` answers from.

        Raises
        ------
        NotBuilt
        """
        check_built(self.release, "search")
        return self._corpus.n_docs

    def warm(self) -> None:
        """Open everything now and ask each question once, so that no later one waits for a file or a compiler."""
        for question in self.questions:
            if question == "search":
                self._search.warm()
            elif self._graph.n_nodes:
                rows: Mapping[str, Any] = {
                    "similar": lambda: self.similar(vectors=self._embedding[:1], k=1),
                    "ppr": lambda: self.ppr([{self.node_ids[0]: 1.0}], k=1),
                    "community": lambda: self.community([self.node_ids[0]], size=1),
                    "labels": lambda: self.labels([self.node_ids[0]]),
                    "members": lambda: self.members(0, k=1),
                }
                rows[question]()
        if "fastrp" in self.release.stages:
            self.map_file()

    def similar(
        self,
        ids: Sequence[str | int] | None = None,
        *,
        vectors: npt.ArrayLike | None = None,
        k: int = 10,
    ) -> Answer:
        """Nodes whose embeddings are nearest, one list per id or vector, best first; an id is not among its own.

        Scores are cosines or inner products, or distances with a minus sign: higher is better.

        Raises
        ------
        InvalidQuery
            Neither or both of ids and vectors, k out of range, vectors of the wrong width.
        UnknownId, NotBuilt
        """
        check_built(self.release, "similar")
        if (ids is None) == (vectors is None):
            raise InvalidQuery(what="similar takes ids or vectors", fix="pass exactly one of them")
        if ids is not None:
            rows = self._rows(ids)
            self._check_k(k, self._graph.n_nodes - 1, "other nodes")
            found, values = self._similar.search(self._embedding[rows], k, exclude=np.array(rows, dtype=np.int64))
        else:
            self._check_k(k, self._graph.n_nodes, "nodes")
            found, values = self._similar.search(_matrix(vectors, self._similar.dim), k)
        scores = -values if is_distance(self._similar.params.metric) else values
        return self._answer([self._node_hits(*pair) for pair in zip(found, scores, strict=True)])

    def ppr(
        self,
        queries: Sequence[Mapping[str | int, float]],
        *,
        k: int = 10,
        exact: bool = False,
        rmax: float | None = None,
    ) -> Answer:
        """Personalised PageRank seen from each weighted set of seeds, best first, with a bound on its L1 error.

        Beside the lists, per query: ``error_bound``, ``residual`` (share of the walks that was left to the index); and
        ``notes`` for people, one for each list that is shorter than ``k``. A smaller ``rmax`` takes longer and comes
        closer than the effort the index was configured with; ``exact=True`` reads neither.

        Raises
        ------
        InvalidQuery
            An empty query, a weight that is not positive and finite, k or ``rmax`` out of range.
        UnknownId, NotBuilt
        """
        check_built(self.release, "ppr")
        self._check_k(k, self._graph.n_nodes, "nodes")
        seeds = [self._weights(query) for query in queries]
        hits: list[list[Hit]] = []
        bounds: list[float] = []
        residuals: list[float] = []
        for ranking in self._ppr.query(seeds, k, exact=exact, rmax=rmax):
            hits += [self._node_hits(*pair) for pair in zip(ranking.nodes, ranking.scores, strict=True)]
            bounds += ranking.error_bound.tolist()
            residuals += ranking.residual.tolist()
        return self._answer(hits, error_bound=bounds, residual=residuals, notes=shortages(hits, k, residuals))

    def community(
        self, seeds: Sequence[str | int], *, size: int | None = None, after: int = 0, method: str | None = None
    ) -> Answer:
        """The community around the seeds taken together: ``size`` members with the seeds first, by default as many as
        the index was configured for.

        With ``after`` those that follow the first ``after`` members; what was found for them before is not searched
        for again. ``method`` is one of `clustering.expansion.Method`, by default as the index was configured.

        Beside them: ``notes`` for people, ``isolated`` (seeds without neighbours), ``conductance``, ``density`` and
        ``heat_lost`` (share of the walks that was not followed).

        Raises
        ------
        InvalidQuery
            No seeds, or a size out of range.
        UnknownId, NotBuilt
        """
        check_built(self.release, "community")
        if not seeds:
            raise InvalidQuery(what="community without seeds", fix="name at least one node")
        if size is None:
            size = min(self._community.size, self._graph.n_nodes)
        self._check_k(size, self._graph.n_nodes, "nodes", "size")
        found = self._community.members(self._rows(seeds), size, method, after)
        return self._answer(
            [self._node_hits(found.nodes, found.scores)],
            notes=list(found.notes),
            conductance=float(found.conductance),
            density=float(found.density),
            isolated=[self.node_ids[int(row)] for row in found.isolated_seeds],
            heat_lost=float(found.heat_lost),
        )

    def labels(self, ids: Sequence[str | int], *, communities: int | None = None) -> Answer:
        """Which community of the whole graph each node is in, and what that one is part of.

        ``results`` has a list per id, of one hit: the node with ``label``, the number of its community, ``size``, and
        ``score``, the weight of its links within the community that was found for it. ``paths`` has a list per id:
        that community, then the ones it merges into, as ``label``, ``size`` and ``density`` (of the links between the
        two parts; null for a community that was found). ``n_communities`` is how many were found.

        Parameters
        ----------
        communities
            Merge until so many are left; none merged by default.

        Raises
        ------
        InvalidQuery
            No ids, or a number of communities out of range.
        UnknownId, NotBuilt
        """
        check_built(self.release, "labels")
        if not ids:
            raise InvalidQuery(what="labels without nodes", fix="name at least one node")
        rows = np.array(self._rows(ids), dtype=np.int64)
        index = self._labels
        labels = index.of(rows, communities)
        hits = [
            [
                {
                    **self._described(row),
                    "label": label,
                    "size": int(index.sizes[label]),
                    "score": float(index.inside[row]),
                }
            ]
            for row, label in zip(rows.tolist(), labels.tolist(), strict=True)
        ]
        paths = [
            [{"label": step.community, "size": step.size, "density": step.density} for step in index.path(label)]
            for label in labels.tolist()
        ]
        return self._answer(hits, paths=paths, n_communities=index.n_communities)

    def members(self, label: int, *, k: int = 10) -> Answer:
        """The nodes of one community of the whole graph, those with the most weight inside first.

        ``label`` is a number that `labels` gave. Beside the one list: ``size`` of the whole community, and ``path``
        as `labels` has it.

        Raises
        ------
        InvalidQuery
            An unknown label, or k out of range.
        NotBuilt
        """
        check_built(self.release, "members")
        self._check_k(k, self._graph.n_nodes, "nodes")
        index = self._labels
        found = index.top(label, k)
        path = [{"label": step.community, "size": step.size, "density": step.density} for step in index.path(label)]
        return self._answer([self._node_hits(found.nodes, found.inside)], size=found.size, path=path)

    def search(
        self,
        texts: Sequence[str] | None = None,
        *,
        vectors: Sequence[npt.ArrayLike] | None = None,
        k: int = 10,
        rerank: bool = True,
        ranking: str | None = None,
    ) -> Answer:
        """Documents that answer each text, or each set of token vectors (n_tokens, dim), best first.

        ``ranking`` is "tokens" (MaxSim), "words" (BM25) or "both" (their ranks fused, scores
        1 / (60 + rank) added up), by default both where both were built. ``rerank=False`` takes the order of the fixed
        dimensional encodings for that of MaxSim; asked alone, its scores are their inner products.

        Raises
        ------
        InvalidQuery
            Neither or both of texts and vectors, an empty text, k out of range, vectors of the wrong width.
        NotBuilt
        """
        check_built(self.release, "search")
        if (texts is None) == (vectors is None):
            raise InvalidQuery(what="search takes texts or vectors", fix="pass exactly one of them")
        self._check_k(k, self._corpus.n_docs, "documents")
        if texts is not None:
            docs, scores = self._search.by_text(texts, k, rerank, ranking)
        else:
            docs, scores = self._search.by_vectors(vectors or [], k, rerank, ranking)
        return self._answer([self._doc_hits(*pair) for pair in zip(docs, scores, strict=True)])

    def neighbourhood(self, seeds: Mapping[str | int, float], *, k: int = 50) -> Answer:
        """The ``k`` nodes that matter most as seen from weighted seeds, and the links among them.

        As `ppr` answers for one query, and beside it ``links``: ``source`` and ``target`` are places in the list,
        ``weight`` the link's; of an undirected graph each is there once. Where communities of the whole graph were
        built every hit has ``label`` and ``size`` of its own, as `labels` gives them.

        Raises
        ------
        InvalidQuery
            No seeds, a weight that is not positive and finite, or k out of range.
        UnknownId, NotBuilt
        """
        check_built(self.release, "neighbourhood")
        answer = self.ppr([seeds], k=k)
        hits = answer["results"][0]
        rows = np.array(self._rows([hit["id"] for hit in hits]), dtype=np.int64)
        if "labels" in self.release.stages:
            labels = self._labels.of(rows).tolist()
            for hit, label in zip(hits, labels, strict=True):
                hit |= {"label": label, "size": int(self._labels.sizes[label])}
        arcs = zip(*(column.tolist() for column in links_among(self._graph, rows)), strict=True)
        links = [{"source": source, "target": target, "weight": weight} for source, target, weight in arcs]
        return {**answer, "links": links}

    def map_file(self) -> bytes:
        """Every node, or a sample of many, as a point in the plane; `serving.map.map_file` says in what bytes.

        Computed by `warm` or when first asked for, and kept: that takes a pass over the embedding.

        Raises
        ------
        NotBuilt
        """
        check_built(self.release, "map")
        return self._map

    def related(
        self,
        seeds: Sequence[str | int],
        *,
        text: str | None = None,
        k: int = 10,
        weights: Mapping[str, float] | None = None,
    ) -> Answer:
        """What is near the seeds by all signals together: one list, best first, the seeds not in it.

        The first hundred of `similar` (of each seed, its weight shared among them), `ppr`, `community` and, given a
        ``text``, `search` are fused by reciprocal rank; each hit has its ``ranks`` in them. ``weights`` says which
        take part and how much, by default all, equally. A document that is no node may be among the hits.

        Raises
        ------
        InvalidQuery
            No seeds, k out of range, or weights that cannot be.
        UnknownId, NotBuilt
        """
        check_built(self.release, "related")
        if not seeds:
            raise InvalidQuery(what="related without seeds", fix="name at least one node")
        self._check_k(k, DEPTH, "of every signal that are fused")
        parts = chosen_weights(weights, self.questions, with_text=text is not None)
        depth = min(DEPTH, self._graph.n_nodes)
        lists: list[tuple[str, float, list[Hit]]] = []
        for signal, weight in parts.items():
            match signal:
                case "similar":
                    each = self.similar(seeds, k=max(1, min(depth, self._graph.n_nodes - 1)))["results"]
                    lists += [(signal, weight / len(each), hits) for hits in each]
                case "ppr":
                    lists.append((signal, weight, self.ppr([dict.fromkeys(seeds, 1.0)], k=depth)["results"][0]))
                case "community":
                    size = max(depth, len(set(self._rows(seeds))))
                    lists.append((signal, weight, self.community(seeds, size=size)["results"][0]))
                case "search":
                    hits = self.search([text or ""], k=min(DEPTH, self._corpus.n_docs))["results"][0]
                    lists.append((signal, weight, hits))
        return self._answer([fused(lists, seeds, k)], signals=parts)

    def nodes(self, prefix: str = "", *, limit: int = 20) -> list[Hit]:
        """The first nodes whose id starts with ``prefix``, in id order; at most 1000.

        Raises
        ------
        InvalidQuery
            A limit out of range.
        NotBuilt
        """
        check_built(self.release, "nodes")
        self._check_k(limit, 1000, "ids an answer", "limit")
        return [self._described(row) for row in self.node_ids.prefix(prefix, limit)]

    @cached_property
    def node_ids(self) -> Ids:
        return self._graph.node_ids

    def _path(self, stage: str) -> Path:
        return publish.artifact_path(self._store, self.release, stage)

    def _answer(self, results: list[list[Hit]], **more: Any) -> Answer:
        return {"index": self.index, "version": self.version, "results": results, **more}

    def _rows(self, ids: Sequence[str | int]) -> list[int]:
        rows = []
        for id in ids:
            row = self.node_ids.find(id)
            if row < 0:
                where = f"index {self.index}"
                raise UnknownId(kind="node", id=str(id), where=where, nearest=nearest_ids(self.node_ids, str(id)))
            rows.append(row)
        return rows

    def _weights(self, query: Mapping[str | int, float]) -> dict[int, float]:
        """Weight of each row; what names the same node twice counts twice."""
        by_row: dict[int, float] = {}
        for id, weight in query.items():
            if not (isinstance(weight, int | float) and math.isfinite(weight) and weight > 0):
                raise _bad_weight(id, weight)
            row = self._rows([id])[0]
            by_row[row] = by_row.get(row, 0.0) + float(weight)
            if not math.isfinite(by_row[row]):
                raise _bad_weight(id, by_row[row])
        return by_row

    @staticmethod
    def _check_k(k: int, most: int, of: str, name: Literal["k", "size", "limit"] = "k") -> None:
        if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= most:
            raise InvalidQuery(what=f"{name} = {k!r}", fix=f"ask for 1 to {most}: there are {most} {of}")

    def _node_hits(self, rows: npt.NDArray[Any], scores: npt.NDArray[Any]) -> list[Hit]:
        return [
            {**self._described(int(row)), "score": float(score)}
            for row, score in zip(rows, scores, strict=True)
            if row >= 0
        ]

    def _described(self, row: int) -> Hit:
        hit: Hit = {"id": self.node_ids[row]}
        if self._doc_of_node is not None and (doc := int(self._doc_of_node[row])) >= 0:
            hit |= self._fields(doc)
        return hit

    def _doc_hits(self, docs: npt.NDArray[Any], scores: npt.NDArray[Any]) -> list[Hit]:
        ids = self._corpus.ids
        return [
            {"id": ids[int(doc)], **self._fields(int(doc)), "score": float(score)}
            for doc, score in zip(docs, scores, strict=True)
            if doc >= 0
        ]

    def _fields(self, doc: int) -> Hit:
        return {name: value for name, column in self._corpus.fields.items() if (value := column[doc]) is not None}

    @cached_property
    def _graph(self) -> CSRGraph:
        return open_graph(self._path("graph"))

    @cached_property
    def _corpus(self) -> Corpus:
        return open_corpus(self._path("corpus"))

    @cached_property
    def _doc_of_node(self) -> npt.NDArray[np.int64] | None:
        return open_link(self._path("link")) if "link" in self.release.stages else None

    @cached_property
    def _embedding(self) -> npt.NDArray[np.float32]:
        return open_embedding(self._path("fastrp"))

    @cached_property
    def _similar(self) -> ANNIndex:
        return open_ann(self._path("ann.nodes"))

    @cached_property
    def _ppr(self) -> Rankings:
        orientation = self.release.config["powerwalk"].get("orientation", "natural")
        return Rankings(
            self._path("powerwalk"), self._path("graph" if orientation == "natural" else f"graph.{orientation}")
        )

    @cached_property
    def _community(self) -> Growths:
        return Growths(open_communities(self._path("minhash"), self._path("lsh")))

    @cached_property
    def _labels(self) -> LabelIndex:
        return open_labels(self._path("labels"))

    @cached_property
    def _map(self) -> bytes:
        labels = self._labels if "labels" in self.release.stages else None
        return map_file(self.index, self.version, self._embedding, self.node_ids, labels)

    @cached_property
    def _search(self) -> CorpusSearch:
        tokens, words, stages = None, None, self.release.stages
        if "retriever" in stages:
            tokens = DocumentSearch(
                retriever=self._path("retriever"),
                tokens=self._path("tokens"),
                muvera=self._path("muvera"),
                ann=self._path("ann.documents"),
            )
        if "lexical" in stages:
            words = open_lexical(self._path("lexical"))
        return CorpusSearch(tokens, words, fused_weight(self.release.config))


def _bad_weight(id: str | int, weight: object) -> InvalidQuery:
    return InvalidQuery(what=f"seed {id!r} has weight {weight!r}", fix="weights are positive, finite numbers")


def _matrix(vectors: npt.ArrayLike | None, dim: int) -> npt.NDArray[np.float32]:
    try:
        with np.errstate(over="ignore"):  # what is too large becomes an infinity, which the search refuses
            matrix = np.asarray(vectors, dtype=np.float32)
    except (TypeError, ValueError):
        raise InvalidQuery(what="vectors are not a matrix of numbers", fix=f"pass rows of {dim} numbers") from None
    if matrix.ndim != 2 or matrix.shape[1] != dim:
        raise InvalidQuery(what=f"vectors of shape {matrix.shape}", fix=f"pass rows of {dim} numbers")
    return matrix
