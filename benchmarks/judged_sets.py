"""The judged collections of ../shared/data, for benchmarks of retrieval."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vectors.judged.collection import read_collection
from vectors.judged.measures import Measured, measure
from vectors.judged.qrels import Qrels
from vectors.judged.runs import Scored

SETS = ("scifact", "cranfield", "vaswani")
MEASURES = ("nDCG@10", "R@100")


class JudgedSet(NamedTuple):
    """Texts and ids of documents by row, judged queries in order, judgements."""

    ids: list[str]
    texts: list[str]
    query_ids: list[str]
    queries: list[str]
    qrels: Qrels


def shared_data() -> Path | None:
    """The folder of data that does not ship, beside the project."""
    above = Path(__file__).resolve().parents[2:4]
    return next((path for folder in above if (path := folder / "shared" / "data").is_dir()), None)


def judged_set(data: Path, name: str) -> JudgedSet:
    """One collection."""
    corpus, queries, qrels = read_collection(data / "corpora" / name)
    ids = [str(id) for id in corpus.ids.take(range(corpus.n_docs))]
    return JudgedSet(ids, corpus.texts(0, corpus.n_docs), list(queries), list(queries.values()), qrels)


def measured(judged: JudgedSet, rows: npt.NDArray[np.int64]) -> Measured:
    """Measures of answers given as rows (n_queries, k), best first, -1 for none."""
    run = {
        query: [Scored(judged.ids[row], 0.0) for row in answer if row >= 0]
        for query, answer in zip(judged.query_ids, rows.tolist(), strict=True)
    }
    return measure(judged.qrels, run, MEASURES)


def ndcg_at_10(judged: JudgedSet, rows: npt.NDArray[np.int64]) -> float:
    """One number."""
    return measured(judged, rows).mean("nDCG@10")
