"""Queries made of the documents themselves, that stages on document search measure by."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from artifacts.corpus import open_corpus
from artifacts.multivector import open_multivectors, open_query_encoder
from flows.stages.stage import Range
from foundation.seeds import stream
from foundation.threads import even_ranges
from vectors.retriever import RetrieverParams
from vectors.tokens.multivector import MultiVectors

FIRST_WORDS = 8  # of a text, where there is no field to make a query of
QUERIES = 25  # of one partition
TOKENS = 32  # of a document that has vectors and no text


def heldout_queries(corpus: Path, tokens: Path, params: RetrieverParams, encoder: str) -> MultiVectors:
    """Queries from sampled documents that have tokens; those that come out empty are left out.

    ``encoder`` is its kind. Equal artifacts and params give equal queries, whoever asks.
    """
    texts_of, documents = open_corpus(corpus), open_multivectors(tokens)
    with_tokens = np.flatnonzero(np.diff(documents.offsets))
    order = stream(0, "retriever.heldout").permutation(with_tokens.size)
    chosen = np.sort(with_tokens[order[: params.n_heldout]]).tolist()
    if encoder == "precomputed":
        return MultiVectors.from_list([documents.doc(doc)[:TOKENS] for doc in chosen], dim=documents.dim)
    column = texts_of.fields.get(params.heldout)
    texts = [str(value) for doc in chosen if column is not None and (value := column[doc])]
    if not texts:
        texts = [" ".join(texts_of.text(doc).split()[:FIRST_WORDS]) for doc in chosen]
    queries = open_query_encoder(tokens).encode_queries(texts).vectors
    filled = [query for row in range(queries.n_docs) if (query := queries.doc(row)).size]
    return MultiVectors.from_list(filled, dim=documents.dim)


def query_ranges(queries: MultiVectors) -> list[Range]:
    """Of a partition each."""
    return even_ranges(queries.n_docs, QUERIES)
