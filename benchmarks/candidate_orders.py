"""Orders in which documents become candidates, and how far down exact MaxSim's best ones lie in them.

An order is int64 (n_queries, n_docs): how many candidates come before a document does, `NEVER` where it does not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import faiss
import numpy as np
import numpy.typing as npt

from vectors.fde.encode import FDEParams, encode_documents, encode_queries
from vectors.tokens.multivector import MultiVectors

Int64s = npt.NDArray[np.int64]
Float32s = npt.NDArray[np.float32]

NEVER = np.iinfo(np.int64).max
_DOCS_AT_ONCE = 4096
_BITS, _NUMBERS_A_CODE = 8, 8  # PQ-256-8: one of 256 centres for 8 numbers


class Neighbours(NamedTuple):
    """Orders by the single-vector heuristic."""

    tokens: Int64s  # every token found counts as a candidate
    documents: Int64s  # a document counts once


def by_score(scores: Float32s) -> Int64s:
    """Best first, equal scores by row."""
    order = np.argsort(-scores, axis=1, kind="stable")
    before = np.empty_like(order)
    np.put_along_axis(before, order, np.arange(scores.shape[1])[None], axis=1)
    return before


def by_neighbours(documents: MultiVectors, queries: MultiVectors, depth: int) -> Neighbours:
    """The single-vector heuristic: documents of the tokens nearest to each query token, found exactly.

    First the nearest token of each query token, then the second nearest of each, and so on to the ``depth``-th.
    """
    table = documents.vectors if documents.codes is None else documents.vectors[documents.codes]
    doc_of = np.repeat(np.arange(documents.n_docs), np.diff(documents.offsets))
    asked = queries.vectors if queries.codes is None else queries.vectors[queries.codes]
    depth = min(depth, table.shape[0])
    _, nearest = faiss.knn(np.ascontiguousarray(asked), table, depth, metric=faiss.METRIC_INNER_PRODUCT)
    found = Neighbours(*(np.full((queries.n_docs, documents.n_docs), NEVER) for _ in Neighbours._fields))
    for query in range(queries.n_docs):
        rounds = nearest[queries.offsets[query] : queries.offsets[query + 1]].T
        docs, first = np.unique(doc_of[rounds.ravel()], return_index=True)
        found.tokens[query, docs] = first
        found.documents[query, docs] = np.argsort(np.argsort(first))
    return found


def encoded_scores(
    documents: MultiVectors, queries: MultiVectors, params: FDEParams, n_training: int | None = None
) -> tuple[Float32s, Float32s | None]:
    """Products of encodings, float32 (n_queries, n_docs), and with ``n_training`` those with documents in PQ-256-8.

    Codes are learnt of the encodings of ``n_training`` documents at even distances. Queries stay floats.
    """
    asked = encode_queries(queries, params)
    index = None
    if n_training is not None:
        width = asked.shape[1]
        index = faiss.IndexPQ(width, width // _NUMBERS_A_CODE, _BITS, faiss.METRIC_INNER_PRODUCT)
        index.pq.cp.min_points_per_centroid = 1
        step = math.ceil(documents.n_docs / n_training)
        sample = [documents.doc(doc) for doc in range(0, documents.n_docs, step)]
        index.train(encode_documents(MultiVectors.from_list(sample, dim=documents.dim), params))
    plain, coded = [], []
    for start in range(0, documents.n_docs, _DOCS_AT_ONCE):
        encodings = encode_documents(documents.slice(start, min(start + _DOCS_AT_ONCE, documents.n_docs)), params)
        plain.append(asked @ encodings.T)
        if index is not None:
            coded.append(asked @ index.sa_decode(index.sa_encode(encodings)).T)
    return np.concatenate(plain, axis=1), np.concatenate(coded, axis=1) if coded else None


def depths(order: Int64s, exact: Float32s, k: int) -> Int64s:
    """Candidates before each of exact MaxSim's top ``k`` documents, of all queries together, ascending.

    Documents whose exact score equals that of the k-th are as good as it: the first k of them count.
    """
    kth = -np.partition(-exact, k - 1, axis=1)[:, k - 1 : k]
    before = np.sort(np.where((exact >= kth) & np.isfinite(exact), order, NEVER), axis=1)[:, :k]
    return np.sort(before, axis=None)


def recalls(reached: Int64s, candidates: Sequence[int]) -> npt.NDArray[np.float64]:
    """Share of `depths` within the first so many candidates."""
    return np.searchsorted(reached, candidates) / reached.size


def needed(reached: Int64s, recall: float) -> int | None:
    """The fewest candidates that reach a recall; None if none do."""
    last = int(reached[math.ceil(recall * reached.size) - 1])
    return None if last == NEVER else last + 1
