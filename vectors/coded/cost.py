"""What a query costs from its encoding to its answer, counted in work at fixed prices, as in `vectors.ann.cost`.

Prices are nanoseconds of one core, measured once (`benchmarks/bench_documents.py` shows what a machine takes); a choice
by the clock would build another index on a busy machine.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from vectors.coded.params import COLUMNS, Form
from vectors.tokens.multivector import MultiVectors
from vectors.tokens.packed import TokenSets

_QUERY: Final = 100_000.0  # encoding the query, Python, the heap of the answer
_LOOKUP: Final = 0.4  # a code of 8 bits in its table
_BITS_ROW: Final = 4.0  # an encoding of single bits: the factors, the heap
_BITS_COLUMN: Final = 0.02  # of its columns, 32 encodings at a time
_PRODUCT: Final = 0.1  # of a query and a centroid or codebook
_LIST: Final = 500.0  # to open one
_PLAIN: Final = {"float32": 0.1, "float16": 0.7, "int8": 0.7}  # a number of a whole encoding
_CANDIDATE: Final = 250.0  # of MaxSim: to find a document's tokens
_CODED_TOKEN: Final = 60.0  # of MaxSim: a token whose products are in a table, and its share of making that
_TOKEN_NUMBER: Final = 0.6  # of MaxSim: a number of another token, with 32 query tokens


def scan_cost(form: Form, n_probe: int = 0, n_read: float = 0.0) -> float:
    """Nanoseconds to find candidates; lists read ``n_read`` encodings in ``n_probe`` lists."""
    if form.kind == "flat":
        return _QUERY + form.n * form.dim * _PLAIN[form.storage]
    if form.kind == "rabitq":
        return _QUERY + form.n * (_BITS_ROW + _BITS_COLUMN * form.width)
    tables = _PRODUCT * 256 * form.width
    n_codes = form.width // COLUMNS
    if form.kind == "pq":
        return _QUERY + tables + form.n * n_codes * _LOOKUP
    centroids = _PRODUCT * form.n_lists * form.width
    return _QUERY + tables + centroids + n_probe * _LIST + n_read * n_codes * _LOOKUP


def rerank_cost(documents: TokenSets, n_query_tokens: float) -> float:
    """Nanoseconds of exact MaxSim with one document of mean length, for queries of so many tokens."""
    n_tokens = documents.n_tokens / max(1, documents.n_docs)
    if isinstance(documents, MultiVectors) and documents.codes is not None:
        return _CANDIDATE + n_tokens * _CODED_TOKEN
    passes = max(1.0, float(np.ceil(n_query_tokens / 32)))
    return _CANDIDATE + n_tokens * documents.dim * _TOKEN_NUMBER * passes
