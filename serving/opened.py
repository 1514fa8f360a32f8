"""What one published version holds, memory-mapped and opened piece by piece as questions need it; and ids to rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, final

import numpy as np
import numpy.typing as npt

from artifacts import publish
from artifacts.ann import open_neighbours
from artifacts.communities import open_communities
from artifacts.corpus import open_corpus
from artifacts.embedding import open_embedding
from artifacts.graph import open_graph
from artifacts.labels import open_labels
from artifacts.lexical import fused_weight, open_fusion, open_lexical
from artifacts.link import open_link
from artifacts.node_map import open_map
from artifacts.store import Store
from clustering.labels import LabelIndex
from foundation.errors import InvalidQuery, UnknownId
from foundation.ids import Ids
from graph.csr import CSRGraph
from graph.pair import flow_into
from serving.growing import Growths
from serving.hybrid import CorpusSearch
from serving.map import map_file
from serving.ppr import Rankings
from serving.search import DocumentSearch
from serving.segments import GrownDocuments
from serving.suggest import nearest_ids
from vectors.ann.index import ANNIndex
from vectors.corpus.read import Corpus
from vectors.grown.words import GrownWords
from vectors.lexical.index import LexicalIndex
from vectors.spann.index import SpannIndex

Answer = dict[str, Any]
Hit = dict[str, Any]
USUAL = 50  # the most answers that a question asks for where nothing is said


@final
class Opened:
    """The parts of a version, and how its rows are named and described."""

    def __init__(self, store: Store, release: publish.Release) -> None:
        self._store = store
        self.release = release

    def has(self, stage: str) -> bool:
        """Whether the version has a stage."""
        return stage in self.release.stages

    def answer(self, results: list[list[Hit]], **more: Any) -> Answer:
        """An answer, which names the version it is from."""
        return {"index": self.release.index, "version": self.release.version, "results": results, **more}

    def rows(self, ids: Sequence[str | int]) -> list[int]:
        """Row of each node.

        Raises
        ------
        UnknownId
        """
        rows = []
        for id in ids:
            row = self.node_ids.find(id)
            if row < 0:
                where = f"index {self.release.index}"
                raise UnknownId(kind="node", id=str(id), where=where, nearest=nearest_ids(self.node_ids, str(id)))
            rows.append(row)
        return rows

    def weights(self, query: Mapping[Any, float]) -> dict[int, float]:
        """Weight of each row; what names the same node twice counts twice.

        Raises
        ------
        InvalidQuery
            For a weight that is not positive and finite.
        UnknownId
        """
        by_row: dict[int, float] = {}
        for id, weight in query.items():
            if not (isinstance(weight, int | float) and math.isfinite(weight) and weight > 0):
                raise _bad_weight(id, weight)
            row = self.rows([id])[0]
            by_row[row] = by_row.get(row, 0.0) + float(weight)
            if not math.isfinite(by_row[row]):
                raise _bad_weight(id, by_row[row])
        return by_row

    def node_hits(self, rows: npt.NDArray[Any], scores: npt.NDArray[Any]) -> list[Hit]:
        """Nodes with their scores; rows below 0 are none."""
        return self.node_lists(rows[np.newaxis], scores[np.newaxis])[0]

    def node_lists(self, rows: npt.NDArray[Any], scores: npt.NDArray[Any]) -> list[list[Hit]]:
        """As `node_hits`, for the rows of two matrices; to describe many at once takes a fifth of the time."""
        there = rows >= 0
        return _listed(self.described(rows[there]), scores[there], there)

    def doc_lists(self, docs: npt.NDArray[Any], scores: npt.NDArray[Any]) -> list[list[Hit]]:
        """Documents with their scores, a list for each row of two matrices; rows below 0 are none."""
        there = docs >= 0
        found = np.asarray(docs[there], dtype=np.int64)
        hits: list[Hit] = [{"id": id} for id in self.corpus.ids.take(found)]
        self._add_fields(hits, found)
        return _listed(hits, scores[there], there)

    def described(self, rows: Sequence[int] | npt.NDArray[Any]) -> list[Hit]:
        """Ids of nodes, and the fields of the documents that describe them."""
        taken = np.asarray(rows, dtype=np.int64)
        hits: list[Hit] = [{"id": id} for id in self.node_ids.take(taken)]
        if self.doc_of_node is not None:
            self._add_fields(hits, self.doc_of_node[taken])
        return hits

    def _add_fields(self, hits: list[Hit], docs: npt.NDArray[np.int64]) -> None:
        """Those that a document has; docs below 0 are none."""
        described = [(hits[at], doc) for at, doc in enumerate(docs.tolist()) if doc >= 0]
        linked = np.array([doc for _, doc in described], dtype=np.int64)
        for name, column in self.corpus.fields.items() if described else ():
            for (hit, _), value in zip(described, column.take(linked), strict=True):
                if value is not None:
                    hit[name] = value

    def _path(self, stage: str) -> Path:
        return publish.artifact_path(self._store, self.release, stage)

    @property
    def node_ids(self) -> Ids:
        return self.graph.node_ids

    @cached_property
    def graph(self) -> CSRGraph:
        return open_graph(self._path("graph"))

    @cached_property
    def links(self) -> CSRGraph:
        """The links of every node, whichever way they point where the version has that; else as they point."""
        return open_graph(self._path("graph.undirected")) if self.has("graph.undirected") else self.graph

    @cached_property
    def out_weight(self) -> npt.NDArray[np.float64]:
        return self.links.out_weight()

    @cached_property
    def flow(self) -> npt.NDArray[np.float64]:
        return flow_into(self.links) if self.links.directed else self.out_weight

    @cached_property
    def grown(self) -> GrownDocuments | None:
        """What was added and removed since the version was built."""
        return GrownDocuments.of(self._path, self.release.stages)

    @cached_property
    def corpus(self) -> Corpus:
        return open_corpus(self._path("corpus")) if self.grown is None else self.grown.corpus

    @cached_property
    def doc_of_node(self) -> npt.NDArray[np.int64] | None:
        if not self.has("link"):
            return None
        return open_link(self._path("link")) if self.grown is None else self.grown.doc_of_node

    @cached_property
    def embedding(self) -> npt.NDArray[np.float32]:
        return open_embedding(self._path("fastrp"))

    @cached_property
    def neighbours(self) -> ANNIndex | SpannIndex:
        return open_neighbours(self._path("ann.nodes"))

    @cached_property
    def rankings(self) -> Rankings:
        orientation = self.release.config["powerwalk"].get("orientation", "natural")
        return Rankings(
            self._path("powerwalk"), self._path("graph" if orientation == "natural" else f"graph.{orientation}")
        )

    @cached_property
    def growths(self) -> Growths:
        return Growths(open_communities(self._path("minhash"), self._path("lsh")))

    @cached_property
    def labels(self) -> LabelIndex:
        return open_labels(self._path("labels"))

    @cached_property
    def map_file(self) -> bytes:
        labels = self.labels if self.has("labels") else None
        placed = open_map(self._path("map")) if self.has("map") else None
        return map_file(self.release.index, self.release.version, self.embedding, self.node_ids, labels, placed)

    @cached_property
    def search(self) -> CorpusSearch:
        tokens: DocumentSearch | None = None
        words: LexicalIndex | GrownWords | None = None
        if self.has("retriever"):
            tokens = DocumentSearch(
                retriever=self._path("retriever"),
                tokens=self._path("tokens"),
                muvera=self._path("muvera"),
                ann=self._path("ann.documents"),
                grown=self.grown,
            )
        if self.has("lexical"):
            words = open_lexical(self._path("lexical")) if self.grown is None else self.grown.words()
        fusion = open_fusion(self._path("lexical")) if self.has("lexical") else "ranks"
        return CorpusSearch(tokens, words, fused_weight(self.release.config, fusion), fusion)


def check_k(
    k: int, most: int, of: str, name: Literal["k", "size", "limit"] = "k", *, allowed: int | None = None
) -> None:
    """Refuse a number of answers out of range: more than there are, or than ``allowed`` where that is another number.

    Raises
    ------
    InvalidQuery
    """
    allowed = most if allowed is None else allowed
    if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= allowed:
        raise InvalidQuery(what=f"{name} = {k!r}", fix=f"ask for 1 to {max(most, 1)}: there are {most} {of}")


def up_to(k: int, most: int, of: str) -> int:
    """As many answers as there can be: ``k``, or ``most`` of an index so small that it has fewer than are usual.

    Raises
    ------
    InvalidQuery
        For more than there are, but not for what is usual: nobody knows beforehand how small an index is.
    """
    check_k(k, most, of, allowed=max(most, USUAL))
    return max(1, min(k, most))


def _listed(hits: list[Hit], scores: npt.NDArray[Any], there: npt.NDArray[np.bool_]) -> list[list[Hit]]:
    """The hits with their scores, cut where a row of ``there`` ends."""
    for hit, score in zip(hits, scores.tolist(), strict=True):
        hit["score"] = score
    ends = np.cumsum(np.count_nonzero(there, axis=1)).tolist()
    return [hits[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def _bad_weight(id: str | int, weight: object) -> InvalidQuery:
    return InvalidQuery(what=f"seed {id!r} has weight {weight!r}", fix="weights are positive, finite numbers")
