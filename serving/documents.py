"""Documents that answer texts. `serving.engine.Engine` says what is asked and answered."""

from __future__ import annotations

from collections.abc import Sequence

import numpy.typing as npt

from foundation.errors import InvalidQuery
from serving.built import check_built
from serving.opened import Answer, Opened, check_k


def search(
    opened: Opened,
    texts: Sequence[str] | None,
    vectors: Sequence[npt.ArrayLike] | None,
    k: int,
    rerank: bool,
    ranking: str | None,
) -> Answer:
    """Documents for each text, or each set of token vectors."""
    check_built(opened.release, "search")
    if (texts is None) == (vectors is None):
        raise InvalidQuery(what="search takes texts or vectors", fix="pass exactly one of them")
    check_k(k, opened.corpus.n_docs, "documents")
    if texts is not None:
        docs, scores = opened.search.by_text(texts, k, rerank, ranking)
    else:
        docs, scores = opened.search.by_vectors(vectors or [], k, rerank, ranking)
    return opened.answer([opened.doc_hits(*pair) for pair in zip(docs, scores, strict=True)])
