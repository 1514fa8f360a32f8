"""Token vectors of the Debian package descriptions that ship in data/, and questions about them.

Questions are package titles. The harder and more honest corpus leaves titles out of the documents, so that a question
has to be answered by a description alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from foundation.seeds import stream
from vectors.corpus.read import CorpusParams, read_corpus
from vectors.encoders.encoder import EncoderParams, open_encoder
from vectors.encoders.static import StaticEncoder, token_idf
from vectors.tokens.multivector import MultiVectors

SOURCE = Path(__file__).resolve().parents[1] / "data" / "debian" / "packages.jsonl.zst"


class Collection(NamedTuple):
    """Coded documents and plain queries of the static encoder."""

    documents: MultiVectors
    queries: MultiVectors


def debian(params: EncoderParams, *, with_title: bool, n_queries: int = 200) -> Collection:
    """All 63,436 descriptions and ``n_queries`` titles, always the same ones."""
    fields = ("title", "text") if with_title else ("text",)
    corpus = read_corpus(SOURCE, CorpusParams(text=fields, fields=("title",)))
    encoder = open_encoder(params)
    assert isinstance(encoder, StaticEncoder)
    documents = encoder.encode_documents(corpus.texts(0, corpus.n_docs)).vectors
    idf = token_idf(encoder.document_frequency(documents), documents.n_docs)
    chosen = stream(0, "benchmark.questions").choice(corpus.n_docs, n_queries, replace=False)
    titles = [str(corpus.fields["title"][int(row)]) for row in np.sort(chosen)]
    return Collection(documents, open_encoder(params, idf=idf).encode_queries(titles).vectors)
