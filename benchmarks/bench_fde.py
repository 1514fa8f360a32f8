"""Fixed dimensional encodings: documents per CPU-second of every mode beside other packages, recall beside it.

Run: python benchmarks/bench_fde.py
10,000 ragged documents of about 80 tokens x 128 to 10,240 numbers, output included. muvera-python, fastembed and
pymuvera take part where PURLIEU_PEERS names an interpreter that has them, NumPy always; on 1,000 of the documents, one
thread.
Recall of exact MaxSim's top 10 on these, and over 10 seeds on real tokens (see `benchmarks.judged_tokens`).
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.bench import median_seconds, print_table
from benchmarks.bench_muvera import numpy_documents
from benchmarks.judged_tokens import JudgedTokens, judged_tokens
from vectors.evaluation import candidate_recall
from vectors.fde.encode import FDEParams, encode_documents, encode_queries, fde_matrices, new_encodings
from vectors.fde.params import MODES
from vectors.tokens.maxsim import maxsim
from vectors.tokens.multivector import MultiVectors

DIM, N_DOCS, N_COMPARED, N_QUERIES = 128, 10_000, 1_000, 100
N_SEEDS = 10
SETS = (("cranfield", "minilm"), ("cranfield", "words"), ("vaswani", "words"))  # words: static, tokens alone
CANDIDATES = (10, 20, 50, 100)
MAPS = {
    "structured": FDEParams(mode="structured"),
    "gaussian+structured": FDEParams(mode="gaussian+structured"),
    "reference, dense": FDEParams(mode="reference"),
    "reference, count-sketch": FDEParams(mode="reference", projection="count_sketch"),
}
Float32s = npt.NDArray[np.float32]


def unit(rows: npt.NDArray[np.float64]) -> Float32s:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def planted() -> tuple[MultiVectors, MultiVectors]:
    """Ragged documents on 100 topics of 60 words, and queries of 32 tokens near those of some document.

    A quarter of a document's words are from everywhere; every query is near by a measure of its own.
    """
    random = np.random.default_rng(0)
    sizes = random.integers(40, 121, N_DOCS)
    offsets = np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)
    rows = np.empty((int(offsets[-1]), DIM), dtype=np.float32)
    centres = unit(random.standard_normal((2_000, DIM)))
    topics = random.integers(0, len(centres), (100, 60))
    topic_of = np.repeat(random.integers(0, 100, N_DOCS), sizes)
    for start in range(0, rows.shape[0], 65_536):
        chunk, topic = rows[start : start + 65_536], topic_of[start : start + 65_536]
        own, other = topics[topic, random.integers(0, 60, len(chunk))], random.integers(0, len(centres), len(chunk))
        near = centres[np.where(random.random(len(chunk)) < 0.75, own, other)]
        chunk[:] = unit(near + 0.9 * unit(random.standard_normal(chunk.shape)).astype(np.float64))
    documents = MultiVectors(vectors=rows, offsets=offsets)
    queries = []
    for query in range(N_QUERIES):
        tokens = documents.doc(query)[random.integers(0, sizes[query], 32)]
        queries.append(unit(tokens + random.uniform(0.5, 1.5) * unit(random.standard_normal(tokens.shape))))
    return documents, MultiVectors.from_list(queries)


def recall(products: Float32s, exact: Float32s, n: int) -> float:
    kth = np.sort(exact, axis=1)[:, -10]
    order = np.argsort(-products, axis=1, kind="stable")[:, :n]
    return candidate_recall(np.take_along_axis(exact, order, axis=1), kth, 10)


def peers(documents: MultiVectors, queries: MultiVectors, exact: Float32s) -> list[dict[str, object]]:
    """Rates and recall of the packages that PURLIEU_PEERS has."""
    python = os.environ.get("PURLIEU_PEERS")
    if python is None:
        print("peers: set PURLIEU_PEERS to an interpreter with muvera-python, fastembed and pymuvera")
        return []
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    with tempfile.TemporaryDirectory() as folder:
        tokens = {"rows": documents.vectors, "offsets": documents.offsets}
        np.savez(Path(folder) / "tokens.npz", **tokens, query_rows=queries.vectors, query_offsets=queries.offsets)
        script = Path(__file__).parent / "fde_peers.py"
        run = subprocess.run(
            [python, str(script), folder], check=True, capture_output=True, text=True, env={**os.environ, **one}
        )
        rates: dict[str, float] = json.loads(run.stdout.splitlines()[-1])
        return [
            {"": name, "docs / CPU-s": rate, "recall @100": recall(np.load(Path(folder) / f"{name}.npy"), exact, 100)}
            for name, rate in rates.items()
        ]


def speed() -> None:
    documents, queries = planted()
    few = documents.slice(0, N_COMPARED)
    exact = np.concatenate(
        [maxsim(queries.slice(q, q + 1), few, np.arange(N_COMPARED)[None]) for q in range(N_QUERIES)]
    )
    rows: list[dict[str, object]] = []
    out = new_encodings(N_DOCS, FDEParams().fde_dim(DIM))
    for name, params in MAPS.items():
        encode_documents(documents.slice(0, 2), params)
        products = encode_queries(queries, params) @ encode_documents(few, params).T
        seconds = median_seconds(
            lambda params=params: encode_documents(documents, params, out=out), 3, time.process_time
        )
        new = median_seconds(lambda params=params: encode_documents(documents, params), 3, time.process_time)
        wall = [
            median_seconds(
                lambda params=params, n=n_threads: encode_documents(documents, params, n_threads=n, out=out), 3
            )
            for n_threads in (1, 2)
        ]
        row = {"": f"purlieu, {name}", "docs / CPU-s": N_DOCS / seconds, "into new memory": round(N_DOCS / new)}
        rows.append(row | {"2 threads": wall[0] / wall[1], "recall @100": recall(products, exact, 100)})
    params = MAPS["reference, dense"]
    matrices = fde_matrices(DIM, params)
    seconds = median_seconds(lambda: numpy_documents(few.slice(0, 50), params, matrices), 3, time.process_time)
    others = peers(few, queries, exact)
    rows += [*others, {"": "numpy, as reference, dense", "docs / CPU-s": 50 / seconds}]
    best = max((float(str(row["docs / CPU-s"])) for row in others), default=float("nan"))
    table = []
    for row in rows:
        rate = float(str(row["docs / CPU-s"]))
        rates = {"": row[""], "docs / CPU-s": round(rate), "x best peer": rate / best if others else ""}
        rest = {name: row.get(name, "") for name in ("into new memory", "2 threads", "recall @100")}
        table.append(rates | rest)
    print(
        f"{N_DOCS:,} documents of 40 to 120 tokens x {DIM} to {out.shape[1]:,} numbers; others {N_COMPARED:,} of them; "
        f"recall of exact top 10 within 100 of {N_COMPARED:,}, {N_QUERIES} queries of 32 tokens"
    )
    print_table(table)


def narrow() -> None:
    """Half precision and sparse queries."""
    documents, queries = planted()
    documents, params = documents.slice(0, N_COMPARED), MAPS["structured"]
    matrices = fde_matrices(DIM, params)
    rows: list[dict[str, object]] = []
    for name, dtype in (("float32", np.float32), ("float16", np.float16)):
        out = encode_documents(documents, params, matrices=matrices, dtype=dtype)
        seconds = median_seconds(
            lambda out=out: encode_documents(documents, params, matrices=matrices, out=out), 5, time.process_time
        )
        rows.append({"": f"documents, {name}", "per CPU-s": round(N_COMPARED / seconds)})
    for name, sparse in (("dense", False), ("sparse", True)):
        encode_queries(queries, params, matrices=matrices, sparse=sparse)
        seconds = median_seconds(
            lambda sparse=sparse: [
                encode_queries(queries.slice(q, q + 1), params, matrices=matrices, sparse=sparse)
                for q in range(N_QUERIES)
            ],
            5,
            time.process_time,
        )
        rows.append({"": f"queries one by one, {name}", "per CPU-s": round(N_QUERIES / seconds)})
    print("\nStructured, 10,240 numbers")
    print_table(rows)


def seed_recalls(tokens: JudgedTokens, mode: str, candidates: Sequence[int], n_seeds: int) -> npt.NDArray[np.float64]:
    """Recall by seed and number of candidates, (20, 5, 16)."""
    found = np.empty((n_seeds, len(candidates)))
    for seed in range(n_seeds):
        params = FDEParams(mode=mode, seed=seed)
        products = encode_queries(tokens.queries, params) @ encode_documents(tokens.documents, params).T
        found[seed] = [recall(products, tokens.exact, n) for n in candidates]
    return found


def quality() -> None:
    """Mean and deviation over seeds of the recall of exact MaxSim's top 10 among the first N."""
    for corpus, encoder in SETS:
        tokens = judged_tokens(corpus, encoder)
        if tokens is None:
            print(f"\nRecall on {corpus}, {encoder}: needs ../shared/data and the encoder's package")
            continue
        rows = []
        for mode in MODES:
            found = seed_recalls(tokens, mode, CANDIDATES, N_SEEDS)
            means, spreads = found.mean(axis=0), found.std(axis=0, ddof=1)
            cells = [f"{mean:.4f} ± {spread:.4f}" for mean, spread in zip(means, spreads, strict=True)]
            rows.append({"mode": mode} | {f"@{n}": cell for n, cell in zip(CANDIDATES, cells, strict=True)})
        documents = tokens.documents
        print(
            f"\nRecall on {corpus}, {encoder}: {documents.n_docs:,} documents of "
            f"{documents.n_tokens / documents.n_docs:.0f} tokens x {documents.dim}, {tokens.queries.n_docs} queries, "
            f"(20, 5, 16) to 10,240 numbers, {N_SEEDS} seeds"
        )
        print_table(rows)


def main() -> None:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        speed()
        narrow()
        quality()


if __name__ == "__main__":
    main()
