"""How much of the answers changed between two versions: the top 10 of sampled nodes and documents, compared by id."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
import numpy.typing as npt

from artifacts.ann import open_candidates
from artifacts.embedding import open_embedding
from artifacts.fde import open_fde
from artifacts.labels import open_labels
from artifacts.powerwalk import open_powerwalk, query_params
from clustering.evaluation import adjusted_rand_index
from flows.matching import Hashes, Rows, sample_rows

TOP = 10
NODES = 200  # asked for their neighbours
SEEDS = 50  # asked for their rankings, which take longer
DOCUMENTS = 50  # asked for the documents like them, a scan each


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Churn:
    """Share of the top 10 that changed, mean over ``n_sampled`` rows; None when nothing could be compared."""

    mean: float | None
    n_sampled: int


Side = tuple[Path, ...]  # the two artifacts of one version that a comparison reads

UNCHANGED = Churn(mean=0.0, n_sampled=0)


@final
@dataclass(frozen=True, slots=True)
class Matched:
    """The rows two versions have in common: hashes of the old ids, and the new row of every old one."""

    hashes: Hashes
    to_new: Rows

    def sample(self, n: int) -> tuple[Rows, Rows]:
        """Old and new rows of at most ``n`` common ids, the same ones every night."""
        old = sample_rows(self.hashes, np.flatnonzero(self.to_new >= 0), n)
        return old, self.to_new[old]


def changed_share(old_tops: npt.NDArray[Any], new_tops: npt.NDArray[Any], to_new: Rows) -> Churn:
    """Compare rows of the old version with rows of the new one; -1 pads, what is gone counts as changed.

    A row without any answer in either version says nothing and is left out.
    """
    shares = []
    for old, new in zip(old_tops, new_tops, strict=True):
        before, after = to_new[old[old >= 0]], new[new >= 0]
        most = max(before.size, after.size)
        if most:
            shares.append(1 - np.intersect1d(before[before >= 0], after).size / most)
    return Churn(mean=round(float(np.mean(shares)), 4) if shares else None, n_sampled=len(shares))


def neighbour_churn(old: Side, new: Side, matched: Matched, n_threads: int) -> Churn:
    """Of `similar`: ``old`` and ``new`` are the embedding and the index over it.

    A node whose vector is zero is as near to every other, so that its neighbours mean nothing; it is left out.
    """
    before, after = matched.sample(NODES)
    old_vectors, new_vectors = open_embedding(old[0]), open_embedding(new[0])
    lively = old_vectors[before].any(axis=1) & new_vectors[after].any(axis=1)
    before, after = before[lively], after[lively]
    return changed_share(
        _nearest(old[1], old_vectors, before, n_threads),
        _nearest(new[1], new_vectors, after, n_threads),
        matched.to_new,
    )


def document_churn(old: Side, new: Side, matched: Matched, n_threads: int) -> Churn:
    """Of the documents whose encodings are closest: ``old`` and ``new`` are the encodings and the index over them."""
    before, after = matched.sample(DOCUMENTS)
    old_vectors, new_vectors = open_fde(old[0]), open_fde(new[0])
    lively = old_vectors[before].any(axis=1) & new_vectors[after].any(axis=1)
    before, after = before[lively], after[lively]
    return changed_share(
        _nearest(old[1], old_vectors, before, n_threads),
        _nearest(new[1], new_vectors, after, n_threads),
        matched.to_new,
    )


def _nearest(index: Path, vectors: npt.NDArray[Any], rows: Rows, n_threads: int) -> npt.NDArray[np.int64]:
    """Ten nearest rows of each of ``rows``, itself left out: int64 (n, at most 10)."""
    k = min(TOP, vectors.shape[0] - 1)
    if k < 1 or rows.size == 0:
        return np.empty((rows.size, 0), dtype=np.int64)
    asked = np.asarray(vectors[rows], dtype=np.float32)
    return open_candidates(index).search(asked, k, exclude=rows, n_threads=n_threads)[0]


def ranking_churn(old: Side, new: Side, matched: Matched, n_threads: int) -> Churn:
    """Of `ppr` from one seed, the seed left out: ``old`` and ``new`` are the graph and the index over it."""
    before, after = matched.sample(SEEDS)
    return changed_share(_ranked(old, before, n_threads), _ranked(new, after, n_threads), matched.to_new)


def _ranked(side: Side, seeds: Rows, n_threads: int) -> npt.NDArray[np.int64]:
    """Ten best nodes as seen from each seed, with the effort queries are configured for: int64 (n, 10), -1 pads."""
    graph, path = side
    index = open_powerwalk(path, graph)
    if seeds.size == 0 or index.graph.n_nodes < 2:
        return np.empty((seeds.size, 0), dtype=np.int64)
    queries = [{int(seed): 1.0} for seed in seeds]
    found = index.query(queries, TOP + 1, params=query_params(path), n_threads=n_threads).nodes
    others = [
        [int(row) for row in ranked if row not in (-1, seed)][:TOP] for ranked, seed in zip(found, seeds, strict=True)
    ]
    return np.array([best + [-1] * (TOP - len(best)) for best in others], dtype=np.int64)


def label_churn(old: Side, new: Side, matched: Matched, n_threads: int) -> Churn:
    """Of `labels`: 1 less the adjusted Rand index of all nodes in common, 0 when their communities are the same ones
    and about 1 when they have nothing to do with each other."""
    del n_threads
    before = np.flatnonzero(matched.to_new >= 0)
    if before.size == 0:
        return Churn(mean=None, n_sampled=0)
    labels = open_labels(old[0]).labels[before], open_labels(new[0]).labels[matched.to_new[before]]
    return Churn(mean=round(1 - adjusted_rand_index(*labels), 4), n_sampled=int(before.size))
