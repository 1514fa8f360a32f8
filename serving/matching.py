"""Why a document answers a query: which of its tokens the query's matched, and what its words are worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from foundation.errors import InvalidQuery
from serving.hybrid import CorpusSearch, Found
from serving.search import DocumentSearch
from vectors.corpus.read import Corpus
from vectors.tokens.multivector import MultiVectors

MAX_MATCHES: Final = 100_000  # tokens of one query times its documents

Spelled = Sequence[str | None] | None
Why = dict[str, Any]


def why(search: CorpusSearch, corpus: Corpus, texts: Sequence[str] | None, found: Found) -> list[list[Why]]:
    """For every document found, of each query: ``ranks`` in the rankings that took part, ``tokens`` and ``words``.

    ``tokens`` are as `token_matches` gives them, none where the query was asked by words alone; ``words`` say what each
    adds to the BM25 score, none where it was asked by tokens alone.

    Raises
    ------
    InvalidQuery
        For more matches of one query than a reader could want.
    """
    if found.queries is not None:
        longest = int(np.diff(found.queries.offsets).max(initial=0))
        if longest * found.docs.shape[1] > MAX_MATCHES:
            raise InvalidQuery(
                what=f"{longest} tokens explained in {found.docs.shape[1]} documents each",
                fix=f"ask for at most {MAX_MATCHES // longest} documents, or with fewer tokens",
            )
    answers: list[list[Why]] = []
    for query, docs in enumerate(found.docs):
        there = docs[docs >= 0]
        whys: list[Why] = [
            {
                "ranks": {name: int(ranks[query, place]) for name, ranks in found.ranks.items() if ranks[query, place]},
                "tokens": [],
                "words": [],
            }
            for place in range(there.size)
        ]
        if found.queries is not None and search.tokens is not None:
            text = None if texts is None else texts[query]
            asked = found.queries.slice(query, query + 1)
            matches = token_matches(search.tokens, corpus, asked, _spelled(search.tokens, text), there)
            for one, tokens in zip(whys, matches, strict=True):
                one["tokens"] = tokens
        if "words" in found.ranks and search.words is not None and texts is not None:
            for one, doc in zip(whys, there.tolist(), strict=True):
                worth = search.words.matches(texts[query], doc)
                one["words"] = [{"word": word, "score": score} for word, score in worth.items()]
        answers.append(whys)
    return answers


def token_matches(
    search: DocumentSearch, corpus: Corpus, query: MultiVectors, spelled: Spelled, docs: npt.NDArray[np.int64]
) -> list[list[Why]]:
    """For each document, of every token of one query the best token of the document, in the order of the query.

    ``query`` and ``document`` are their places, ``query_token`` and ``document_token`` what the texts have there (null
    for a vector that stands for the whole text, or where the encoder cannot tell), ``score`` their inner product. The
    scores of all add up to MaxSim. None for a document without tokens.
    """
    if docs.size == 0:
        return []
    places, scores = search.matches(query, docs[None, :])
    in_docs = search.spellings([corpus.text(int(doc)) for doc in docs], queries=False)
    return [
        [
            {
                "query": token,
                "query_token": None if spelled is None else spelled[token],
                "document": place,
                "document_token": None if in_docs is None else in_docs[number][place],
                "score": float(score),
            }
            for token, (place, score) in enumerate(zip(places[0, number].tolist(), scores[0, number], strict=True))
            if place >= 0
        ]
        for number in range(docs.size)
    ]


def _spelled(search: DocumentSearch, text: str | None) -> Spelled:
    if text is None:
        return None
    found = search.spellings([text], queries=True)
    return None if found is None else found[0]
