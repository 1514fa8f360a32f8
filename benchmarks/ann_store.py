"""Vectors of a built store: the nodes' embeddings, the documents' encodings, and titles encoded as questions."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from artifacts.corpus import open_corpus
from artifacts.embedding import open_embedding
from artifacts.fde import open_fde, open_fde_params
from artifacts.multivector import open_query_encoder
from artifacts.publish import artifact_path, read_release
from artifacts.store import Store
from foundation.seeds import stream
from vectors.fde.encode import encode_queries

Float32s = npt.NDArray[np.float32]
VARIABLE: Final = "PURLIEU_ANN_STORE"
_INDEX: Final = "debian"


def asked_store() -> str | None:
    """The folder named in PURLIEU_ANN_STORE; None where vectors are to be made from the data that ship."""
    return os.environ.get(VARIABLE) or None


def stored_embedding(folder: str) -> Float32s:
    """float32 (n_nodes, dim)."""
    return np.array(open_embedding(_path(folder, "fastrp")))


def stored_encodings(folder: str, n_queries: int) -> tuple[Float32s, Float32s]:
    """Encodings of all documents and of some titles, float32."""
    corpus, muvera = open_corpus(_path(folder, "corpus")), _path(folder, "muvera")
    chosen = stream(0, "benchmark.questions").choice(corpus.n_docs, n_queries, replace=False)
    titles = [str(corpus.fields["title"][int(row)]) for row in np.sort(chosen)]
    queries = open_query_encoder(_path(folder, "tokens")).encode_queries(titles).vectors
    return open_fde(muvera).astype(np.float32), encode_queries(queries, open_fde_params(muvera))


def _path(folder: str, stage: str) -> Path:
    store = Store.open(folder)
    return artifact_path(store, read_release(store, _INDEX), stage)
