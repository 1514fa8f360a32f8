"""BM25 as Robertson & Zaragoza (2009) write it, with Lucene's idf, a document and a query word at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence


def bm25(query: Sequence[str], documents: Sequence[Sequence[str]], k1: float, b: float) -> list[float]:
    """Score of each document for the words of a query; a repeated query word counts as often."""
    n_docs = len(documents)
    mean = sum(len(document) for document in documents) / n_docs if n_docs else 0.0
    scores = []
    for document in documents:
        score = 0.0
        for word in query:
            frequency = document.count(word)
            if frequency:
                holding = sum(word in other for other in documents)
                idf = math.log(1 + (n_docs - holding + 0.5) / (holding + 0.5))
                score += idf * frequency / (frequency + k1 * (1 - b + b * len(document) / mean))
        scores.append(score)
    return scores
