"""Answers from one published version, in this process and without HTTP.

An `Engine` never changes: it holds one version, memory-mapped, opened piece by piece as questions need it. Answers are
plain JSON-able dictionaries, the same that the command line and the HTTP service give. What is asked and answered is
told here, one method a question; how it is answered is in the file of the question.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, final

import numpy.typing as npt

from artifacts import publish
from artifacts.store import Store
from foundation.ids import Ids
from serving import communities as of_communities
from serving.built import check_built, questions_of
from serving.documents import search
from serving.explaining import explain
from serving.fusing import related
from serving.opened import Answer, Hit, Opened, check_k
from serving.seen import neighbourhood, ppr
from serving.similar import similar


@final
class Engine:
    """One version of one index, ready to be asked.

    Safe to share between threads once `warm` was called; answers depend on the version and the question alone.
    """

    def __init__(self, store: Store, release: publish.Release) -> None:
        self._store = store
        self.release = release
        self._opened = Opened(store, release)

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
        return self._opened.corpus.n_docs

    def warm(self) -> None:
        """Open everything now and ask each question once, so that no later one waits for a file or a compiler."""
        for question in self.questions:
            if question == "search":
                self._opened.search.warm()
            elif self._opened.graph.n_nodes:
                rows: Mapping[str, Any] = {
                    "similar": lambda: self.similar(vectors=self._opened.embedding[:1], k=1),
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
        where: Mapping[str, Any] | None = None,
        near: Mapping[Any, float] | None = None,
    ) -> Answer:
        """Nodes whose embeddings are nearest, one list per id or vector, best first; an id is not among its own.

        Scores are cosines or inner products, or distances with a minus sign: higher is better.

        Parameters
        ----------
        where
            A condition on the fields of the nodes' documents (`vectors.corpus.filters`); a node without a document
            meets none but a negation.
        near
            Weighted seeds. The 1,000 nodes that matter most as seen from them are ranked by likeness and by
            personalised PageRank; the score is 1 / (60 + rank) added up. Hits have ``similarity``, ``ppr`` and the
            ``ranks`` in both.

        Raises
        ------
        InvalidQuery
            Neither or both of ids and vectors, k out of range, vectors of the wrong width, a condition that cannot be.
        UnknownId, NotBuilt
        """
        return similar(self._opened, ids, vectors, k, where=where, near=near)

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
        return ppr(self._opened, queries, k, exact, rmax)

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
        return of_communities.community(self._opened, seeds, size, after, method)

    def labels(self, ids: Sequence[str | int], *, communities: int | None = None) -> Answer:
        """Which community of the whole graph each node is in, and what that one is part of.

        ``results`` has a list per id, of one hit: the node with ``label``, the number of its community, ``size``, and
        ``score``, the weight of its links within the community that was found for it. ``paths`` has a list per id:
        that community, then the ones it merges into, as ``label``, ``size`` and ``density`` (of the links between the
        two parts; null for a community that was found). ``n_communities`` is how many were found, ``n_left`` how many
        are left, and ``notes`` say so when that is fewer than links make: the rest was joined without a link.

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
        return of_communities.labels(self._opened, ids, communities)

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
        return of_communities.members(self._opened, label, k)

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
    ) -> Answer:
        """Documents that answer each text, or each set of token vectors (n_tokens, dim), best first.

        ``ranking`` is "tokens" (MaxSim), "words" (BM25) or "both" (fused as the index was built: their scores from 0 to
        1 added up, or 1 / (60 + rank)), by default both where both were built. ``rerank=False`` takes the order of the
        fixed dimensional encodings for that of MaxSim; asked alone, its scores are their inner products. Beside the
        lists: ``searched``, how many documents could be found.

        Parameters
        ----------
        where
            A condition on the documents' fields (`vectors.corpus.filters`).
        within
            ``{"seeds": {id: weight}, "by": "ppr", "size": 100}``: only documents of the ``size`` nodes that matter most
            as seen from the seeds; with ``"by": "community"`` of that many members of the community around them; with
            ``"label"`` of all nodes in their communities of the whole graph. MaxSim then scores every one of them.
        explain
            Give every hit its ``why``: `serving.matching.why`.

        Raises
        ------
        InvalidQuery
            Neither or both of texts and vectors, an empty text, k out of range, vectors of the wrong width, a condition
            or a part of the graph that cannot be.
        UnknownId, NotBuilt
        """
        return search(
            self._opened,
            texts,
            vectors,
            k,
            rerank=rerank,
            ranking=ranking,
            where=where,
            within=within,
            explain=explain,
        )

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
        return neighbourhood(self._opened, seeds, k)

    def map_file(self) -> bytes:
        """Every node, or a sample of many, as a point in the plane; `serving.map.map_file` says in what bytes.

        Computed by `warm` or when first asked for, and kept: that takes a pass over the embedding.

        Raises
        ------
        NotBuilt
        """
        check_built(self.release, "map")
        return self._opened.map_file

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
        return related(self._opened, seeds, text, k, weights)

    def explain(self, a: str | int, b: str | int, *, k: int = 10) -> Answer:
        """Why two nodes are near: one list, of the neighbours they share, and beside it what else there is.

        Links are taken whichever way they point, where the version has them so (``graph.undirected``), else as they do.

        - ``results``: shared neighbours, those with fewer others first; ``weights`` of the links from either node.
        - ``paths``: likely ways of up to three links from ``a`` to ``b``, as ``ids``, ``weights`` and ``score``, the
          chance that a random walk takes it; ``complete``: whether none likelier can be missing.
        - ``signals``: for each of similar, ppr and community that was built, ``rank`` and ``score`` of ``b`` in the
          first hundred asked for ``a``, then of ``a`` in those for ``b``; null where it is not among them.
        - ``together``: the smallest community of the whole graph that holds both, if communities were built.
        - ``documents``: where both have one, MaxSim of ``a``'s as a query for ``b``'s as ``score``, the best ``tokens``
          and ``words`` of it as in `search`; null otherwise.
        - ``nodes``: the two.

        Every list has at most ``k`` entries.

        Raises
        ------
        InvalidQuery
            One node twice, or k out of range.
        UnknownId, NotBuilt
        """
        return explain(self._opened, a, b, k)

    def nodes(self, prefix: str = "", *, limit: int = 20) -> list[Hit]:
        """The first nodes whose id starts with ``prefix``, in id order; at most 1000.

        Raises
        ------
        InvalidQuery
            A limit out of range.
        NotBuilt
        """
        check_built(self.release, "nodes")
        check_k(limit, 1000, "ids an answer", "limit")
        return self._opened.described(self.node_ids.prefix(prefix, limit))

    @property
    def node_ids(self) -> Ids:
        return self._opened.node_ids
