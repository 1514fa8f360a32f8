"""Documents that answer texts. `serving.engine.Engine` says what is asked and answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidQuery
from serving.built import check_built
from serving.hybrid import Wanted
from serving.matching import why
from serving.opened import Answer, Opened, up_to
from serving.restricting import Bools, documents_where, documents_within


def search(
    opened: Opened,
    texts: Sequence[str] | None,
    vectors: Sequence[npt.ArrayLike] | None,
    k: int,
    *,
    rerank: bool = True,
    ranking: str | None = None,
    where: Mapping[str, Any] | None = None,
    within: Mapping[str, Any] | None = None,
    explain: bool = False,
) -> Answer:
    """Documents for each text, or each set of token vectors."""
    check_built(opened.release, "search")
    if (texts is None) == (vectors is None):
        raise InvalidQuery(what="search takes texts or vectors", fix="pass exactly one of them")
    n_docs = opened.corpus.n_docs
    k = up_to(k, n_docs, "documents")
    allowed = _both(documents_where(opened, where), documents_within(opened, within))
    wanted = Wanted(k=k, rerank=rerank, ranking=ranking, where=allowed, within=within is not None)
    if texts is not None:
        found = opened.search.by_text(texts, wanted)
    else:
        found = opened.search.by_vectors(vectors or [], wanted)
    hits = opened.doc_lists(found.docs, found.scores)
    if explain:
        for listed, whys in zip(hits, why(opened.search, opened.corpus, texts, found), strict=True):
            for hit, one in zip(listed, whys, strict=True):
                hit["why"] = one
    return opened.answer(hits, searched=n_docs if allowed is None else int(np.count_nonzero(allowed)))


def _both(one: Bools | None, other: Bools | None) -> Bools | None:
    if one is None or other is None:
        return other if one is None else one
    return one & other
